"""The `.radmodel` file: a radiomic model as readable numbers, without code in it.

A zip of ``model.json`` (everything with a name, keys sorted), ``arrays.npz`` (background rows and classifier
arrays) and ``card.md``. The SHA-256 of the contents stands in ``model.json`` and is verified on loading.
Pickle and joblib files are refused, because opening them runs whatever code they hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelFormatError
from ..prepare.model import Preparation
from ..radiomics.keys import FeatureKey, is_delta, is_radiomic, measured_keys
from ..resources import resource
from ..tasks import MENINGIOMA
from . import document
from .calibration import Calibrator
from .classifier import SPECS, Classifier
from .container import ADVICE, pack, unpack
from .npz import pack_arrays, unpack_arrays
from .ordinal import Ordinal
from .survival import Survival

SUFFIX = ".radmodel"
MAX_FILE_BYTES = 32 * 2**20
_CONFORMAL = {
    "conformal_log_odds": (np.dtype("<f8"), ("c",)),
    "conformal_labels": (np.dtype("u1"), ("c",)),
}
_LIMITS = {"model.json": 4 * 2**20, "arrays.npz": 32 * 2**20, "card.md": 2**20}


@dataclass(frozen=True)
class Scaler:
    """scaled = (value − mean) / scale; tuples in the order of the model's feature keys."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Described:
    """What is known about a model besides its numbers.

    Attributes
    ----------
    model_id, title, version : "ki67-meningioma-demo", a readable title, "1.0.0".
    endpoint, positive : "Ki-67", "Ki-67 ≥ 5 %".
    simulated : whether it was trained on simulated cases; if so the title says so.
    preparation : how images are made comparable before extraction.
    metrics : by name ("auc", "brier", "auc_without_adc", …) a mapping with "value" and, where known, "low"
        and "high" (95 % confidence interval).
    validation : how the metrics were found, one sentence.
    protocol_ranges : lowest and highest value by acquisition parameter in the training data, named
        "<role> <DICOM keyword> (<unit>)"; see :meth:`RadModel.protocol_range`.
    data_statement, intended_use, limits, licence : plain text.
    recipe : name of the recipe it was made with.
    engine : what computed the features, and whether another engine agrees; "" if it was not said.
    conformal_scores : calibrated log-odds (c,) of training cases that the fit had not seen, and their labels
        (c,) 0 or 1, both classes among them; () if there are none.
    image_statistics : by role and figure ("snr", …) the lowest and highest value on the training images.
    published : what was published for such a model, external beside internal; "" if nothing.
    task : what it is for, key of :data:`virtualbiopsy.tasks.TASKS`.
    """

    model_id: str
    title: str
    version: str
    endpoint: str
    positive: str
    simulated: bool
    preparation: Preparation
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    validation: str = ""
    protocol_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    data_statement: str = ""
    intended_use: str = ""
    limits: str = ""
    licence: str = ""
    recipe: str = ""
    engine: str = ""
    conformal_scores: tuple[np.ndarray, np.ndarray] | tuple[()] = ()
    image_statistics: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    published: str = ""
    task: str = MENINGIOMA.task_id


@dataclass(frozen=True, eq=False, kw_only=True)
class RadModel(Described):
    """One model: what goes in, how the answer is computed, and what is known about it.

    Attributes
    ----------
    feature_keys : ordered; radiomic keys and ``clinical:`` keys.
    required_sequences, optional_sequences : roles; features of an absent optional sequence are imputed and
        listed.
    imputer : value by key that stands in for a missing one (the mean of the background).
    scaler, classifier, calibrator : log-odds = calibrator(classifier(scaler(features))).
    threshold : probability at or above which the card speaks of "high".
    background : (n, p) raw training rows without gaps; the reference of the explanation.
    feature_ranges : lowest and highest training value by key.
    ordinal : the ordered classes, if it has more than two; endpoint, positive, threshold and log-odds are
        those of one of the cuts between them.
    nominal : names of the classes of a softmax classifier, in the order of its logits; endpoint, positive,
        threshold and log-odds are those of one of them against the others. () for other kinds.
    survival : the event, horizon, baseline and risk groups of a survival model; its log-odds are those of the
        event by the horizon. None for other kinds.
    card : model card, markdown.
    sha256 : of the contents, lower-case hex; "" before the model was saved.
    """

    feature_keys: tuple[str, ...]
    required_sequences: tuple[str, ...]
    optional_sequences: tuple[str, ...]
    imputer: Mapping[str, float]
    scaler: Scaler
    classifier: Classifier
    calibrator: Calibrator
    threshold: float
    background: np.ndarray
    feature_ranges: Mapping[str, tuple[float, float]]
    ordinal: Ordinal | None = None
    nominal: tuple[str, ...] = ()
    survival: Survival | None = None
    card: str = ""
    sha256: str = ""

    @cached_property
    def radiomic_keys(self) -> tuple[FeatureKey, ...]:
        """The feature keys whose values are measured on the outline; changes are not among them."""
        return tuple(FeatureKey.parse(key) for key in self.feature_keys if is_radiomic(key))

    @cached_property
    def measured_keys(self) -> tuple[FeatureKey, ...]:
        """All that must be measured on an outline, for changes between two time points at both of them."""
        return measured_keys(self.feature_keys)

    @cached_property
    def needs_earlier(self) -> bool:
        """Whether features are changes from an earlier time point, without which the model cannot run."""
        return any(is_delta(key) for key in self.feature_keys)

    def protocol_range(self, role: str, keyword: str) -> tuple[float, float] | None:
        """Training range of an acquisition parameter of one sequence; None if it is not known.

        A range without a role ("MagneticFieldStrength (T)") holds for all sequences.
        """
        named = {name.split(" (")[0]: limits for name, limits in self.protocol_ranges.items()}
        return named.get(f"{role} {keyword}", named.get(keyword))

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """The regions that its features need, "tumour" first."""
        names = {key.region for key in self.measured_keys} | {"tumour"}
        return tuple(sorted(names, key=lambda name: (name != "tumour", name)))


def load_radmodel(path: str | os.PathLike[str]) -> RadModel:
    """Read and check a `.radmodel` file.

    Raises
    ------
    ModelFormatError : the file is missing, oversized, damaged, changed, of another version, or foreign.
    """
    path = Path(path)
    return from_bytes(_read_limited(path), path.name)


def from_bytes(data: bytes, where: str = "the model") -> RadModel:
    """As :func:`load_radmodel`, from memory; `where` names the source in errors."""
    if len(data) > MAX_FILE_BYTES:
        raise _oversized(where, len(data))
    if not data.startswith(b"PK\x03\x04"):
        raise ModelFormatError(f"{where} is not a .radmodel file: {_looks_like(data)}.", _NO_PICKLE)
    members = unpack(data, _LIMITS, where)
    content = document.read(members["model.json"], where)
    recorded = content.pop("sha256")
    if recorded != _digest(content, members["arrays.npz"], members["card.md"]):
        raise ModelFormatError(
            f"{where}: the contents do not match the recorded SHA-256; the file was damaged or changed.",
            ADVICE,
        )
    fields, kind, lengths = document.decode(content, where)
    specs = {"background": (np.dtype("<f8"), ("b", "p"))}
    specs.update({f"classifier_{name}": spec for name, spec in SPECS[kind].items()})
    specs.update(_CONFORMAL if "c" in lengths else {})
    arrays = unpack_arrays(members["arrays.npz"], specs, lengths, _LIMITS["arrays.npz"], where)
    try:
        card = members["card.md"].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{where}: card.md is not UTF-8 text.", ADVICE) from error
    model = RadModel(
        **fields,
        classifier=Classifier(kind, {name: arrays[f"classifier_{name}"] for name in SPECS[kind]}),
        background=arrays["background"],
        conformal_scores=tuple(arrays[name] for name in _CONFORMAL if name in arrays),
        card=card,
        sha256=recorded,
    )
    document.check(model, where)
    return model


def to_bytes(model: RadModel) -> bytes:
    """Return the file as bytes; equal models give equal bytes.

    Raises
    ------
    ModelFormatError : if the model would be refused on loading.
    """
    document.check(model, f"the model {model.model_id}")
    content = document.encode(model)
    arrays = pack_arrays(
        {
            "background": np.asarray(model.background, dtype="<f8"),
            **{
                f"classifier_{name}": np.asarray(model.classifier.arrays[name], dtype=dtype)
                for name, (dtype, _) in SPECS[model.classifier.kind].items()
            },
            **{
                name: np.asarray(scores, dtype=_CONFORMAL[name][0])
                for name, scores in zip(_CONFORMAL, model.conformal_scores, strict=False)
            },
        }
    )
    card = model.card.encode("utf-8")
    content["sha256"] = _digest(content, arrays, card)
    data = pack({"model.json": document.write(content), "arrays.npz": arrays, "card.md": card})
    from_bytes(data, f"the model {model.model_id}")
    return data


def save_radmodel(model: RadModel, path: str | os.PathLike[str]) -> RadModel:
    """Write the model, whole or not at all, and return it with its SHA-256.

    Raises
    ------
    ModelFormatError : if the model would be refused on loading, or the file cannot be written.
    """
    path = Path(path)
    data = to_bytes(model)
    scratch = path.with_name(path.name + f".{os.getpid()}.part")
    try:
        scratch.write_bytes(data)
        os.replace(scratch, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise ModelFormatError(
            f"The model cannot be written to {path} ({error.strerror}).", "Choose a folder you may write to."
        ) from error
    return replace(model, sha256=from_bytes(data).sha256)


def builtin_models(task: str | None = None) -> list[RadModel]:
    """Return the models that ship in Resources/Models, sorted by file name; those of one task if given."""
    try:
        folder = resource("Models")
    except FileNotFoundError:
        return []
    models = [load_radmodel(path) for path in sorted(folder.glob("*" + SUFFIX))]
    return [model for model in models if task in (None, model.task)]


_NO_PICKLE = (
    "A .radmodel is made by VirtualBiopsy's own training or export. Pickle, joblib and skops files are never "
    "opened, because opening them can run code; export the model again as .radmodel."
)


def _read_limited(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ModelFormatError(f"There is no file {path}.", "Choose a .radmodel file.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _oversized(path.name, size)
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ModelFormatError(
            f"{path.name} cannot be read ({error.strerror}).", "Check the file."
        ) from error


def _oversized(where: str, size: int) -> ModelFormatError:
    return ModelFormatError(
        f"{where} has {size / 2**20:.0f} MiB; a .radmodel has at most {MAX_FILE_BYTES // 2**20} MiB.",
        "Check that this is the right file.",
    )


def _looks_like(data: bytes) -> str:
    if not data:
        return "it is empty"
    if data[:1] == b"\x80" or data[:2] in (b"(l", b"(d", b"cs"):
        return "it is a Python pickle (scikit-learn or joblib), renamed"
    for magic, name in (
        (b"\x1f\x8b", "a gzip file (perhaps a packed joblib file)"),
        (b"\x78", "zlib data (perhaps a packed joblib file)"),
        (b"BZh", "a bzip2 file (perhaps a packed joblib file)"),
        (b"\xfd7zXZ", "an xz file (perhaps a packed joblib file)"),
        (b"\x93NUMPY", "a single numpy array"),
        (b"\x89HDF", "an HDF5 file"),
        (b"{", "text, perhaps JSON"),
    ):
        if data.startswith(magic):
            return f"it is {name}"
    return "it does not begin like a zip"


def _digest(content: Mapping[str, Any], arrays: bytes, card: bytes) -> str:
    """SHA-256 over the SHA-256 of model.json without its "sha256", of arrays.npz and of card.md."""
    whole = hashlib.sha256()
    for part in (document.write(content), arrays, card):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()

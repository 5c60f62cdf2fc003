"""Published studies as data: what they state and nothing more, what they leave out, and their own figures.

They are not models and give no answers: most do not say enough to be repeated. Figures are those of the
publication, an internal one never without what is known from outside. Where enough is said to train a model
of the same kind on other cases, the file also says how that is done here (`[run]`, read by
:mod:`virtualbiopsy.training.plan`) and which part of it is our choice; where not, why not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..case.model import ROLES
from ..errors import ModelFormatError
from ..radiomics.definitions import DEFINITIONS, FAMILIES, MASK
from ..resources import resource
from ..tasks import TOPICS

FORMAT = 1
MRI = "MRI"
NO_EXTERNAL = "none reported"
REVIEWS = "MGHPC"
"""First letters of ids: reviews of meningioma, glioma and metastasis, HER2, prognosis, the nervous system."""

MODALITIES = ("MRI", "CT", "MRI and CT", "ultrasound", "SPECT", "several", "not stated")

RUNS, RULE, DEEP, NOT_RUN = "runs", "rule", "needs the deep extra", "not run"
STATES: Mapping[str, str] = {
    RUNS: "a model of the same kind can be trained on labelled cases",
    RULE: "a published statement without a model; the rules quote it",
    DEEP: "a neural network that reads images; not yet run",
    NOT_RUN: "cannot be run; the file says why",
}
"""What can be done with a study here."""

_ADVICE = "Compare it with the files in Resources/Recipes/published."

DETAILS: Mapping[str, str] = {
    "positive": "the positive class",
    "negative": "the class it is told apart from",
    "sequences": "sequences",
    "regions": "regions",
    "spacing": "spacing after resampling",
    "normalisation": "normalisation of intensities",
    "discretisation": "discretisation",
    "features": "features",
    "selection": "selection of features",
    "classifier": "classifier",
    "validation": "validation",
    "cases": "number of cases",
    "centres": "number of centres",
    "figures": "figures",
}
"""What is needed to repeat a study; what one does not state is listed."""

_MUST = {"format", "id", "task", "title", "study", "cites", "source", "modality", "endpoint", "caveats"}
_TEXTS = ("title", "study", "cites", "source", "modality", "endpoint")
_MAY_TEXTS = (
    "positive",
    "negative",
    "spacing",
    "normalisation",
    "discretisation",
    "selection",
    "classifier",
    "validation",
    "centres",
    "cut_off",
    "not_run",
)
_MAY_LISTS = ("sequences", "regions", "filters", "time_points", "clinical_variables", "rules")
_KEYS = _MUST | {*_MAY_TEXTS, *_MAY_LISTS, "cases", "clinical", "features", "figures", "deep", "run"}


@dataclass(frozen=True)
class StatedFeature:
    """Features that a study names.

    Attributes
    ----------
    words : as stated. sequence, region : where it says them, else "".
    family, names : ours for what is meant, where that is clear; else "" and ().
    """

    words: str
    sequence: str = ""
    region: str = ""
    family: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedFigure:
    """One result as published, never one of ours.

    Attributes
    ----------
    name : for example "AUC, radiomics". internal : on cases of the own centres, test cases where told.
    external : on cases of others; :data:`NO_EXTERNAL` if there is none. training : on the cases it was fitted
        on, "" if not reported.
    """

    name: str
    internal: str
    external: str = NO_EXTERNAL
    training: str = ""

    @property
    def words(self) -> str:
        """Internal and external figure in one piece."""
        fitted = f"{self.training} on training cases, " if self.training else ""
        return f"{self.name}: {fitted}{self.internal} internal, external: {self.external}"


@dataclass(frozen=True)
class Study:
    """One published study.

    Attributes
    ----------
    study_id : row of the source review, "H1". task : key of :data:`virtualbiopsy.tasks.TOPICS`.
    title, study, cites, source : what it is about, authors and year, its number in the review, where.
    modality : one of :data:`MODALITIES`; none but "MRI" is ever listed as MRI.
    endpoint : "HER2". positive, negative : classes, "" where not stated.
    sequences, regions, filters, time_points : () where not stated.
    features : as named. clinical : whether clinical variables were used.
    spacing, normalisation, discretisation, selection, classifier, validation, centres : "" where not stated.
    cases : 0 where not stated. figures : as published. caveats : one sentence or two by name.
    cut_off : where the marker or the feature is cut, as stated, "" where not.
    clinical_variables : as named, () where not.
    rules : ids of the rules in Resources/Rules that quote it.
    deep : whether the model is a neural network that reads images.
    not_run : why it cannot be run, one line; "" where there is a `run` or it is `deep`.
    run : how a model of the same kind is trained, as in the file; empty where it is not. See
        :func:`virtualbiopsy.training.plan.plan_of`.
    missing : what is needed to repeat it and not stated, in words.
    state : key of :data:`STATES`.
    """

    study_id: str
    task: str
    title: str
    study: str
    cites: str
    source: str
    modality: str
    endpoint: str
    positive: str = ""
    negative: str = ""
    sequences: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    time_points: tuple[str, ...] = ()
    features: tuple[StatedFeature, ...] = ()
    clinical: bool = False
    spacing: str = ""
    normalisation: str = ""
    discretisation: str = ""
    selection: str = ""
    classifier: str = ""
    validation: str = ""
    centres: str = ""
    cases: int = 0
    figures: tuple[PublishedFigure, ...] = ()
    caveats: Mapping[str, str] = ()
    cut_off: str = ""
    clinical_variables: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    deep: bool = False
    not_run: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        if self.run:
            return RUNS
        if self.deep:
            return DEEP
        return RULE if self.rules else NOT_RUN

    @property
    def reference(self) -> str:
        """Authors and year, its number in the review, and the review."""
        return f"{self.study}, {self.cites} in the {self.source}"

    @property
    def why_not(self) -> str:
        """Why it is not run, one line; "" if it is."""
        if self.run:
            return ""
        return self.not_run or "A neural network that reads images: needs the deep extra, not yet run."

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(words for name, words in DETAILS.items() if not getattr(self, name))


def load_studies(directory: Path | None = None) -> tuple[Study, ...]:
    """Return the studies of a folder (default: the shipped ones), by id; studies of all modalities.

    Raises
    ------
    ModelFormatError : a file is damaged or incomplete, or two have the same id.
    """
    folder = resource("Recipes") / "published" if directory is None else Path(directory)
    studies = [read_study(path) for path in folder.glob("*.toml")]
    if len({study.study_id for study in studies}) != len(studies):
        raise ModelFormatError(f"Two studies in {folder.name} have the same id.", _ADVICE)
    return tuple(sorted(studies, key=_place))


def _place(study: Study) -> tuple[int, int, str]:
    """Reviews in their order, rows by number; other ids last."""
    letter = study.study_id[:1]
    return REVIEWS.find(letter) % (len(REVIEWS) + 1), len(study.study_id), study.study_id


def find_study(study_id: str) -> Study:
    """Return a shipped study by its id, small letters too.

    Raises
    ------
    ModelFormatError : there is none of that id, or a file is damaged.
    """
    files = {path.stem: path for path in (resource("Recipes") / "published").glob("*.toml")}
    if (path := files.get(study_id.upper())) is None:
        raise ModelFormatError(
            f"There is no published study {study_id!r}.",
            "`virtualbiopsy recipes` lists them: M1–M27, G0–G26, H1–H14, P1–P18 and C1–C24.",
        )
    return read_study(path)


def mri_studies(task: str, directory: Path | None = None) -> tuple[Study, ...]:
    """Return the MRI studies of a task; those of other modalities are left out.

    Raises
    ------
    ModelFormatError : as :func:`load_studies`.
    """
    return tuple(s for s in load_studies(directory) if s.modality == MRI and s.task == task)


def read_study(path: Path) -> Study:
    """Read one study.

    Raises
    ------
    ModelFormatError : the file cannot be read or a field is missing, unknown or of the wrong kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _study(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ModelFormatError(f"The published study {path.name} is not valid ({error}).", _ADVICE) from error


def _study(content: Mapping[str, Any]) -> Study:
    if not _MUST <= set(content) <= _KEYS:
        raise ValueError(f"fields missing or unknown: {sorted(_MUST - set(content) | set(content) - _KEYS)}")
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']!r} is not {FORMAT}")
    if content["task"] not in TOPICS:
        raise ValueError(f"the task {content['task']!r} is not one of {', '.join(TOPICS)}")
    fields: dict[str, Any] = {"study_id": _text(content, "id"), "task": content["task"]}
    fields.update({name: _text(content, name) for name in _TEXTS})
    fields.update({name: _text(content, name) for name in _MAY_TEXTS if name in content})
    fields.update({name: _texts(content, name) for name in _MAY_LISTS if name in content})
    if fields["modality"] not in MODALITIES:
        raise ValueError(f"the modality {fields['modality']!r} is not one of {', '.join(MODALITIES)}")
    _check_roles(fields["modality"], fields.get("sequences", ()))
    cases, clinical, deep = (
        content.get("cases", 0),
        content.get("clinical", False),
        content.get("deep", False),
    )
    if type(cases) is not int or cases < 0 or not isinstance(clinical, bool) or not isinstance(deep, bool):
        raise ValueError("cases is not a whole number, or clinical or deep is neither true nor false")
    run = content.get("run", {})
    _check_state(run, deep, fields)
    caveats = content["caveats"]
    if not isinstance(caveats, dict) or not caveats:
        raise ValueError("[caveats] is empty")
    return Study(
        **fields,
        cases=cases,
        clinical=clinical or "clinical_variables" in fields,
        deep=deep,
        run=MappingProxyType(dict(run)),
        features=tuple(_feature(entry, fields["modality"]) for entry in content.get("features", ())),
        figures=tuple(_figure(entry) for entry in content.get("figures", ())),
        caveats={name: _text(caveats, name) for name in caveats},
    )


def _check_state(run: object, deep: bool, fields: Mapping[str, Any]) -> None:
    """Either it runs, or there is a reason of one line."""
    if not isinstance(run, dict):
        raise ValueError("[run] is not a table")
    if [bool(run), deep, "not_run" in fields].count(True) != 1:
        raise ValueError("a study has exactly one of [run], deep = true and not_run")
    if "\n" in fields.get("not_run", ""):
        raise ValueError("not_run is longer than one line")
    if run and fields["modality"] != MRI:
        raise ValueError(f"a study of the modality {fields['modality']!r} has [run]")


def _feature(entry: Mapping[str, Any], modality: str) -> StatedFeature:
    fields = {name: _text(entry, name) for name in entry if name != "names"}
    names = _texts(entry, "names") if "names" in entry else ()
    found = StatedFeature(**fields, names=names)
    _check_roles(modality, (found.sequence,) if found.sequence else ())
    if found.family and found.family not in FAMILIES:
        raise ValueError(f"the family {found.family!r} is unknown")
    for name in names:
        if (found.family, name) not in DEFINITIONS:
            raise ValueError(f"there is no feature {name!r} in the family {found.family!r}")
    return found


def _figure(entry: Mapping[str, Any]) -> PublishedFigure:
    return PublishedFigure(**{name: _text(entry, name) for name in entry})


def _check_roles(modality: str, roles: tuple[str, ...]) -> None:
    if modality != MRI and roles:
        raise ValueError(f"a study of the modality {modality!r} names MR sequences")
    for role in roles:
        if role not in ROLES and role != MASK:
            raise ValueError(f"the sequence role {role!r} is unknown")


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table[name]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name!r} is not text")
    return value


def _texts(table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = table[name]
    if not isinstance(values, list) or not values or not all(isinstance(v, str) and v for v in values):
        raise ValueError(f"{name!r} is not a list of texts")
    return tuple(values)

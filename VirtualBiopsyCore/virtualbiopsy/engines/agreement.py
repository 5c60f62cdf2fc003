"""Whether two engines give the same numbers, feature by feature; a record of it that training consults."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY
from ..errors import EngineError, FeatureError, UnreadableFileError
from ..progress import Progress, part, silent
from ..radiomics.keys import FeatureKey, measured_key
from .machine import machine
from .protocol import DEFAULTS, Engine, ExtractionSettings

AGREE, DISAGREE, SINGLE, NONE = "agree", "disagree", "only one engine", "no engine"
VERDICTS = (AGREE, DISAGREE, SINGLE, NONE)
TOLERANCE = 1e-6
ZERO = 1e-12
"""Values below this in every engine count as equal: what is left of a zero after rounding."""

FORMAT = "virtualbiopsy-agreement"
FORMAT_VERSION = 1
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class FeatureAgreement:
    """One feature in all engines.

    Attributes
    ----------
    key : feature key. verdict : one of VERDICTS.
    values : by engine; absent where the engine gives none. reasons : why it gives none, by engine.
    difference : largest difference of two values divided by the larger of the two; None below two values.
    """

    key: str
    verdict: str
    values: Mapping[str, float] = field(default_factory=dict)
    difference: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreement:
    """Result of a comparison.

    Attributes
    ----------
    engines : versions by name, in the order of the comparison. tolerance : largest relative difference that
        counts as equal. features : one entry per key. settings : of the extraction. cases : what was
        measured. created : date and time as text, "" if not given. machine : system and versions.
    """

    engines: Mapping[str, str]
    tolerance: float
    features: tuple[FeatureAgreement, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    cases: tuple[str, ...] = ()
    created: str = ""
    machine: Mapping[str, str] = field(default_factory=dict)

    def count(self, verdict: str) -> int:
        return sum(feature.verdict == verdict for feature in self.features)

    def sentence(self) -> str:
        """One line for reports and model files."""
        names = " and ".join(f"{name} {version}".strip() for name, version in self.engines.items())
        both = self.count(AGREE) + self.count(DISAGREE)
        return (
            f"{names}: {self.count(AGREE)} of {both} features that both compute agree within a relative "
            f"{self.tolerance:g}; {self.count(SINGLE)} are computed by one engine only."
        )

    def disagreement(self, key: FeatureKey | str) -> FeatureAgreement | None:
        """The entry that speaks against a feature: the same up to sequence and region, with the verdict
        "disagree"."""
        wanted = identity(key)
        for feature in self.features:
            if feature.verdict == DISAGREE and identity(feature.key) == wanted:
                return feature
        return None


def identity(key: FeatureKey | str) -> FeatureKey:
    """The key without sequence and region: what a feature is, wherever it is measured."""
    parsed = FeatureKey.parse(key) if isinstance(key, str) else key
    return replace(parsed, sequence="any", region="any")


def agree(
    images: Mapping[str, sitk.Image],
    masks: Mapping[str, sitk.Image],
    keys: Sequence[FeatureKey | str],
    settings: ExtractionSettings = DEFAULTS,
    engines: Sequence[Engine] | None = None,
    tolerance: float = TOLERANCE,
    *,
    created: str = "",
    case: str = "",
    progress: Progress = silent,
) -> Agreement:
    """Compute the same features with several engines and compare them.

    Parameters
    ----------
    images, masks, keys, settings : as for :meth:`virtualbiopsy.engines.protocol.Engine.extract`.
    engines : at least one; those that cannot be used are listed with the reason. None takes all there are.
    tolerance : relative. created : date and time, printed as given. case : what was measured, in words.

    Raises
    ------
    EngineError : an engine failed. GeometryError, RegionError, ImageError : image and mask cannot be used.
    Cancelled : the progress callback asked to stop.
    """
    if engines is None:
        from .registry import all_engines

        engines = all_engines()
    if not tolerance > 0:
        raise EngineError("The tolerance must be above zero.")
    texts = list(dict.fromkeys(str(key) for key in keys))
    if not texts:
        raise FeatureError("There is no feature to compare.", "Name at least one.")
    values: dict[str, Mapping[str, float]] = {}
    reasons: dict[str, Mapping[str, str]] = {}
    versions = {}
    for number, engine in enumerate(engines):
        share = part(progress, number / len(engines), (number + 1) / len(engines))
        unavailable = engine.availability()
        versions[engine.name] = engine.version
        if unavailable is not None:
            values[engine.name], reasons[engine.name] = {}, dict.fromkeys(texts, unavailable)
            continue
        found = engine.extract(images, masks, texts, settings, progress=share)
        values[engine.name], reasons[engine.name] = found.values, found.missing
    features = tuple(
        _compare(
            text,
            {name: found[text] for name, found in values.items() if text in found},
            {name: found[text] for name, found in reasons.items() if text in found},
            tolerance,
        )
        for text in texts
    )
    return Agreement(
        versions, tolerance, features, _plain(settings), (case,) if case else (), created, machine()
    )


def _plain(settings: ExtractionSettings) -> dict[str, object]:
    """As they come back from JSON."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(settings).items()}


def _compare(
    key: str, values: Mapping[str, float], reasons: Mapping[str, str], tolerance: float
) -> FeatureAgreement:
    if len(values) < 2:
        return FeatureAgreement(key, SINGLE if values else NONE, values, None, reasons)
    low, high = min(values.values()), max(values.values())
    size = max(abs(low), abs(high))
    difference = (high - low) / size if size > ZERO else 0.0
    verdict = AGREE if difference <= tolerance else DISAGREE
    return FeatureAgreement(key, verdict, values, difference, reasons)


def combine(agreements: Sequence[Agreement]) -> Agreement:
    """One record of several cases: of each feature the entry that speaks most against it.

    Raises
    ------
    EngineError : there is none, or they compare other engines, tolerances or settings.
    """
    if not agreements:
        raise EngineError("There is no agreement to combine.")
    first = agreements[0]
    for other in agreements[1:]:
        same = (other.engines, other.tolerance, other.settings) == (
            first.engines,
            first.tolerance,
            first.settings,
        )
        if not same:
            raise EngineError("The records compare other engines, tolerances or settings.")
    worst: dict[str, FeatureAgreement] = {}
    for agreement in agreements:
        for feature in agreement.features:
            if feature.key not in worst or _against(feature) > _against(worst[feature.key]):
                worst[feature.key] = feature
    cases = tuple(case for agreement in agreements for case in agreement.cases)
    return replace(first, features=tuple(worst.values()), cases=cases)


def _against(feature: FeatureAgreement) -> tuple[int, float]:
    order = (NONE, SINGLE, AGREE, DISAGREE)
    return order.index(feature.verdict), feature.difference or 0.0


def refused_keys(keys: Iterable[str], agreement: Agreement) -> dict[str, str]:
    """Keys of radiomic features that must not enter a model, each with the reason."""
    refused = {}
    for key in keys:
        measured = measured_key(key)
        if measured is None:
            continue
        entry = agreement.disagreement(measured)
        if entry is not None:
            told = ", ".join(f"{name} {value:.9g}" for name, value in entry.values.items())
            refused[key] = (
                f"The engines disagree: {told} (relative difference {entry.difference:.2g}, allowed "
                f"{agreement.tolerance:g})."
            )
    return refused


def agreement_json(agreement: Agreement) -> str:
    """The record as JSON; read back by :func:`load_agreement`."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "research_use_only": RESEARCH_USE_ONLY,
        "summary": {verdict: agreement.count(verdict) for verdict in VERDICTS},
        **asdict(agreement),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def load_agreement(path: Path | str) -> Agreement:
    """Read a record.

    Raises
    ------
    UnreadableFileError : the file is missing, too large, or not such a record.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UnreadableFileError(f"{path.name} is too large for a record of agreement.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFileError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise _foreign(path, "it is not JSON") from error
    try:
        if content["format"] != FORMAT or content["format_version"] != FORMAT_VERSION:
            raise ValueError("another format or version")
        features = tuple(_entry(item) for item in content["features"])
        return Agreement(
            {str(k): str(v) for k, v in content["engines"].items()},
            _finite(content["tolerance"]),
            features,
            dict(content["settings"]),
            tuple(str(case) for case in content["cases"]),
            str(content["created"]),
            {str(k): str(v) for k, v in content["machine"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, FeatureError) as error:
        raise _foreign(path, str(error)[:120]) from error


def _entry(item: Mapping) -> FeatureAgreement:
    verdict = item["verdict"]
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict {str(verdict)[:40]!r}")
    FeatureKey.parse(item["key"])
    difference = item["difference"]
    return FeatureAgreement(
        item["key"],
        verdict,
        {str(name): _finite(value) for name, value in item["values"].items()},
        None if difference is None else _finite(difference),
        {str(name): str(text) for name, text in item["reasons"].items()},
    )


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number) or isinstance(value, str | bool):
        raise ValueError(f"the number {value!r}")
    return number


def _foreign(path: Path, why: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path.name} is no record of agreement ({why}).", "Make one with `virtualbiopsy agreement`."
    )

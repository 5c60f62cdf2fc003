"""A record from what training and validation gave."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ... import __version__
from ...errors import FeatureError
from ...radiomics.definitions import describe
from ...radiomics.keys import is_clinical, is_radiomic, measured_key
from ..dataset import BINARY, SURVIVAL, Dataset
from ..method import Method, Validation
from ..validation.compare import Comparison
from ..validation.evaluate import Evaluation
from ..validation.fitting import FittedMethod
from ..validation.leak import OUTCOME, PATIENT, SITE, VALUES, Leak
from ..validation.run import HeldOut
from ..validation.sample_size import SampleSize
from .adapt_tests import comparisons_of, roc_of, tested_of
from .curves import Ranked
from .linear import linear_of, nomogram_of, weights_of
from .record import (
    CROSS_VALIDATION,
    EXTERNAL,
    INTERNAL,
    TEMPORAL,
    Data,
    Design,
    Finding,
    Modelling,
    Processing,
    Segmentation,
    Sharing,
    StudyRecord,
    Tested,
    Told,
)

PACKAGES = ("numpy", "scipy", "scikit-learn", "xgboost")
HELD_FIXED = (
    "models held fixed: what training on other cases would change is not in them, so that they are too "
    "narrow for small cohorts"
)
EXPLAINED = (
    "Exact Shapley values of the features; shares of image features are placed in the voxels they come from"
)


def record_of(
    design: Design,
    data: Dataset,
    method: Method,
    tests: Mapping[str, Evaluation],
    *,
    fitted: FittedMethod | None = None,
    held_out: HeldOut | None = None,
    comparison: Comparison | None = None,
    size: SampleSize | None = None,
    leaks: Sequence[Leak] | None = None,
    kinds: Mapping[str, str] | None = None,
    about: Data | None = None,
    segmentation: Segmentation | None = None,
    processing: Processing | None = None,
    sharing: Sharing | None = None,
    answers: Mapping[str, Finding] | None = None,
    provenance: Sequence[str] = (),
    measured: bool = True,
) -> StudyRecord:
    """Put together what is known; what is not given stays unknown.

    Parameters
    ----------
    tests : by name; the first is the method's own validation, the others are external unless `kinds` says
        otherwise by name.
    held_out : of the first test: labels in its histogram, and risk groups of survival.
    leaks : of :func:`virtualbiopsy.training.validation.guards.find_leaks`; None if it was not asked.
    about, segmentation, processing : what the data set cannot know (source, reference standard, outlines,
        preparation of the images); counts, features and versions are filled in where they are absent.
    measured : whether the features were measured by this software; of a table nothing is known but the names
        of its columns.
    """
    kinds = dict(kinds or {})
    done: list[Tested] = []
    for number, (name, evaluation) in enumerate(tests.items()):
        own = number == 0
        kind = kinds.get(name, scheme_kind(method.validation) if own else EXTERNAL)
        test = tested_of(name, kind, evaluation, data.outcome, held_out if own else None)
        test = replace(test, uncertainty=_uncertainty(method.validation))
        if own:
            test = replace(test, **_scheme(method, data))
            test = replace(test, roc=(*test.roc, *_others(comparison, data)))
        done.append(test)
    return StudyRecord(
        design=design,
        data=_data(about or Data(), data, method),
        segmentation=segmentation or Segmentation(),
        processing=_processing(processing or Processing(), data, measured),
        modelling=_modelling(method, data, fitted, size, leaks),
        tests=tuple(done),
        comparisons=comparisons_of(comparison),
        ranking=ranking_of(fitted, next(iter(tests.values()), None)),
        ranking_axis=_axis(fitted),
        nomogram=None if fitted is None else nomogram_of(fitted, data),
        sharing=sharing or Sharing(),
        answers=dict(answers or {}),
        warnings=_warnings(size, leaks),
        provenance=(*provenance, _versions(), f"Seed of everything that is drawn: {method.validation.seed}."),
    )


def scheme_kind(validation: Validation) -> str:
    """How the cases of a scheme are kept apart: one of the `KINDS` of records."""
    return {"temporal": TEMPORAL, "split": INTERNAL}.get(validation.scheme, CROSS_VALIDATION)


def ranking_of(fitted: FittedMethod | None, own: Evaluation | None) -> tuple[Ranked, ...]:
    """Features of the final model with weight or importance, and how often the resamples kept them.

    How often is not known where a penalty chooses: features are counted that the steps kept.
    """
    if fitted is None:
        return ()
    values = weights_of(fitted)
    if values is None:
        values = getattr(fitted.estimator, "importance", None)
    if values is None or np.ndim(values) != 1:
        return ()
    used = used_columns(fitted)
    chosen = own.chosen if own is not None and len(used) == len(fitted.columns) else {}
    return tuple(
        Ranked(name, float(v), chosen=chosen.get(name, 0.0 if chosen else float("nan")))
        for name, v in zip(fitted.columns, values, strict=True)
        if name in used
    )


def used_columns(fitted: FittedMethod) -> tuple[str, ...]:
    """The features of the model, without those that a penalty left no weight; all, if it left none."""
    weights = weights_of(fitted)
    if weights is None or not weights.any():
        return fitted.columns
    return tuple(name for name, weight in zip(fitted.columns, weights, strict=True) if weight)


def _axis(fitted: FittedMethod | None) -> str:
    linear = fitted is not None and weights_of(fitted) is not None
    return "weight on the prepared feature" if linear else "importance"


def _others(comparison: Comparison | None, data: Dataset):
    """ROC curves of the models that are compared, apart from that of all columns."""
    if comparison is None:
        return ()
    others = [c for c in comparison.candidates if set(c.columns) != set(data.columns)]
    return tuple(curve for c in others for curve in roc_of(c.name, c.evaluation))


def scheme_words(method: Method, data: Dataset) -> str:
    """How the method is tested, one or two sentences."""
    validation = method.validation
    words = {
        "repeated_cv": (f"{validation.repeats} repeats of " if validation.repeats > 1 else "")
        + f"{validation.folds}-fold cross-validation",
        "leave_one_site_out": "Each site is held out once",
        "temporal": "The latest cases are held out",
        "split": "The cases marked as test are held out",
    }.get(validation.scheme, validation.scheme)
    inner = ["options"] if method.grid else []
    inner += ["calibration"] if method.calibration != "none" else []
    inner += ["threshold"] if data.outcome.kind == BINARY else []
    told = f" From {validation.inner_folds} inner folds: {', '.join(inner)}." if inner else ""
    return f"{words}; no patient on both sides.{told}"


def _scheme(method: Method, data: Dataset) -> dict[str, object]:
    return {
        "scheme": scheme_words(method, data),
        "uncertainty": f"{_uncertainty(method.validation)}, {HELD_FIXED}",
        "resampled": True,
    }


def _uncertainty(validation: Validation) -> str:
    return f"95 % intervals from {validation.bootstraps} bootstrap resamples of patients"


def _data(about: Data, data: Dataset, method: Method) -> Data:
    outcome, validation = data.outcome, method.validation
    if outcome.kind == SURVIVAL:
        events = int((outcome.labels > 0).sum())
        classes = {"event": events, "censored": outcome.labels.size - events}
    else:
        classes = {name: int((outcome.labels == n).sum()) for n, name in enumerate(outcome.classes)}
    return replace(
        about,
        cases=len(data.cases),
        patients=int(np.unique(data.patients).size),
        sites=about.sites or _distinct(data.site),
        scanners=about.scanners or _distinct(data.scanner),
        classes=classes,
        split=about.split or f"{scheme_words(method, data)} Seed {validation.seed}.",
        split_level="site" if validation.scheme == "leave_one_site_out" else "patient",
        clinical=about.clinical or {c: _described(c) for c in data.columns if is_clinical(c)},
        missing=about.missing or _missing(data),
        provenance=(*about.provenance, *data.provenance),
    )


def _distinct(values: np.ndarray | None) -> int | None:
    known = set() if values is None else {str(v) for v in values if str(v)}
    return len(known) or None


def _described(column: str) -> str:
    try:
        return (describe(column).description or describe(column).label).rstrip(".")
    except FeatureError:
        return "a column of the table"


def _missing(data: Dataset) -> str:
    absent = np.isnan(data.values)
    if not absent.any():
        return "No value is missing."
    return (
        f"{100 * absent.mean():.1f} % of the values are missing, in {int(absent.any(axis=0).sum())} of "
        f"{absent.shape[1]} columns and {int(absent.any(axis=1).sum())} of {absent.shape[0]} cases."
    )


def _processing(processing: Processing, data: Dataset, measured: bool) -> Processing:
    """Families, counts, sequences, grey levels and image types from the feature keys."""
    keys = []
    for column in data.columns:
        try:
            key = measured_key(column)
        except FeatureError:
            key = None
        if key is not None:
            keys.append(key)
    if not keys:
        features = sum(not is_clinical(column) for column in data.columns)
        return replace(processing, features=processing.features or features)
    families: dict[str, int] = {}
    for key in keys:
        families[key.family] = families.get(key.family, 0) + 1
    levels = sorted({key.discretisation for key in keys} - {"none"})
    images = dict.fromkeys(key.image for key in keys)
    standard = {key.profile for key in keys} == {"ibsi"}
    processing = replace(
        processing,
        handcrafted=True,
        families=processing.families or families,
        features=processing.features or len(keys),
        sequences=processing.sequences or tuple(sorted({key.sequence for key in keys} - {"mask"})),
        discretisation=processing.discretisation or _levels(levels),
        image_types=processing.image_types or ", ".join(images),
    )
    if not measured:
        return processing
    return replace(
        processing,
        extractor=processing.extractor or f"VirtualBiopsy {__version__}, built-in engine",
        standardised=processing.standardised if processing.standardised is not None else standard or None,
        defaults=processing.defaults
        or "Each feature key states every setting that changes its value; nothing else can be set.",
    )


def _levels(names: Sequence[str]) -> str:
    words = {"fbn": "fixed bin number", "fbw": "fixed bin width"}
    return "; ".join(f"{words.get(name[:3], name[:3])} {name[3:]}" for name in names)


def _modelling(
    method: Method,
    data: Dataset,
    fitted: FittedMethod | None,
    size: SampleSize | None,
    leaks: Sequence[Leak] | None,
) -> Modelling:
    linear = None if fitted is None else linear_of(fitted)
    binary = fitted is not None and fitted.threshold == fitted.threshold
    checked = () if leaks is None else _may_be_proxies(data)
    grid = ", ".join(f"{name}: {', '.join(map(str, v))}" for name, v in method.grid.items())
    chosen = "" if fitted is None else ", ".join(f"{n} = {v}" for n, v in fitted.options.items())
    told = "" if fitted is None else getattr(fitted.estimator, "told", "")
    imaged = any(is_radiomic(column) for column in data.columns)
    return Modelling(
        steps=steps_of(method, fitted),
        inside_folds=None
        if leaks is None
        else not any(leak.name in (OUTCOME, VALUES, PATIENT) for leak in leaks),
        estimator=_sentence(_estimator(method), told),
        software=_versions(),
        tuning=_sentence(
            f"Grid, {method.validation.inner_folds} inner folds: {grid}" if grid else "No option is tuned",
            f"Chosen: {chosen}" if chosen else "",
        ),
        selection="The best ranking of the held-out cases of the inner folds, which are parts of the "
        "training part"
        if grid
        else "One model was stated in advance",
        confounders=f"Checked as proxy of the outcome: {' and '.join(checked)}" if checked else "",
        confounders_checked=_proxies(leaks or (), checked) if checked else "",
        confounded=any(leak.name == SITE for leak in leaks or ()),
        calibration=""
        if method.calibration == "none"
        else f"{method.calibration} calibration on inner folds",
        deep=False,
        tabular=True,
        kept=() if fitted is None else used_columns(fitted),
        equation={} if linear is None else linear.equation,
        candidates=None if size is None else size.candidates,
        events_per_candidate=None if size is None else size.per_candidate,
        threshold=fitted.threshold if fitted is not None and binary else None,
        threshold_rule="Youden's threshold on the held-out cases of the inner folds." if binary else "",
        explanation=EXPLAINED if imaged else "Exact Shapley values of the features",
    )


def steps_of(method: Method, fitted: FittedMethod | None) -> tuple[Told, ...]:
    """What each step did; without a fit what it is."""
    if fitted is None:
        stated = ((s.kind, ", ".join(f"{k} = {v}" for k, v in s.options.items())) for s in method.steps)
        return tuple(Told(kind, f"{kind}: {options}" if options else kind) for kind, options in stated)
    kinds = getattr(fitted.steps, "kinds", tuple(step.kind for step in fitted.method.steps))
    return tuple(Told(kind, text) for kind, text in zip(kinds, fitted.steps.told, strict=True))


def _estimator(method: Method) -> str:
    options = ", ".join(f"{name} = {value}" for name, value in method.estimator.options.items())
    kind = method.estimator.kind.replace("_", " ")
    return f"{kind[:1].upper()}{kind[1:]}" + (f" ({options})" if options else "")


def _may_be_proxies(data: Dataset) -> tuple[str, ...]:
    """What :func:`virtualbiopsy.training.validation.proxy.site_checks` can check: several sites or scanners,
    and two classes or survival."""
    if data.outcome.kind not in (BINARY, SURVIVAL):
        return ()
    known = (("site", data.site), ("scanner", data.scanner))
    return tuple(name for name, values in known if (_distinct(values) or 0) > 1)


def _proxies(leaks: Sequence[Leak], checked: Sequence[str]) -> str:
    found = [leak.sentence for leak in leaks if leak.name == SITE]
    return " ".join(found) or f"No sign that {' or '.join(checked)} is ranked instead of the disease."


def _warnings(size: SampleSize | None, leaks: Sequence[Leak] | None) -> tuple[str, ...]:
    few = () if size is None or size.verdict == "enough" else (size.sentence,)
    return (*few, *(f"{leak.name} ({leak.where}): {leak.sentence}" for leak in leaks or ()))


def _sentence(*texts: str) -> str:
    return ". ".join(text.rstrip(".") for text in texts if text)


def _versions() -> str:
    known = []
    for name in PACKAGES:
        try:
            known.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"VirtualBiopsy {__version__}; {', '.join(known)}"

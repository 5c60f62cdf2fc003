"""What a record shows for the criteria of RQS and METRICS, each with one sentence; answers stand above it."""

from __future__ import annotations

from collections.abc import Iterable

from .metrics_score import ITEMS as METRICS_ITEMS
from .metrics_score import Conditions
from .names import comparison_words, figure_words
from .record import (
    CLINICAL,
    COMBINED,
    CROSS_VALIDATION,
    EXTERNAL,
    INTERNAL,
    KINDS,
    SIMPLE,
    SINGLE,
    STANDARD,
    TEMPORAL,
    Finding,
    StudyRecord,
    Tested,
)
from .rqs import ITEMS as RQS_ITEMS
from .rqs import KEYS as RQS_KEYS

REDUNDANT = ("variance", "correlation", "select_k_best", "mrmr", "lasso", "forest_importance")
ROBUST = ("icc",)
DISCRIMINATION = ("auc", "mean_auc", "mean_auc_of_cuts", "concordance")
CALIBRATION = ("calibration_slope", "calibration_in_the_large", "calibration_intercept", "ici")
ENOUGH_EVENTS = 10.0


def rqs_findings(record: StudyRecord) -> dict[str, Finding]:
    """By key of an RQS criterion what the record shows; unknown ones are left out."""
    data, sharing = record.data, record.sharing
    found = {
        "protocol_documented": _told("; ".join(data.protocol)),
        "protocol_public": _flag(data.protocol_public, "a public acquisition protocol is used"),
        "segmentations": _told(record.segmentation.repeated),
        "phantom": _told(record.processing.phantom),
        "time_points": _told(data.retest),
        **_reduction(record),
        "multivariable": _multivariable(record),
        "cut_off": _cut_off(record),
        "discrimination": _with_interval(record, DISCRIMINATION),
        "discrimination_resampled": _resampled(record, DISCRIMINATION),
        "calibration": _with_interval(record, CALIBRATION),
        "calibration_resampled": _resampled(record, CALIBRATION),
        "prospective": _prospective(record),
        **_validation(record),
        "gold_standard": _compared(record, (STANDARD,)),
        "utility": _utility(record),
        "open_images": _told(sharing.images),
        "open_outlines": _told(sharing.outlines),
        "open_code": _told(sharing.code),
        "open_features": _told(sharing.features if sharing.outlines else ""),
    }
    return _uncontradicted(record, _answered(record, "rqs:", found, RQS_KEYS))


def _uncontradicted(record: StudyRecord, found: dict[str, Finding]) -> dict[str, Finding]:
    """Without what the software found where an answer to the same item says the opposite."""
    kept = dict(found)
    for item in RQS_ITEMS:
        said = {c.points > 0 for c in item.criteria if (a := record.answer(f"rqs:{c.key}")) and a.met}
        for criterion in item.criteria:
            if said and (criterion.points > 0) not in said and record.answer(f"rqs:{criterion.key}") is None:
                kept.pop(criterion.key, None)
    return kept


def metrics_conditions(record: StudyRecord) -> Conditions:
    """Which conditional items apply; what is unknown is taken as in ordinary radiomics (outlines drawn by
    people, features by formulas in a table), so that the score is not raised by what was not said."""
    segmentation, modelling = record.segmentation, record.modelling
    return Conditions(
        segmentation=segmentation.used is not False,
        automated=segmentation.method == "automatic",
        handcrafted=record.processing.handcrafted is not False,
        tabular=modelling.tabular is not False,
        deep=modelling.deep is True,
    )


def metrics_findings(record: StudyRecord) -> dict[int, Finding]:
    """By number of a METRICS item what the record shows; unknown ones are left out."""
    design, data, segmentation = record.design, record.data, record.segmentation
    processing = record.processing
    found = {
        1: _told(", ".join(design.guidelines)),
        2: _both(design.representative, design.eligibility),
        3: _both(data.standard_sound, data.standard),
        4: _counted(data.sites, "institutions"),
        6: _told("; ".join(data.protocol)),
        7: _told(data.interval),
        8: _told(_joined(segmentation.method, segmentation.rule) if segmentation.rule else ""),
        9: _told(segmentation.evaluated),
        10: _flag(segmentation.single_reader, "test outlines come from one reader or one tool"),
        11: _told("; ".join(processing.steps) if processing.steps and processing.discretisation else ""),
        12: _both(processing.standardised, processing.extractor),
        13: _told(_parameters(record)),
        14: _step(record, ROBUST),
        15: _step(record, REDUNDANT),
        16: _dimensionality(record),
        18: _partition(record),
        19: _handled(record),
        20: _metrics(record),
        21: _with_interval(record, DISCRIMINATION),
        22: _any_figure(record, CALIBRATION),
        23: _single(record),
        24: _non_radiomic(record),
        25: _compared(record, (SIMPLE,)),
        26: _tested(record, (INTERNAL, TEMPORAL)),
        27: _tested(record, (EXTERNAL,)),
        28: _told(_joined(record.sharing.images, record.sharing.outlines, record.sharing.features)),
        29: _told(_joined(record.sharing.code, record.sharing.scripts)),
        30: _told(_joined(record.sharing.model, record.sharing.system)),
    }
    named = {str(item.number): item.number for item in METRICS_ITEMS}
    answered = _answered(record, "metrics:", {str(n): f for n, f in found.items()}, named)
    return {named[key]: finding for key, finding in answered.items()}


def _answered(
    record: StudyRecord, prefix: str, found: dict[str, Finding], keys: Iterable[str]
) -> dict[str, Finding]:
    """What is known, answers first. An answer that says "not met" takes away what was found."""
    known = {key: finding for key, finding in found.items() if finding.known}
    for key in keys:
        if (answer := record.answer(prefix + key)) is not None:
            known[key] = answer
    return known


def _told(text: str) -> Finding:
    return Finding(True, text) if text.strip() else Finding()


def _joined(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _flag(value: bool | None, words: str) -> Finding:
    return Finding(value, words if value else f"not so: {words}") if value is not None else Finding()


def _both(value: bool | None, text: str) -> Finding:
    """A judgement with the text that it is about; neither alone counts."""
    return Finding(value, text) if value is not None else Finding()


def _counted(count: int | None, words: str) -> Finding:
    return Finding() if count is None else Finding(count > 1, f"{count} {words}")


def _tests(record: StudyRecord, kinds: Iterable[str] = KINDS) -> list[Tested]:
    return [test for test in record.tests or () if test.kind in kinds]


def _shown(test: Tested, name: str) -> str:
    return f"{test.name}: {figure_words(name, test.figures[name])}"


def _with_interval(record: StudyRecord, names: Iterable[str]) -> Finding:
    for test in _tests(record):
        for name in names:
            if test.figure(name) is not None:
                return Finding(
                    True, _joined(_shown(test, name), test.uncertainty and f"[{test.uncertainty}]")
                )
    return Finding()


def _any_figure(record: StudyRecord, names: Iterable[str]) -> Finding:
    shown = [_shown(test, name) for test in _tests(record) for name in names if name in test.figures]
    return _told("; ".join(shown[:3]))


def _resampled(record: StudyRecord, names: Iterable[str]) -> Finding:
    for test in _tests(record):
        if test.resampled and any(name in test.figures for name in names):
            folds = test.kind == CROSS_VALIDATION and test.scheme
            return _told(folds or test.uncertainty)
    return Finding()


def _step(record: StudyRecord, kinds: Iterable[str]) -> Finding:
    """Steps of these kinds; known not to be there where the steps are known."""
    steps = record.modelling.steps
    if steps is None:
        return Finding()
    told = [step.text for step in steps if step.kind in kinds]
    return Finding(bool(told), " ".join(told) or "no such step in the method")


def _reduction(record: StudyRecord) -> dict[str, Finding]:
    found = _step(record, (*REDUNDANT, *ROBUST))
    if not found.known:
        return {}
    return {"reduction" if found.met else "no_reduction": Finding(True, found.evidence)}


def _compared(record: StudyRecord, words: Iterable[str]) -> Finding:
    shown = [c for c in record.comparisons if {c.first, c.second} & set(words)]
    return _told("; ".join(comparison_words(c) for c in shown))


def _multivariable(record: StudyRecord) -> Finding:
    """Clinical variables in the final model, or a combined model beside it."""
    clinical = [name for name in record.modelling.kept if name in record.data.clinical]
    if clinical and len(clinical) < len(record.modelling.kept):
        return Finding(True, f"in the final model together with image features: {', '.join(clinical)}")
    return _compared(record, (COMBINED,))


def _cut_off(record: StudyRecord) -> Finding:
    if not _tests(record):
        return Finding()
    rule = record.modelling.threshold_rule
    return Finding(True, _joined("A continuous risk is reported.", rule))


def _prospective(record: StudyRecord) -> Finding:
    design = record.design
    if design.prospective is None:
        return Finding()
    return Finding(design.prospective and bool(design.registration), design.registration or design.nature)


def _validation(record: StudyRecord) -> dict[str, Finding]:
    """Independent cases only: resampling trains anew, so that it is no validation here."""
    if record.tests is None:
        return {}
    external = _tests(record, (EXTERNAL,))
    same = _tests(record, (INTERNAL, TEMPORAL))
    places = sum(max(test.institutions, 1) for test in external)
    if external:
        key = {1: "other_institute", 2: "two_institutes"}.get(places, "three_institutes")
        return {key: Finding(True, "; ".join(test.name for test in external))}
    if same:
        return {"same_institute": Finding(True, "; ".join(test.name for test in same))}
    return {"no_validation": Finding(True, "no cases apart from those that were resampled")}


def _utility(record: StudyRecord) -> Finding:
    for test in _tests(record):
        if test.decision is not None:
            low, high = 100 * test.decision.thresholds[0], 100 * test.decision.thresholds[-1]
            return Finding(True, f"decision curve, thresholds {low:.0f} to {high:.0f} % ({test.name})")
    return Finding()


def _parameters(record: StudyRecord) -> str:
    processing = record.processing
    if not processing.families or not processing.defaults:
        return ""
    counts = ", ".join(f"{name} {count}" for name, count in processing.families.items())
    return f"{counts}. {processing.defaults}"


def _dimensionality(record: StudyRecord) -> Finding:
    events = record.modelling.events_per_candidate
    if events is None:
        return Finding()
    return Finding(events >= ENOUGH_EVENTS, f"{events:.1f} events per candidate predictor")


def _handled(record: StudyRecord) -> Finding:
    """Confounders that were looked for; one that was found and stayed is not handled."""
    text = record.modelling.confounders_checked
    return Finding(not record.modelling.confounded, text) if text else Finding()


def _partition(record: StudyRecord) -> Finding:
    inside, level = record.modelling.inside_folds, record.data.split_level
    if inside is None or not level:
        return Finding()
    split = record.data.split or "the split"
    return Finding(inside and level in ("patient", "site"), f"{split}; divided by {level}")


def _metrics(record: StudyRecord) -> Finding:
    """A figure of discrimination and, for classes, what the confusion matrix gives."""
    for test in _tests(record):
        survival = "concordance" in test.figures
        area = any(name in test.figures for name in DISCRIMINATION)
        counted = test.confusion is not None or {"sensitivity", "specificity"} <= set(test.figures)
        if survival or (area and counted):
            return Finding(True, f"{test.name}: {', '.join(sorted(test.figures))}")
    return Finding()


def _single(record: StudyRecord) -> Finding:
    sequences = record.processing.sequences
    if len(sequences) == 1:
        return Finding(True, f"one sequence: {sequences[0]}")
    return _compared(record, (SINGLE,))


def _non_radiomic(record: StudyRecord) -> Finding:
    found = _compared(record, (CLINICAL, STANDARD))
    return found if found.known else Finding()


def _tested(record: StudyRecord, kinds: Iterable[str]) -> Finding:
    if record.tests is None:
        return Finding()
    names = [test.name for test in _tests(record, kinds)]
    return Finding(bool(names), "; ".join(names) or "no such cases")

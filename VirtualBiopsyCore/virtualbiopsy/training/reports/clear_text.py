"""What a record says to each item of CLEAR, in sentences; "" where it says nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ...report.numbers import value
from .evidence import REDUNDANT, ROBUST
from .names import comparison_words, figure_name, figure_words
from .record import EXTERNAL, StudyRecord, Tested

SCALING = ("scale", "combat")


def clear_texts(record: StudyRecord) -> dict[int, str]:
    """By number of the item the sentences that the record gives."""
    return {
        **_front(record),
        **_data(record),
        **_images(record),
        **_model(record),
        **_evaluation(record),
        **_results(record),
        **_open(record),
    }


def _front(record: StudyRecord) -> dict[int, str]:
    design = record.design
    return {
        1: design.title,
        2: summary(record),
        3: ", ".join(design.keywords),
        4: design.background,
        5: design.rationale,
        6: design.objective,
        7: ", ".join(design.guidelines),
        8: design.ethics,
        9: _sentences(design.sample_size, _per_candidate(record)),
        10: _sentences(design.nature, design.registration),
        11: design.eligibility,
        12: pipeline(record),
    }


def summary(record: StudyRecord) -> str:
    """Purpose, data, method and result in a few sentences."""
    design, data, modelling = record.design, record.data, record.modelling
    cases = f"{data.cases} cases" + (f" ({classes(record)})" if data.classes else "") if data.cases else ""
    kept = f"{len(modelling.kept)} features in the final model" if modelling.kept else ""
    results = [test_words(test) for test in record.tests or ()]
    return _sentences(
        "All cases are simulated" if design.simulated else "",
        design.objective,
        data.source,
        cases,
        modelling.estimator,
        kept,
        *results,
    )


def classes(record: StudyRecord) -> str:
    """Cases by class."""
    return ", ".join(f"{name}: {count}" for name, count in record.data.classes.items())


def pipeline(record: StudyRecord) -> str:
    """The steps from image to answer, in order."""
    steps = [*record.processing.steps]
    steps += [record.processing.extractor and f"features with {record.processing.extractor}"]
    steps += [step.text for step in record.modelling.steps or ()]
    steps += [record.modelling.estimator, record.modelling.calibration]
    told = [step.strip().rstrip(".") for step in steps if step]
    return " → ".join(told)


def _data(record: StudyRecord) -> dict[int, str]:
    data, modelling = record.data, record.modelling
    inside = {
        True: "Everything that looks at data was fitted on the training parts only",
        False: "Some steps saw the held-out cases: the figures are too good",
        None: "",
    }[modelling.inside_folds]
    return {
        13: _sentences(data.source, *data.provenance),
        14: data.overlap,
        15: _sentences(data.split, data.split_level and f"Divided by {data.split_level}", inside),
        16: "; ".join(data.protocol),
        17: "; ".join(f"{name}: {what}" for name, what in data.clinical.items()),
        18: _sentences(data.standard, data.interval),
    }


def _images(record: StudyRecord) -> dict[int, str]:
    segmentation, processing = record.segmentation, record.processing
    families = ", ".join(f"{name} ({count})" for name, count in processing.families.items())
    return {
        19: _sentences(segmentation.method, segmentation.rule),
        20: segmentation.operators,
        21: _sentences(*processing.steps),
        22: processing.resampling,
        23: processing.discretisation,
        24: processing.image_types,
        25: _sentences(
            processing.extractor,
            {True: "It complies with IBSI", False: "It does not comply with IBSI", None: ""}[
                processing.standardised
            ],
        ),
        26: families,
        27: "" if processing.features is None else f"{processing.features} per outline and case",
        28: processing.defaults,
    }


def _model(record: StudyRecord) -> dict[int, str]:
    data, modelling = record.data, record.modelling
    imputed = _steps(record, ("impute",))
    return {
        29: _sentences(data.missing, imputed),
        30: _sentences(classes(record), modelling.imbalance),
        31: _sentences(record.segmentation.repeated, _steps(record, ROBUST)),
        32: _steps(record, SCALING),
        33: _steps(record, (*ROBUST, *REDUNDANT)),
        34: _sentences(modelling.estimator, modelling.calibration, modelling.software),
        35: modelling.tuning,
        36: _sentences(modelling.confounders, modelling.confounders_checked),
        37: modelling.selection,
    }


def _evaluation(record: StudyRecord) -> dict[int, str]:
    tests = record.tests or ()
    uncertain = dict.fromkeys(test.uncertainty for test in tests if test.uncertainty)
    names = dict.fromkeys(figure_name(name) for test in tests for name in test.figures)
    curves = [f"decision curves ({test.name})" for test in tests if test.decision is not None]
    against = dict.fromkeys(f"{c.first} against {c.second}" for c in record.comparisons)
    how = dict.fromkeys(c.test for c in record.comparisons if c.test)
    return {
        38: _sentences(*(f"{test.name} ({test.kind}): {test.scheme}".rstrip(": ") for test in tests)),
        39: ", ".join(names),
        40: _sentences(*uncertain),
        41: _sentences(", ".join(how)),
        42: "; ".join([*against, *curves]),
        43: record.modelling.explanation,
    }


def _results(record: StudyRecord) -> dict[int, str]:
    baseline = record.data.baseline
    ranked = sorted(record.ranking, key=lambda f: -abs(f.value))
    return {
        44: "; ".join(" ".join(row) for row in baseline.rows) if baseline is not None else "",
        45: record.design.flow,
        46: "; ".join(f"{f.name}: {value(f.value)}{_chosen(f.chosen)}" for f in ranked),
        47: _sentences(*(test_words(test) for test in record.tests or ())),
        48: "; ".join(comparison_words(c) for c in record.comparisons),
        50: _sentences(record.design.published, record.design.reference),
        51: record.design.intended_use,
        52: _sentences(record.design.limits, *record.warnings),
    }


def test_words(test: Tested) -> str:
    """Name, cases and figures of one test."""
    cases = f", {test.cases} cases" if test.cases else ""
    cases += f" ({test.positive} positive)" if test.positive is not None else ""
    many = "institution" if test.institutions == 1 else "institutions"
    places = f", {test.institutions} {many}" if test.kind == EXTERNAL and test.institutions else ""
    figures = "; ".join(figure_words(name, figure) for name, figure in test.figures.items())
    return f"{test.name}{cases}{places}: {figures or 'no figures'}"


def _open(record: StudyRecord) -> dict[int, str]:
    sharing = record.sharing
    return {
        53: _sentences(sharing.images, sharing.outlines),
        54: sharing.features,
        55: sharing.scripts,
        56: sharing.code,
        57: sharing.model,
        58: sharing.system,
    }


def _per_candidate(record: StudyRecord) -> str:
    events, candidates = record.modelling.events_per_candidate, record.modelling.candidates
    if events is None:
        return ""
    return f"{events:.1f} events per candidate predictor" + (
        f" ({candidates} candidates)" if candidates is not None else ""
    )


def _chosen(share: float) -> str:
    return f" (kept in {100 * share:.0f} % of the resamples)" if share == share else ""


def _steps(record: StudyRecord, kinds: Iterable[str]) -> str:
    """What steps of these kinds did; known steps without one of them say so."""
    steps = record.modelling.steps
    if steps is None:
        return ""
    return _sentences(*(step.text for step in steps if step.kind in kinds)) or "No such step."


def _sentences(*texts: str) -> str:
    """Plain texts as sentences, each ended."""
    ended = [text.strip() for text in texts if text and text.strip()]
    return " ".join(text if text[-1] in ".!?" else text + "." for text in ended)

"""What the real tables show: the results, and the page ``Docs/real-data.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

import real_sarcomas
from real_studies import STUDIES, RealStudy
from virtualbiopsy.progress import Progress, part, silent
from virtualbiopsy.training.dataset import SURVIVAL, Dataset
from virtualbiopsy.training.method import Method
from virtualbiopsy.training.reports.adapt_tests import comparisons_of
from virtualbiopsy.training.reports.markdown import md, table
from virtualbiopsy.training.reports.names import comparison_words, interval_words
from virtualbiopsy.training.reports.record import Compared
from virtualbiopsy.training.validation.compare import Comparison, column_sets, compare
from virtualbiopsy.training.validation.evaluate import Evaluation, evaluate
from virtualbiopsy.training.validation.figures import Figure
from virtualbiopsy.training.validation.guards import find_leaks
from virtualbiopsy.training.validation.leak import Leak
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.sample_size import SampleSize, sample_size

COMMAND = "VIRTUALBIOPSY_DATA=… python Testing/make_real_data.py"
SARCOMA = ("Sarcoma: metastasis or recurrence", "TCIA Soft-tissue-Sarcoma, T1, outlines of the collection")
_SELECTING = ("variance", "correlation", "select_k_best")


@dataclass(frozen=True, eq=False)
class Result:
    """What one question gave; no row of the data is in it."""

    title: str
    source: str
    expected: str
    kind: str
    cases: int
    events: int
    columns: int
    evaluation: Evaluation
    size: SampleSize
    leaks: tuple[Leak, ...]
    compared: tuple[Compared, ...]
    candidates: tuple[tuple[str, Figure], ...]


def result_of(title: str, source: str, expected: str, data: Dataset, method: Method) -> Result:
    """Validate, look for leaks, and compare with clinical variables where there are some."""
    held_out = validate(method, data)
    settings = method.validation
    comparison = _compared(method, data)
    return Result(
        title,
        source,
        expected,
        data.outcome.kind,
        len(data.cases),
        int((data.outcome.labels == 1).sum()),
        len(data.columns),
        evaluate(held_out, data, settings.bootstraps, settings.seed),
        sample_size(data, method),
        find_leaks(method, data, held_out),
        comparisons_of(comparison),
        candidates_of(comparison),
    )


def candidates_of(comparison: Comparison | None) -> tuple[tuple[str, Figure], ...]:
    """Name and held-out ranking of each model that was compared."""
    found = comparison.candidates if comparison is not None else ()
    return tuple((c.name, _ranking(c.evaluation.figures)) for c in found)


def _ranking(figures: Mapping[str, Figure]) -> Figure:
    return figures["auc"] if "auc" in figures else figures["concordance"]


def _compared(method: Method, data: Dataset) -> Comparison | None:
    """Clinical variables need no selection; nothing to compare without any."""
    if len(column_sets(data.columns)) < 3:
        return None
    plain = tuple(step for step in method.steps if step.kind not in _SELECTING)
    settings = changed(method.validation, repeats=2)
    return compare(
        changed(method, validation=settings), data, methods={"clinical": changed(method, steps=plain)}
    )


def results(data: Path, progress: Progress = silent, keys: Sequence[str] = ()) -> list[Result]:
    """Run all studies, or those named."""
    chosen = [study for study in STUDIES if not keys or study.key in keys]
    found = []
    for number, study in enumerate(chosen):
        part(progress, number / (len(chosen) + 1), 1.0)(0.0, study.title)
        found.append(study_result(study, data / "tables"))
    if not keys or "sarcoma" in keys:
        progress(len(chosen) / (len(chosen) + 1), SARCOMA[0])
        own = real_sarcomas.sarcomas(data)
        found.append(result_of(*SARCOMA, "too few cases to tell", own, real_sarcomas.method()))
    return found


def study_result(study: RealStudy, folder: Path) -> Result:
    """Run one study."""
    data, source = study.dataset(folder), study.source
    return result_of(study.title, source, study.expected, data, study.method())


def row(result: Result) -> tuple[str, ...]:
    """Its line in the table of the page."""
    figures = result.evaluation.figures
    survival = result.kind == SURVIVAL
    shown = _shown(_ranking(figures))
    brier = next(name for name in figures if name == "brier" or name.startswith("brier_by_"))
    by = f" by {brier[9:].replace('_', ' ')}" if survival else ""
    return (
        result.title,
        f"{result.cases} ({result.events})",
        f"{result.columns}, {result.size.candidates}",
        f"{result.size.per_candidate:.1f}, {result.size.verdict}",
        f"{'C' if survival else 'AUC'} {shown}",
        _short(figures["calibration_slope"]),
        _short(figures[brier]) + by,
        result.expected,
    )


def _shown(figure: Figure) -> str:
    return interval_words({"value": figure.value, "low": figure.low, "high": figure.high}, 2)


def _short(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})".replace("-", "−")


def page(found: Sequence[Result]) -> str:
    """The page; generated, not edited."""
    head = (
        "Question",
        "Cases (events)",
        "Columns, candidates",
        "Events per candidate",
        "Held-out ranking (95 % CI)",
        "Calibration slope",
        "Brier score",
        "Expected beforehand",
    )
    lines = [
        "# Real data",
        "",
        "Research use only — not for diagnosis or treatment.",
        "",
        f"What the training pipeline gives on public tables of real patients. Made by `{COMMAND}`; the data "
        "are not part of this repository, and no row of them is on this page.",
        "",
        "One method for all tables: median imputation, scaling, columns without variance and all but one of "
        "each correlated group (|r| > 0.9) left out, then the ten (survival: five) best columns by F test, "
        "then logistic regression (L2) or a Cox model. Everything is fitted inside the training parts. 10 "
        "repeats of 5-fold cross-validation, no patient on both sides; intervals from 1000 bootstrap "
        "resamples of patients, models held fixed. There is no external validation here: these figures are "
        "internal ones.",
        "",
        "The method was stated before the first run and changed once, for all tables alike: Platt "
        "calibration was taken out, because where the signal is weak its slope fell to zero in many parts, "
        "which then gave every case the same score (such parts are reported as faults).",
        "",
        *table(head, [tuple(md(cell) for cell in row(result)) for result in found]),
        "",
        "“Candidates” are the columns among which the outcome may choose. With fewer than 5 events for each "
        "of them no model is exported (`TrainingError`), with fewer than 10 there is a warning: most of "
        "these tables are far too small for what they offer, and the figures above say how well the method "
        "ranks held-out cases, not that a model should be made from them.",
        "",
        "Sarcomas: four features were fixed beforehand and extracted here from the images (4 folds).",
        "",
        "A figure far above what was expected would be a leak to be found before it is believed; what the "
        "guards say is below.",
        "",
        "## With and without clinical variables",
        "",
        "The same splits, two repeats; AUC or concordance index of each. Clinical: age (all), oestrogen and "
        "progesterone receptor (complete response, recurrence).",
        "",
    ]
    for result in found:
        if result.compared:
            each = "; ".join(f"{name} {_shown(figure)}" for name, figure in result.candidates)
            lines += [f"{md(result.title)}: {each}.", ""]
            lines += [f"- {md(comparison_words(compared))}" for compared in result.compared]
            lines.append("")
    lines += ["## Guards", ""]
    for result in found:
        told = [f"{leak.name} ({leak.where}): {leak.sentence}" for leak in result.leaks]
        told += result.evaluation.faults[:3]
        lines.append(f"- {md(result.title)}: {md(' '.join(told)) if told else 'nothing found.'}")
    lines += ["", "## Sources", ""]
    lines += [f"- {md(result.title)}: {md(result.source)}." for result in found]
    return "\n".join([*lines, ""])

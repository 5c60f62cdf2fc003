"""Tests and comparisons as they are reported, from what validation gave."""

from __future__ import annotations

import re

import numpy as np

from ..dataset import SURVIVAL, Outcome
from ..survival.curves import kaplan_meier, log_rank
from ..validation.compare import Comparison
from ..validation.evaluate import Evaluation
from ..validation.figures import Figure
from ..validation.horizon import figure_by
from ..validation.run import HeldOut
from ..validation.subgroups import Subgroup
from .curves import CalibrationCurve, Confusion, DecisionCurves, RocCurve, SurvivalCurve
from .names import figure_name, interval_words
from .record import Compared, Table, Tested

GROUPS = ("low risk", "high risk")
MODEL = "this model"


def tested_of(
    name: str, kind: str, evaluation: Evaluation, outcome: Outcome, held_out: HeldOut | None = None
) -> Tested:
    """One test. held_out : for the labels of the histogram and for risk groups of survival."""
    figures = {
        _of_class(key, outcome): shown for key, f in evaluation.figures.items() if (shown := _figure(f))
    }
    curves, note = ((), "") if held_out is None else risk_curves(held_out)
    return Tested(
        name=name,
        kind=kind,
        figures=figures,
        cases=evaluation.cases,
        positive=evaluation.events if outcome.kind == SURVIVAL or len(outcome.classes) == 2 else None,
        roc=roc_of(MODEL, evaluation),
        operating=_operating(evaluation),
        calibration=_calibration(name, evaluation, held_out),
        decision=_decision(MODEL, evaluation),
        confusion=None
        if evaluation.confusion is None
        else Confusion(evaluation.confusion.classes, evaluation.confusion.counts),
        survival=curves,
        survival_unit=outcome.unit,
        survival_note=note,
        subgroups=_subgroups(evaluation.subgroups, figures),
        faults=evaluation.faults,
    )


def _of_class(key: str, outcome: Outcome) -> str:
    """The figure of one class or one cut by the name of the class."""
    match = re.fullmatch(r"auc_(cut_)?(\d+)", key)
    if match is None:
        return key
    name = outcome.classes[int(match[2])] if match[1] else outcome.classes[int(match[2]) - 1]
    return f"AUC, {name} or above" if match[1] else f"AUC, {name} against the others"


def _figure(figure: Figure) -> dict[str, float]:
    """Value and, where both are known, limits; {} where there is no value."""
    if not np.isfinite(figure.value):
        return {}
    shown = {"value": float(figure.value)}
    if np.isfinite(figure.low) and np.isfinite(figure.high):
        shown |= {"low": float(figure.low), "high": float(figure.high)}
    return shown


def roc_of(name: str, evaluation: Evaluation) -> tuple[RocCurve, ...]:
    """The ROC curve; () where there is none."""
    found, area = evaluation.roc, evaluation.figures.get("auc")
    if found is None or area is None:
        return ()
    tpr = np.maximum.accumulate(np.clip(found.tpr, 0, 1))
    low, high = _band(found.low, found.high)
    return (RocCurve(name, found.fpr, tpr, area.value, area.low, area.high, low, high),)


def _band(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """A band within 0 … 1; none where it is not known everywhere."""
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return None, None
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _operating(evaluation: Evaluation) -> tuple[float, float] | None:
    sensitivity, specificity = (evaluation.figures.get(n) for n in ("sensitivity", "specificity"))
    if sensitivity is None or specificity is None:
        return None
    point = (1 - specificity.value, sensitivity.value)
    return point if np.isfinite(point).all() else None


def _calibration(name: str, evaluation: Evaluation, held_out: HeldOut | None) -> CalibrationCurve | None:
    found = evaluation.calibration
    if found is None:
        return _by_horizon(name, evaluation, held_out)
    known = np.isfinite(found.observed)
    if known.sum() < 2:
        return None
    low, high = _band(found.low[known], found.high[known])
    labels, probabilities = None, found.probabilities
    if held_out is not None:
        probability = held_out.probability()
        tested = np.isfinite(probability)
        probabilities = probability[tested]
        labels = np.broadcast_to(held_out.outcome.labels > 0, probability.shape)[tested].astype(int)
    value = {key: f.value for key, f in evaluation.figures.items()}
    unknown = float("nan")
    return CalibrationCurve(
        name,
        found.predicted[known],
        np.clip(found.observed[known], 0, 1),
        probabilities,
        low,
        high,
        labels,
        slope=value.get("calibration_slope", unknown),
        intercept=value.get("calibration_intercept", unknown),
        ici=value.get("ici", unknown),
        brier=value.get("brier", unknown),
    )


def _by_horizon(name: str, evaluation: Evaluation, held_out: HeldOut | None) -> CalibrationCurve | None:
    """Groups of predicted risk against Kaplan–Meier at the horizon; None for other outcomes."""
    found = evaluation.by_horizon
    if found is None or found.predicted.size < 2 or held_out is None:
        return None
    risk = held_out.risks()[0]
    low, high = np.nan_to_num(found.low, nan=0.0), np.nan_to_num(found.high, nan=1.0)
    unit, unknown = held_out.outcome.unit or "units", Figure(float("nan"))
    brier = evaluation.figures.get(figure_by("brier", found.time, unit), unknown)
    return CalibrationCurve(
        f"{name}, by {found.time:g} {unit}",
        found.predicted,
        np.clip(found.observed, 0, 1),
        risk[np.isfinite(risk)],
        groups=np.column_stack([found.predicted, found.observed, low, high]),
        slope=found.slope,
        brier=brier.value,
    )


def _decision(name: str, evaluation: Evaluation) -> DecisionCurves | None:
    """Thresholds 15 to 90 %, the widest of the ranges that papers use."""
    found = evaluation.decision
    if found is None:
        return None
    start = min(u.start for u in found.useful) if found.useful else 0.15
    stop = max(u.stop for u in found.useful) if found.useful else 0.9
    inside = (found.thresholds >= start - 1e-9) & (found.thresholds <= stop + 1e-9)
    told = tuple(
        f"{100 * u.start:.0f}–{100 * u.stop:.0f} %: better than treating all and none at "
        f"{100 * u.share:.0f} % of the thresholds; mean gain over the better of these {gain}."
        for u in found.useful
        for gain in [f"{u.mean_gain:.3f}".replace("-", "−")]
    )
    models = {name: found.model[inside]}
    return DecisionCurves(found.thresholds[inside], found.treat_all[inside], models, told)


def _subgroups(lines: tuple[Subgroup, ...], shown: dict[str, dict[str, float]]) -> Table | None:
    """The first figure of the test in each subgroup."""
    if not lines:
        return None
    first = next(
        (name for name in ("auc", "mean_auc", "concordance") if name in shown), next(iter(shown), "")
    )
    rows = []
    for line in lines:
        figure = _figure(line.figures[first]) if first in line.figures else {}
        words = interval_words(figure) if figure else line.note or "unknown"
        rows.append((f"{line.variable}: {line.value}", str(line.cases), str(line.events), words))
    return Table(("Subgroup", "Cases", "Events", figure_name(first)), tuple(rows), (1, 2))


def comparisons_of(comparison: Comparison | None) -> tuple[Compared, ...]:
    """The differences of the ranking figure, with DeLong's p, corrected for the number of pairs."""
    found = []
    for difference in comparison.differences if comparison is not None else ():
        name = next((n for n in ("auc", "mean_auc", "concordance") if n in difference.figures), None)
        if name is None:
            continue
        figure = difference.figures[name]
        corrected = np.isfinite(difference.p_holm)
        p = difference.p_holm if corrected else float("nan")
        found.append(
            Compared(
                difference.first,
                difference.second,
                figure_name(name),
                figure.value,
                figure.low,
                figure.high,
                p,
                "DeLong, Holm's correction" if corrected else "paired bootstrap",
                difference.note,
            )
        )
    return tuple(found)


def risk_curves(held_out: HeldOut) -> tuple[tuple[SurvivalCurve, ...], str]:
    """Kaplan–Meier curves of two groups of held-out cases, and the log-rank test in words.

    A case is at high risk if its score lies above the median of its own test part, first repeat, so that
    scores of different models are not mixed. Nothing for other outcomes, or where a group is empty.
    """
    outcome = held_out.outcome
    if outcome.kind != SURVIVAL or outcome.time is None:
        return (), ""
    scores, number = held_out.scores()[0], held_out.numbers()[0]
    tested = np.isfinite(scores)
    high = np.zeros(scores.size, dtype=bool)
    for part in np.unique(number[tested]):
        own = tested & (number == part)
        high[own] = scores[own] > np.median(scores[own])
    groups = [tested & ~high, tested & high]
    events = outcome.labels > 0
    if not all(group.any() for group in groups) or not events[tested].any():
        return (), ""
    curves = []
    for name, group in zip(GROUPS, groups, strict=True):
        found = kaplan_meier(outcome.time[group], events[group])
        low, top = np.nan_to_num(found.low, nan=0.0), np.nan_to_num(found.high, nan=1.0)
        low = np.where(found.survival > 0, low, 0.0)
        top = np.where(found.survival > 0, top, np.maximum(found.survival, np.minimum(top, 1.0)))
        curves.append(
            SurvivalCurve(
                name, found.times, found.survival, found.at_risk, found.censored, low, np.clip(top, 0, 1)
            )
        )
    test = log_rank(outcome.time[tested], events[tested], high[tested])
    p = f"p = {test.p:.2g}" if test.p >= 1e-4 else "p < 0.0001"
    note = (
        f"Groups: above and below the median score of the own test part. Log-rank test: χ² "
        f"{test.chi2:.2f}, {p}."
    )
    return tuple(curves), note

"""Figures of merit of held-out scores, each with a bootstrap interval over patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...models.calibration import sigmoid
from ..dataset import BINARY, MULTICLASS, ORDINAL
from ..ordinal import quadratic_kappa
from .calibration import brier, calibration_line, expected_observed, hazard_slope, ici
from .criterion import softmax
from .horizon import figure_by, horizon_figures
from .ranking import within_parts_auc, within_parts_concordance
from .resampling import interval
from .run import HeldOut

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Figure:
    """A figure of merit.

    Attributes
    ----------
    value : mean over the repeats that it could be computed in; NaN if in none.
    low, high : 95 % bootstrap interval over patients (models held fixed); NaN where it cannot be given.
    repeats, of_repeats : how many repeats it rests on, and of how many.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    repeats: int = 1
    of_repeats: int = 1


def figures(held_out: HeldOut, drawn: np.ndarray) -> dict[str, Figure]:
    """Return figures by name.

    Two classes: auc (pairs scored by the same model), auc_pooled (all pairs), sensitivity, specificity, ppv,
    npv, accuracy, balanced_accuracy (all at the models' own thresholds), brier, scaled_brier,
    calibration_slope, calibration_intercept, observed_expected, ici, log_loss.
    Ordered classes: auc_cut_1 …, mean_auc, quadratic_kappa, accuracy. Several: auc_1 … (class against rest,
    class 1 first), mean_auc, accuracy, balanced_accuracy, brier, log_loss. Survival: concordance,
    calibration_slope (of the log hazard ratio), and of the risks by the horizon brier_by_24_months,
    observed_expected_by_24_months, calibration_slope_by_24_months.

    Parameters
    ----------
    drawn : (b, n) weights, see :func:`virtualbiopsy.training.validation.resampling.patient_weights`.
    """
    return {name: _figure(*found) for name, found in spreads(held_out, drawn).items()}


def spreads(held_out: HeldOut, drawn: np.ndarray) -> dict[str, tuple[np.ndarray, int, int]]:
    """By name: the figure and its bootstrap values (1 + b,), repeats it rests on, and of how many."""
    make = _MAKERS.get(held_out.outcome.kind, _survival)
    scores, numbers = held_out.scores(), held_out.numbers()
    weights = np.concatenate([np.ones((1, drawn.shape[1])), drawn])
    found: dict[str, list[np.ndarray]] = {}
    for repeat in range(held_out.repeats):
        rows = np.isfinite(scores[repeat].reshape(len(numbers[repeat]), -1)).all(axis=1)
        if rows.any():
            for name, values in make(held_out, repeat, rows, weights[:, rows]).items():
                found.setdefault(name, []).append(values)
    result = {}
    for name, values in found.items():
        usable = [v for v in values if np.isfinite(v[0])]
        mean = np.mean(usable, axis=0) if usable else np.full(len(weights), np.nan)
        result[name] = (mean, len(usable), held_out.repeats)
    return result


def _figure(values: np.ndarray, repeats: int, of_repeats: int) -> Figure:
    low, high = interval(values[1:])
    return Figure(float(values[0]), low, high, repeats, of_repeats)


def _binary(held_out: HeldOut, repeat: int, rows: np.ndarray, w: np.ndarray) -> Values:
    labels = held_out.outcome.labels[rows] > 0
    score, number = held_out.scores()[repeat, rows], held_out.numbers()[repeat, rows]
    probability, called = sigmoid(score), held_out.called()[repeat, rows]
    slope, intercept = calibration_line(labels, score, w)
    squares, scaled = brier(labels, probability, w)
    found = {
        "auc": within_parts_auc(labels, score, number, w),
        "auc_pooled": within_parts_auc(labels, score, np.zeros_like(number), w),
        **_calls(labels, called, w),
        "brier": squares,
        "scaled_brier": scaled,
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "observed_expected": expected_observed(labels, probability, w),
        "ici": ici(labels, probability, w),
        "log_loss": w @ np.logaddexp(0, np.where(labels, -score, score)) / w.sum(axis=1),
    }
    return found


def _calls(labels: np.ndarray, called: np.ndarray, w: np.ndarray) -> Values:
    """Shares of right calls; NaN without a case that they are a share of."""
    hit, yes = called > 0, labels
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "sensitivity": w @ (hit & yes) / (w @ yes),
            "specificity": w @ (~hit & ~yes) / (w @ ~yes),
            "ppv": w @ (hit & yes) / (w @ hit),
            "npv": w @ (~hit & ~yes) / (w @ ~hit),
            "accuracy": w @ (hit == yes) / w.sum(axis=1),
        }
    found["balanced_accuracy"] = (found["sensitivity"] + found["specificity"]) / 2
    return found


def _ordinal(held_out: HeldOut, repeat: int, rows: np.ndarray, w: np.ndarray) -> Values:
    levels = held_out.outcome.labels[rows]
    cuts, number = held_out.scores()[repeat, rows], held_out.numbers()[repeat, rows]
    found = {
        f"auc_cut_{cut + 1}": within_parts_auc(levels > cut, cuts[:, cut], number, w)
        for cut in range(cuts.shape[1])
    }
    found["mean_auc"] = np.mean(list(found.values()), axis=0)
    called = (cuts >= 0).sum(axis=1)
    found["quadratic_kappa"] = quadratic_kappa(levels, called, w)
    found["accuracy"] = w @ (called == levels) / w.sum(axis=1)
    return found


def _several(held_out: HeldOut, repeat: int, rows: np.ndarray, w: np.ndarray) -> Values:
    labels = held_out.outcome.labels[rows]
    logits, number = held_out.scores()[repeat, rows], held_out.numbers()[repeat, rows]
    chance, called = softmax(logits), logits.argmax(axis=1)
    classes = np.arange(logits.shape[1])
    found = {f"auc_{k + 1}": within_parts_auc(labels == k, chance[:, k], number, w) for k in classes.tolist()}
    found["mean_auc"] = np.mean(list(found.values()), axis=0)
    found["accuracy"] = w @ (called == labels) / w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        hits = [w @ ((called == k) & (labels == k)) / (w @ (labels == k)) for k in classes]
    found["balanced_accuracy"] = np.mean(hits, axis=0)
    right = labels[:, None] == classes
    found["brier"] = w @ ((chance - right) ** 2).sum(axis=1) / w.sum(axis=1)
    own = np.take_along_axis(chance, labels[:, None], axis=1)[:, 0]
    found["log_loss"] = w @ -np.log(np.maximum(own, 1e-300)) / w.sum(axis=1)
    return found


def _survival(held_out: HeldOut, repeat: int, rows: np.ndarray, w: np.ndarray) -> Values:
    outcome = held_out.outcome.rows(rows)
    score, number = held_out.scores()[repeat, rows], held_out.numbers()[repeat, rows]
    assert outcome.time is not None
    found = {
        "concordance": within_parts_concordance(outcome.time, outcome.labels, score, number, w),
        "calibration_slope": hazard_slope(outcome.time, outcome.labels, score, w),
    }
    risk = held_out.risks()[repeat, rows]
    if np.isfinite(risk).all():
        at = held_out.horizon
        timed = horizon_figures(outcome.time, outcome.labels, risk, at, w)
        found |= {figure_by(name, at, outcome.unit): values for name, values in timed.items()}
    return found


_MAKERS: Mapping[str, Callable[[HeldOut, int, np.ndarray, np.ndarray], Values]] = {
    BINARY: _binary,
    ORDINAL: _ordinal,
    MULTICLASS: _several,
}

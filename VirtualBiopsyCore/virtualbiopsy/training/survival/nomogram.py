"""Nomogram: a linear predictor as points that can be added by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ...models.calibration import sigmoid
from ...models.classifier import LINEAR_KINDS
from ...models.radmodel import RadModel


@dataclass(frozen=True, eq=False)
class Axis:
    """One line of a nomogram: `values` (ticks) at `points`; for a variable from 0 to at most 100."""

    name: str
    values: np.ndarray
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class Nomogram:
    """Points of each variable, their sum, and the answer.

    Attributes
    ----------
    variables : one axis each; the widest one has 100 points. total : ticks of the sum. answer : probability
        ticks on the line of the sum. per_point : linear predictor for one point. zero : linear predictor at a
        sum of 0. coef, lowest : (p,) weights, and the end of each variable that has 0 points.
    """

    variables: tuple[Axis, ...]
    total: Axis
    answer: Axis
    per_point: float
    zero: float
    coef: np.ndarray
    lowest: np.ndarray

    def points(self, rows: np.ndarray) -> np.ndarray:
        """Points (n, p) of each variable of raw rows (n, p); below 0 or above 100 outside the drawn range."""
        return (np.asarray(rows, dtype=np.float64) - self.lowest) * self.coef / self.per_point

    def linear_predictor(self, points: np.ndarray) -> np.ndarray:
        """Linear predictor of sums of points, any shape."""
        return self.zero + self.per_point * np.asarray(points, dtype=np.float64)


def nomogram(
    columns: Sequence[str],
    coef: np.ndarray,
    intercept: float,
    ranges: np.ndarray,
    to_probability: Callable[[np.ndarray], np.ndarray],
    ticks: int = 6,
) -> Nomogram:
    """Draw up the nomogram of intercept + rows · coef (Harrell 2015, Regression Modeling Strategies, 5.4).

    Parameters
    ----------
    columns : names (p). coef : (p,) per raw unit. ranges : (p, 2) lowest and highest raw value that is drawn.
    to_probability : from linear predictors (m,) to rising probabilities (m,).

    Raises
    ------
    TrainingError : no variable has both a weight and a range.
    """
    coef, ranges = np.asarray(coef, dtype=np.float64), np.asarray(ranges, dtype=np.float64)
    spans = np.abs(coef) * (ranges[:, 1] - ranges[:, 0])
    if not spans.size or not spans.max() > 0:
        raise TrainingError("A nomogram needs a variable with a weight and a range.")
    per_point = float(spans.max()) / 100.0
    lowest = np.where(coef >= 0, ranges[:, 0], ranges[:, 1])
    zero = float(intercept + coef @ lowest)
    axes = []
    for name, weight, (low, high), start in zip(columns, coef, ranges, lowest, strict=True):
        values = _round_ticks(low, high, ticks)
        axes.append(Axis(name, values, (values - start) * weight / per_point))
    most = float(spans.sum()) / per_point
    sums = _round_ticks(0.0, most, ticks * 2)
    line = np.linspace(0.0, most, 2001)
    risk = to_probability(zero + per_point * line)
    wanted = np.array([0.01, 0.05, *np.arange(0.1, 0.95, 0.1), 0.95, 0.99])
    wanted = wanted[(wanted >= risk.min()) & (wanted <= risk.max())]
    return Nomogram(
        tuple(axes),
        Axis("Total points", sums, sums),
        Axis("Probability", wanted, np.interp(wanted, risk, line)),
        per_point,
        zero,
        coef,
        lowest,
    )


def _round_ticks(low: float, high: float, ticks: int) -> np.ndarray:
    """Round numbers from low to high, both ends included."""
    if not high > low:
        return np.array([low])
    raw = (high - low) / ticks
    size = 10.0 ** np.floor(np.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * (1 - 1e-12))
    inner = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    inner = inner[(inner > low + 0.3 * step) & (inner < high - 0.3 * step)]
    return np.concatenate([[low], inner, [high]])


def model_nomogram(model: RadModel, ticks: int = 6) -> Nomogram:
    """The nomogram of a linear model, over the training range of its features.

    The linear predictor is the score before calibration in raw units; the answer is the model's probability
    (of the event by the horizon, for a Cox model).

    Raises
    ------
    TrainingError : the classifier is not linear in its features, or no feature has a weight and a range.
    """
    arrays = model.classifier.arrays
    if model.classifier.kind not in LINEAR_KINDS:
        raise TrainingError(f"A {model.classifier.kind} has no nomogram.", "Only linear models have one.")
    coef = arrays["coef"] / np.asarray(model.scaler.scale)
    intercept = float(arrays["intercept"][0]) if "intercept" in arrays else 0.0
    intercept -= float(coef @ np.asarray(model.scaler.mean))
    ranges = np.array([model.feature_ranges[key] for key in model.feature_keys])
    return nomogram(
        model.feature_keys,
        coef,
        intercept,
        ranges,
        lambda scores: sigmoid(model.calibrator(scores)),
        ticks,
    )

"""What the figures of a validation are drawn from: plain arrays, computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError


@dataclass(frozen=True, eq=False)
class RocCurve:
    """A receiver operating characteristic.

    Attributes
    ----------
    name : "radiomic", "clinical", "combined", …
    fpr, tpr : (n,) false and true positive rate, both rising from 0 to 1.
    auc, low, high : area with its 95 % confidence interval; NaN where unknown.
    band_low, band_high : (n,) 95 % confidence band of `tpr`; None without.

    Raises
    ------
    TrainingError : arrays of different length, values outside 0 … 1, or falling ones.
    """

    name: str
    fpr: np.ndarray
    tpr: np.ndarray
    auc: float
    low: float = float("nan")
    high: float = float("nan")
    band_low: np.ndarray | None = None
    band_high: np.ndarray | None = None

    def __post_init__(self) -> None:
        _alike(self.name, self.fpr, self.tpr, self.band_low, self.band_high)
        _shares(self.name, self.fpr, self.tpr, self.band_low, self.band_high)
        if (np.diff(self.fpr) < 0).any() or (np.diff(self.tpr) < 0).any():
            raise TrainingError(f"The ROC curve {self.name!r} falls; its rates must rise together.")


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Observed against predicted probability.

    Attributes
    ----------
    name : of the data set. predicted, observed : (n,) smooth curve, predicted rising.
    low, high : (n,) 95 % confidence band of `observed`; None without.
    probabilities : (m,) of all cases, for the histogram. labels : (m,) 0 or 1; None if not told apart.
    groups : (g, 4) mean predicted, observed, low, high of groups of cases; None without.
    slope, intercept, ici, brier : NaN where unknown. Ideal: 1, 0, 0; the intercept is calibration in the
        large.
    """

    name: str
    predicted: np.ndarray
    observed: np.ndarray
    probabilities: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    labels: np.ndarray | None = None
    groups: np.ndarray | None = None
    slope: float = float("nan")
    intercept: float = float("nan")
    ici: float = float("nan")
    brier: float = float("nan")

    def __post_init__(self) -> None:
        _alike(self.name, self.predicted, self.observed, self.low, self.high)
        _alike(self.name, self.probabilities, self.labels)
        _shares(self.name, self.predicted, self.observed, self.low, self.high, self.probabilities)


@dataclass(frozen=True, eq=False)
class DecisionCurves:
    """Net benefit over the threshold probability; treating none has none.

    Attributes
    ----------
    thresholds : (n,) probabilities, rising. treat_all : (n,) net benefit of treating all.
    models : net benefit (n,) of each model by name. told : sentences below the figure.
    """

    thresholds: np.ndarray
    treat_all: np.ndarray
    models: Mapping[str, np.ndarray]
    told: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _alike("decision curves", self.thresholds, self.treat_all, *self.models.values())
        _shares("decision curves", self.thresholds)


@dataclass(frozen=True)
class Ranked:
    """One feature in the ranking.

    Attributes
    ----------
    name : feature key or plain name. value : weight or importance; signed ones raise or lower the answer.
    low, high : its spread over the resamples; NaN without. chosen : share of the resamples that kept it;
        NaN if unknown.
    """

    name: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    chosen: float = float("nan")


@dataclass(frozen=True, eq=False)
class Confusion:
    """Cases by true class (row) and by what they were called (column).

    Attributes
    ----------
    classes : names. counts : (classes, classes), not negative; means over repeats need not be whole numbers.
    """

    classes: tuple[str, ...]
    counts: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.classes)
        if self.counts.shape != (n, n) or not (self.counts >= 0).all():
            raise TrainingError(f"A confusion matrix of {n} classes needs {n} × {n} counts that are not < 0.")


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """A Kaplan–Meier estimate.

    Attributes
    ----------
    name : of the group. times : (n,) distinct times of events and of censoring, rising.
    survival : (n,) share that survives beyond each time. low, high : (n,) 95 % confidence interval; None
        without.
    at_risk : (n,) cases at risk just before each time. censored : (n,) cases censored at each time.
    """

    name: str
    times: np.ndarray
    survival: np.ndarray
    at_risk: np.ndarray
    censored: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def __post_init__(self) -> None:
        _alike(self.name, self.times, self.survival, self.at_risk, self.censored, self.low, self.high)
        _shares(self.name, self.survival, self.low, self.high)
        if self.times.size and ((np.diff(self.times) <= 0).any() or self.times[0] < 0):
            raise TrainingError(f"The times of the survival curve {self.name!r} do not rise from 0 on.")

    def remaining(self, time: float) -> int:
        """Cases whose time is at least `time`."""
        at = int(np.searchsorted(self.times, time, side="left"))
        return int(self.at_risk[at]) if at < self.times.size else 0


@dataclass(frozen=True)
class NomogramScale:
    """One variable of a nomogram: marked values and the points of each."""

    name: str
    values: tuple[float, ...]
    points: tuple[float, ...]
    words: tuple[str, ...] = ()
    """What stands at the marks instead of the values; () for the values."""


@dataclass(frozen=True)
class NomogramAnswer:
    """What total points stand for, for example the probability of an event by two years."""

    name: str
    total_points: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Nomogram:
    """Points by variable and the answer by total points.

    Attributes
    ----------
    scales : of the variables; points between marks are in proportion. answers : under the total points.
    limits : total points that are drawn; None for those of the answers.
    """

    scales: tuple[NomogramScale, ...]
    answers: tuple[NomogramAnswer, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None


def _alike(name: str, *arrays: np.ndarray | None) -> None:
    if len({np.shape(array) for array in arrays if array is not None}) > 1:
        raise TrainingError(f"The arrays of {name!r} do not have the same length.")


def _shares(name: str, *arrays: np.ndarray | None) -> None:
    for array in arrays:
        if array is not None and not ((np.asarray(array) >= 0) & (np.asarray(array) <= 1)).all():
            raise TrainingError(f"{name!r} holds values outside 0 … 1, or none.")

"""Fit one recipe on one table: impute, scale, classify, calibrate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import VirtualBiopsyError
from ..models.calibration import Calibrator, sigmoid
from ..models.classifier import Classifier
from ..models.radmodel import Scaler
from ..models.recipe import Recipe
from .convert import classifier_from_sklearn
from .metrics import youden_threshold
from .ordinal import fit_proportional_odds
from .platt import fit_platt


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was learnt.

    Attributes
    ----------
    imputer : (p,) values for gaps. scaler, classifier, calibrator : as in a RadModel.
    threshold : Youden's threshold on held-out probabilities of the inner folds.
    shifts : of the cuts between ordered classes, as in :class:`virtualbiopsy.models.ordinal.Ordinal`; a
        single 0 for two classes.
    """

    imputer: np.ndarray
    scaler: Scaler
    classifier: Classifier
    calibrator: Calibrator
    threshold: float
    shifts: tuple[float, ...] = (0.0,)

    def raw(self, rows: np.ndarray) -> np.ndarray:
        filled = np.where(np.isnan(rows), self.imputer, rows)
        return self.classifier.raw_score((filled - np.array(self.scaler.mean)) / np.array(self.scaler.scale))

    def log_odds(self, rows: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of raw rows (n, p), gaps NaN."""
        return self.calibrator(self.raw(rows))

    def cuts(self, rows: np.ndarray) -> np.ndarray:
        """Log-odds of lying above each cut between the classes, (n, cuts)."""
        return self.log_odds(rows)[:, None] + np.array(self.shifts)


def positives(recipe: Recipe, labels: np.ndarray) -> np.ndarray:
    """(n,) 1 where the label is in the positive class or, of ordered classes, above the cut; else 0."""
    return (labels > recipe.cut).astype(np.float64)


def fold_numbers(labels: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return a fold number (0 … folds − 1) for each case, every class spread evenly."""
    number = np.empty(labels.size, dtype=int)
    start = 0
    for value in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == value))
        number[members] = (start + np.arange(members.size)) % folds
        start += members.size
    return number


def fit(recipe: Recipe, rows: np.ndarray, labels: np.ndarray, seed: int) -> Fitted:
    """Fit the recipe.

    Calibration and threshold use probabilities of cases that the classifier was not fitted on (inner folds).

    Parameters
    ----------
    rows : (n, p) raw features, gaps NaN. labels : (n,) 0 or 1, or 0, 1, 2, … of ordered classes.
    """
    imputer, scaler, classifier, shifts = _plain(recipe, rows, labels)
    held_out = np.empty(labels.size)
    number = fold_numbers(labels, recipe.validation["inner_folds"], np.random.default_rng(seed))
    for fold in np.unique(number):
        train = number != fold
        inner = Fitted(*_plain(recipe, rows[train], labels[train])[:3], Calibrator(), 0.5)
        held_out[~train] = inner.raw(rows[~train])
    positive = positives(recipe, labels)
    calibrator = fit_platt(held_out, positive) if recipe.calibration == "platt" else Calibrator()
    calibrator = Calibrator(calibrator.kind, rounded(calibrator.slope), rounded(calibrator.intercept))
    threshold = youden_threshold(positive, sigmoid(calibrator(held_out)))
    threshold = float(np.clip(round(threshold, 2), 0.01, 0.99))
    return Fitted(imputer, scaler, classifier, calibrator, threshold, shifts)


def rounded(value: Any, digits: int = 10) -> Any:
    """Round to significant digits, so that the last bits of the arithmetic do not reach the model."""
    array = np.asarray(value, dtype=np.float64)
    result = np.array([float(f"{v:.{digits}g}") for v in array.ravel()]).reshape(array.shape)
    return float(result) if array.ndim == 0 else result


def _plain(
    recipe: Recipe, rows: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, Scaler, Classifier, tuple[float, ...]]:
    imputer = rounded(np.nanmean(rows, axis=0))
    filled = np.where(np.isnan(rows), imputer, rows)
    spread = filled.std(axis=0)
    mean, scale = rounded(filled.mean(axis=0)), rounded(np.where(spread > 0, spread, 1.0))
    found, shifts = _classifier(recipe, (filled - mean) / scale, labels.astype(int))
    arrays = {name: rounded(array) for name, array in found.arrays.items()}
    scaler = Scaler(tuple(mean.tolist()), tuple(scale.tolist()))
    return imputer, scaler, Classifier(found.kind, arrays), shifts


def _classifier(
    recipe: Recipe, scaled: np.ndarray, labels: np.ndarray
) -> tuple[Classifier, tuple[float, ...]]:
    """The classifier above the recipe's cut, and the shifts of all cuts from it."""
    if recipe.classes:
        weights, intercepts = fit_proportional_odds(scaled, labels, recipe.option)
        own = intercepts[recipe.cut]
        shifts = tuple(rounded(intercepts - own).tolist())
        return Classifier("logistic", {"coef": weights, "intercept": np.array([own])}), shifts
    return classifier_from_sklearn(_estimator(recipe).fit(scaled, labels)), (0.0,)


def _estimator(recipe: Recipe) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import GaussianNB
    except ImportError as error:
        raise VirtualBiopsyError(
            "Training needs scikit-learn, which is not installed.",
            'Install it with `pip install "virtualbiopsy[train]"`; predicting does not need it.',
        ) from error
    if recipe.classifier == "logistic":
        return LogisticRegression(C=1.0 / recipe.option, solver="newton-cholesky", tol=1e-12, max_iter=500)
    return GaussianNB(var_smoothing=recipe.option)

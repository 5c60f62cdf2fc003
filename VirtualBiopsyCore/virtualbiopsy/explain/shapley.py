"""Interventional Shapley values of the features, on calibrated log-odds, over the model's background rows.

The game is v(S) = mean over background rows z of g(x in S, z elsewhere), g the log-odds (Lundberg & Lee 2017,
interventional form; Janzing et al. 2020). Then v(∅) is the baseline, v(all) the log-odds of the case, and the
values add up to the difference. With an isotonic calibrator g is the score before calibration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..models.calibration import logit
from ..models.classifier import LINEAR_KINDS
from ..models.inference import explained_score
from ..models.radmodel import RadModel
from ..progress import Progress, silent
from .coalition_game import Worth
from .hierarchy import Hierarchy, flat
from .kernel_shapley import kernel_values
from .orders import coalition_count, enumerated, sampled
from .trees_shapley import tree_values

MAX_COALITIONS = 2**15
"""Most coalitions that are enumerated (15 features without groups); more are sampled."""
PAIRS = 128
"""Random orders that are sampled, each with its reverse."""

_ROWS_AT_ONCE = 32768


@dataclass(frozen=True, eq=False)
class Shapley:
    """Shapley values or nested Owen values of one case.

    Attributes
    ----------
    phi : (p,) log-odds, in the order of the model's feature keys.
    baseline, log_odds : v(∅) and v(all).
    method : "linear closed form", "additive closed form", "exact kernel", "exact trees", "exact enumeration"
        or "sampled orders".
    error : (p,) standard error of `phi`; zero unless sampled.
    """

    phi: np.ndarray
    baseline: float
    log_odds: float
    method: str
    error: np.ndarray

    @property
    def exact(self) -> bool:
        return not self.error.any()


def shapley(model: RadModel, row: np.ndarray, progress: Progress = silent) -> Shapley:
    """Return the Shapley values of a raw feature row (p,); see :func:`values_in` for how.

    Raises
    ------
    Cancelled
    """
    return values_in(flat(len(model.feature_keys)), model, row, progress)


def values_in(
    hierarchy: Hierarchy, model: RadModel, row: np.ndarray, progress: Progress = silent, pairs: int = PAIRS
) -> Shapley:
    """Return the nested Owen values of a raw feature row (p,) in a hierarchy of the features.

    Exact for any number of features: linear classifiers, φ = w (x − mean z); Gaussian naive Bayes, which is a
    sum over features; Gaussian support vector machines (kernel_shapley); boosted trees and single trees
    (trees_shapley). The log-odds of a forest's mean are no sum of trees: there, all coalitions of the
    features that the trees ask for and that differ from some background row are enumerated; if they are more
    than :data:`MAX_COALITIONS`, `pairs` orders and their reverses are sampled, whose sum is exact and whose
    parts are estimates with an error.

    Raises
    ------
    Cancelled
    """
    row = np.asarray(row, dtype=np.float64)
    base = float(explained_score(model, model.background).mean())
    value = float(explained_score(model, row[None])[0])
    none = np.zeros(len(row))
    closed = _closed(hierarchy, model, row, progress)
    if closed is not None:
        return Shapley(closed[0], base, value, closed[1], none)

    active = np.flatnonzero((model.background != row).any(axis=0) & _used(model))
    players = hierarchy.only(active)
    worth = feature_game(lambda rows: explained_score(model, rows), row, model.background, active)
    phi, error = none.copy(), none.copy()
    if coalition_count(players) <= MAX_COALITIONS:
        phi[active] = enumerated(worth, players, progress)
        return Shapley(phi, base, value, "exact enumeration", error)
    phi[active], error[active] = sampled(worth, players, pairs, progress=progress)
    return Shapley(phi, base, value, "sampled orders", error)


def linear_weights(model: RadModel) -> np.ndarray:
    """Log-odds per raw unit of each feature (p,), for linear classifiers."""
    return _slope(model) * model.classifier.arrays["coef"] / np.asarray(model.scaler.scale)


def feature_game(
    score: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    active: np.ndarray,
) -> Worth:
    """The game whose players are the `active` features (indices): v(S) of coalitions (s, m)."""

    def worth(coalitions: np.ndarray, progress: Progress = silent) -> np.ndarray:
        found = np.empty(len(coalitions))
        step = max(1, _ROWS_AT_ONCE // len(background))
        for start in range(0, len(coalitions), step):
            progress(start / len(coalitions), "Explaining: coalitions of features")
            chosen = coalitions[start : start + step]
            rows = np.repeat(background[None], len(chosen), axis=0)
            rows[:, :, active] = np.where(chosen[:, None], row[active], rows[:, :, active])
            values = score(rows.reshape(-1, len(row))).reshape(len(chosen), -1)
            found[start : start + step] = values.mean(axis=1)
        return found

    return worth


def _closed(
    hierarchy: Hierarchy, model: RadModel, row: np.ndarray, progress: Progress
) -> tuple[np.ndarray, str] | None:
    """Values of the classifiers that need no coalitions, and the name of the method."""
    kind, a = model.classifier.kind, model.classifier.arrays
    if kind in LINEAR_KINDS:
        return linear_weights(model) * (row - model.background.mean(axis=0)), "linear closed form"
    mean, scale = np.asarray(model.scaler.mean), np.asarray(model.scaler.scale)
    x, z = (row - mean) / scale, (model.background - mean) / scale
    if kind == "gaussian_nb":

        def terms(rows: np.ndarray) -> np.ndarray:
            return (
                (rows - a["mean"][0]) ** 2 / a["variance"][0] - (rows - a["mean"][1]) ** 2 / a["variance"][1]
            ) / 2

        return _slope(model) * (terms(x) - terms(z).mean(axis=0)), "additive closed form"
    if kind == "rbf_svm":
        dual = _slope(model) * a["dual"]
        return kernel_values(a["support"], dual, a["gamma"][0], x, z, hierarchy, progress), "exact kernel"
    if kind == "gradient_boosting":
        values = _slope(model) * a["learning_rate"][0] * a["value"]
    elif kind == "xgboost":
        values = _slope(model) * a["value"]
    elif kind == "survival_forest" and len(a["tree_start"]) == 2:
        values = np.log(np.maximum(a["value"], a["floor"][0]))
    elif kind in ("decision_tree", "random_forest") and len(a["tree_start"]) == 2:
        values = _slope(model) * logit(np.clip(a["value"], a["floor"][0], 1.0 - a["floor"][0]))
    else:
        return None
    return tree_values(a, values, x, z, hierarchy, progress), "exact trees"


def _slope(model: RadModel) -> float:
    return model.calibrator.slope if model.calibrator.affine else 1.0


def _used(model: RadModel) -> np.ndarray:
    """Which features the classifier looks at; the others have no part in the game."""
    arrays, p = model.classifier.arrays, len(model.feature_keys)
    if "tree_start" not in arrays:
        return np.ones(p, dtype=bool)
    return np.isin(np.arange(p), arrays["feature"])

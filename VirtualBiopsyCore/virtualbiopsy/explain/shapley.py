"""Interventional Shapley values of the features, on calibrated log-odds, over the model's background rows.

The game is v(S) = mean over background rows z of g(x in S, z elsewhere), g the log-odds (Lundberg & Lee 2017,
interventional form; Janzing et al. 2020). Then v(∅) is the baseline, v(all) the log-odds of the case, and the
values add up to the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..models.classifier import LINEAR_KINDS
from ..models.inference import log_odds
from ..models.radmodel import RadModel
from ..progress import Progress, silent

MAX_EXACT = 15
"""Most features that are enumerated (2¹⁵ coalitions); more are sampled."""

_ROWS_AT_ONCE = 32768
_ORDERS = 256


@dataclass(frozen=True, eq=False)
class Shapley:
    """Shapley values of one case.

    Attributes
    ----------
    phi : (p,) log-odds, in the order of the model's feature keys.
    baseline, log_odds : v(∅) and v(all).
    method : "linear closed form", "exact enumeration" or "sampled orders".
    """

    phi: np.ndarray
    baseline: float
    log_odds: float
    method: str


def shapley(model: RadModel, row: np.ndarray, progress: Progress = silent) -> Shapley:
    """Return the Shapley values of a raw feature row (p,).

    Linear classifiers by their closed form φ = w (x − mean z). Others by enumeration of all coalitions of the
    features that differ from some background row (the others have φ = 0); above :data:`MAX_EXACT` such
    features by a fixed set of orders and their reverses, whose sum is exact and whose parts are estimates.

    Raises
    ------
    Cancelled
    """
    row = np.asarray(row, dtype=np.float64)
    base = float(log_odds(model, model.background).mean())
    value = float(log_odds(model, row[None])[0])
    if model.classifier.kind in LINEAR_KINDS:
        phi = linear_weights(model) * (row - model.background.mean(axis=0))
        return Shapley(phi, base, value, "linear closed form")

    active = np.flatnonzero((model.background != row).any(axis=0) & _used(model))
    phi = np.zeros(len(row))
    if len(active) <= MAX_EXACT:
        worth = coalition_values(lambda rows: log_odds(model, rows), row, model.background, active, progress)
        phi[active] = values_from_coalitions(worth)
        return Shapley(phi, base, value, "exact enumeration")
    phi[active] = _sampled(lambda rows: log_odds(model, rows), row, model.background, active, progress)
    return Shapley(phi, base, value, "sampled orders")


def linear_weights(model: RadModel) -> np.ndarray:
    """Log-odds per raw unit of each feature (p,), for linear classifiers."""
    slope = model.calibrator.slope if model.calibrator.kind == "platt" else 1.0
    return slope * model.classifier.arrays["coef"] / np.asarray(model.scaler.scale)


def coalition_values(
    score: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    active: np.ndarray,
    progress: Progress = silent,
) -> np.ndarray:
    """Return v(S) for all 2^m coalitions of the m `active` features; bit b of the index is active[b]."""
    m, n = len(active), len(background)
    worth = np.empty(2**m)
    step = max(1, _ROWS_AT_ONCE // n)
    for start in range(0, 2**m, step):
        progress(start / 2**m, "Explaining: coalitions of features")
        number = np.arange(start, min(start + step, 2**m))
        rows = np.repeat(background[None], len(number), axis=0)
        for bit, feature in enumerate(active):
            rows[(number >> bit) & 1 == 1, :, feature] = row[feature]
        worth[number] = score(rows.reshape(-1, len(row))).reshape(len(number), n).mean(axis=1)
    return worth


def values_from_coalitions(worth: np.ndarray) -> np.ndarray:
    """Return the m Shapley values of a game given by its 2^m coalition values."""
    m = int(worth.size).bit_length() - 1
    number = np.arange(worth.size)
    size = sum(((number >> bit) & 1 for bit in range(m)), np.zeros_like(number))
    weight = np.array(
        [math.factorial(s) * math.factorial(m - s - 1) / math.factorial(m) for s in range(m)] + [0.0]
    )
    phi = np.empty(m)
    for bit in range(m):
        without = number[(number >> bit) & 1 == 0]
        phi[bit] = weight[size[without]] @ (worth[without | (1 << bit)] - worth[without])
    return phi


def _used(model: RadModel) -> np.ndarray:
    """Which features the classifier looks at; the others have no part in the game."""
    arrays, p = model.classifier.arrays, len(model.feature_keys)
    if "tree_start" not in arrays:
        return np.ones(p, dtype=bool)
    return np.isin(np.arange(p), arrays["feature"])


def _sampled(
    score: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    active: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    rng = np.random.default_rng(0)
    phi = np.zeros(len(active))
    for number in range(_ORDERS // 2):
        progress(2 * number / _ORDERS, "Explaining: orders of features")
        order = rng.permutation(len(active))
        for sequence in (order, order[::-1]):
            rows = np.repeat(background[None], len(active) + 1, axis=0)
            for place, bit in enumerate(sequence):
                rows[place + 1 :, :, active[bit]] = row[active[bit]]
            worth = score(rows.reshape(-1, len(row))).reshape(len(active) + 1, -1).mean(axis=1)
            phi[sequence] += np.diff(worth)
    return phi / _ORDERS

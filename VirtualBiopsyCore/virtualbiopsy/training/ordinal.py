"""Ordered classes: fitting proportional odds, and figures of merit of the answers."""

from __future__ import annotations

import numpy as np

from ..models.calibration import sigmoid

MAX_STEPS = 200


def fit_proportional_odds(rows: np.ndarray, levels: np.ndarray, l2: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit the log-odds of lying above each cut, η + aₖ with η = x·w, by penalised maximum likelihood.

    Source: McCullagh 1980, J R Stat Soc B 42:109, section 2. Minimises −Σ log P(level) + ½ l2 ‖w‖²; the
    likelihood is concave in (w, a) (Pratt 1981, J Am Stat Assoc 76:103), so that Newton's method with halved
    steps ends at the only optimum. With two classes it is logistic regression.

    Parameters
    ----------
    rows : (n, p) without gaps. levels : (n,) 0 … K − 1, every level there. l2 : weight of the penalty.

    Returns
    -------
    w (p,) and the intercepts a (K − 1,), falling.

    Raises
    ------
    ValueError : a level is absent, or there is only one.
    """
    rows, levels = np.asarray(rows, dtype=np.float64), np.asarray(levels).astype(int)
    cuts = int(levels.max())
    counts = np.bincount(levels, minlength=cuts + 1)
    if cuts < 1 or (counts == 0).any():
        raise ValueError(f"every one of two or more levels must occur; they occur {counts.tolist()} times")
    problem = _Problem(rows, levels, cuts, l2)
    above = counts[::-1].cumsum()[::-1][1:] / levels.size
    weights = np.concatenate([np.zeros(rows.shape[1]), np.log(above / (1 - above))])
    loss = problem.loss(weights)
    for _ in range(MAX_STEPS):
        gradient, hessian = problem.derivatives(weights)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while not (trial := problem.loss(weights - size * step)) <= loss and size > 1e-12:
            size /= 2
        weights, loss = weights - size * step, min(trial, loss)
        if np.abs(size * step).max() < 1e-12 or np.abs(gradient).max() < 1e-12:
            break
    return weights[: rows.shape[1]], weights[rows.shape[1] :]


class _Problem:
    """The penalised negative log-likelihood of (w, a) and its derivatives."""

    def __init__(self, rows: np.ndarray, levels: np.ndarray, cuts: int, l2: float) -> None:
        self._levels, self._cuts = levels, cuts
        n, p = rows.shape
        # Rows of the design of the cut below a case's level and of the one above it, with respect to (w, a).
        self._lower = np.concatenate([rows, np.eye(cuts)[np.maximum(levels - 1, 0)]], axis=1)
        self._upper = np.concatenate([rows, np.eye(cuts)[np.minimum(levels, cuts - 1)]], axis=1)
        self._penalty = l2 * np.concatenate([np.ones(p), np.zeros(cuts)])

    def loss(self, weights: np.ndarray) -> float:
        """Infinite where the cuts do not fall."""
        if not (np.diff(weights[len(weights) - self._cuts :]) < 0).all():
            return np.inf
        share = self._shares(weights)[2]
        if not (share > 0).all():
            return np.inf
        return float(-np.log(share).sum() + 0.5 * (self._penalty * weights**2).sum())

    def derivatives(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        above_lower, above_upper, share = self._shares(weights)
        lower, upper = above_lower * (1 - above_lower), above_upper * (1 - above_upper)
        slope_lower, slope_upper = lower * (1 - 2 * above_lower), upper * (1 - 2 * above_upper)
        gradient = self._lower.T @ (-lower / share) + self._upper.T @ (upper / share)
        gradient += self._penalty * weights
        joined = self._lower * lower[:, None] - self._upper * upper[:, None]
        hessian = joined.T @ (joined / (share**2)[:, None])
        hessian -= (self._lower * (slope_lower / share)[:, None]).T @ self._lower
        hessian += (self._upper * (slope_upper / share)[:, None]).T @ self._upper
        return gradient, hessian + np.diag(self._penalty)

    def _shares(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probability of lying above the cut below the level, above that on top of it, and of the level."""
        lower = np.where(self._levels > 0, sigmoid(self._lower @ weights), 1.0)
        upper = np.where(self._levels < self._cuts, sigmoid(self._upper @ weights), 0.0)
        return lower, upper, lower - upper


def quadratic_kappa(levels: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights (Cohen 1968, Psychol Bull 70:213) of calls and true levels.

    κ = 1 − E[(t − c)²] / E′[(t − c)²], E′ the mean over independent draws of t and c.

    Parameters
    ----------
    levels : (n,) true. called : (n,). weights : (b, n) how often each case counts.

    Returns
    -------
    (b,); NaN where neither varies.
    """
    t, c = np.asarray(levels, dtype=np.float64), np.asarray(called, dtype=np.float64)
    share = weights / weights.sum(axis=1, keepdims=True)
    observed = share @ (t - c) ** 2
    by_chance = share @ t**2 + share @ c**2 - 2 * (share @ t) * (share @ c)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance > 0, 1 - observed / by_chance, np.nan)

"""Cox's proportional hazards: Newton's method, and the path of LASSO and elastic net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from .likelihood import PartialLikelihood

MAX_STEPS = 100
_RUNAWAY = 30.0


@dataclass(frozen=True, eq=False)
class Baseline:
    """The cumulative baseline hazard: 0 before times[0], hazard[i] from times[i] on."""

    times: np.ndarray
    hazard: np.ndarray

    def at(self, times: np.ndarray | float) -> np.ndarray:
        """Cumulative hazard of a case with score 0 at some times, any shape."""
        steps = np.concatenate([[0.0], self.hazard])
        return steps[np.searchsorted(self.times, times, side="right")]

    def survival(self, scores: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Probability (n, m) to be free of the event at times (m,) of log hazard ratios (n,)."""
        return np.exp(-np.exp(np.asarray(scores))[:, None] * self.at(np.asarray(times))[None])


def baseline(time: np.ndarray, event: np.ndarray, scores: np.ndarray) -> Baseline:
    """The baseline hazard that goes with log hazard ratios (n,)."""
    likelihood = PartialLikelihood(time, event)
    return Baseline(likelihood.times, np.cumsum(likelihood.hazard(scores)))


def fit_cox(rows: np.ndarray, time: np.ndarray, event: np.ndarray, l2: float = 0.0) -> np.ndarray:
    """Fit the weights (p,) of log hazard ratio = rows · w, ties after Efron.

    Minimises −log partial likelihood + ½ l2 ‖w‖², which is convex, by Newton's method with halved steps.

    Parameters
    ----------
    rows : (n, p) without gaps. time, event : (n,). l2 : weight of the penalty.

    Raises
    ------
    TrainingError : no event, a constant or repeated column without penalty, or weights that have no finite
        optimum (a column that orders the events perfectly).
    """
    rows = np.asarray(rows, dtype=np.float64)
    likelihood = PartialLikelihood(time, event)
    weights = np.zeros(rows.shape[1])
    loss = -likelihood.log_likelihood(rows @ weights)
    spread = rows.std(axis=0)
    for _ in range(MAX_STEPS):
        gradient, hessian = likelihood.derivatives(rows, rows @ weights)
        gradient = gradient - l2 * weights
        hessian = hessian + l2 * np.eye(weights.size)
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            raise _not_unique() from None
        if np.linalg.cond(hessian) > 1e14:
            raise _not_unique()
        size = 1.0
        while True:
            trial = weights + size * step
            found = -likelihood.log_likelihood(rows @ trial) + 0.5 * l2 * float(trial @ trial)
            if found <= loss + 1e-12 * abs(loss) or size < 1e-10:
                break
            size /= 2
        weights, loss = trial, min(found, loss)
        if (np.abs(weights) * spread).max() > _RUNAWAY:
            break
        if np.abs(size * step).max() < 1e-10:
            return weights
    raise TrainingError(
        "The hazard ratios grow without limit: a feature orders the events perfectly.",
        "Use fewer features or a penalty (l2, LASSO).",
    )


def _not_unique() -> TrainingError:
    return TrainingError(
        "The Cox model has no unique solution: a feature is constant, or a sum of others.",
        "Remove correlated features or use a penalty (l2, LASSO).",
    )


@dataclass(frozen=True, eq=False)
class LassoPath:
    """Weights for falling penalties.

    Attributes
    ----------
    alphas : (a,). weights : (a, p). chosen : number of the one that was chosen.
    held_out : (a,) mean partial log-likelihood of held-out folds per event; NaN where one penalty was given.
    """

    alphas: np.ndarray
    weights: np.ndarray
    chosen: int
    held_out: np.ndarray

    @property
    def alpha(self) -> float:
        return float(self.alphas[self.chosen])

    @property
    def coef(self) -> np.ndarray:
        return self.weights[self.chosen]


def lasso_cox(
    rows: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    *,
    alpha: float | None = None,
    l1_ratio: float = 1.0,
    folds: np.ndarray | None = None,
    n_alphas: int = 30,
    lowest: float = 0.02,
) -> LassoPath:
    """Fit log hazard ratio = rows · w with L1 (and L2) penalty.

    Minimises −log partial likelihood / n + alpha (l1_ratio ‖w‖₁ + ½ (1 − l1_ratio) ‖w‖²) (Tibshirani 1997,
    Stat Med 16:385; Simon et al. 2011, J Stat Softw 39:5, whose likelihood carries 2 / n: their λ is twice
    alpha). Without `alpha` it is chosen by cross-validated partial likelihood, ℓ(w₋ₖ) − ℓ₋ₖ(w₋ₖ) (Verweij &
    van Houwelingen 1993, Stat Med 12:2305), over `n_alphas` from the one that empties the model down to
    `lowest` times it.

    Parameters
    ----------
    rows : (n, p) scaled. folds : (n,) fold number of each case; needed without `alpha`.

    Raises
    ------
    TrainingError : no event.
    """
    rows = np.asarray(rows, dtype=np.float64)
    time, event = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.float64)
    whole = PartialLikelihood(time, event)
    if alpha is not None:
        weights = next(lasso_path(rows, whole, [alpha], l1_ratio))[None]
        return LassoPath(np.array([alpha]), weights, 0, np.array([np.nan]))
    if folds is None:
        raise TrainingError("A penalty is to be chosen by cross-validation, but no folds were given.")
    start = np.abs(whole.derivatives(rows, np.zeros(len(rows)))[0]).max() / len(rows) / max(l1_ratio, 1e-3)
    alphas = np.geomspace(max(start, 1e-12), lowest * max(start, 1e-12), n_alphas)
    gain = np.zeros(n_alphas)
    for fold in np.unique(folds):
        train = folds != fold
        if not event[train].any() or not event[~train].any():
            continue
        part = PartialLikelihood(time[train], event[train])
        for number, weights in enumerate(lasso_path(rows[train], part, alphas, l1_ratio)):
            gain[number] += whole.log_likelihood(rows @ weights) - part.log_likelihood(rows[train] @ weights)
    gain /= event.sum()
    weights = np.array(list(lasso_path(rows, whole, alphas, l1_ratio)))
    return LassoPath(alphas, weights, int(np.argmax(gain)), gain)


def lasso_path(
    rows: np.ndarray,
    likelihood: PartialLikelihood,
    alphas: Sequence[float] | np.ndarray,
    l1_ratio: float = 1.0,
    tolerance: float = 1e-9,
) -> Iterator[np.ndarray]:
    """Yield the weights (p,) for one penalty after the other, each found from the last (:func:`lasso_cox`).

    Parameters
    ----------
    tolerance : largest step of a weight at which a solution counts as found.
    """
    weights = np.zeros(rows.shape[1])
    for alpha in alphas:
        weights = _proximal_newton(
            rows, likelihood, weights, alpha * l1_ratio, alpha * (1 - l1_ratio), tolerance
        )
        yield weights


def _proximal_newton(
    rows: np.ndarray,
    likelihood: PartialLikelihood,
    weights: np.ndarray,
    l1: float,
    l2: float,
    tolerance: float,
) -> np.ndarray:
    """Minimise −ℓ / n + l1 ‖w‖₁ + ½ l2 ‖w‖² (Lee, Sun & Saunders 2014, SIAM J Optim 24:1420)."""
    n = likelihood.n

    def loss(w: np.ndarray) -> float:
        smooth = -likelihood.log_likelihood(rows @ w) / n
        return smooth + l1 * float(np.abs(w).sum()) + 0.5 * l2 * float(w @ w)

    now = loss(weights)
    for _ in range(MAX_STEPS):
        # Only features that are in the model or near their bound can move; the others are looked at anew in
        # the next step.
        slope = -(rows.T @ likelihood.residuals(rows @ weights)) / n + l2 * weights
        near = np.flatnonzero((weights != 0) | (np.abs(slope) > 0.8 * l1))
        if not near.size:
            return weights
        _, hessian = likelihood.derivatives(rows[:, near], rows @ weights)
        hessian = hessian / n + (l2 + 1e-10) * np.eye(near.size)
        target = weights.copy()
        target[near] = feature_sign(hessian, slope[near] - hessian @ weights[near], l1, weights[near])
        step, size = target - weights, 1.0
        if np.abs(step).max() < tolerance:
            return target
        while (trial := loss(weights + size * step)) > now + 1e-14 * abs(now) and size > 1e-8:
            size /= 2
        weights, now = weights + size * step, min(trial, now)
        if size <= 1e-8:
            break
    return weights


def feature_sign(hessian: np.ndarray, linear: np.ndarray, l1: float, start: np.ndarray) -> np.ndarray:
    """Minimise ½ wᵀHw + bᵀw + l1 ‖w‖₁ by feature-sign search (Lee et al. 2007, NIPS 19:801, algorithm 1).

    With fixed signs it is a linear system; a feature whose sign would turn stops at zero and leaves, and the
    one that breaks its bound most comes in.

    Parameters
    ----------
    hessian : (p, p) positive definite. linear : (p,). start : (p,) first guess.
    """
    w, signs = start.copy(), np.sign(start)
    for _ in range(50 * w.size + 100):
        active = np.flatnonzero(signs)
        if active.size:
            new = np.linalg.solve(hessian[np.ix_(active, active)], -(linear[active] + l1 * signs[active]))
            turned = new * signs[active] <= 0
            if turned.any():
                old = w[active]
                reach = np.where(turned, old / np.where(turned, old - new, 1.0), np.inf)
                first = int(np.argmin(reach))
                w[active] = old + reach[first] * (new - old)
                w[active[first]] = signs[active[first]] = 0.0
                continue
            w[active] = new
        slope = hessian @ w + linear
        over = np.where(signs == 0, np.abs(slope) - l1, 0.0)
        worst = int(np.argmax(over))
        if over[worst] <= 1e-12 * max(1.0, l1):
            return w
        signs[worst] = -np.sign(slope[worst])
    return w

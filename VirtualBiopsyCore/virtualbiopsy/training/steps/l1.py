"""Paths of L1-penalised linear models, from the empty one on.

loss(intercept + x · coefficients) / n + λ Σ |coefficient|, solved by weighted least squares around the last
solution (Friedman, Hastie & Tibshirani, J Stat Softw 2010;33(1)), each a LASSO that scikit-learn solves by
coordinate descent; Cox's by the Newton steps of :mod:`..survival.cox`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..dataset import MULTICLASS, SURVIVAL, Outcome
from ..survival.cox import lasso_path
from ..survival.likelihood import PartialLikelihood
from .base import needs_sklearn

ROUNDS = 100
LEAST_WEIGHT = 1e-5
SATURATED = 0.9
"""Share of the null deviance at which a path ends: what explains more has learnt the cases by heart."""

Solver = Callable[[np.ndarray, np.ndarray, float, np.ndarray], np.ndarray]


class Squared:
    """Half the mean squared difference from numbers (n,)."""

    def __init__(self, target: np.ndarray) -> None:
        self.target = target.astype(np.float64)[:, None]

    def value(self, score: np.ndarray) -> float:
        return float(0.5 * ((self.target - score) ** 2).mean())

    def residual(self, score: np.ndarray, k: int) -> np.ndarray:
        return (self.target - score)[:, 0]

    def curvature(self, score: np.ndarray, k: int) -> np.ndarray:
        """Of each case, (n,)."""
        return np.ones(len(score))

    def start(self) -> np.ndarray:
        return self.target.mean(axis=0)


class Logistic:
    """Mean negative log-likelihood of classes: one score for two, a score each (softmax) for more."""

    def __init__(self, labels: np.ndarray, classes: int) -> None:
        self.binary = classes == 2
        indicators = labels[:, None] == np.arange(classes)[None, :]
        self.target = (indicators[:, 1:] if self.binary else indicators).astype(np.float64)

    def value(self, score: np.ndarray) -> float:
        if self.binary:
            return float((np.logaddexp(0.0, score) - self.target * score).mean())
        top = score.max(axis=1)
        total = top + np.log(np.exp(score - top[:, None]).sum(axis=1))
        return float((total - (self.target * score).sum(axis=1)).mean())

    def residual(self, score: np.ndarray, k: int) -> np.ndarray:
        return self.target[:, k] - self._chance(score, k)

    def curvature(self, score: np.ndarray, k: int) -> np.ndarray:
        """Of each case, (n,)."""
        chance = self._chance(score, k)
        return chance * (1 - chance)

    def start(self) -> np.ndarray:
        share = np.clip(self.target.mean(axis=0), 1e-9, 1 - 1e-9)
        return np.log(share / (1 - share)) if self.binary else np.log(share) - np.log(share).mean()

    def _chance(self, score: np.ndarray, k: int) -> np.ndarray:
        if self.binary:
            return 1.0 / (1.0 + np.exp(-np.clip(score[:, 0], -700, 700)))
        part = np.exp(score - score.max(axis=1, keepdims=True))
        return part[:, k] / part.sum(axis=1)


class Cox:
    """Negative log partial likelihood (Efron's ties) divided by the number of cases.

    Its path is the one of LASSO-Cox, :func:`virtualbiopsy.training.survival.cox.lasso_path`.
    """

    def __init__(self, time: np.ndarray, event: np.ndarray) -> None:
        self.likelihood = PartialLikelihood(time, event)

    def value(self, score: np.ndarray) -> float:
        return -self.likelihood.log_likelihood(score[:, 0]) / self.likelihood.n

    def residual(self, score: np.ndarray, k: int) -> np.ndarray:
        return self.likelihood.residuals(score[:, 0])

    def start(self) -> np.ndarray:
        return np.zeros(1)


Loss = Squared | Logistic | Cox
"""A loss has value(score), its residual(score, k), which is minus the gradient by each case's score (n,), and
the score of the empty model start()."""


class Solution(NamedTuple):
    """intercept : (c,). coefficients : (p, c). score : (n, c) of the rows that it was found on."""

    intercept: np.ndarray
    coefficients: np.ndarray
    score: np.ndarray

    def of(self, x: np.ndarray) -> np.ndarray:
        """(n, c) scores of other rows (n, p)."""
        return self.intercept + x @ self.coefficients


@dataclass(frozen=True, eq=False)
class Path:
    """Solutions along the path.

    Attributes
    ----------
    penalties : (m,) falling λ. intercepts : (m, c). coefficients : (m, p, c); c is 1 but for several classes.
    """

    penalties: np.ndarray
    intercepts: np.ndarray
    coefficients: np.ndarray


def loss_of(outcome: Outcome, linear: bool = False) -> Loss:
    """The loss that goes with an outcome: Cox for survival, logistic for classes.

    Parameters
    ----------
    linear : squared differences from the class number instead, as for ordered classes.
    """
    if outcome.kind == SURVIVAL:
        return Cox(outcome.time, outcome.labels)
    if linear and outcome.kind != MULTICLASS:
        return Squared(outcome.labels)
    return Logistic(outcome.labels, max(len(outcome.classes), int(outcome.labels.max()) + 1))


def largest_penalty(x: np.ndarray, loss: Loss) -> float:
    """The smallest λ with which no column enters, for columns x (n, p)."""
    start = loss.start()
    score = np.broadcast_to(start, (len(x), start.size))
    return float(np.abs(_gradient(x - x.mean(axis=0), loss, score)).max())


def l1_path(x: np.ndarray, loss: Loss, penalties: np.ndarray, tolerance: float = 1e-5) -> Path:
    """Solve for all penalties, see :func:`walk`; shorter than asked for where the model is saturated."""
    found = list(walk(x, loss, penalties, tolerance))
    return Path(
        penalties[: len(found)],
        np.array([one.intercept for one in found]),
        np.array([one.coefficients for one in found]),
    )


def walk(x: np.ndarray, loss: Loss, penalties: np.ndarray, tolerance: float = 1e-5) -> Iterator[Solution]:
    """Yield the solutions for falling penalties, each found from the last, until the model is saturated.

    Parameters
    ----------
    x : (n, p) columns of like spread. penalties : (m,) falling.
    tolerance : largest relative step of a score at which a solution counts as found.
    """
    start = loss.start()
    empty = Solution(start, np.zeros((x.shape[1], start.size)), np.tile(start, (len(x), 1)))
    null = loss.value(empty.score)
    steps = _cox_steps if isinstance(loss, Cox) else _steps
    for now in steps(x, loss, penalties, empty, tolerance):
        yield now
        if loss.value(now.score) < (1 - SATURATED) * null:
            return


def _cox_steps(
    x: np.ndarray, loss: Cox, penalties: np.ndarray, empty: Solution, tolerance: float
) -> Iterator[Solution]:
    for weights in lasso_path(x, loss.likelihood, penalties, tolerance=tolerance):
        yield Solution(empty.intercept, weights[:, None], (x @ weights)[:, None])


def _steps(
    x: np.ndarray, loss: Squared | Logistic, penalties: np.ndarray, now: Solution, tolerance: float
) -> Iterator[Solution]:
    solve = _solver(tolerance)
    last = max(largest_penalty(x, loss), float(penalties[0]))
    for penalty in penalties:
        now = _at(x, loss, float(penalty), last, now, solve, tolerance)
        last = float(penalty)
        yield now


def _at(
    x: np.ndarray,
    loss: Squared | Logistic,
    penalty: float,
    last: float,
    now: Solution,
    solve: Solver,
    tolerance: float,
) -> Solution:
    """One solution; columns that cannot enter are left out and looked at again at the end."""
    intercept, coefficients, score = now.intercept.copy(), now.coefficients.copy(), now.score
    # The strong rule: Tibshirani et al., J R Stat Soc B 2012;74:245, section 6.
    active = (np.abs(_gradient(x, loss, score)) >= 2 * penalty - last).any(axis=1)
    active |= (coefficients != 0).any(axis=1)
    while True:
        at = np.flatnonzero(active)
        part = np.asfortranarray(x[:, at])
        for _ in range(ROUNDS):
            before = score
            for k in range(intercept.size):
                weight = np.maximum(loss.curvature(score, k), LEAST_WEIGHT)
                target = score[:, k] + loss.residual(score, k) / weight
                middle = weight @ part / weight.sum()
                centre = weight @ target / weight.sum()
                root = np.sqrt(weight)
                own = coefficients[at, k]
                if at.size:
                    own = solve((part - middle) * root[:, None], (target - centre) * root, penalty, own)
                coefficients[at, k] = own
                intercept[k] = centre - middle @ own
                score = score.copy()
                score[:, k] = intercept[k] + part @ own
            if np.abs(score - before).max() < tolerance * max(1.0, np.abs(score).max()):
                break
        missed = (np.abs(_gradient(x, loss, score)) > penalty * (1 + 1e-6) + tolerance).any(axis=1) & ~active
        if not missed.any():
            return Solution(intercept, coefficients, score)
        active |= missed


def _gradient(x: np.ndarray, loss: Loss, score: np.ndarray) -> np.ndarray:
    """(p, c) minus the gradient of the loss."""
    return x.T @ np.column_stack([loss.residual(score, k) for k in range(score.shape[1])]) / len(x)


def _solver(tolerance: float) -> Solver:
    """LASSO of centred columns: minimises |y − x b|² / 2n + λ |b|."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import lasso_path
    except ImportError as error:
        raise needs_sklearn(error) from error

    def solve(x: np.ndarray, y: np.ndarray, penalty: float, start: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, found, _ = lasso_path(
                np.asfortranarray(x),
                y,
                alphas=[penalty],
                coef_init=start,
                precompute=False,
                tol=min(tolerance**1.5, 1e-6),
                max_iter=2000,
            )
        return found[:, 0]

    return solve

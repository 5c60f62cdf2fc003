"""Class-conditional conformal prediction on held-out log-odds.

For each class y the p-value of a case is the share of calibration cases of that class, the case itself
included, that fit the class no better than it does (Vovk, Gammerman and Shafer, Algorithmic Learning in a
Random World, 2005, section 4.5: "Mondrian"). Classes with a p-value above alpha cannot be ruled out. For
cases exchangeable with the calibration cases of their class, the true class is left out with a probability of
at most alpha, in each class and not only on average.

The bundled training uses log-odds of cross-validation, each from a fit that had not seen the case ("cross-
conformal", Vovk, Ann Math Artif Intell 2015;74:9): the guarantee is then approximate, and the figures of
the test suite show how close it comes.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import VirtualBiopsyError
from ..models.radmodel import RadModel
from .model import ConformalSet

ALPHA = 0.10
"""Tolerated error for each class: with 10 % a class needs 9 calibration cases before it can be ruled out, and
the demonstration models, with AUC near 0.8, still give a single answer for a good part of the cases."""


def p_value(known: np.ndarray, own: float) -> float:
    """Share of scores (n,), the own one counted with them, that are at least as strange as the own one."""
    return (int((np.asarray(known) >= own).sum()) + 1) / (np.size(known) + 1)


def conformal_set(log_odds: np.ndarray, labels: np.ndarray, own: float, alpha: float = ALPHA) -> ConformalSet:
    """Return the classes that cannot be ruled out at `alpha`.

    Parameters
    ----------
    log_odds, labels : (n,) held-out log-odds and labels, 1 for the positive class ("high").
    own : log-odds of the case, from the model whose training cases these are.
    alpha : tolerated error for each class.

    Raises
    ------
    VirtualBiopsyError : alpha is not below 1, or below 1 / (n + 1) for the n cases of a class, where no value
        could ever rule that class out.
    """
    log_odds, positive = np.asarray(log_odds, dtype=np.float64), np.asarray(labels) > 0
    high, low = log_odds[positive], log_odds[~positive]
    for name, scores in (("high", high), ("low", low)):
        if not 1 / (scores.size + 1) <= alpha < 1:
            raise VirtualBiopsyError(
                f"An error of {alpha:g} cannot be held with {scores.size} calibration cases of the class "
                f"“{name}”: the smallest possible is {1 / (scores.size + 1):.3g}.",
                "Choose a larger alpha, or more calibration cases.",
            )
    p_high, p_low = p_value(-high, -own), p_value(low, own)
    labels_left = tuple(name for name, p in (("high", p_high), ("low", p_low)) if p > alpha)
    return ConformalSet(labels_left, p_high, p_low, alpha, (low.size, high.size), _caveat(low, high, alpha))


def model_set(model: RadModel, own: float, alpha: float = ALPHA) -> ConformalSet | None:
    """The conformal answer of a model for log-odds `own`; None without scores, or with too few of a class."""
    if not model.conformal_scores:
        return None
    log_odds, labels = model.conformal_scores
    counts = np.bincount(np.asarray(labels, dtype=int), minlength=2)
    if 1 / (counts.min() + 1) > alpha:
        return None
    return conformal_set(log_odds, labels, own, alpha)


def coverage_interval(n: int, alpha: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of the coverage that one calibration set of n cases gives, over calibration sets.

    The coverage given the calibration set is Beta(n + 1 − l, l) distributed with l = ⌊alpha (n + 1)⌋ for
    scores without ties (Vovk, ACML 2012, "Conditional validity of inductive conformal predictors",
    proposition 2a; Angelopoulos and Bates 2021, section 3.2).

    Raises
    ------
    VirtualBiopsyError : alpha is below 1 / (n + 1).
    """
    from scipy.special import betaincinv

    ruled_out = math.floor(alpha * (n + 1) + 1e-9)
    if ruled_out < 1:
        raise VirtualBiopsyError(
            f"An error of {alpha:g} cannot be held with {n} calibration cases.", "Choose a larger alpha."
        )
    tail = (1 - level) / 2
    a, b = n + 1 - ruled_out, ruled_out
    return float(betaincinv(a, b, tail)), float(betaincinv(a, b, 1 - tail))


def _caveat(low: np.ndarray, high: np.ndarray, alpha: float) -> str:
    spans = []
    for name, scores in (("high", high), ("low", low)):
        least, most = coverage_interval(scores.size, alpha)
        spans.append(f"{100 * least:.0f}–{100 * most:.0f} % for “{name}” ({scores.size} cases)")
    return (
        f"Of cases like the training ones about {100 * (1 - alpha):.0f} % of each class keep their true "
        f"class in the answer; with so few calibration cases the real share is {' and '.join(spans)}, "
        "95 % interval. It says nothing about cases that are unlike the training ones."
    )

"""How well single columns go with the outcome."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from ...errors import TrainingError
from ..dataset import BINARY, SURVIVAL, Outcome
from .base import needs_sklearn
from .nullmodel import cox_score_test, martingale_residuals


class Scored(NamedTuple):
    """score : (c,), the higher the better, NaN for a constant column. p : (c,), None where there is none."""

    score: np.ndarray
    p: np.ndarray | None


def f_test(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """F of a one-way analysis of variance over the classes; for survival the Cox score test."""
    if outcome.kind == SURVIVAL:
        found = cox_score_test(values, outcome.time, outcome.labels)
        return Scored(found, stats.chi2.sf(found, 1))
    try:
        from sklearn.feature_selection import f_classif
    except ImportError as error:
        raise needs_sklearn(error) from error
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")
        score, p = f_classif(values, outcome.labels)
    flat = np.ptp(values, axis=0) == 0
    return Scored(np.where(flat, np.nan, score), np.where(flat, 1.0, p))


def mutual_information(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """Mutual information in nats by nearest neighbours (Ross, PLoS ONE 2014;9:e87357).

    For survival with the martingale residuals of the null model.
    """
    try:
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
    except ImportError as error:
        raise needs_sklearn(error) from error
    seed = int(rng.integers(2**31))
    if outcome.kind == SURVIVAL:
        target = martingale_residuals(outcome.time, outcome.labels)
        return Scored(mutual_info_regression(values, target, random_state=seed), None)
    return Scored(mutual_info_classif(values, outcome.labels, random_state=seed), None)


def mann_whitney(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """|2 AUC − 1| and p of the Mann–Whitney test for two classes."""
    if outcome.kind != BINARY:
        raise TrainingError("The Mann–Whitney test needs two classes.", 'Use "kruskal" or "f_test".')
    positive = outcome.labels > 0
    found = stats.mannwhitneyu(values[positive], values[~positive], axis=0, method="asymptotic")
    pairs = positive.sum() * (~positive).sum()
    return Scored(np.abs(2 * found.statistic / pairs - 1), np.nan_to_num(found.pvalue, nan=1.0))


def kruskal(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """H and p of the Kruskal–Wallis test over the classes."""
    _classes_only("Kruskal–Wallis test", outcome)
    flat = np.ptp(values, axis=0) == 0
    score, p = np.full(values.shape[1], np.nan), np.ones(values.shape[1])
    groups = [values[outcome.labels == one][:, ~flat] for one in np.unique(outcome.labels)]
    if not flat.all():
        score[~flat], p[~flat] = stats.kruskal(*groups, axis=0)
    return Scored(score, p)


def t_test(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """|t| and p of Welch's test for two classes."""
    if outcome.kind != BINARY:
        raise TrainingError("The t test needs two classes.", 'Use "f_test".')
    positive = outcome.labels > 0
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")
        found = stats.ttest_ind(values[positive], values[~positive], axis=0, equal_var=False)
    return Scored(np.abs(found.statistic), np.nan_to_num(found.pvalue, nan=1.0))


def spearman(values: np.ndarray, outcome: Outcome, rng: np.random.Generator) -> Scored:
    """|rank correlation| with the class number, for survival with the martingale residuals."""
    target = outcome.labels
    if outcome.kind == SURVIVAL:
        target = martingale_residuals(outcome.time, outcome.labels)
    ranks, own = stats.rankdata(values, axis=0), stats.rankdata(target)
    ranks, own = ranks - ranks.mean(axis=0), own - own.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = own @ ranks / np.sqrt((own**2).sum() * (ranks**2).sum(axis=0))
        freedom = own.size - 2
        t = rho * np.sqrt(freedom / np.maximum(1 - rho**2, 1e-300))
    return Scored(np.abs(rho), np.nan_to_num(2 * stats.t.sf(np.abs(t), freedom), nan=1.0))


SCORES: dict[str, Callable[[np.ndarray, Outcome, np.random.Generator], Scored]] = {
    "f_test": f_test,
    "mutual_information": mutual_information,
    "mann_whitney": mann_whitney,
    "kruskal": kruskal,
    "t_test": t_test,
    "spearman": spearman,
}


def _classes_only(name: str, outcome: Outcome) -> None:
    if outcome.kind == SURVIVAL:
        raise TrainingError(f"The {name} needs classes, not survival.", 'Use "f_test", the Cox score test.')

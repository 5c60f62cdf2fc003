"""Keep columns that go with the outcome and not with each other.

Peng, Long & Ding, IEEE Trans Pattern Anal Mach Intell 2005;27:1226 (criteria MID and MIQ on three levels);
Ding & Peng, J Bioinform Comput Biol 2005;3:185 (F test with correlation: FCD and FCQ).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import SURVIVAL, Dataset, Outcome
from .base import KEEP, Selection, complete, may_go, one_of, select, varied
from .correlation import correlations
from .scores import f_test

LEAST = 1e-3
"""Redundancy below this counts as this in quotients, so that no column wins by a division by nothing."""


@dataclass(frozen=True)
class Mrmr:
    """Minimum redundancy, maximum relevance.

    Attributes
    ----------
    k : how many columns.
    measure : "correlation" (relevance: correlation ratio with the classes, for survival the root of the Cox
        score statistic per event; redundancy: mean absolute Pearson correlation), "f_test" (relevance: F or
        the Cox score statistic itself) or "mutual_information" (both, values cut at mean ± `cut` standard
        deviations; not for survival).
    scheme : "difference" or "quotient" of relevance and redundancy. With "f_test" the quotient is meant: F
        has another unit than a correlation.
    cut : see above.
    keep : beginnings of names that always stay; they are not compared.
    """

    k: int = 10
    measure: str = "correlation"
    scheme: str = "difference"
    cut: float = 0.5
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("mrmr", "measure", self.measure, ("correlation", "f_test", "mutual_information"))
        one_of("mrmr", "scheme", self.scheme, ("quotient", "difference"))
        if self.k < 1:
            raise TrainingError('The step "mrmr" needs k of 1 or more.')

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data; the score of a chosen column is k for the first, 1 for the last, else 0.

        Raises
        ------
        TrainingError : gaps, a constant outcome, or mutual information asked for survival.
        """
        candidates = may_go(data, self.keep)
        values = complete(data, candidates, "mrmr")
        outcome = varied(data.outcome, "mrmr")
        if self.measure != "mutual_information":
            relevance = f_test(values, outcome, rng).score
            if self.measure == "correlation":
                relevance = _as_correlation(relevance, outcome)
            order = greedy(relevance, correlations(values), self.k, self.scheme)
        else:
            relevance, redundancy = _informations(values, outcome, self.cut)
            order = greedy(relevance, redundancy, self.k, self.scheme)
        rank = np.zeros(values.shape[1])
        rank[order] = np.arange(len(order), 0, -1)
        how = f"by mRMR ({self.measure.replace('_', ' ')}, {self.scheme})"
        return select(data, candidates, rank > 0, rank, how)


def greedy(relevance: np.ndarray, redundancy: np.ndarray, k: int, scheme: str) -> list[int]:
    """Columns in the order in which they are chosen.

    Parameters
    ----------
    relevance : (p,), NaN for columns that are never chosen. redundancy : (p, p).
    scheme : relevance divided by, or less, the mean redundancy with those chosen before.
    """
    left = ~np.isnan(relevance)
    chosen: list[int] = []
    total = np.zeros(relevance.size)
    while len(chosen) < min(k, relevance.size) and left.any():
        merit = relevance
        if chosen:
            mean = total / len(chosen)
            quotient = relevance / np.maximum(mean, LEAST)
            merit = quotient if scheme == "quotient" else relevance - mean
        j = int(np.argmax(np.where(left, merit, -np.inf)))
        chosen.append(j)
        left[j] = False
        total += redundancy[j]
    return chosen


def _as_correlation(statistic: np.ndarray, outcome: Outcome) -> np.ndarray:
    """(p,) between 0 and 1: correlation ratio from F; for survival √(χ² / events), at most 1."""
    if outcome.kind == SURVIVAL:
        return np.minimum(np.sqrt(statistic / outcome.labels.sum()), 1.0)
    classes = np.unique(outcome.labels).size
    explained = statistic * (classes - 1)
    with np.errstate(invalid="ignore"):
        ratio = np.sqrt(explained / (explained + outcome.labels.size - classes))
    return np.where(np.isposinf(statistic), 1.0, ratio)


def three_levels(values: np.ndarray, cut: float) -> np.ndarray:
    """(n, p) int 0, 1, 2: below, within, above mean ± cut standard deviations."""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    return (values > mean - cut * spread).astype(int) + (values > mean + cut * spread).astype(int)


def _informations(values: np.ndarray, outcome: Outcome, cut: float) -> tuple[np.ndarray, np.ndarray]:
    """Mutual information in nats of each column with the classes (p,) and of all pairs (p, p)."""
    if outcome.kind == SURVIVAL:
        raise TrainingError(
            "mRMR by mutual information needs classes, not survival.", 'Set measure to "f_test".'
        )
    levels = three_levels(values, cut)
    indicators = [(levels == level).astype(np.float64) for level in range(3)]
    classes = [(outcome.labels == one).astype(np.float64)[:, None] for one in np.unique(outcome.labels)]
    return _information(indicators, classes)[:, 0], _information(indicators, indicators)


def _information(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    """(p, q) of indicator columns: lists over the levels of (n, p) and (n, q)."""
    n = first[0].shape[0]
    total = np.zeros((first[0].shape[1], second[0].shape[1]))
    for a in first:
        for b in second:
            joint = a.T @ b / n
            apart = a.mean(axis=0)[:, None] * b.mean(axis=0)[None, :]
            with np.errstate(divide="ignore", invalid="ignore"):
                total += np.where(joint > 0, joint * np.log(joint / apart), 0.0)
    return np.maximum(total, 0.0)

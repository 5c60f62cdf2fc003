"""Of columns that say the same, keep one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ..dataset import Dataset
from .base import KEEP, Selection, complete, may_go, one_of, select, varied
from .scores import f_test


@dataclass(frozen=True)
class Correlation:
    """Which columns are kept.

    Attributes
    ----------
    threshold : of two columns with a stronger correlation one is left out.
    method : "spearman" or "pearson".
    prefer : which one stays: "first" in the table, "independent" (lowest mean correlation with all others) or
        "outcome" (the higher F test; the only one that looks at the outcome).
    keep : beginnings of names that always stay and are not compared.
    """

    threshold: float = 0.9
    method: str = "spearman"
    prefer: str = "independent"
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("correlation", "method", self.method, ("spearman", "pearson"))
        one_of("correlation", "prefer", self.prefer, ("first", "independent", "outcome"))

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data: columns in order of preference, each kept unless one kept before is too like.

        Raises
        ------
        TrainingError : gaps, or a constant outcome where it is looked at.
        """
        candidates = may_go(data, self.keep)
        values = complete(data, candidates, "correlation")
        alike = correlations(values, self.method)
        count = values.shape[1]
        if self.prefer == "outcome":
            merit = f_test(values, varied(data.outcome, "correlation"), rng).score
        elif self.prefer == "independent":
            merit = -(alike.sum(axis=0) - 1) / max(count - 1, 1)
        else:
            merit = -np.arange(count, dtype=np.float64)
        order = np.argsort(-np.where(np.isnan(merit), -np.inf, merit), kind="stable")
        chosen = np.zeros(count, dtype=bool)
        blocked = np.zeros(count, dtype=bool)
        for j in order:
            if not blocked[j]:
                chosen[j] = True
                blocked |= alike[j] > self.threshold
        how = f"with no {self.method.title()} correlation above {self.threshold:g} among them"
        return select(data, candidates, chosen, merit, how)


def correlations(values: np.ndarray, method: str = "pearson") -> np.ndarray:
    """(p, p) absolute correlations of columns (n, p); 0 with a constant column, 1 with itself."""
    ranked = rankdata(values, axis=0) if method == "spearman" else values
    flat = np.ptp(ranked, axis=0) == 0
    centred = ranked - ranked.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.where(flat, 0.0, centred / np.where(flat | (length == 0), 1.0, length))
    found = np.minimum(np.abs(unit.T @ unit), 1.0)
    np.fill_diagonal(found, 1.0)
    return found

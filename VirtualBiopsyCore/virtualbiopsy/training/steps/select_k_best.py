"""Keep the columns that go best with the outcome, each looked at alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from ...errors import TrainingError
from ..dataset import Dataset
from .base import KEEP, Selection, best, complete, may_go, one_of, select, varied
from .scores import SCORES


@dataclass(frozen=True)
class SelectKBest:
    """Which columns are kept.

    Attributes
    ----------
    score : "f_test", "mutual_information", "mann_whitney", "kruskal", "t_test" or "spearman"; see
        :mod:`virtualbiopsy.training.steps.scores` for what they mean for survival.
    k : how many; 0 for as many as reach `p_below`.
    p_below : only columns with a p value below this; None for no limit.
    corrected : whether p values are corrected for their number (Benjamini & Hochberg 1995).
    keep : beginnings of names that always stay.
    """

    score: str = "f_test"
    k: int = 10
    p_below: float | None = None
    corrected: bool = False
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("select_k_best", "score", self.score, tuple(SCORES))
        if self.k < 0 or (self.k == 0 and self.p_below is None):
            raise TrainingError('The step "select_k_best" needs k of 1 or more, or p_below.')

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data.

        Raises
        ------
        TrainingError : gaps, a constant outcome, a score that the outcome does not allow, nothing remains.
        """
        candidates = may_go(data, self.keep)
        values = complete(data, candidates, "select_k_best")
        found = SCORES[self.score](values, varied(data.outcome, "select_k_best"), rng)
        # Of a constant column some tests see what rounding makes of it.
        allowed = ~np.isnan(found.score) & (np.ptp(values, axis=0) > 0)
        how = f"by {self.score.replace('_', ' ')}"
        if self.p_below is not None:
            if found.p is None:
                raise TrainingError(f'The score "{self.score}" has no p value.', "Leave out p_below.")
            p = false_discovery_control(found.p) if self.corrected else found.p
            allowed &= p < self.p_below
            how += f", p < {self.p_below:g}" + (" (false discovery rate)" if self.corrected else "")
        limited = np.where(allowed, found.score, np.nan)
        chosen = best(limited, self.k or limited.size)
        return select(data, candidates, chosen, found.score, how)

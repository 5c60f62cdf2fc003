"""Risk groups: cuts found on training scores, applied to any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError

NAMES = {
    2: ("low risk", "high risk"),
    3: ("low risk", "intermediate risk", "high risk"),
    4: ("low risk", "lower intermediate risk", "higher intermediate risk", "high risk"),
}


@dataclass(frozen=True)
class RiskGroups:
    """Names from low to high and the scores between them; a score on a cut is in the higher group."""

    names: tuple[str, ...]
    cuts: tuple[float, ...]

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Group number (n,) of scores (n,)."""
        return np.searchsorted(self.cuts, scores, side="right")


def risk_groups(scores: np.ndarray, groups: int = 2) -> RiskGroups:
    """Cut training scores into groups of equal size (median, tertiles, quartiles).

    The cuts look at scores only. A cut that is searched for the smallest p of a log-rank test overstates the
    difference (Altman et al. 1994, J Natl Cancer Inst 86:829) and is not offered.

    Raises
    ------
    TrainingError : another number of groups than 2 to 4, or too few different scores.
    """
    if groups not in NAMES:
        raise TrainingError(f"{groups} risk groups were asked for; there are 2 to 4.")
    cuts = np.quantile(np.asarray(scores, dtype=np.float64), np.arange(1, groups) / groups)
    if (np.diff(cuts) <= 0).any() or not np.min(scores) < cuts[0] <= np.max(scores):
        raise TrainingError(f"The scores are too alike to be cut into {groups} risk groups.")
    return RiskGroups(NAMES[groups], tuple(cuts.tolist()))

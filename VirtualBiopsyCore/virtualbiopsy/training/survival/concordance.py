"""Harrell's C: how often the case with the higher score has the event earlier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .likelihood import checked


@dataclass(frozen=True)
class Concordance:
    """Harrell's C and what it was counted from; value is NaN without comparable pairs."""

    value: float
    concordant: float
    discordant: float
    tied: float

    @property
    def pairs(self) -> float:
        return self.concordant + self.discordant + self.tied


def concordance(
    time: np.ndarray, event: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None
) -> Concordance:
    """Return Harrell's C (Harrell et al. 1996, Stat Med 15:361, section 5.5).

    A pair is comparable if the shorter time ends in an event; at equal times if exactly one of them does,
    which then counts as the earlier. Equal scores count one half.

    Parameters
    ----------
    score : (n,) higher means earlier. weights : (n,) how often each case counts (bootstrap); a pair counts
        their product.

    Raises
    ------
    TrainingError : times or event marks that are no follow-up.
    """
    time, event = checked(time, event)
    score = np.asarray(score, dtype=np.float64)
    count = np.ones(time.size) if weights is None else np.asarray(weights, dtype=np.float64)
    higher = lower = tied = 0.0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & (event == 0))
        mass = count * later
        higher += count[i] * float(mass[score < score[i]].sum())
        lower += count[i] * float(mass[score > score[i]].sum())
        tied += count[i] * float(mass[score == score[i]].sum())
    total = higher + lower + tied
    return Concordance((higher + tied / 2) / total if total else float("nan"), higher, lower, tied)

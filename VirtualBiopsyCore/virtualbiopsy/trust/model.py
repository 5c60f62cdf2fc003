"""How much a probability moves when the outline moves a little."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stability:
    """Probability of one model over variants of the outline.

    Attributes
    ----------
    model_id : the model.
    variants : number of outlines tried, the user's own included.
    low, high : smallest and largest probability.
    flips : number of variants on the other side of the model's threshold.
    """

    model_id: str
    variants: int
    low: float
    high: float
    flips: int

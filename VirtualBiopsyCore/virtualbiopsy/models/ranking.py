"""How well a model ranks cases that it had not seen: AUC or concordance, by its own validation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .radmodel import RadModel

FIGURES = {"auc": "AUC", "mean_auc": "mean AUC", "concordance": "concordance"}
CHANCE = 0.5


@dataclass(frozen=True)
class Ranking:
    """A figure of merit between 0 and 1 with its 95 % interval; NaN where none is known."""

    name: str
    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """For example "0.81 (95 % CI 0.72–0.89)"."""
        if math.isnan(self.low) or math.isnan(self.high):
            return f"{self.value:.2f}"
        return f"{self.value:.2f} (95 % CI {self.low:.2f}–{self.high:.2f})"

    @property
    def may_be_chance(self) -> bool:
        """The interval reaches down to one half, which guessing gives."""
        return self.low <= CHANCE


def ranking_of(model: RadModel) -> Ranking | None:
    """The figure that a model states; None without."""
    for key, name in FIGURES.items():
        if found := model.metrics.get(key):
            return Ranking(name, found["value"], found.get("low", math.nan), found.get("high", math.nan))
    return None

"""Leave out columns that hardly vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset
from .base import KEEP, Selection, may_go, one_of, select


@dataclass(frozen=True)
class Variance:
    """Which columns vary enough; the outcome is not looked at.

    Attributes
    ----------
    threshold : a column stays if its variance (divisor n) is above this.
    of : "values", or "range" for the variance after scaling to 0…1, which has no unit.
    keep : beginnings of names that always stay.
    """

    threshold: float = 0.0
    of: str = "values"
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("variance", "of", self.of, ("values", "range"))

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data; gaps are left out.

        Raises
        ------
        TrainingError : no column varies enough.
        """
        candidates = may_go(data, self.keep)
        values = data.values[:, candidates]
        known = np.isfinite(values)
        found = np.zeros(values.shape[1])
        some = known.any(axis=0)
        part = np.where(known, values, np.nan)[:, some]
        low, high = np.nanmin(part, axis=0), np.nanmax(part, axis=0)
        span = np.where(high > low, high - low, 1.0)
        # The variance of a constant column must be 0 and not what rounding makes of it.
        unit = span if self.of == "range" else 1.0
        found[some] = np.where(high > low, np.nanvar((part - low) / unit, axis=0), 0.0)
        named = "variance of the values in 0…1" if self.of == "range" else "variance"
        return select(
            data, candidates, found > self.threshold, found, f"with a {named} above {self.threshold:g}"
        )

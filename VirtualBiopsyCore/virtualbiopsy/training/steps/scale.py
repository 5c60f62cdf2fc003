"""Bring columns to one scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..dataset import Dataset
from .base import one_of

KINDS = ("zscore", "robust", "minmax")


@dataclass(frozen=True)
class Scale:
    """How columns are scaled.

    Attributes
    ----------
    kind : "zscore" (mean, standard deviation with divisor n), "robust" (median, interquartile range) or
        "minmax" (lowest value, range). A column without spread is only shifted.
    clip : scaled values are cut at ± clip; None for no cut.
    """

    kind: str = "zscore"
    clip: float | None = None

    def __post_init__(self) -> None:
        one_of("scale", "kind", self.kind, KINDS)

    def fit(self, data: Dataset, rng: np.random.Generator) -> FittedScale:
        """Fit on training data; gaps are left out."""
        values = data.values
        if self.kind == "zscore":
            middle, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        elif self.kind == "robust":
            low, middle, high = np.nanpercentile(values, [25, 50, 75], axis=0)
            spread = high - low
        else:
            middle = np.nanmin(values, axis=0)
            spread = np.nanmax(values, axis=0) - middle
        # What rounding makes of a constant column is no spread.
        flat = ~(spread > 1e-12 * np.maximum(np.abs(middle), 1e-300))
        told = f"Scaled {values.shape[1]} columns ({self.kind}"
        told += f", cut at ± {self.clip:g})" if self.clip is not None else ")"
        told += f"; {int(flat.sum())} have no spread." if flat.any() else "."
        return FittedScale(data.columns, told, middle, np.where(flat, 1.0, spread), self.clip)


@dataclass(frozen=True, eq=False)
class FittedScale:
    """scaled = (value − mean) / scale, cut at ± clip.

    Attributes
    ----------
    columns, told : as for every step. mean, scale : (p,), mean is the median or the lowest value for
        the other kinds. clip : None for no cut.
    """

    columns: tuple[str, ...]
    told: str
    mean: np.ndarray
    scale: np.ndarray
    clip: float | None = None

    def apply(self, data: Dataset) -> Dataset:
        """The data scaled."""
        data = data.features(self.columns)
        scaled = (data.values - self.mean) / self.scale
        return replace(data, values=scaled if self.clip is None else np.clip(scaled, -self.clip, self.clip))

"""Fill gaps with what the training cases have there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset
from .base import needs_sklearn, one_of

STRATEGIES = ("mean", "median", "most_frequent", "constant", "knn")


@dataclass(frozen=True)
class Impute:
    """How gaps are filled.

    Attributes
    ----------
    strategy : "mean", "median", "most_frequent" (the lowest of the commonest values), "constant", or "knn"
        (mean of the nearest training cases by the columns that both have, in units of the spread).
    max_missing : share of gaps above which a column is left out; one without any value always is.
    fill : the value for "constant". neighbours : for "knn".
    """

    strategy: str = "mean"
    max_missing: float = 1.0
    fill: float = 0.0
    neighbours: int = 5

    def __post_init__(self) -> None:
        one_of("impute", "strategy", self.strategy, STRATEGIES)

    def fit(self, data: Dataset, rng: np.random.Generator) -> FittedImpute:
        """Fit on training data.

        Raises
        ------
        TrainingError : no column has values.
        """
        gaps = ~np.isfinite(data.values)
        stays = (gaps.mean(axis=0) <= self.max_missing) & ~gaps.all(axis=0)
        if not stays.any():
            raise TrainingError("No column has enough values.", "Check the table of features.")
        columns = tuple(np.array(data.columns, dtype=object)[stays].tolist())
        values = np.where(gaps, np.nan, data.values)[:, stays]
        fills = self._fills(values)
        told = f"Filled {int(gaps[:, stays].sum())} gaps by {self.strategy}"
        told += f" of {self.neighbours} neighbours" if self.strategy == "knn" else ""
        told += f"; left out {int((~stays).sum())} columns with too many gaps." if not stays.all() else "."
        near = self._neighbours(values) if self.strategy == "knn" else None
        return FittedImpute(columns, told, dict(zip(columns, fills.tolist(), strict=True)), near)

    def _fills(self, values: np.ndarray) -> np.ndarray:
        if self.strategy == "median":
            return np.nanmedian(values, axis=0)
        if self.strategy == "constant":
            return np.full(values.shape[1], float(self.fill))
        if self.strategy == "most_frequent":
            return np.array([_commonest(column) for column in values.T])
        return np.nanmean(values, axis=0)

    def _neighbours(self, values: np.ndarray) -> tuple[Any, np.ndarray]:
        try:
            from sklearn.impute import KNNImputer
        except ImportError as error:
            raise needs_sklearn(error) from error
        spread = np.nanstd(values, axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        return KNNImputer(n_neighbors=self.neighbours).fit(values / spread), spread


@dataclass(frozen=True, eq=False)
class FittedImpute:
    """Filling after its fit.

    Attributes
    ----------
    columns, told : as for every step.
    values : what fills a gap, by column; for "knn" the training mean, which a single row can use, too.
    """

    columns: tuple[str, ...]
    told: str
    values: Mapping[str, float]
    _near: tuple[Any, np.ndarray] | None = None

    def apply(self, data: Dataset) -> Dataset:
        """The data without gaps."""
        data = data.features(self.columns)
        values = np.where(np.isfinite(data.values), data.values, np.nan)
        if self._near is not None and values.size:
            imputer, spread = self._near
            values = np.where(np.isnan(values), imputer.transform(values / spread) * spread, values)
        fills = np.array([self.values[name] for name in self.columns])
        return replace(data, values=np.where(np.isnan(values), fills, values))


def _commonest(column: np.ndarray) -> float:
    found, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    return float(found[np.argmax(counts)])

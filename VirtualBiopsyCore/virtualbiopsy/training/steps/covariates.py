"""Covariates of a harmonisation as numbers: what batches differ in that must not be taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset


@dataclass(frozen=True, eq=False)
class Covariate:
    """One covariate and how it becomes numbers.

    Attributes
    ----------
    name : column or subgroup. levels : its values; all but the first have an indicator; () for a number.
    filled : (c,) what stands in where it is unknown or a level was not seen, the training mean.
    """

    name: str
    levels: tuple[str, ...]
    filled: np.ndarray

    def encode(self, data: Dataset) -> np.ndarray:
        """(n, c) numbers.

        Raises
        ------
        TrainingError : the data lack it.
        """
        values = covariate_values(data, self.name)
        return _encode(values, self.levels, self.filled)


def covariate_values(data: Dataset, name: str) -> np.ndarray:
    """(n,) values of a column or of a subgroup.

    Raises
    ------
    TrainingError : there is none of this name, or it is the outcome.
    """
    if name == data.outcome.name:
        raise TrainingError(
            f"The covariate {name} is the outcome; a new case does not have it.",
            "Harmonise without it: protecting the outcome leaks it into the features.",
        )
    if name in data.columns:
        return data.values[:, data.columns.index(name)]
    if name in data.subgroups:
        return np.asarray(data.subgroups[name])
    raise TrainingError(
        f"The covariate {name} is neither a column nor a subgroup.",
        f"Subgroups are: {', '.join(data.subgroups) or 'none'}.",
    )


def fit_covariate(data: Dataset, name: str, categorical: Sequence[str]) -> Covariate:
    """Learn levels and means from training data.

    Parameters
    ----------
    categorical : names of numeric covariates whose values are classes; text always is.

    Raises
    ------
    TrainingError : the covariate is the outcome, absent, or unknown in all cases.
    """
    values = covariate_values(data, name)
    labels = data.outcome.labels
    if np.issubdtype(values.dtype, np.number):
        known = np.isfinite(values)
        if known.all() and np.unique(values).size > 1 and np.array_equal(values, labels):
            raise TrainingError(
                f"The covariate {name} equals the outcome in every case; that leaks it into the features.",
                "Harmonise without it.",
            )
    else:
        known = values.astype(str) != ""
    if not known.any():
        raise TrainingError(f"The covariate {name} is unknown in all training cases.", "Leave it out.")
    if np.issubdtype(values.dtype, np.number) and name not in categorical:
        return Covariate(name, (), np.array([values[known].mean()]))
    levels = tuple(np.unique(values[known].astype(str)).tolist())
    indicators = values[known].astype(str)[:, None] == np.array(levels[1:])[None, :]
    return Covariate(name, levels, indicators.mean(axis=0))


def _encode(values: np.ndarray, levels: tuple[str, ...], filled: np.ndarray) -> np.ndarray:
    if not levels:
        numbers = values.astype(np.float64)[:, None]
        return np.where(np.isfinite(numbers), numbers, filled)
    text = values.astype(str)
    indicators = (text[:, None] == np.array(levels[1:])[None, :]).astype(np.float64)
    return np.where(np.isin(text, levels)[:, None], indicators, filled)

"""Leave out columns that another measurement of the same case would not reproduce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset
from .base import KEEP, Selection, may_go, one_of, select
from .icc import FORMS, icc
from .repeats import read_repeats


@dataclass(frozen=True)
class IccFilter:
    """Which columns are reproducible; the outcome is not looked at.

    The measurements are those that the data carry (:class:`virtualbiopsy.training.dataset.Repeats`), so only
    those of training cases; or those of a table.

    Attributes
    ----------
    form : "1,1", "2,1" or "3,1". threshold : a column stays if its ICC reaches this.
    bound : "value", or "low" for the lower confidence limit. confidence : of the two-sided interval.
    table : path of a CSV table for :func:`virtualbiopsy.training.steps.repeats.read_repeats`; "" for the
        measurements of the data. Only rows of training cases and patients are used, unless
    independent : says that the table is of other patients than the cohort's.
    cases : how many cases must have been measured repeatedly.
    keep : beginnings of names that always stay.
    """

    form: str = "2,1"
    threshold: float = 0.75
    bound: str = "value"
    confidence: float = 0.95
    table: str = ""
    independent: bool = False
    cases: int = 5
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("icc", "form", self.form, FORMS)
        one_of("icc", "bound", self.bound, ("value", "low"))

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data.

        Raises
        ------
        TrainingError : there are no repeated measurements, too few, or no column is reproducible.
        """
        source, values = self._values(data)
        measured = np.isfinite(values).all(axis=1).any(axis=1)
        if measured.sum() < self.cases:
            raise TrainingError(
                f"{int(measured.sum())} training cases were measured repeatedly; ICC needs {self.cases}.",
                'Add measurements, or leave out the step "icc".',
            )
        candidates = may_go(data, self.keep)
        found = icc(values[measured][:, :, candidates], self.form, self.confidence)
        scores = found.low if self.bound == "low" else found.value
        with np.errstate(invalid="ignore"):
            chosen = scores >= self.threshold
        limit = "the lower limit of " if self.bound == "low" else ""
        how = (
            f"with {limit}ICC({self.form}) ≥ {self.threshold:g} "
            f"({source}, {int(measured.sum())} cases, {found.measurements} measurements)"
        )
        return select(data, candidates, chosen, scores, how)

    def _values(self, data: Dataset) -> tuple[str, np.ndarray]:
        """Where the measurements come from, and (n, k, p) of them in the columns of the data."""
        if not self.table:
            if data.repeats is None:
                raise TrainingError(
                    'The step "icc" needs repeated measurements, and the data carry none.',
                    "Add measurements of a second reader, a retest or perturbed outlines, or name a table.",
                )
            return data.repeats.source, data.repeats.values
        repeated = read_repeats(Path(self.table))
        if not self.independent:
            repeated = repeated.of_data(data)
        column = {name: j for j, name in enumerate(repeated.columns)}
        values = np.full((len(repeated.cases), len(repeated.measurements), len(data.columns)), np.nan)
        for j, name in enumerate(data.columns):
            if name in column:
                values[:, :, j] = repeated.values[:, :, column[name]]
        return f"table {Path(self.table).name}", values

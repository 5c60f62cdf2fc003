"""Shuffled labels: a procedure that is tested honestly finds nothing in them.

Source: Ojala & Garriga 2010, J Mach Learn Res 11:1833; asked for beside TRIPOD+AI: mean AUC within 0.5 ± 3
standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...progress import Progress, silent
from ..dataset import Dataset
from ..method import Validation
from .audit import Procedure
from .criterion import criterion
from .leak import CHANCE, Leak
from .splits import make_splits


@dataclass(frozen=True, eq=False)
class ShuffleTest:
    """What a procedure finds in shuffled labels.

    Attributes
    ----------
    values : AUC (concordance) of each shuffle. mean, se : of them. passed : whether the mean lies within
        0.5 ± 3 se. leak : if it lies above. sentence : in words.
    """

    values: np.ndarray
    mean: float
    se: float
    passed: bool
    leak: Leak | None
    sentence: str


def shuffled_labels(
    procedure: Procedure,
    data: Dataset,
    validation: Validation,
    shuffles: int = 20,
    progress: Progress = silent,
) -> ShuffleTest:
    """Run the procedure on shuffled labels, each time with new splits (one repeat).

    Raises
    ------
    TrainingError : of the splits or the procedure.
    """
    rng = np.random.default_rng([validation.seed, 5])
    found = []
    for number in range(shuffles):
        progress(number / shuffles, "Testing with shuffled labels")
        mixed = shuffled(data, rng)
        splits = make_splits(mixed, replace(validation, repeats=1, seed=validation.seed + 1 + number))
        scores, part, rows = [], [], []
        for k, split in enumerate(splits):
            scores.append(procedure(mixed, split, np.random.default_rng([validation.seed, 6, number, k])))
            part.append(np.full(split.test.size, k))
            rows.append(split.test)
        outcome = mixed.outcome.rows(np.concatenate(rows))
        found.append(criterion(outcome, np.concatenate(scores), np.concatenate(part)))
    values = np.array(found)
    values = values[np.isfinite(values)]
    mean, se = float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
    passed, above = abs(mean - 0.5) <= 3 * se, mean - 0.5 > 3 * se
    sentence = f"Shuffled labels ({values.size} times): {mean:.3f} ± {se:.3f} (standard error), 0.5 expected"
    leak = None
    if above:
        told = f"{sentence}: something that looks at the outcome is done outside of the folds."
        leak = Leak(CHANCE, "shuffled labels", told)
    return ShuffleTest(values, mean, se, passed, leak, sentence + ("." if passed else ": not passed."))


def shuffled(data: Dataset, rng: np.random.Generator) -> Dataset:
    """The data with the outcomes of patients exchanged, among patients with as many rows."""
    names, of_row = np.unique(data.patients, return_inverse=True)
    count = np.bincount(of_row)
    source = np.arange(of_row.size)
    by_patient = np.argsort(of_row, kind="stable")
    start = np.concatenate([[0], np.cumsum(count)])
    for rows in np.unique(count):
        alike = np.flatnonzero(count == rows)
        for to, origin in zip(alike, rng.permutation(alike), strict=True):
            source[by_patient[start[to] : start[to + 1]]] = by_patient[start[origin] : start[origin + 1]]
    return replace(data, outcome=data.outcome.rows(source))

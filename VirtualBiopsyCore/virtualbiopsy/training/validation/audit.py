"""Whether held-out cases reach the model: they are changed, and nothing may happen.

A model of a training part cannot know the test part. So the outcomes of the held-out cases are changed, and
their scores must stay as they are; and the values of half of the held-out cases are changed, and the scores
of the other half must stay. This finds whatever was fitted outside of the folds (selection, scaling,
harmonisation, thresholds), in any procedure, without knowing how it works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..dataset import Dataset
from ..method import Method
from .fitting import fit_method
from .leak import OUTCOME, PATIENT, VALUES, Leak
from .parts import Parts
from .splits import Split, overlapping_patients

Procedure = Callable[[Dataset, Split, np.random.Generator], np.ndarray]
"""(all cases, split, random numbers) -> scores of the tested cases."""


def procedure_of(method: Method, parts: Parts | None = None) -> Procedure:
    """A method as a procedure."""

    def run(data: Dataset, split: Split, rng: np.random.Generator) -> np.ndarray:
        return fit_method(method, data.rows(split.train), rng, parts).score(data.rows(split.test))

    return run


def audit(procedure: Procedure, data: Dataset, split: Split, seed: int = 0) -> tuple[Leak, ...]:
    """Look for leaks in one split: the procedure is run three times.

    Raises
    ------
    TrainingError : of the procedure.
    """
    found = []
    both = overlapping_patients(data, split)
    if both:
        names = ", ".join(both[:5])
        found.append(
            Leak(
                PATIENT,
                split.name,
                f"{len(both)} patients are in training and test ({names}): divide by patient.",
            )
        )
    before = procedure(data, split, np.random.default_rng(seed))
    with_other = procedure(other_outcomes(data, split), split, np.random.default_rng(seed))
    if not _same(before, with_other):
        found.append(
            Leak(
                OUTCOME,
                split.name,
                "The scores of held-out cases depend on their own outcomes: selection, or something else "
                "that looks at the outcome, is done outside of the folds.",
            )
        )
    if split.test.size > 1:
        changed, kept = other_values(data, split, seed)
        after = procedure(changed, split, np.random.default_rng(seed))
        if not _same(before[kept], after[kept]):
            found.append(
                Leak(
                    VALUES,
                    split.name,
                    "The scores of held-out cases depend on the values of other held-out cases: imputation, "
                    "scaling or harmonisation is fitted outside of the folds.",
                )
            )
    return tuple(found)


def other_outcomes(data: Dataset, split: Split) -> Dataset:
    """The data with every tested case in another class (survival: event and censoring changed, times turned
    round).
    """
    labels = np.array(data.outcome.labels)
    classes = max(len(data.outcome.classes), 2)
    labels[split.test] = (labels[split.test] + 1) % classes
    time = data.outcome.time
    if time is not None:
        time = np.array(time)
        time[split.test] = time[split.test][::-1]
    return replace(data, outcome=replace(data.outcome, labels=labels, time=time))


def other_values(data: Dataset, split: Split, seed: int) -> tuple[Dataset, np.ndarray]:
    """The data with half of the tested cases moved far away; positions of the others in the test part."""
    order = np.random.default_rng([seed, 4]).permutation(split.test.size)
    moved, kept = order[: split.test.size // 2], np.sort(order[split.test.size // 2 :])
    values = np.array(data.values)
    known = np.where(np.isnan(values), 0.0, values)
    rows = split.test[moved]
    values[rows] = known[rows] + 10 * known.std(axis=0) + 1
    repeats = data.repeats
    if repeats is not None:
        again = np.array(repeats.values)
        again[rows] = again[rows][..., ::-1] + 1
        repeats = replace(repeats, values=again)
    return replace(data, values=values, repeats=repeats), kept


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    return np.allclose(first, second, rtol=1e-9, atol=1e-9, equal_nan=True)

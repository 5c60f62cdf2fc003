"""Data sets for the tests of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from virtualbiopsy.training.dataset import Dataset, Outcome
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.steps import FittedSteps, fit_steps


def dataset(
    values: np.ndarray,
    labels: Sequence[int] | np.ndarray | None = None,
    kind: str = "binary",
    columns: Sequence[str] | None = None,
    time: np.ndarray | None = None,
    patients: Sequence[str] | None = None,
    site: Sequence[str] | None = None,
    **more: object,
) -> Dataset:
    """A data set from plain arrays; half of the cases are positive where no labels are given."""
    values = np.asarray(values, dtype=np.float64)
    n, p = values.shape
    labels = np.arange(n) % 2 if labels is None else np.asarray(labels)
    classes = () if kind == "survival" else tuple(f"class {c}" for c in range(max(int(labels.max()) + 1, 2)))
    cases = tuple(f"case{i}" for i in range(n))
    return Dataset(
        cases,
        np.array(patients if patients is not None else cases),
        tuple(columns) if columns is not None else tuple(f"f{j}" for j in range(p)),
        values,
        Outcome(kind, "grade", classes, labels, time, "days" if time is not None else ""),
        site=None if site is None else np.array(site),
        **more,
    )


def fitted(data: Dataset, *kinds: str | tuple[str, Mapping[str, object]], seed: int = 1) -> FittedSteps:
    """Steps named by kind, or by kind and options, fitted on the data."""
    specs = [Spec(one) if isinstance(one, str) else Spec(*one) for one in kinds]
    return fit_steps(specs, data, np.random.default_rng(seed))


def planted(kind: str, n: int = 160, p: int = 120, seed: int = 3) -> Dataset:
    """Noise in which f3 (+) and f7 (−) make the outcome and f8 is nearly f7."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, p))
    values[:, 8] = values[:, 7] + 0.1 * rng.standard_normal(n)
    score = 1.5 * values[:, 3] - 1.5 * values[:, 7]
    if kind == "survival":
        time = rng.exponential(np.exp(-score))
        limit = rng.exponential(3.0, n)
        return dataset(values, (time <= limit).astype(int), kind, time=np.minimum(time, limit))
    noisy = score + rng.logistic(size=n)
    return dataset(values, np.digitize(noisy, [0.0] if kind == "binary" else [-1.0, 1.0]), kind)

"""Small data sets and small parts (scaling, selection, ridge regression) for tests of validation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.dataset import BINARY, SURVIVAL, Dataset, Outcome
from virtualbiopsy.training.method import Method, Spec, Validation
from virtualbiopsy.training.validation.parts import Parts


def dataset(values, labels, patients=None, time=None, kind=None, **more):
    values, labels = np.asarray(values, dtype=np.float64), np.asarray(labels, dtype=int)
    kind = kind or (SURVIVAL if time is not None else BINARY)
    classes = () if time is not None else tuple(f"class {k}" for k in range(int(labels.max()) + 1))
    if kind == BINARY:
        classes = ("low", "high")
    cases = tuple(f"case{i:03d}" for i in range(len(labels)))
    return Dataset(
        cases,
        np.array(cases) if patients is None else np.asarray(patients).astype(str),
        tuple(f"f{j}" for j in range(values.shape[1])),
        values,
        Outcome(kind, "endpoint", classes, labels, time, "days" if time is not None else ""),
        **more,
    )


def planted(n=120, p=10, effect=1.0, seed=0, prevalence=0.4, **more):
    """Two classes that differ by `effect` standard deviations in the first two columns."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(int)
    values = rng.normal(size=(n, p))
    values[:, :2] += effect * labels[:, None]
    return dataset(values, labels, **more)


@dataclass(frozen=True, eq=False)
class Chain:
    columns: tuple[str, ...]
    told: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray

    def apply(self, data):
        chosen = data.features(self.columns)
        return replace(chosen, values=(chosen.values - self.mean) / self.scale)


def best_columns(data, k):
    """The k columns with the largest t of two classes (or correlation with the label)."""
    x = data.values - data.values.mean(axis=0)
    y = data.outcome.labels - data.outcome.labels.mean()
    strength = np.abs(y @ x) / np.maximum(np.sqrt((x**2).sum(axis=0)), 1e-12)
    return np.sort(np.argsort(-strength, kind="stable")[:k])


def fit_steps(specs, data, rng):
    columns, told = data.columns, []
    for spec in specs:
        if spec.kind == "select_k_best":
            kept = best_columns(data.features(columns), spec.options["k"])
            columns = tuple(columns[i] for i in kept)
            told.append(f"kept {len(columns)}")
        elif spec.kind == "variance":
            columns = tuple(c for c in columns if data.features([c]).values.std() > 0)
            told.append(f"{len(columns)} vary")
        elif spec.kind != "scale":
            raise TrainingError(f"no step {spec.kind}")
    values = data.features(columns).values
    spread = values.std(axis=0)
    return Chain(columns, tuple(told), values.mean(axis=0), np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True, eq=False)
class Linear:
    weights: np.ndarray

    def score(self, values):
        found = np.concatenate([values, np.ones((len(values), 1))], axis=1) @ self.weights
        return found[:, 0] if found.shape[1] == 1 else found


@dataclass(frozen=True)
class Ridge:
    """Least squares of ±2 targets with a ridge: a score that ranks like a linear discriminant."""

    penalty: float
    kind: str

    def fit(self, values, data, rng):
        labels = data.outcome.labels
        if self.kind == BINARY:
            targets = (4.0 * labels - 2)[:, None]
        elif self.kind == SURVIVAL:
            targets = -np.log(data.outcome.time)[:, None]
        elif self.kind == "ordinal":
            targets = 4.0 * (labels[:, None] > np.arange(len(data.outcome.classes) - 1)) - 2
        else:
            targets = 4.0 * (labels[:, None] == np.arange(len(data.outcome.classes))) - 2
        design = np.concatenate([values, np.ones((len(values), 1))], axis=1)
        penalty = self.penalty * np.eye(design.shape[1])
        penalty[-1, -1] = 1e-9
        return Linear(np.linalg.solve(design.T @ design + penalty, design.T @ targets))


def make_estimator(spec, outcome):
    if spec.kind == "broken":
        raise TrainingError("broken on purpose")
    return Ridge(float(spec.options.get("l2", 1.0)), outcome.kind)


PARTS = Parts(fit_steps, make_estimator)


def method(select=None, grid=None, calibration="none", l2=1.0, **validation):
    steps = [Spec("scale")]
    if select:
        steps.append(Spec("select_k_best", {"k": select}))
    settings = {"folds": 5, "repeats": 2, "inner_folds": 3, "bootstraps": 200, **validation}
    return Method(tuple(steps), Spec("ridge", {"l2": l2}), grid or {}, calibration, Validation(**settings))

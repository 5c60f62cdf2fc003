"""Small data sets for tests of estimators and survival; every number is drawn, nothing means anything."""

from __future__ import annotations

import numpy as np
from virtualbiopsy.training.dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Dataset, Outcome

NAMES = {
    BINARY: ("negative", "positive"),
    MULTICLASS: ("glioblastoma", "metastasis", "lymphoma"),
    ORDINAL: ("zero", "low", "positive"),
    SURVIVAL: (),
}


def toy_dataset(kind: str, n: int = 150, p: int = 6, seed: int = 0, per_patient: int = 1) -> Dataset:
    """Scaled values with a signal in the first three columns."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    signal = x[:, 0] - 0.7 * x[:, 1] * x[:, 2] + 0.7 * rng.standard_normal(n)
    time = None
    if kind == SURVIVAL:
        life = rng.exponential(np.exp(-0.8 * x[:, 0] + 0.5 * x[:, 1])) * 20
        end = rng.uniform(2, 60, n)
        labels, time = (life <= end).astype(int), np.ceil(np.minimum(life, end) * 4) / 4
    elif kind == BINARY:
        labels = (signal > 0.3).astype(int)
    elif kind == ORDINAL:
        labels = np.digitize(signal, [-0.4, 0.8])
    else:
        labels = np.argmax(np.stack([signal, x[:, 1], x[:, 2] + 0.2], axis=1), axis=1)
    return Dataset(
        cases=tuple(f"case{i}" for i in range(n)),
        patients=np.array([f"p{i // per_patient}" for i in range(n)]),
        columns=tuple(f"f{j}" for j in range(p)),
        values=x,
        outcome=Outcome(kind, "toy", NAMES[kind], labels, time, "months" if time is not None else ""),
    )

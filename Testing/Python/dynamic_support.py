"""Small dynamic series with known phases, for tests of reading."""

from __future__ import annotations

import numpy as np

SHAPE = (8, 20, 24)


def phase_values(count: int, before: int = 1, rise: float = 1.2, seed: int = 0) -> list[np.ndarray]:
    """(k, j, i) uint16 phases: tissue of about 500, a block that rises by `rise` after the first `before`."""
    rng = np.random.default_rng(seed)
    tissue = np.zeros(SHAPE)
    tissue[:, 2:18, 3:21] = rng.uniform(400, 600, (SHAPE[0], 16, 18))
    block = np.zeros(SHAPE)
    block[2:6, 6:12, 8:14] = 1
    phases = []
    for n in range(count):
        uptake = 0.0 if n < before else rise * (1 - 0.5 ** (n - before + 1))
        noise = rng.normal(0, 4, SHAPE)
        phases.append(np.clip(tissue * (1 + uptake * block) + noise, 0, None).astype(np.uint16))
    return phases

"""Tissues laid over each other, the uppermost first."""

from __future__ import annotations

import numpy as np


class Layers:
    """Shares of tissues on a grid; each new tissue gets a part of what those before it left.

    Parameters
    ----------
    inside : float32 (k, j, i), the share of each voxel that is to be filled.
    """

    def __init__(self, inside: np.ndarray) -> None:
        self.inside = inside.astype(np.float32)
        self.left = self.inside.copy()
        self.shares: dict[str, np.ndarray] = {}

    def put(self, name: str, share: np.ndarray, box: tuple[slice, slice, slice] = (slice(None),) * 3) -> None:
        """Give `share` (0…1) of what is left in `box` to the tissue `name`."""
        if name not in self.shares:
            self.shares[name] = np.zeros(self.left.shape, dtype=np.float32)
        taken = self.left[box] * share
        self.shares[name][box] += taken
        self.left[box] -= taken

    def rest(self, name: str) -> None:
        """Give all that is left to the tissue `name`."""
        self.put(name, np.float32(1.0))

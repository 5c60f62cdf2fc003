"""Rings around an outline that is being edited: only what an edit can reach is measured again."""

from __future__ import annotations

import numpy as np

from ..case.arrays import grow_box
from ..case.changes import changed_box
from .derive import near_surface, ring_reach

_WORTH = 0.5
"""Above this share of the array the whole ring is measured anew."""


class LiveRings:
    """Follows outlines on one grid and keeps the ring of each width that was asked for.

    Gives, voxel for voxel, what :func:`virtualbiopsy.regions.derive.near_surface` gives. Not for several
    threads at once.
    """

    def __init__(self) -> None:
        self._known: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def near(self, inside: np.ndarray, mm: float, spacing: tuple[float, float, float]) -> np.ndarray:
        """Voxels outside an outline within `mm` of its surface.

        Parameters
        ----------
        inside : (k, j, i) bool; always on the same grid. mm : width. spacing : (dk, dj, di) in mm.

        Returns
        -------
        (k, j, i) bool, changed by the next call; copy it to keep it.
        """
        known = self._known.get(mm)
        if known is None or known[0].shape != inside.shape:
            known = (np.array(inside), near_surface(inside, mm, spacing))
            self._known[mm] = known
            return known[1]
        before, ring = known
        changed = changed_box(before, inside)
        if changed is None:
            return ring
        reach = ring_reach(mm, spacing)
        part = grow_box(changed, inside.shape, reach)
        around = grow_box(part, inside.shape, reach)
        if np.prod([side.stop - side.start for side in around]) > _WORTH * inside.size:
            ring[...] = near_surface(inside, mm, spacing)
        else:
            within = tuple(
                slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, around, strict=True)
            )
            ring[part] = near_surface(inside[around], mm, spacing)[within]
        before[changed] = inside[changed]
        return ring

"""Shape of a region under edit."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..morphology import Shape
from ..resegment import Region
from .texture import LiveLattice
from .window import Edit, Window


class LiveOutline:
    """What the full extraction knows of an outline, for a region under edit."""

    def __init__(self, window: Window, spacing: tuple[float, float, float]) -> None:
        self._window = window
        self._spacing = spacing

    def follow(self, edit: Edit) -> None:
        """Take over an edit of the window."""

    def now(self, name: str) -> _Now:
        """The outline as it is now; to be used until the next edit."""
        return _Now(name, self._window, self._spacing)


class _Now:
    def __init__(self, name: str, window: Window, spacing: tuple[float, float, float]) -> None:
        self.name = name
        self.spacing = spacing
        self.shape = window.mask.shape
        self.lattice = LiveLattice(window)
        self._window = window
        self._shapes: dict[str, Shape] = {}

    @property
    def voxels(self) -> int:
        return self._window.voxels

    @property
    def box(self) -> tuple[slice, ...]:
        return self._window.box

    @cached_property
    def mask(self) -> np.ndarray:
        return np.ascontiguousarray(self._window.mask[self.box])

    def shape_of(self, profile: str) -> Shape:
        if profile not in self._shapes:
            self._shapes[profile] = Shape(self.mask, self.spacing, profile)
        return self._shapes[profile]

    def values(self, name: str, image: np.ndarray) -> np.ndarray:
        return self._full.values(name, image)

    @cached_property
    def _full(self) -> Any:
        from ..extract import _Outline

        return _Outline(self.name, self._window.mask, self.spacing)


class LiveInner:
    """The intensity mask of an outline without re-segmentation."""

    keep = None

    def __init__(self, outline: _Now, region: Region) -> None:
        self.region = region
        self.lattice = outline.lattice
        self.shape_of = outline.shape_of
        self.voxels = outline.voxels
        self._outline = outline

    @property
    def mask(self) -> np.ndarray:
        return self._outline.mask

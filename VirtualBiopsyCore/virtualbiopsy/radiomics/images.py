"""Filtered images, computed once per image and box, kept within a bound of memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import FeatureError, ImageError
from ..memory import require_memory
from .filters.apply import apply_filters, memory_needed

Box = tuple[slice, slice, slice]
MAX_BYTES = 1 << 30
"""Default bound of a cache: one gigabyte of responses."""


@dataclass(frozen=True, eq=False)
class _Entry:
    box: Box
    response: np.ndarray


def whole(shape: Iterable[int]) -> Box:
    """The box of an entire array."""
    k, j, i = (slice(0, int(n)) for n in shape)
    return k, j, i


def holds(outer: Box, inner: Box) -> bool:
    return all(a.start <= b.start and b.stop <= a.stop for a, b in zip(outer, inner, strict=True))


class ImageCache:
    """Responses of the filters on the images of one prepared case.

    A response belongs to the whole image; only a box of it is computed and kept. The same voxel has the same
    value, bit for bit, whatever box it was computed in. The least recently used responses are given up when
    the bound is reached. May be used from several threads.

    Parameters
    ----------
    images : prepared float64 arrays (k, j, i) by sequence.
    spacing : (dk, dj, di) in mm.
    max_bytes : bound of the memory kept; what one call asks for is always kept until the next.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        spacing: tuple[float, float, float],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.images = images
        self.spacing = spacing
        self.max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str, str], _Entry] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def bytes(self) -> int:
        """Memory that the kept responses take."""
        return sum(entry.response.nbytes for entry in self._entries.values())

    def responses(
        self,
        sequence: str,
        filters: Iterable[str],
        box: Box,
        profile: str = "ibsi",
        failed: dict[str, ImageError | FeatureError] | None = None,
    ) -> dict[str, np.ndarray]:
        """Responses of one image on a box, by the filter's text; read-only arrays of the box's shape.

        Parameters
        ----------
        profile : whose convention of the filters ("pyradiomics": ITK's recursive Gaussian, …).
        failed : filled with the errors of filters that cannot be applied, the others are; None raises them.

        Raises
        ------
        FeatureError : a filter is unknown or does not fit the image; there is no such sequence.
        NonFiniteError : the image is NaN or infinite within reach of the box.
        MemoryLimitError : the responses do not fit into the free memory.
        """
        if sequence not in self.images:
            raise FeatureError(f"There is no image of the sequence {sequence!r}.")
        wanted = tuple(dict.fromkeys(filters))
        with self._lock:
            absent = [text for text in wanted if not self._kept((sequence, text, profile), box)]
            if absent:
                image = self.images[sequence]
                parity = profile == "pyradiomics"
                size = tuple(s.stop - s.start for s in box)
                require_memory(
                    memory_needed(size, absent, self.spacing, image.shape),
                    f"Filtering {sequence} ({len(absent)} image types)",
                )
                made = apply_filters(image, self.spacing, absent, box, parity=parity, failed=failed)
                for text, response in made.items():
                    response.setflags(write=False)
                    self._entries[sequence, text, profile] = _Entry(box, response)
            found = {}
            for text in wanted:
                if failed and text in failed:
                    continue
                entry = self._entries[sequence, text, profile]
                self._entries.move_to_end((sequence, text, profile))
                inner = tuple(
                    slice(b.start - a.start, b.stop - a.start) for a, b in zip(entry.box, box, strict=True)
                )
                found[text] = entry.response[inner]
            self._give_up({(sequence, text, profile) for text in wanted})
            return found

    def _kept(self, index: tuple[str, str, str], box: Box) -> bool:
        entry = self._entries.get(index)
        return entry is not None and holds(entry.box, box)

    def _give_up(self, keep: set[tuple[str, str, str]]) -> None:
        total = self.bytes
        for index in list(self._entries):
            if total <= self.max_bytes:
                return
            if index not in keep:
                total -= self._entries.pop(index).response.nbytes

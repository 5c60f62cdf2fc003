"""Many separable filters of one image, sharing the passes that they have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

import numpy as np

from .lines import Patch, Ranges, convolve, radii, separable, sources
from .rotations import rotations

Letter = tuple[Hashable, bool]
Triple = tuple[Letter | None, Letter | None, Letter | None]


def odd(taps: np.ndarray) -> np.ndarray:
    """An even kernel with a zero behind it, so that its middle is the tap number n/2, as IBSI has it."""
    return taps if len(taps) % 2 else np.append(taps, 0.0)


def stretched(taps: np.ndarray, level: int) -> np.ndarray:
    """The kernel of a level (from 0) of the algorithm à trous: 2^level - 1 zeros between the taps."""
    found = np.zeros((len(taps) - 1) * 2**level + 1)
    found[:: 2**level] = taps
    return found


class Bank:
    """The kernels that the letters of a filter stand for, forwards and reversed.

    Parameters
    ----------
    kernels : odd kernels (of a convolution) by letter.
    """

    def __init__(self, kernels: Mapping[Hashable, np.ndarray]) -> None:
        self.kernels = dict(kernels)
        self._symmetric = {key: np.array_equal(taps, taps[::-1]) for key, taps in kernels.items()}

    def taps(self, letter: Letter | None, level: int = 0) -> np.ndarray | None:
        if letter is None:
            return None
        taps = stretched(self.kernels[letter[0]], level)
        return taps[::-1] if letter[1] else taps

    def triple(self, letters: Sequence[Letter]) -> Triple:
        """Letters of the axes i, j(, k) as kernels of the axes k, j, i."""
        axes = [(key, flipped and not self._symmetric[key]) for key, flipped in letters]
        axes = [None] * (3 - len(axes)) + axes[::-1]
        return axes[0], axes[1], axes[2]

    def rotated(self, letters: Sequence[Hashable], rotate: bool) -> list[Triple]:
        """The filter, or all its different right-angle rotations."""
        turns = rotations(letters) if rotate else [tuple((letter, False) for letter in letters)]
        return list(dict.fromkeys(self.triple(turn) for turn in turns))

    def radii(self, triple: Triple, level: int = 0) -> tuple[int, int, int]:
        return radii([self.taps(letter, level) for letter in triple])

    def responses(
        self, patch: Patch, triples: Sequence[Triple], wanted: Ranges, boundary: str, level: int = 0
    ) -> Iterator[tuple[Triple, np.ndarray]]:
        """Responses one by one; filters with the same kernels along k, or k and j, share these passes.

        At most three intermediate arrays exist at a time.
        """
        yield from self._branch(patch, list(triples), wanted, boundary, level, 0)

    def _branch(
        self, patch: Patch, triples: list[Triple], wanted: Ranges, boundary: str, level: int, axis: int
    ) -> Iterator[tuple[Triple, np.ndarray]]:
        if axis == 3:
            for triple in triples:
                yield triple, patch.cut(wanted).values
            return
        for letter in dict.fromkeys(triple[axis] for triple in triples):
            chosen = [triple for triple in triples if triple[axis] == letter]
            taps = self.taps(letter, level)
            found = patch if taps is None else convolve(patch, axis, taps, wanted[axis], boundary)
            yield from self._branch(found, chosen, wanted, boundary, level, axis + 1)

    def lowered(self, patch: Patch, triple: Triple, wanted: Ranges, boundary: str, level: int) -> Patch:
        """One separable filter as a patch."""
        return separable(patch, [self.taps(letter, level) for letter in triple], wanted, boundary)


class Pool:
    """Pools responses voxel by voxel in the order in which they are added: average, max or min."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.values: np.ndarray | None = None
        self.count = 0

    def add(self, response: np.ndarray) -> None:
        self.count += 1
        if self.values is None:
            self.values = response.copy()
            return
        combine: Callable = {"average": np.add, "max": np.maximum, "min": np.minimum}[self.method]
        combine(self.values, response, out=self.values)

    def result(self) -> np.ndarray:
        assert self.values is not None
        if self.method == "average" and self.count > 1:
            self.values /= self.count
        return self.values


def stages(
    wanted: Ranges, steps: Sequence[Sequence[int]], shape: Sequence[int], boundary: str
) -> list[Ranges]:
    """Ranges before each of several filters in a row (their radii in `steps`) and, last, `wanted`."""
    found = [wanted]
    for step in reversed(steps):
        found.insert(0, sources(found[0], step, shape, boundary))
    return found

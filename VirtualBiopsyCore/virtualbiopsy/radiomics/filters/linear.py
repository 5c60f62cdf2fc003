"""Linear filters as sums of products of matrices along the axes, which can be transposed.

Mean, Laplacian of Gaussian, Laws and wavelets (profile "ibsi"), recursive Laplacian and stationary wavelets
(profile "pyradiomics"), with their boundaries. Filters that pool by maximum or minimum or take an energy are
not linear; those in the Fourier domain are not separable; none of these is here.

Sources as in `spatial` and `parity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ..products import along
from .bank import Bank, Letter, odd
from .coefficients import wavelet_taps
from .lines import Range, Ranges, outside
from .parity import recursive_operator
from .spatial import LAWS, log_taps
from .spec import FilterSpec

Term = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]


@dataclass(frozen=True, eq=False)
class LinearFilter:
    """One filter from a part of an image to its response on a box.

    Attributes
    ----------
    terms : matrices (rows, columns) along k, j and i, of which the products are added up; None: identity.
    source : the voxels of the image that the columns stand for. wanted : those of the response.
    """

    terms: tuple[Term, ...]
    source: Ranges
    wanted: Ranges

    def response(self, image: np.ndarray) -> np.ndarray:
        """Response (k, j, i) on `wanted` of the whole image, float64."""
        values = np.ascontiguousarray(image[tuple(slice(*span) for span in self.source)], dtype=np.float64)
        return self._summed(values, False)

    def adjoint(self, response: np.ndarray) -> np.ndarray:
        """The transposed filter: from `wanted` (k, j, i) to `source`, float64."""
        return self._summed(np.ascontiguousarray(response, dtype=np.float64), True)

    def _summed(self, values: np.ndarray, transposed: bool) -> np.ndarray:
        total = None
        for term in self.terms:
            found = values
            for axis, matrix in enumerate(term):
                if matrix is not None:
                    found = along(np.ascontiguousarray(found), matrix.T if transposed else matrix, axis)
            total = found if total is None else total + found
        return total


def linear_filter(
    spec: FilterSpec,
    spacing: Sequence[float],
    shape: Sequence[int],
    wanted: Ranges,
    *,
    parity: bool = False,
) -> LinearFilter | None:
    """A filter with its matrices, or None if it is not linear or not separable.

    Parameters
    ----------
    spacing : (dk, dj, di) in mm. shape : of the whole image. wanted : voxels of the response.
    parity : as pyradiomics, in exact arithmetic (its rounding to float32 is left out).
    """
    if not spec.linear or spec.name not in ("mean", "log", "laws", "wavelet"):
        return None
    if parity:
        if spec.name not in ("log", "wavelet"):
            return None
        made = _recursive(spec, spacing, shape) if spec.name == "log" else _stationary(spec, shape)
    else:
        made = _terms(spec, spacing, shape)
    cut = [
        tuple(None if m is None else m[slice(*span)] for m, span in zip(term, wanted, strict=True))
        for term in made
    ]
    source = tuple(_columns([term[axis] for term in cut], wanted[axis]) for axis in range(3))
    terms = tuple(
        tuple(None if m is None else m[:, slice(*span)] for m, span in zip(term, source, strict=True))
        for term in cut
    )
    return LinearFilter(terms, source, wanted)


def _columns(matrices: Sequence[np.ndarray | None], wanted: Range) -> Range:
    """The columns that any of the matrices needs; an axis without matrices keeps its voxels."""
    used = [m.any(axis=0) for m in matrices if m is not None]
    if not used:
        return wanted
    at = np.flatnonzero(np.any(used, axis=0))
    return (int(at[0]), int(at[-1]) + 1) if at.size else wanted


def axis_operator(n: int, taps: np.ndarray, boundary: str) -> np.ndarray:
    """(n, n) matrix of a convolution with an odd number of taps along a line of n voxels."""
    radius = len(taps) // 2
    at = np.arange(n)[:, None] + np.arange(-radius, radius + 1)
    weight = np.broadcast_to(taps[::-1], at.shape)
    if boundary == "zero":
        weight = np.where((at >= 0) & (at < n), weight, 0.0)
    column = outside(-radius, n + radius, n, boundary)[at + radius]
    flat = np.arange(n)[:, None] * n + column
    return np.bincount(flat.ravel(), weight.ravel(), n * n).reshape(n, n)


def _terms(spec: FilterSpec, spacing: Sequence[float], shape: Sequence[int]) -> list[Term]:
    boundary = spec["boundary"]
    if spec.name == "mean":
        taps = np.full(spec["support"], 1.0 / spec["support"])
        return [
            tuple(
                None if axis < 3 - spec["dims"] else axis_operator(n, taps, boundary)
                for axis, n in enumerate(shape)
            )
        ]
    if spec.name == "log":
        pairs = [
            None if gauss is None else (axis_operator(n, gauss, boundary), axis_operator(n, curve, boundary))
            for n, (gauss, curve) in zip(shape, log_taps(spec, spacing), strict=True)
        ]
        return _curvatures(pairs)
    if spec.name == "laws":
        text = spec["kernels"]
        letters = [text[at : at + 2] for at in range(0, len(text), 2)]
        kernels = {name: np.array(LAWS[name], dtype=np.float64) for name in letters}
        bank = Bank({name: taps / np.linalg.norm(taps) for name, taps in kernels.items()})
        level = 1
    else:
        letters, level = spec["bands"], spec["level"]
        low, high = wavelet_taps(spec["family"])
        bank = Bank({"L": odd(low), "H": odd(high)})
    triples = bank.rotated(letters, spec["rotation"] != "none")

    def operator(letter: Letter | None, n: int) -> np.ndarray | None:
        if letter is None:
            return None
        passes = [bank.taps(("L", letter[1]), step) for step in range(level - 1)]
        passes.append(bank.taps(letter, level - 1))
        return reduce(lambda done, taps: axis_operator(n, taps, boundary) @ done, passes, np.eye(n))

    terms = [
        tuple(operator(letter, n) for letter, n in zip(triple, shape, strict=True)) for triple in triples
    ]
    return [_scaled(term, 1.0 / len(terms)) for term in terms]


def _scaled(term: Term, factor: float) -> Term:
    """The term times a factor, on its last matrix (along i there always is one)."""
    return term[0], term[1], term[2] * factor


def _curvatures(pairs: Sequence[tuple[np.ndarray, np.ndarray] | None]) -> list[Term]:
    """For each axis a term with its second matrix there and the first ones along the other axes."""
    return [
        tuple(None if pair is None else pair[int(at == axis)] for at, pair in enumerate(pairs))
        for axis in range(3)
        if pairs[axis] is not None
    ]


def _recursive(spec: FilterSpec, spacing: Sequence[float], shape: Sequence[int]) -> list[Term]:
    sigma = spec["sigma"]
    return _curvatures(
        [
            (
                recursive_operator(n, sigma / step, 0),
                (sigma / step) ** 2 * recursive_operator(n, sigma / step, 2),
            )
            for n, step in zip(shape, spacing, strict=True)
        ]
    )


def _stationary(spec: FilterSpec, shape: Sequence[int]) -> list[Term]:
    bands = spec["bands"]
    matrices: list[np.ndarray | None] = [None, None, None]
    for letter, axis in zip(bands, (2, 1, 0), strict=False):
        n = shape[axis]
        even = n + n % 2
        found = np.eye(even, n)
        found[n:, 0] = 1.0
        for name in "L" * (spec["level"] - 1) + letter:
            taps = wavelet_taps(spec["family"])["LH".index(name)]
            at = np.arange(even)[:, None]
            flat = at * even + np.mod(at + len(taps) // 2 - np.arange(len(taps)), even)
            weights = np.broadcast_to(taps, flat.shape).ravel()
            found = np.bincount(flat.ravel(), weights, even * even).reshape(even, even) @ found
        matrices[axis] = found[:n]
    return [(matrices[0], matrices[1], matrices[2])]

"""Laplacian of Gaussian, wavelets and gradient exactly as pyradiomics 3.0.1 computes them.

Its Laplacian is ITK's recursive filter: a fourth-order recursion in both directions along each axis, on the
image continued by its border values. That is a linear map of a line, known in closed form, so it is applied
here as a matrix, and only to the rows that are wanted. ITK rounds to float32 after every pass; so do we.

Source: R. Deriche, INRIA report 1893 (1993); G. Farnebäck, C.-F. Westin, J. Math. Imaging Vis. 26 (2006)
293, table 1 (the constants); pyradiomics 3.0.1, imageoperations.py, getLoGImage and _swt3; G. Nason, B.
Silverman, Lect. Notes Stat. 103 (1995) 281 (stationary wavelets).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import SimpleITK as sitk

from ...errors import FeatureError
from ..products import along
from .coefficients import wavelet_taps
from .lines import Ranges, whole
from .spatial import load
from .spec import FilterSpec, make_filter

# The Gaussian (order 0) and its second derivative as Σ Re(a e^{(l + iw) n / σ}), n ≥ 0.
_EXPONENTS = np.array([-1.3932 + 0.6681j, -1.3732 + 2.0787j])
_SMOOTH = np.array([1.3530 - 1.8151j, -0.3531 - 0.0902j])
_CURVED = np.array([-1.3563 - 5.2318j, 0.3446 + 2.2355j])


@lru_cache(maxsize=256)
def recursive_operator(n: int, sigma: float, order: int) -> np.ndarray:
    """(n, n) matrix of ITK's recursive Gaussian along a line of n voxels, float64, read-only.

    Parameters
    ----------
    sigma : in voxels. order : 0, or 2 for the second derivative (per squared voxel).
    """
    pole = np.exp(_EXPONENTS / sigma)

    def total(weights: np.ndarray) -> float:
        return float((2 * np.sum(weights / (1 - pole)) - np.sum(weights)).real)

    weights = _SMOOTH / total(_SMOOTH)
    if order == 2:
        weights = _CURVED - total(_CURVED) * weights
        weights = weights / np.sum(weights * pole * (1 + pole) / (1 - pole) ** 3).real
    steps = np.arange(n)
    powers = pole[:, None] ** steps
    response = (weights[:, None] * powers).real.sum(axis=0)
    beyond = ((weights * pole / (1 - pole))[:, None] * powers).real.sum(axis=0)
    matrix = response[np.abs(steps[:, None] - steps)]
    matrix[:, 0] += beyond
    matrix[:, -1] += beyond[::-1]
    matrix.setflags(write=False)
    return matrix


def _only(spec: FilterSpec, *names: str) -> None:
    plain = make_filter(spec.name, **{name: spec[name] for name in names})
    if plain != spec:
        raise FeatureError(f"pyradiomics has no filter {spec}.", f"In this profile write {plain}.")


def laplacian(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """float32 response of SimpleITK's LaplacianRecursiveGaussian with normalisation across scale.

    Raises
    ------
    FeatureError : fewer than 4 voxels, or than sigma + 1 voxel, along an axis: pyradiomics leaves it out;
        a parameter other than sigma.
    """
    _only(spec, "sigma")
    sigma = spec["sigma"]
    if min(image.shape) < 4 or any(
        n < math.ceil(sigma / step) + 1 for n, step in zip(image.shape, spacing, strict=True)
    ):
        raise FeatureError(
            f"The image of {image.shape} voxels is too small for {spec}.",
            "Use a smaller sigma or a larger margin.",
        )
    values = load(image, whole(image.shape)).values
    rows = [slice(a, b) for a, b in wanted]
    smooth = [
        recursive_operator(n, sigma / s, 0)[r] for n, s, r in zip(image.shape, spacing, rows, strict=True)
    ]
    found = np.zeros([r.stop - r.start for r in rows], dtype=np.float32)
    for axis in (2, 1, 0):
        curved = sigma**2 * recursive_operator(image.shape[axis], sigma / spacing[axis], 2)[rows[axis]]
        response = _along(values, curved, axis)
        for other in (2, 1, 0):
            if other != axis:
                response = _along(response, smooth[other], other)
        found += response / spacing[axis] ** 2
    return found


def _along(values: np.ndarray, matrix: np.ndarray, axis: int) -> np.ndarray:
    """The matrix applied along an axis, rounded to float32 (returned as float64)."""
    return along(values, matrix, axis).astype(np.float32).astype(np.float64)


def wavelets(image: np.ndarray, specs: Iterable[FilterSpec], wanted: Ranges) -> dict[FilterSpec, np.ndarray]:
    """Stationary wavelet bands; float32 if the image is, float64 otherwise.

    Odd sizes are extended by one voxel from the other side. From level to level the same taps (not spread)
    are applied to the low-pass image. Bands of two letters: in slices.

    Raises
    ------
    FeatureError : a parameter other than family, bands and level.
    """
    groups: dict[tuple, list[FilterSpec]] = {}
    for spec in specs:
        _only(spec, "family", "bands", "level")
        groups.setdefault((spec["family"], len(spec["bands"])), []).append(spec)
    found: dict[FilterSpec, np.ndarray] = {}
    for (family, dims), group in groups.items():
        part, inner = image, wanted
        if all(spec["level"] == 1 for spec in group):
            part, inner = _near(image, wanted, len(wavelet_taps(family)[0]))
        values = load(part, whole(part.shape)).values
        if image.dtype == np.float32:
            values = values.astype(np.float32)
        if any(n % 2 for n in part.shape):
            values = np.pad(values, [(0, n % 2) for n in part.shape], "wrap")
        axes = (2, 1, 0)[:dims]
        for level in range(1, max(spec["level"] for spec in group) + 1):
            asked = {spec["bands"]: spec for spec in group if spec["level"] == level}
            deeper = any(spec["level"] > level for spec in group)
            bands = set(asked) | ({"L" * dims} if deeper else set())
            cut = None if deeper else inner
            if dims == 2 and not deeper:
                values = values[slice(*inner[0])]
            done = dict(_descend(values, family, axes, sorted(bands), cut))
            for name, spec in asked.items():
                response = done[name]
                if deeper:
                    response = response[tuple(slice(a, b) for a, b in inner)]
                found[spec] = np.ascontiguousarray(response)
            values = done.get("L" * dims, values)
    return found


def _near(image: np.ndarray, wanted: Ranges, margin: int) -> tuple[np.ndarray, Ranges]:
    """The image without what one level does not reach, on axes on which the box is far from both ends.

    An even number of voxels of each axis stays, which need no extension.
    """
    spans, inner = [], []
    for (start, stop), n in zip(wanted, image.shape, strict=True):
        first, last = start - margin, stop + margin + (stop - start) % 2
        if first < 0 or last > n:
            first, last = 0, n
        spans.append(slice(first, last))
        inner.append((start - first, stop - first))
    return image[tuple(spans)], (inner[0], inner[1], inner[2])


def _descend(values, family: str, axes: Sequence[int], bands: Sequence[str], wanted: Ranges | None):
    """Bands of one level; those that begin alike share their passes. Cut to `wanted` on the way."""
    if not axes:
        yield "", values
        return
    axis = axes[0]
    for letter in "LH":
        rest = [band[1:] for band in bands if band[0] == letter]
        if rest:
            span = None if wanted is None else wanted[axis]
            passed = _stationary(values, family, letter, axis, span)
            for name, response in _descend(passed, family, axes[1:], rest, wanted):
                yield letter + name, response


def _stationary(
    values: np.ndarray, family: str, letter: str, axis: int, span: tuple[int, int] | None
) -> np.ndarray:
    """Periodic convolution along an axis, the tap number n/2 on the voxel; in the image's type.

    In float32 every rounding is that of PyWavelets: the order of the taps, the other order of those that
    reach over the end, and Coiflets whose taps were divided by √2 and multiplied again.
    """
    taps = wavelet_taps(family)["LH".index(letter)]
    single = values.dtype == np.float32
    if single:
        root = math.sqrt(2)
        coiflet = family.startswith("coif")
        taps = (taps / root).astype(np.float32) * np.float32(root) if coiflet else taps.astype(np.float32)
    n = values.shape[axis]
    start, stop = (0, n) if span is None else span
    half = len(taps) // 2
    first, last = start - (len(taps) - 1 - half), stop + half
    if first >= 0 and last <= n:
        line = values[(slice(None),) * axis + (slice(first, last),)]
    else:
        line = np.take(values, np.arange(first, last) % n, axis=axis)

    def summed(order: Iterable[int], low: int, high: int) -> np.ndarray:
        total, spare = None, None
        for number in order:
            at = half - number - first
            term = line[(slice(None),) * axis + (slice(low + at, high + at),)]
            if total is None:
                total, spare = term * taps[number], np.empty(term.shape, dtype=term.dtype)
            else:
                np.multiply(term, taps[number], out=spare)
                total += spare
        return total

    found = summed(range(len(taps)), start, stop)
    if single:
        for at in range(max(start, n - half + 2), stop):
            over = at + half - n
            order = [*range(over, -1, -1), *range(over + 1, len(taps))]
            found[(slice(None),) * axis + (slice(at - start, at - start + 1),)] = summed(order, at, at + 1)
    return found


def gradient(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """SimpleITK's gradient magnitude, in the pixel type that it gives."""
    volume = sitk.GetImageFromArray(np.ascontiguousarray(image))
    volume.SetSpacing([float(step) for step in reversed(spacing)])
    filtered = sitk.GradientMagnitude(volume, spec["spacing"] == "mm")
    return sitk.GetArrayFromImage(filtered)[tuple(slice(a, b) for a, b in wanted)]

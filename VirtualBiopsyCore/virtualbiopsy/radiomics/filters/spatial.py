"""Filters with finite kernels: mean, Laplacian of Gaussian, Laws, undecimated wavelets, gradient.

Every function takes the whole image (k, j, i), converts and filters only what the wanted box depends on,
and returns the response on that box; the same voxel has the same bits whatever the box.

Source: IBSI reference manual part 2 (convolutional filters), sections 3.2 (mean), 3.3 (LoG), 3.4 (Laws),
3.6 (separable wavelets) and 3.7 (rotation invariance, pooling).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...errors import FeatureError, NonFiniteError
from .bank import Bank, Pool, odd, stages
from .coefficients import wavelet_taps
from .lines import Patch, Ranges, convolve, separable, sources
from .spec import FilterSpec, log_radius

LAWS = {
    "L3": (1, 2, 1),
    "L5": (1, 4, 6, 4, 1),
    "E3": (-1, 0, 1),
    "E5": (-1, -2, 0, 2, 1),
    "S3": (-1, 2, -1),
    "S5": (-1, 0, 2, 0, -1),
    "W5": (-1, 2, 0, -2, 1),
    "R5": (1, -4, 6, -4, 1),
}
_AXES = "kji"


def load(image: np.ndarray, ranges: Ranges) -> Patch:
    """A part of an image as float64.

    Raises
    ------
    NonFiniteError : a voxel of it is NaN or infinite.
    """
    values = np.ascontiguousarray(image[tuple(slice(a, b) for a, b in ranges)], dtype=np.float64)
    if not np.isfinite(values).all():
        bad = np.count_nonzero(~np.isfinite(values))
        raise NonFiniteError(
            f"The image is NaN or infinite in {bad} voxels that a filter depends on.",
            "Replace these voxels, or leave the filtered features out.",
        )
    return Patch(values, ranges, image.shape)


def check_kernel(radii: Sequence[int], shape: Sequence[int], spec: FilterSpec) -> None:
    """Refuse a kernel that reaches further than the image is wide.

    Raises
    ------
    FeatureError : for such a kernel.
    """
    for radius, n, axis in zip(radii, shape, _AXES, strict=True):
        if radius > n:
            hint = ", or filter in slices (dims=2)" if axis == "k" else ""
            raise FeatureError(
                f"The kernel of {spec} reaches {radius} voxels along {axis}; the image has only {n}.",
                f"Use a smaller kernel or a larger image{hint}.",
            )


def check_sigma(spec: FilterSpec, spacing: Sequence[float], axes: Sequence[int]) -> None:
    """Refuse a sigma below the spacing: the sampled kernel would miss most of the Gaussian between voxels.

    Raises
    ------
    FeatureError : for such a sigma.
    """
    step = max(spacing[axis] for axis in axes)
    if spec["sigma"] < step * (1 - 1e-6):
        raise FeatureError(
            f"{spec}: sigma is below the voxel spacing of {step:g} mm, which cannot resolve the kernel.",
            "Use a larger sigma or a finer spacing" + (", or dims=2." if step == spacing[0] else "."),
        )


def _in_plane(taps: np.ndarray, dims: int) -> list[np.ndarray | None]:
    return [None] * (3 - dims) + [taps] * dims


def mean(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """Mean over a cube (square) of `support` voxels."""
    n, boundary = spec["support"], spec["boundary"]
    radius = spec.reach(spacing)
    check_kernel(radius, image.shape, spec)
    patch = load(image, sources(wanted, radius, image.shape, boundary))
    return separable(patch, _in_plane(np.full(n, 1.0 / n), spec["dims"]), wanted, boundary).values


def gaussian_taps(sigma: float, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Sampled Gaussian of `sigma` voxels and its second derivative, 2 · radius + 1 taps each."""
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    gauss = np.exp(-(x**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    return gauss, (x**2 / sigma**4 - 1 / sigma**2) * gauss


def log_taps(spec: FilterSpec, spacing: Sequence[float]) -> list[tuple[np.ndarray | None, np.ndarray | None]]:
    """For each axis the Gaussian and the weighted second derivative, or (None, None) where not filtered.

    Their sum over axes is IBSI's kernel sampled at the voxels, cut off at `truncate` sigma along each axis.
    The response is per squared voxel; with unequal steps per squared geometric mean of the steps.
    """
    axes = range(3 - spec["dims"], 3)
    mean_step = math.prod(spacing[axis] for axis in axes) ** (1 / spec["dims"])
    found: list[tuple[np.ndarray | None, np.ndarray | None]] = [(None, None)] * 3
    for axis in axes:
        radius = log_radius(spec["sigma"], spacing[axis], spec["truncate"])
        gauss, second = gaussian_taps(spec["sigma"] / spacing[axis], radius)
        found[axis] = gauss, second * (mean_step / spacing[axis]) ** 2
    return found


def laplacian(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """Laplacian of Gaussian; 7 passes in space, 4 in slices, as the axes share the smoothing."""
    boundary = spec["boundary"]
    check_sigma(spec, spacing, range(3 - spec["dims"], 3))
    radius = spec.reach(spacing)
    check_kernel(radius, image.shape, spec)
    smooth: Patch | None = load(image, sources(wanted, radius, image.shape, boundary))
    second: Patch | None = None
    for axis, (gauss, curve) in enumerate(log_taps(spec, spacing)):
        if gauss is None:
            continue
        span = wanted[axis]
        curved = convolve(smooth, axis, curve, span, boundary)
        if second is not None:
            carried = convolve(second, axis, gauss, span, boundary)
            curved = Patch(curved.values + carried.values, curved.ranges, curved.shape)
        second = curved
        smooth = convolve(smooth, axis, gauss, span, boundary) if axis < 2 else None
    return second.cut(wanted).values


def laws(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """Laws' kernels (normalised to unit length), pooled over rotations, then the mean absolute response."""
    text, boundary, delta = spec["kernels"], spec["boundary"], spec["energy"]
    names = [text[n : n + 2] for n in range(0, len(text), 2)]
    kernels = {name: np.array(LAWS[name], dtype=np.float64) for name in names}
    bank = Bank({name: taps / np.linalg.norm(taps) for name, taps in kernels.items()})
    triples = bank.rotated(names, spec["rotation"] != "none")
    radius = np.max([bank.radii(triple) for triple in triples], axis=0)
    blur = [delta if axis >= 3 - len(names) else 0 for axis in range(3)]
    check_kernel(radius, image.shape, spec)
    check_kernel(blur, image.shape, spec)
    before, between, _ = stages(wanted, [radius, blur], image.shape, boundary)
    pool = Pool(spec["rotation"])
    for _, response in bank.responses(load(image, before), triples, between, boundary):
        pool.add(response)
    response = pool.result()
    if not delta:
        return response
    even = np.full(2 * delta + 1, 1.0 / (2 * delta + 1))
    patch = Patch(np.abs(response), between, image.shape)
    return separable(patch, _in_plane(even, len(names)), wanted, boundary).values


def wavelets(
    image: np.ndarray, spacing: Sequence[float], specs: Iterable[FilterSpec], wanted: Ranges
) -> dict[FilterSpec, np.ndarray]:
    """Undecimated wavelets (à trous); bands that differ in `bands` only share their passes."""
    groups: dict[tuple, list[FilterSpec]] = {}
    for spec in specs:
        kind = (spec["family"], spec["boundary"], spec["level"], len(spec["bands"]), spec["rotation"])
        groups.setdefault(kind, []).append(spec)
    found: dict[FilterSpec, np.ndarray] = {}
    for group in groups.values():
        found.update(_bands(image, group, wanted))
    return found


def _bands(image: np.ndarray, specs: Sequence[FilterSpec], wanted: Ranges) -> dict[FilterSpec, np.ndarray]:
    first = specs[0]
    boundary, level, dims = first["boundary"], first["level"], len(first["bands"])
    low, high = wavelet_taps(first["family"])
    bank = Bank({"L": odd(low), "H": odd(high)})
    asked = {spec: bank.rotated(spec["bands"], spec["rotation"] != "none") for spec in specs}
    pools = {spec: Pool(spec["rotation"]) for spec in specs}
    radius = len(bank.kernels["L"]) // 2
    steps = [[radius * 2**n if axis >= 3 - dims else 0 for axis in range(3)] for n in range(level)]
    for step in steps:
        check_kernel(step, image.shape, first)
    ranges = stages(wanted, steps, image.shape, boundary)
    start = load(image, ranges[0])
    for reversed_axes, triples in _by_direction(asked, level).items():
        patch = start
        smoothing = tuple(None if turned is None else ("L", turned) for turned in reversed_axes)
        for n in range(level - 1):
            patch = bank.lowered(patch, smoothing, ranges[n + 1], boundary, n)
        for triple, response in bank.responses(patch, triples, wanted, boundary, level - 1):
            for spec, members in asked.items():
                if triple in members:
                    pools[spec].add(response)
    return {spec: pool.result() for spec, pool in pools.items()}


def _by_direction(asked: Mapping[FilterSpec, list], level: int) -> dict[tuple, list]:
    """The filters grouped by which axes are reversed, as their low-pass filters of lower levels are, too."""
    groups: dict[tuple, list] = {}
    for triple in dict.fromkeys(triple for triples in asked.values() for triple in triples):
        key = tuple(None if letter is None else letter[1] for letter in triple) if level > 1 else ()
        groups.setdefault(key, []).append(triple)
    return groups


def gradient(image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """Magnitude of the gradient by central differences, nearest voxels outside; as ITK, in float64."""
    patch = load(image, sources(wanted, (1, 1, 1), image.shape, "nearest"))
    total = None
    for axis in range(3):
        ranges = list(wanted)
        ranges[axis] = patch.ranges[axis]
        step = spacing[axis] if spec["spacing"] == "mm" else 1.0
        taps = np.array([0.5, 0.0, -0.5]) / step
        slope = convolve(patch.cut(tuple(ranges)), axis, taps, wanted[axis], "nearest").values
        total = slope**2 if total is None else total + slope**2
    return np.sqrt(total)

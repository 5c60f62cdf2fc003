"""Filters that are applied in the Fourier domain: Gabor, Simoncelli's wavelet, Riesz transforms.

They depend on the whole image (within a slice where they are planar); the response of the wanted box is cut
out at the end. Frequencies are per voxel: bring the image to equal steps first, as IBSI does.

Source: IBSI reference manual part 2, sections 3.5 (Gabor), 3.8 (non-separable wavelets), 3.9 (Riesz).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import fft

from ...errors import FeatureError
from .bank import Pool
from .lines import Ranges, outside, whole
from .spatial import check_kernel, check_sigma, gaussian_taps, load
from .spec import FilterSpec, log_radius, riesz_order


def padded(values: np.ndarray, radii: Sequence[int], boundary: str) -> np.ndarray:
    """An array with `radii` voxels more on both sides of each axis, by the rule of the boundary."""
    for axis, radius in enumerate(radii):
        if radius:
            n = values.shape[axis]
            values = np.take(values, outside(-radius, n + radius, n, boundary), axis=axis)
            if boundary == "zero":
                for side in (slice(0, radius), slice(n + radius, None)):
                    values[(slice(None),) * axis + (side,)] = 0.0
    return values


def orientations(spec: FilterSpec) -> list[float]:
    """Angles (degrees) over which a Gabor filter is pooled; opposite ones only where they differ."""
    theta, step = spec["theta"], spec["step"]
    if not step:
        return [theta]
    count = round(360 / step)
    if count % 2 == 0 and spec["response"] != "imaginary":
        count //= 2
    return [theta + n * step for n in range(count)]


def gabor_kernel(
    spec: FilterSpec, theta: float, radii: tuple[int, int], steps: tuple[float, float]
) -> np.ndarray:
    """Complex Gabor kernel in a plane, rows downwards and columns to the right, `steps` in mm.

    exp(-(x² + γ² y²) / 2σ² + 2πi x / λ) with x and y turned clockwise by theta.
    """
    down = np.arange(-radii[0], radii[0] + 1)[:, None] * steps[0]
    right = np.arange(-radii[1], radii[1] + 1)[None, :] * steps[1]
    angle = math.radians(theta)
    x = math.sin(angle) * down + math.cos(angle) * right
    y = -math.cos(angle) * down + math.sin(angle) * right
    envelope = np.exp(-(x**2 + (spec["gamma"] * y) ** 2) / (2 * spec["sigma"] ** 2))
    return envelope * np.exp(2j * math.pi * x / spec["lambda"])


def gabor(
    image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges, workers: int = 1
) -> np.ndarray:
    """Response of planar Gabor filters; orientations are pooled within a plane, then the planes.

    With three planes the rows and columns of a plane are its two axes in the order k, j, i.

    Raises
    ------
    FeatureError : sigma below the spacing, wavelength below two voxels, kernel larger than the image.
    """
    pool = Pool(spec["pooling"])
    for stack in range(3) if spec["planes"] == 3 else (0,):
        pool.add(_gabor_plane(image, spacing, spec, wanted, stack, workers))
    return pool.result()


def _gabor_plane(
    image: np.ndarray,
    spacing: Sequence[float],
    spec: FilterSpec,
    wanted: Ranges,
    stack: int,
    workers: int,
) -> np.ndarray:
    axes = [axis for axis in range(3) if axis != stack]
    steps = tuple(spacing[axis] for axis in axes)
    check_sigma(spec, spacing, axes)
    if spec["lambda"] < 2 * max(steps) * (1 - 1e-6):
        raise FeatureError(
            f"{spec}: the wavelength is below two voxels of {max(steps):g} mm.",
            "Use a longer wavelength or a finer spacing.",
        )
    length = spec["sigma"] * max(1.0, 1.0 / spec["gamma"])
    radii = tuple(log_radius(length, step, spec["truncate"]) for step in steps)
    reach = [0, 0, 0]
    for axis, radius in zip(axes, radii, strict=True):
        reach[axis] = radius
    check_kernel(reach, image.shape, spec)

    ranges = list(whole(image.shape))
    ranges[stack] = wanted[stack]
    slices = np.moveaxis(load(image, tuple(ranges)).values, stack, 0)
    size = [fft.next_fast_len(n + 4 * r) for n, r in zip(slices.shape[1:], radii, strict=True)]
    kernels = np.stack([gabor_kernel(spec, theta, radii, steps) for theta in orientations(spec)])
    kernels = fft.fft2(kernels, size, workers=workers)
    inside = tuple(
        slice(2 * r + wanted[axis][0], 2 * r + wanted[axis][1]) for axis, r in zip(axes, radii, strict=True)
    )
    part = {"modulus": np.abs, "real": np.real, "imaginary": np.imag}[spec["response"]]
    found = np.empty((len(slices), *(s.stop - s.start for s in inside)))
    for n, values in enumerate(slices):
        spectrum = fft.fft2(padded(values, radii, spec["boundary"]), size)
        responses = fft.ifft2(spectrum * kernels, overwrite_x=True, workers=workers)
        pool = Pool(spec["pooling"])
        for response in responses:
            pool.add(part(response[inside]))
        found[n] = pool.result()
    return np.moveaxis(found, 0, stack)


def _grids(shape: Sequence[int]) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Frequencies of the half spectrum, then those of the opposite frequencies: (Riesz's, wavelet's) axes.

    Both are 1 at the highest frequency. The wavelet's run evenly from -1 to 1 over all n frequencies, as in
    the reference maps of IBSI-2; the Riesz transform's are the true ones.
    """
    for sign in (1, -1):
        true, even = [], []
        for axis, n in enumerate(shape):
            index = np.arange(n // 2 + 1 if axis == len(shape) - 1 else n)
            index = (sign * index) % n
            lift = [1] * len(shape)
            lift[axis] = -1
            signed = np.where(index < (n + 1) // 2, index, index - n)
            true.append((2.0 * signed / n).reshape(lift))
            even.append(((signed + (0.5 if n % 2 == 0 else 0.0)) * 2.0 / max(n - 1, 1)).reshape(lift))
        yield true, even


def _simoncelli(axes: Sequence[np.ndarray], level: int) -> np.ndarray:
    """cos(π/2 log2(2ν / ν_max)) for ν_max / 4 ≤ ν ≤ ν_max, ν_max halved from level to level."""
    radius = np.sqrt(sum(axis**2 for axis in axes)) * 2.0 ** (level - 1)
    band = (radius >= 0.25) & (radius <= 1.0)
    found = np.zeros(radius.shape)
    found[band] = np.cos(np.pi / 2 * np.log2(2 * radius[band]))
    return found


def _riesz(axes: Sequence[np.ndarray], order: Sequence[int]) -> np.ndarray:
    """(-i)^L √(L! / Π l!) Π ν^l / |ν|^L, 0 at ν = 0; orders for the axes as they stand."""
    total = sum(order)
    factor = math.sqrt(math.factorial(total) / math.prod(math.factorial(n) for n in order))
    norm = np.sqrt(sum(axis**2 for axis in axes))
    norm[(0,) * norm.ndim] = 1.0
    found = (-1j) ** total * factor / norm**total
    for axis, n in zip(axes, order, strict=True):
        if n:
            found = found * axis**n
    return found


def transfer(shape: Sequence[int], level: int | None, order: Sequence[int] | None) -> np.ndarray:
    """Half spectrum of a Simoncelli wavelet (if a level is given) and a Riesz transform (if an order is).

    Only the part that makes the response real is kept.
    """
    both = []
    for true, even in _grids(shape):
        value = np.ones(1)
        if level is not None:
            value = value * _simoncelli(even, level)
        if order is not None:
            value = value * _riesz(true, order)
        both.append(value)
    return (both[0] + np.conj(both[1])) / 2


def spectral(
    image: np.ndarray, spacing: Sequence[float], spec: FilterSpec, wanted: Ranges, workers: int = 1
) -> np.ndarray:
    """Response of simoncelli(…) or riesz(…); the image repeats periodically.

    A Riesz transform of log(…) extends the image by the kernel's radius first, by that filter's boundary.

    Raises
    ------
    FeatureError : the kernel of the Laplacian is larger than the image, or its sigma below the spacing.
    """
    base = spec["of"] if spec.name == "riesz" else spec
    order = riesz_order(spec)[::-1] if spec.name == "riesz" else None
    level = base["level"] if base.name == "simoncelli" else None
    radii = (0, 0, 0)
    if base.name == "log":
        check_sigma(base, spacing, range(3 - base.dims, 3))
        radii = base.reach(spacing)
        check_kernel(radii, image.shape, spec)
    if spec.dims == 3:
        values = load(image, whole(image.shape)).values
        return _filtered(values, spacing, base, level, order, radii, wanted, workers)
    (first, last), *rest = wanted
    values = load(image, ((first, last), *whole(image.shape)[1:])).values
    found = [_filtered(one, spacing[1:], base, level, order, radii[1:], rest, workers) for one in values]
    return np.stack(found)


def _filtered(
    values: np.ndarray,
    spacing: Sequence[float],
    base: FilterSpec,
    level: int | None,
    order: Sequence[int] | None,
    radii: Sequence[int],
    wanted: Sequence[tuple[int, int]],
    workers: int,
) -> np.ndarray:
    if base.name == "log":
        values = padded(values, radii, base["boundary"])
    response = transfer(values.shape, level, order)
    if base.name == "log":
        response = response * _log_spectrum(values.shape, spacing, base, radii)
    spectrum = fft.rfftn(values, workers=workers)
    spectrum *= response
    found = fft.irfftn(spectrum, values.shape, overwrite_x=True, workers=workers)
    return found[tuple(slice(r + a, r + b) for r, (a, b) in zip(radii, wanted, strict=True))].copy()


def _log_spectrum(
    shape: Sequence[int], spacing: Sequence[float], base: FilterSpec, radii: Sequence[int]
) -> np.ndarray:
    """Half spectrum of the sampled kernel of :func:`spatial.laplacian`: real, the kernel being even."""
    mean_step = math.prod(spacing) ** (1 / len(shape))
    smooth, curved = [], []
    for axis, (n, step, radius) in enumerate(zip(shape, spacing, radii, strict=True)):
        lift = [1] * len(shape)
        lift[axis] = -1
        lines = gaussian_taps(base["sigma"] / step, radius)
        for taps, weight, store in ((lines[0], 1.0, smooth), (lines[1], (mean_step / step) ** 2, curved)):
            line = np.zeros(n)
            np.add.at(line, np.arange(-radius, radius + 1) % n, taps * weight)
            spectrum = fft.fft(line).real
            if axis == len(shape) - 1:
                spectrum = spectrum[: n // 2 + 1]
            store.append(spectrum.reshape(lift))
    total = 0.0
    for axis in range(len(shape)):
        total = total + math.prod(
            [curved[n] if n == axis else smooth[n] for n in range(len(shape))], start=np.ones(1)
        )
    return total

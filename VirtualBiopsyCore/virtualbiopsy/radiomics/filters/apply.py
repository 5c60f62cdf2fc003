"""Responses of filters on an image, on a box of it or everywhere."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import DimensionError, FeatureError, GeometryError, ImageError
from . import parity, pointwise, spatial
from .lines import Ranges, whole
from .spec import FilterSpec, parse_filter

Box = tuple[slice, slice, slice]
_MAX_THREADS = 4
_KERNELS = 1 << 20
"""Bytes for kernels, indices and the like."""

_Work = Callable[[Sequence[FilterSpec]], dict[FilterSpec, np.ndarray]]


def apply_filter(
    array: np.ndarray, spacing: Sequence[float], spec: FilterSpec | str, *, parity: bool = False
) -> np.ndarray:
    """Response of one filter on a whole image; see :func:`apply_filters`."""
    spec = parse_filter(spec) if isinstance(spec, str) else spec
    return apply_filters(array, spacing, [spec], parity=parity)[str(spec)]


def apply_filters(
    array: np.ndarray,
    spacing: Sequence[float],
    specs: Iterable[FilterSpec | str],
    box: Box | None = None,
    *,
    parity: bool = False,
    threads: int | None = None,
    mask: np.ndarray | None = None,
    failed: dict[str, ImageError | FeatureError] | None = None,
) -> dict[str, np.ndarray]:
    """Responses of several filters, which share passes and threads.

    Parameters
    ----------
    array : the whole image (k, j, i).
    spacing : (dk, dj, di) in mm.
    specs : filters, parsed or as text.
    box : where the responses are wanted (slices without steps); None: everywhere. Filters with a finite
        reach look at the box and its reach only, and give a voxel the same bits whatever the box.
    parity : compute as pyradiomics 3.0.1: recursive Laplacian, stationary wavelets (float32 for a float32
        image), integer samples in lbp3d. `array` must then be exactly what pyradiomics would filter, in its
        type; the response of "original", log, wavelet and gradient comes in the type that pyradiomics gets.
    threads : at most so many; None: as many as processors, up to 4.
    mask : bool, of the shape of `array`: lbp3d, which is slow, is computed there only and 0 elsewhere.
    failed : filled with the errors of filters that cannot be applied, by the filter's text, while the others
        are; without it the first error is raised.

    Returns
    -------
    Response by the filter's text, in the order asked for; float64 without `parity`, of the box's shape.

    Raises
    ------
    FeatureError : unknown filter; kernel larger than the image; sigma below the spacing.
    NonFiniteError : NaN or infinite voxels within reach.
    DimensionError, GeometryError : the array is not 3D; the box or spacing is not valid.
    """
    array = np.asarray(array)
    parsed = [parse_filter(spec) if isinstance(spec, str) else spec for spec in specs]
    wanted = _ranges(array, spacing, box)
    steps = tuple(float(step) for step in spacing)
    count = max(1, threads or min(_MAX_THREADS, os.cpu_count() or 1))
    jobs = _jobs(array, steps, list(dict.fromkeys(parsed)), wanted, parity, count, mask)
    found: dict[FilterSpec, np.ndarray] = {}
    errors: dict[FilterSpec, ImageError | FeatureError] = {}

    def run(job: tuple[Sequence[FilterSpec], _Work]) -> dict[FilterSpec, np.ndarray]:
        group, work = job
        try:
            return work(group)
        except (ImageError, FeatureError) as error:
            if failed is None:
                raise
            if len(group) > 1:
                return {spec: one for single in group for spec, one in run(([single], work)).items()}
            errors[group[0]] = error
            return {}

    if count == 1 or len(jobs) == 1:
        for job in jobs:
            found.update(run(job))
    else:
        with ThreadPoolExecutor(min(count, len(jobs))) as pool:
            for responses in pool.map(run, jobs):
                found.update(responses)
    if failed is not None:
        failed.update({str(spec): errors[spec] for spec in parsed if spec in errors})
    return {str(spec): np.ascontiguousarray(found[spec]) for spec in parsed if spec in found}


def memory_needed(
    shape: Sequence[int],
    specs: Iterable[FilterSpec | str],
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    image_shape: Sequence[int] | None = None,
) -> int:
    """Bytes that :func:`apply_filters` needs at most for a box of `shape`, besides the image itself.

    The responses, and the temporary arrays of as many filters as run at once: the part of the image within
    reach as float64 and four intermediate arrays; twice as many in the Fourier domain and for other filters
    that need the whole image. `image_shape` is that of the whole image, if the box is not all of it.
    """
    parsed = [parse_filter(spec) if isinstance(spec, str) else spec for spec in specs]
    voxels = math.prod(int(n) for n in shape)
    work = sorted((_working(shape, spec, spacing, image_shape or shape) for spec in parsed), reverse=True)
    return 8 * voxels * len(parsed) + sum(work[:_MAX_THREADS]) + _KERNELS


def _working(
    shape: Sequence[int], spec: FilterSpec, spacing: Sequence[float], image_shape: Sequence[int]
) -> int:
    if spec.name == "original":
        return 0
    reach = spec.reach(spacing)
    if reach is not None:
        return 8 * 5 * math.prod(int(n) + 2 * r for n, r in zip(shape, reach, strict=True))
    padded = spec.name == "riesz" and spec["of"].name == "log"
    pads = spec["of"].reach(spacing) if padded else (0, 0, 0)
    return 8 * 8 * math.prod(int(n) + 2 * r for n, r in zip(image_shape, pads, strict=True))


def _ranges(array: np.ndarray, spacing: Sequence[float], box: Box | None) -> Ranges:
    if array.ndim != 3:
        raise DimensionError(f"The image has {array.ndim} dimensions, not 3.")
    if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise GeometryError(f"The voxel spacing {tuple(spacing)} is not three positive numbers in mm.")
    if box is None:
        return whole(array.shape)
    spans = [part.indices(n) for part, n in zip(box, array.shape, strict=True)]
    if any(step != 1 or stop <= start for start, stop, step in spans):
        raise GeometryError(f"The box {box} holds no voxel of an image of {array.shape} voxels.")
    k, j, i = ((start, stop) for start, stop, _ in spans)
    return k, j, i


def _jobs(
    array: np.ndarray,
    spacing: tuple[float, float, float],
    specs: list[FilterSpec],
    wanted: Ranges,
    as_pyradiomics: bool,
    threads: int,
    mask: np.ndarray | None,
) -> list[tuple[Sequence[FilterSpec], _Work]]:
    """Work that can be done at the same time; wavelet bands that share passes are together."""

    def single(group: Sequence[FilterSpec]) -> dict[FilterSpec, np.ndarray]:
        (spec,) = group
        return {spec: _one(array, spacing, spec, wanted, as_pyradiomics, threads, mask)}

    def bands(group: Sequence[FilterSpec]) -> dict[FilterSpec, np.ndarray]:
        if as_pyradiomics:
            return parity.wavelets(array, group, wanted)
        return spatial.wavelets(array, spacing, group, wanted)

    jobs: list[tuple[Sequence[FilterSpec], _Work]] = []
    shared: dict[tuple, list[FilterSpec]] = {}
    for spec in specs:
        if spec.name == "wavelet":
            # Two halves that differ in their first pass, which is along i in pyradiomics and along k here.
            half = spec["bands"][0 if as_pyradiomics else -1] if spec["level"] == 1 and threads > 1 else ""
            shared.setdefault((spec["family"], half), []).append(spec)
        else:
            jobs.append(([spec], single))
    return jobs + [(group, bands) for group in shared.values()]


def _one(
    array: np.ndarray,
    spacing: tuple[float, float, float],
    spec: FilterSpec,
    wanted: Ranges,
    as_pyradiomics: bool,
    threads: int,
    mask: np.ndarray | None,
) -> np.ndarray:
    name = spec.name
    if name == "original":
        if as_pyradiomics:
            return array[tuple(slice(a, b) for a, b in wanted)]
        return spatial.load(array, wanted).values
    if as_pyradiomics and name in ("mean", "laws", "gabor", "simoncelli", "riesz"):
        raise FeatureError(f"pyradiomics has no filter {name!r}.", "Use the profile ibsi.")
    if name == "log":
        module = parity if as_pyradiomics else spatial
        return module.laplacian(array, spacing, spec, wanted)
    if name == "gradient":
        module = parity if as_pyradiomics else spatial
        return module.gradient(array, spacing, spec, wanted)
    if name in ("mean", "laws"):
        return getattr(spatial, name)(array, spacing, spec, wanted)
    if name == "gabor":
        # Here and below, since other filters need nothing of scipy.fft, scipy.ndimage and scipy.special.
        from . import fourier

        return fourier.gabor(array, spacing, spec, wanted, threads)
    if name in ("simoncelli", "riesz"):
        from . import fourier

        return fourier.spectral(array, spacing, spec, wanted, threads)
    if name == "lbp2d":
        from . import lbp

        return lbp.lbp2d(array, spec, wanted)
    if name == "lbp3d":
        from . import lbp

        return lbp.lbp3d(array, spec, wanted, parity=as_pyradiomics, mask=mask)
    return pointwise.transform(array, spec, wanted)

"""Features as pyradiomics 3.0.1 computes them, image types included, on one image and mask."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Event

import numpy as np
import SimpleITK as sitk

from ..errors import (
    FeatureError,
    FlatRegionError,
    ImageError,
    NonFiniteError,
    RegionError,
    RegionTooSmallError,
    VirtualBiopsyError,
)
from ..memory import require_memory
from ..progress import Progress, silent
from ..radiomics import morphology, shape2d, statistics
from ..radiomics.definitions import MASK, all_keys, definition
from ..radiomics.diameters import FlatHullError
from ..radiomics.keys import FeatureKey
from ..radiomics.lattice import Lattice
from ..radiomics.levels import Levels
from ..radiomics.resegment import parse_region, resegment
from ..radiomics.texture import Texture
from .chain import Prepared, prepare
from .names import pyradiomics_name
from .protocol import ExtractionSettings

ORIGINAL = "original"
HIDDEN = ("compactness_1", "compactness_2", "spherical_disproportion")
"""Features of shape that pyradiomics computes only when they are asked for by name."""

Values = dict[FeatureKey, float]
Found = Mapping[FeatureKey, float | str]
_SMALL = 1 << 14
"""Voxels of an image below which one thread is faster: most of the work is Python's own."""


def extract_pyradiomics(
    image: sitk.Image,
    mask: sitk.Image,
    *,
    image_types: Sequence[str] = (ORIGINAL,),
    bin_width: float = 25.0,
    resampled_spacing: tuple[float, float, float] | None = (1.0, 1.0, 1.0),
    threads: int = 2,
    label: int = 1,
) -> dict[str, float]:
    """All features that pyradiomics computes by default, by its own names.

    Parameters
    ----------
    image_types : as in the image field of a key: "original", "log(sigma=3)", …
    bin_width : in the unit of each image. resampled_spacing : mm along i, j, k; None does not resample.
    threads : images are spread over so many threads.

    Returns
    -------
    For example {"original_shape_MeshVolume": …, "wavelet-LLH_glcm_Id": …}; what is undefined is absent.

    Raises
    ------
    FeatureError : an image type is unknown. GeometryError, RegionError, ImageError : as for
        :func:`virtualbiopsy.engines.chain.prepare`.
    """
    rule = f"fbw{bin_width:.12g}"
    keys = [
        key for key in all_keys(MASK, discretisation=rule, profile="pyradiomics") if key.name not in HIDDEN
    ]
    for kind in image_types:
        keys += all_keys("image", discretisation=rule, profile="pyradiomics", image=kind)
    prepared = prepare(image, mask, ExtractionSettings(label=label, spacing=resampled_spacing))
    values, _ = features(prepared, keys, threads=threads)
    return {pyradiomics_name(key): values[key] for key in keys if key in values}


def features(
    prepared: Prepared,
    keys: Sequence[FeatureKey],
    *,
    threads: int = 1,
    progress: Progress = silent,
    bins: dict[str, int] | None = None,
) -> tuple[Values, dict[FeatureKey, str]]:
    """Features of one prepared image and its region.

    Parameters
    ----------
    keys : of profile "pyradiomics", all of one sequence and one outline (re-segmented or not), and of shape.
    bins : is filled with the number of grey levels found, as in a FeatureVector.

    Returns
    -------
    Finite values, and why the others are missing: undefined, an image too small for the filter, too many
    grey levels, or re-segmentation leaves too few voxels.

    Raises
    ------
    FeatureError : a key is unknown or contradicts itself.
    NonFiniteError : the image is NaN or infinite inside the region.
    MemoryLimitError : the filtered images do not fit into the free memory.
    """
    for key in keys:
        definition(key)
    work = _Work(prepared)
    found = work.run(keys, threads, progress)
    if bins is not None:
        bins.update(sorted(work.bins.items()))
    return found


class _Region:
    """The voxels that count for the intensities: an outline after re-segmentation."""

    def __init__(self, mask: np.ndarray, values: np.ndarray, text: str) -> None:
        region = parse_region(text)
        self.keep: np.ndarray | slice = slice(None)
        if region.resegmented:
            self.keep = resegment(values.astype(np.float64), region)
            if np.count_nonzero(self.keep) < 2:
                raise RegionTooSmallError(f"Re-segmentation leaves one voxel of the region {text!r}.")
            outline, mask = mask, np.zeros_like(mask)
            mask[outline] = self.keep
        self.lattice = Lattice(mask)


class _Work:
    """One prepared image: what its filtered images share."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.box = prepared.box
        self.mask = np.ascontiguousarray(prepared.mask[prepared.box])
        self.image = prepared.values
        inside = self._inside(self.image)
        bad = np.count_nonzero(~np.isfinite(inside))
        if bad:
            raise NonFiniteError(
                f"The image is NaN or infinite in {bad} voxels of the region.",
                "Check the image, or leave these voxels out of the outline.",
            )
        self.original = inside
        self.regions: dict[str, _Region] = {}
        self.bins: dict[str, int] = {}
        self.ready = Event()

    def _inside(self, image: np.ndarray) -> np.ndarray:
        return image[self.box][self.mask]

    def run(
        self, keys: Sequence[FeatureKey], threads: int, progress: Progress
    ) -> tuple[Values, dict[FeatureKey, str]]:
        by_image: dict[str, list[FeatureKey]] = {}
        shape = []
        for key in keys:
            (shape if key.sequence == MASK else by_image.setdefault(key.image, [])).append(key)
        values: Values = {}
        missing: dict[FeatureKey, str] = {}
        for text in dict.fromkeys(key.region for kind in by_image.values() for key in kind):
            try:
                self.regions[text] = _Region(self.mask, self.original, text)
            except RegionError as error:
                missing.update({key: error.message for key in keys if key.region == text})
        by_image = {
            kind: [key for key in wanted if key.region in self.regions] for kind, wanted in by_image.items()
        }
        tasks = [partial(self._unfiltered, shape, by_image.get(ORIGINAL, []))]
        tasks += [partial(self._filtered, kinds, by_image) for kinds in _tasks(by_image)]
        progress(0.0, "Computing features")
        with closing(self._results(tasks, threads)) as results:
            for number, found in enumerate(results, 1):
                self._add(values, missing, found)
                progress(number / len(tasks), "Computing features")
        return values, missing

    def _results(self, tasks: Sequence[Callable[[], Found]], threads: int) -> Iterator[Found]:
        """What the tasks return, in their order, over threads where these do not wait for each other."""
        if threads <= 1 or self.image.size < _SMALL:
            yield from (task() for task in tasks)
            return
        with ThreadPoolExecutor(threads) as pool:
            try:
                for job in [pool.submit(task) for task in tasks]:
                    yield job.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _add(values: Values, missing: dict[FeatureKey, str], found: Found) -> None:
        for key, value in found.items():
            if isinstance(value, str):
                missing[key] = value
            elif math.isfinite(value):
                values[key] = value
            else:
                missing[key] = f"{definition(key).label} is undefined in the region {key.region!r}."

    def _unfiltered(
        self, shape: Sequence[FeatureKey], original: Sequence[FeatureKey]
    ) -> dict[FeatureKey, float | str]:
        """Shape and the original image; comes first and fills the tables that all images share."""
        try:
            with _quietly():
                return {**self._one(original, self.original), **self._shape(shape)}
        finally:
            self.ready.set()

    def _shape(self, keys: Sequence[FeatureKey]) -> dict[FeatureKey, float | str]:
        if not keys:
            return {}
        shape = morphology.Shape(self.mask, self.prepared.spacing, "pyradiomics")
        flat = shape2d.FlatShape(self.mask[0], self.prepared.spacing[1:]) if len(self.mask) == 1 else None
        found: dict[FeatureKey, float | str] = {}
        for key in keys:
            if key.family == "morphology":
                found[key] = _number(lambda key=key: morphology.FEATURES[key.name](shape))
            elif flat is None:
                found[key] = "The region extends over more than one slice."
            else:
                found[key] = _number(lambda key=key: shape2d.FEATURES[key.name](flat))
        return found

    def _filtered(
        self, kinds: Sequence[str], by_image: Mapping[str, Sequence[FeatureKey]]
    ) -> dict[FeatureKey, float | str]:
        from ..radiomics.filters.apply import apply_filters, memory_needed

        found: dict[FeatureKey, float | str] = {}
        failed: dict[str, VirtualBiopsyError] = {}
        try:
            require_memory(memory_needed(self.image.shape, kinds), f"Filtering the image ({kinds[0]})")
            responses = apply_filters(
                self.image,
                self.prepared.spacing,
                kinds,
                self.box,
                mask=self.prepared.mask,
                parity=True,
                threads=1,
                failed=failed,
            )
        except (FeatureError, ImageError) as error:
            return {key: error.message for kind in kinds for key in by_image[kind]}
        for kind, error in failed.items():
            found.update(dict.fromkeys(by_image[kind], error.message))
        inside = {kind: response[self.mask] for kind, response in responses.items()}
        del responses
        self.ready.wait()
        for kind, values in inside.items():
            if np.isfinite(values).all():
                with _quietly():
                    found.update(self._one(by_image[kind], values))
            else:
                found.update(dict.fromkeys(by_image[kind], f"The image {kind} is not finite in the region."))
        return found

    def _one(self, keys: Sequence[FeatureKey], inside: np.ndarray) -> dict[FeatureKey, float | str]:
        """Features of one (filtered) image; `inside` holds its values in the outline."""
        found: dict[FeatureKey, float | str] = {}
        textures: dict[tuple[str, str], Texture | str] = {}
        moments: dict[str, statistics.Values] = {}
        spacing = self.prepared.spacing
        for key in keys:
            region = self.regions[key.region]
            values = inside[region.keep]
            if key.family == "statistics":
                if key.region not in moments:
                    moments[key.region] = statistics.Values(
                        values.astype(np.float64), key.profile, math.prod(spacing)
                    )
                number = moments[key.region]
                found[key] = _number(lambda key=key, n=number: statistics.FEATURES[key.name](n))
                continue
            index = (key.region, key.discretisation)
            if index not in textures:
                try:
                    cells = Levels.of_values(values, key.discretisation, key.profile)
                    fields = (key.sequence, key.region, key.image, key.discretisation)
                    self.bins[":".join(f for f in fields if f != ORIGINAL)] = len(cells.grey)
                    textures[index] = Texture(
                        region.lattice, None, key.discretisation, key.profile, spacing=spacing, cells=cells
                    )
                except (FlatRegionError, FeatureError) as error:
                    textures[index] = error.message
            texture = textures[index]
            if isinstance(texture, str):
                found[key] = texture
            else:
                found[key] = _number(lambda key=key, t=texture: t.feature(key))
        return found


def _tasks(by_image: Mapping[str, Sequence[FeatureKey]]) -> Iterator[list[str]]:
    """Image types that are filtered together: those with the same filter, LoG each by itself."""
    shared: dict[str, list[str]] = {}
    for kind in by_image:
        if kind == ORIGINAL:
            continue
        name = kind.partition("(")[0]
        shared.setdefault(kind if name == "log" else name, []).append(kind)
    yield from sorted(shared.values(), key=len, reverse=True)


def _quietly() -> np.errstate:
    return np.errstate(divide="ignore", invalid="ignore", over="ignore")


def _number(compute) -> float:
    try:
        return float(compute())
    except (ZeroDivisionError, FlatHullError):
        return math.nan

"""Grey-level discretisation inside a region: fixed bin number and fixed bin width.

Source: IBSI reference manual, section 2.7 (fixed bin number K15C, fixed bin size Q3RU).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..errors import EmptyRegionError, FeatureError, FlatRegionError, NonFiniteError
from . import kernels
from .keys import PROFILES

MAX_LEVELS = 1024
"""More grey levels than this are refused: the matrices would not fit and the features mean nothing."""

_SPEC = re.compile(r"(fbn|fbw)(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Discretisation:
    """Parsed discretisation: ``kind`` "fbn" (value: number of bins) or "fbw" (value: width, image units)."""

    kind: str
    value: float

    def __str__(self) -> str:
        number = f"{self.value:.12f}".rstrip("0").rstrip(".")
        return f"{self.kind}{number}"


@cache
def parse_discretisation(spec: str) -> Discretisation:
    """Read "fbn32", "fbw25" or "fbw0.1".

    Raises
    ------
    FeatureError : if the text is none of these, or the number is not usable.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise FeatureError(
            f"{spec!r} is not a discretisation.", "Write fbn and a number of bins, or fbw and a bin width."
        )
    kind, value = match.group(1), float(match.group(2))
    if kind == "fbn" and not (value.is_integer() and 1 < value <= MAX_LEVELS):
        raise FeatureError(f"{spec!r} needs a whole number of bins between 2 and {MAX_LEVELS}.")
    if value <= 0:
        raise FeatureError(f"{spec!r} needs a bin width above zero.")
    found = Discretisation(kind, value)
    if str(found) != spec:
        raise FeatureError(f"Write the discretisation {spec!r} as {str(found)!r}.")
    return found


def discretise_values(
    values: np.ndarray,
    spec: str,
    profile: str,
    lower: float | None = None,
    max_levels: int = MAX_LEVELS,
) -> tuple[np.ndarray, int]:
    """Discretise the values of one region.

    Parameters
    ----------
    values : (n,) finite floats, the intensities inside the region.
    spec : "fbn32", "fbw25", …
    profile : "ibsi" (bins start at the region's minimum; the maximum falls into the last of a fixed number
        of bins) or "pyradiomics" (bins of fixed width start at ``min - min % width``; the edges of a fixed
        number of bins are those of ``numpy.histogram``, compared as floats).
    lower : lower bound of the re-segmentation range, where bins of fixed width start in the profile "ibsi";
        None without one. Must not exceed the values.
    max_levels : more than so many levels are refused.

    Returns
    -------
    levels : (n,) int32, 1…Ng. Ng : the highest level.

    Raises
    ------
    FlatRegionError : fixed bin number in a region with a single value.
    FeatureError : unknown spec or profile, or more than ``max_levels`` levels.
    """
    if profile not in PROFILES:
        raise FeatureError(f"Unknown profile {profile!r}.", f"Use one of {', '.join(PROFILES)}.")
    scheme = parse_discretisation(spec)
    values = np.asarray(values, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if scheme.kind == "fbn":
        if low == high:
            raise FlatRegionError(
                f"All voxels of the region have the value {low:g}; a fixed number of bins is undefined.",
                "Outline a region with some variation, or check the image.",
            )
        bins = int(scheme.value)
        if profile == "pyradiomics":
            edges = np.linspace(low, high, bins + 1)
            levels = kernels.active().levels_between(values, edges[:-1])
        else:
            levels = np.floor(bins * ((values - low) / (high - low))).astype(np.int64) + 1
            np.clip(levels, 1, bins, out=levels)
    else:
        width = scheme.value
        if profile == "pyradiomics":
            start = low - (low % width)
        else:
            start = low if lower is None else lower
        needed = math.floor((high - start) / width) + 1
        if needed > max_levels:
            raise FeatureError(
                f"A bin width of {width:g} gives {needed} grey levels in this region (at most {max_levels}).",
                "Use a larger bin width or a fixed bin number, and check the unit of the image.",
            )
        if profile == "pyradiomics":
            edges = np.arange(start, high + 2 * width, width)
            levels = kernels.active().levels_between(values, edges)
        else:
            levels = np.floor((values - start) / width).astype(np.int64) + 1
    levels = levels.astype(np.int32, copy=False)
    return levels, int(levels.max())


def discretise(
    image: np.ndarray, mask: np.ndarray | None, spec: str, profile: str = "ibsi"
) -> tuple[np.ndarray, int]:
    """Discretise an image inside a region.

    Parameters
    ----------
    image : (k, j, i) floats; or (n,) values of a region, with ``mask`` None.
    mask : bool of the same shape, or None for "everything".
    spec, profile : as for :func:`discretise_values`.

    Returns
    -------
    levels : int32 of the shape of ``image``, 0 outside the region and 1…Ng inside. Ng : the highest level.

    Raises
    ------
    EmptyRegionError, NonFiniteError, FlatRegionError, FeatureError
    """
    image = np.asarray(image)
    inside = np.ones(image.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    values = image[inside].astype(np.float64)
    if values.size == 0:
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    if not np.isfinite(values).all():
        raise NonFiniteError("The image holds NaN or infinite values inside the region.")
    levels = np.zeros(image.shape, dtype=np.int32)
    levels[inside], highest = discretise_values(values, spec, profile)
    return levels, highest

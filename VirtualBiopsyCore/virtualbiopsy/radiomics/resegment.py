"""Re-segmentation: which voxels of a region count for its intensities, while its shape stays as outlined.

Source: IBSI reference manual, section 2.6 (range re-segmentation USB3, intensity outlier filtering 7ACA) and
section 3 on the morphological and the intensity mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..errors import EmptyRegionError, FeatureError
from .spec import format_spec, parse_spec


@dataclass(frozen=True)
class Region:
    """Parsed region field of a key.

    Attributes
    ----------
    name : name of the mask, for example "tumour".
    low, high : intensities within these bounds, both included, stay in the intensity mask; infinite where
        there is no bound. In the unit of the image.
    outlier : voxels farther than this many standard deviations from the mean are left out; None keeps all.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    outlier: float | None = None

    @property
    def ranged(self) -> bool:
        return self.low > -math.inf or self.high < math.inf

    @property
    def resegmented(self) -> bool:
        return self.ranged or self.outlier is not None

    @property
    def lower_bound(self) -> float | None:
        """Where bins of fixed width start (IBSI, section 2.7); None for the smallest intensity found."""
        return self.low if self.low > -math.inf else None

    def __str__(self) -> str:
        changed: dict[str, object] = {}
        if self.ranged:
            changed["range"] = f"{self.low:.12g}..{self.high:.12g}"
        if self.outlier is not None:
            changed["outlier"] = f"{self.outlier:.12g}"
        return format_spec(self.name, changed)


@cache
def parse_region(text: str) -> Region:
    """Read "tumour", "tumour(range=-500..400)", "ring5(range=0..inf;outlier=3)", …

    Raises
    ------
    FeatureError : unknown parameter, unusable bounds, or not written in its one canonical form.
    """
    if "(" not in text:
        return Region(text)
    name, parameters = parse_spec(text)
    unknown = set(parameters) - {"range", "outlier"}
    if unknown:
        raise FeatureError(
            f"Unknown parameter {sorted(unknown)[0]!r} in the region {text!r}.", "Use range and outlier."
        )
    low, high = -math.inf, math.inf
    outlier = None
    try:
        if "range" in parameters:
            first, dots, second = parameters["range"].partition("..")
            low, high = float(first), float(second if dots else "nan")
        if "outlier" in parameters:
            outlier = float(parameters["outlier"])
    except ValueError:
        low = math.nan
    if not low < high or low == math.inf or high == -math.inf:
        raise FeatureError(
            f"The bounds in the region {text!r} are not usable.",
            "Write range=low..high; -inf and inf are open.",
        )
    if outlier is not None and not 0 < outlier < math.inf:
        raise FeatureError(f"The outlier limit in the region {text!r} must be a number above zero.")
    found = Region(name, low, high, outlier)
    if str(found) != text:
        raise FeatureError(f"Write the region {text!r} as {str(found)!r}.")
    return found


def resegment(values: np.ndarray, region: Region, sequence: str = "the image") -> np.ndarray:
    """Which voxels of a region stay in the intensity mask.

    The range comes first; mean and standard deviation (population) for the outliers are those of the voxels
    within the range.

    Parameters
    ----------
    values : (n,) finite intensities inside the region.
    sequence : name of the image, for the message.

    Returns
    -------
    (n,) bool.

    Raises
    ------
    EmptyRegionError : no voxel is left.
    """
    keep = (values >= region.low) & (values <= region.high)
    if region.outlier is not None and keep.any():
        inside = values[keep]
        # A constant region has no outliers, whatever rounding makes of its deviation.
        reach = region.outlier * float(inside.std()) + 1e-12 * float(np.abs(inside).max())
        keep &= np.abs(values - float(inside.mean())) <= reach
    if not keep.any():
        raise EmptyRegionError(
            f"Re-segmentation of {sequence} leaves no voxel of the region {str(region)!r}.",
            "Widen the range, or check the outline and the unit of the image.",
        )
    return keep

"""Settings and result of the preparation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True)
class Preparation:
    """How images are made comparable before features are extracted (the `preparation` table of a recipe).

    Attributes
    ----------
    reference : role whose space all others are brought into.
    spacing : mm along i, j, k (x, y, z of the image) of the common grid; None keeps the reference's own grid.
    interpolator : "linear" or "bspline", for images.
    mask_interpolator : "nearest" (as pyradiomics) or "linear" (partial volume ≥ 0.5, as IBSI).
    bias_correction : N4 on every weighted sequence (not on quantitative maps).
    normalise : "none", "zscore_head" or "zscore_brain"; never applied to quantitative maps (adc, t1map,
        aptw, perfusion).
    register : rigid registration to the reference where grids or frames of reference differ.
    """

    reference: str = "t1c"
    spacing: tuple[float, float, float] | None = (1.0, 1.0, 1.0)
    interpolator: str = "bspline"
    mask_interpolator: str = "linear"
    bias_correction: bool = False
    normalise: str = "zscore_head"
    register: bool = True


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """Images of one case on one grid.

    Attributes
    ----------
    images : float64 images by role, all with the geometry of `grid`.
    grid : image that carries the common geometry (its voxels are not used).
    transforms : per role, the transform from the common space to the sequence's own space, physical LPS
        (what SimpleITK's resampling takes); identity where nothing was registered.
    steps : provenance, one sentence per step with its parameters and figures.
    settings : the preparation that was asked for.
    covered : uint8 masks on the grid, by role, of what lies inside the sequence's field of view; only for
        sequences that do not cover the whole grid. Elsewhere the image holds its background value.
    """

    images: Mapping[str, sitk.Image]
    grid: sitk.Image
    transforms: Mapping[str, sitk.Transform]
    steps: tuple[str, ...]
    settings: Preparation = field(default_factory=Preparation)
    covered: Mapping[str, sitk.Image] = field(default_factory=dict)

"""What an extraction engine is: images, masks and keys in, named features out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import SimpleITK as sitk

from ..progress import Progress, silent
from ..radiomics.keys import FeatureKey
from ..radiomics.vector import FeatureVector

INTERPOLATORS = ("bspline", "linear", "nearest")


@dataclass(frozen=True)
class ExtractionSettings:
    """What happens to image and mask before features are computed; the same for every engine.

    Everything that belongs to a single feature (image type, bins, aggregation, re-segmentation) stands in
    its key. The names of pyradiomics are in brackets.

    Attributes
    ----------
    label : value of the mask that is the region (label).
    spacing : mm along i, j, k (x, y, z of the image) of the grid to resample to, 0 keeps the mask's own
        along that axis; None does not resample (resampledPixelSpacing).
    interpolator : one of INTERPOLATORS, for images (interpolator); the mask takes the nearest voxel.
    pad_distance : voxels of the new grid around the mask's box on which filters are computed (padDistance).
    normalise : centre the whole image at its mean and divide by its standard deviation (normalize).
    normalise_scale : factor applied afterwards (normalizeScale).
    remove_outliers : clip at so many standard deviations while normalising (removeOutliers); None does not.
    correct_mask : put a mask of another grid onto the grid of the image (correctMask).
    geometry_tolerance : by how much grids that count as equal may differ, in voxels for origin and spacing
        and as cosines for directions (geometryTolerance).
    """

    label: int = 1
    spacing: tuple[float, float, float] | None = None
    interpolator: str = "bspline"
    pad_distance: int = 5
    normalise: bool = False
    normalise_scale: float = 1.0
    remove_outliers: float | None = None
    correct_mask: bool = False
    geometry_tolerance: float = 1e-6


DEFAULTS = ExtractionSettings()


@runtime_checkable
class Engine(Protocol):
    """One implementation of radiomic features.

    Attributes
    ----------
    name : short and unique, "virtualbiopsy", "pyradiomics", …
    version : of the implementation; "" while it is not available.
    """

    name: str

    @property
    def version(self) -> str: ...

    def availability(self) -> str | None:
        """None if the engine can be used here, otherwise one sentence that says why not."""
        ...

    def supports(self, key: FeatureKey | str) -> bool:
        """Whether the engine can compute this key."""
        ...

    def extract(
        self,
        images: Mapping[str, sitk.Image],
        masks: Mapping[str, sitk.Image],
        keys: Sequence[FeatureKey | str],
        settings: ExtractionSettings = DEFAULTS,
        *,
        progress: Progress = silent,
    ) -> FeatureVector:
        """Compute the features that the keys name.

        Parameters
        ----------
        images : by sequence. masks : by region; voxels with the value ``settings.label`` are inside.
        keys : keys that the engine does not support are reported in ``missing``.

        Returns
        -------
        FeatureVector : finite values; what could not be computed is in ``missing`` with the reason.

        Raises
        ------
        EngineError : the engine is not available, failed, or does not know a setting.
        GeometryError, RegionError, ImageError : image and mask do not fit, or cannot be used.
        Cancelled : the progress callback asked to stop.
        """
        ...

"""Outlines near a measured one, each measured as if it had been drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from .measure import Measured, Measuring
from .prepare.prepare import UNCOVERED_ALLOWED
from .presence import divide_keys
from .radiomics.extract import extract
from .radiomics.keys import FeatureKey
from .radiomics.live.extraction import LiveExtraction
from .radiomics.resegment import parse_region
from .radiomics.vector import FeatureVector
from .regions.live_ring import LiveRings
from .regions.multi import region_masks


class Variants:
    """Measures outlines that lie within `reach` mm of a measured one.

    Each gets what :meth:`Measuring.measure` would give for it: regions that follow from the outline (rings,
    largest slice) and sequences that no longer cover enough of it are found anew. Only what differs from the
    outline measured before is counted again, so that outlines that differ little should follow each other.
    The measuring itself is left as it is. Not for several threads at once.

    Parameters
    ----------
    measuring : what measured the outline. measured : the outline.
    keys : the radiomic features wanted, of those that the measuring knows.
    reach : mm that a variant may reach beyond the outline.

    Attributes
    ----------
    grid : image with the geometry of the masks. box : where that is on the common grid, slices (k, j, i).
    tumour : bool (k, j, i), the outline itself. spacing : (dk, dj, di) in mm.
    arrays : the images on `grid`, by role. responses : filtered images on it.
    """

    def __init__(
        self, measuring: Measuring, measured: Measured, keys: Iterable[FeatureKey], reach: float
    ) -> None:
        # A variant's surface lies up to a voxel beyond its outermost centres.
        self._around = measuring.around(measured, reach + max(measured.spacing))
        self._setting = replace(self._around.setting, near=LiveRings().near)
        self._keys = tuple(keys)
        self._regions = sorted({"tumour", *(parse_region(key.region).name for key in self._keys)})
        self._followed: dict[tuple[FeatureKey, ...], LiveExtraction] = {}
        self.spacing = measured.spacing
        self.grid, self.box, self.tumour = self._around.grid, self._around.box, self._around.tumour
        self.arrays, self.responses = self._around.arrays, self._around.responses

    def noisy_vector(self, tumour: np.ndarray, noise: Mapping[str, np.ndarray]) -> FeatureVector:
        """Features of an outline with noise (by role, on `grid`) added to the images; filters run anew here.

        Raises
        ------
        As :meth:`vector`.
        """
        left_out = self._left_out(tumour)
        masks, absent = region_masks(self._regions, tumour, self._setting)
        arrays = {role: array + noise.get(role, 0.0) for role, array in self.arrays.items()}
        present, missing = divide_keys(self._keys, arrays, masks, left_out, absent, self._around.covered)
        vector = extract(arrays, masks, self.spacing, present)
        return replace(vector, missing={**vector.missing, **missing})

    def vector(self, tumour: np.ndarray) -> FeatureVector:
        """Features of an outline.

        Parameters
        ----------
        tumour : bool (k, j, i) on `grid`.

        Raises
        ------
        EmptyRegionError, RegionTooSmallError, FlatRegionError, NonFiniteError : as for any outline.
        """
        left_out = self._left_out(tumour)
        masks, absent = region_masks(self._regions, tumour, self._setting)
        present, missing = divide_keys(self._keys, self.arrays, masks, left_out, absent, self._around.covered)
        if present not in self._followed:
            arrays = {role: array for role, array in self.arrays.items() if role not in left_out}
            self._followed[present] = LiveExtraction(arrays, self.spacing, present, self.responses)
        vector = self._followed[present].update(masks)
        return replace(vector, missing={**vector.missing, **missing})

    def _left_out(self, tumour: np.ndarray) -> dict[str, str]:
        """Why sequences do not count for an outline, by role."""
        voxels = max(1, np.count_nonzero(tumour))
        shares = {
            role: np.count_nonzero(tumour & ~cover) / voxels for role, cover in self._around.covered.items()
        }
        return {
            role: f"{100 * share:.0f} % of the outline lies outside the field of view of the {role} sequence"
            for role, share in shares.items()
            if share > UNCOVERED_ALLOWED
        }

    def masks(self, tumour: np.ndarray) -> dict[str, np.ndarray]:
        """Masks of all regions that the keys name and that there are, for an outline on `grid`.

        Raises
        ------
        EmptyRegionError : a region that must be there holds no voxel.
        """
        return region_masks(self._regions, tumour, self._setting)[0]

"""Settings and result of the preparation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True)
class Kinetics:
    """How maps are computed from a dynamic series (the `preparation.kinetics` table of a recipe).

    Attributes
    ----------
    early_s, late_s : the early and the late phase are those whose centre is nearest to so many seconds after
        the injection; a large number stands for the last phase.
    motion : "none" or "rigid": whether phases are aligned to the early phase, on which outlines are drawn.
    model : "tofts" or "extended_tofts".
    aif : "parker", "georgiou" or "weinmann" (populations), "measured" (a drawn vessel) or "table".
    t1_ms : longitudinal relaxation time of tissue before contrast agent where no T1 map is given.
    blood_t1_ms : that of blood, for a measured arterial input.
    relaxivity : of the contrast agent, 1/(mmol/L)/s. haematocrit : 0…1.
    longest_interval_s : with phases farther apart than this in the first two minutes after the injection no
        pharmacokinetic model is fitted.
    """

    early_s: float = 120.0
    late_s: float = 360.0
    motion: str = "none"
    model: str = "tofts"
    aif: str = "parker"
    t1_ms: float = 1450.0
    blood_t1_ms: float = 1440.0
    relaxivity: float = 4.5
    haematocrit: float = 0.42
    longest_interval_s: float = 20.0


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
    normalise : "none", "zscore_head", "zscore_brain" or "zscore_breast"; never applied to quantitative maps
        (adc, t1map, aptw, perfusion, maps of a dynamic series).
    register : rigid registration to the reference where grids or frames of reference differ.
    kinetics : how maps are computed from a dynamic series; None for tasks without one.
    """

    reference: str = "t1c"
    spacing: tuple[float, float, float] | None = (1.0, 1.0, 1.0)
    interpolator: str = "bspline"
    mask_interpolator: str = "linear"
    bias_correction: bool = False
    normalise: str = "zscore_head"
    register: bool = True
    kinetics: Kinetics | None = None


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
    limits : uint8 masks on the grid by name that regions may not leave ("breast").
    """

    images: Mapping[str, sitk.Image]
    grid: sitk.Image
    transforms: Mapping[str, sitk.Transform]
    steps: tuple[str, ...]
    settings: Preparation = field(default_factory=Preparation)
    covered: Mapping[str, sitk.Image] = field(default_factory=dict)
    limits: Mapping[str, sitk.Image] = field(default_factory=dict)

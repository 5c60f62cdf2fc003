"""Where the sign of the voxel map depends on how exactly the outline was drawn.

Repeatability is one of the four things asked of a saliency map by Arun et al. (Radiol Artif Intell
2021;3:e200267). The outlines are those that tell how steady the probability is (Zwanenburg et al., Sci Rep
2019;9:614); for each, everything is measured and explained anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import FeatureError, ImageError, RegionError
from ..explain.agreement import spearman
from ..explain.explain import explain
from ..explain.model import Explanation
from ..explain.workspace import Workspace
from ..measure import Measured, Measuring
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..radiomics.delta import completed
from ..radiomics.vector import FeatureVector
from ..variants import Variants
from .stability import outline_variants

AGREEING = 0.9
"""Share of the outlines that must give a voxel the sign that the map has; below it the voxel is hatched."""

REACH_VOXELS = 3.0
"""How far, in voxels, a variant may reach beyond the outline."""


@dataclass(frozen=True, eq=False)
class Steadiness:
    """How far a voxel map depends on the outline.

    Attributes
    ----------
    agreement : float64 image on the grid of the map: of the other outlines that hold the voxel, the share
        that gives it the sign that the map has, 0 if none holds it; NaN where the map is zero.
    unstable : uint8 image on that grid, 1 where the share is below :data:`AGREEING`.
    correlations : (n,) Spearman's rank correlation of the map with that of each other outline, over the
        voxels that both have.
    """

    agreement: sitk.Image
    unstable: sitk.Image
    correlations: np.ndarray

    @property
    def share(self) -> float:
        """Share of the map's voxels that are unstable; 0 without a map."""
        held = np.isfinite(sitk.GetArrayViewFromImage(self.agreement))
        return float((sitk.GetArrayViewFromImage(self.unstable)[held] > 0).mean()) if held.any() else 0.0


def unstable_sign(
    model: RadModel,
    measuring: Measuring,
    measured: Measured,
    features: FeatureVector,
    explanation: Explanation,
    progress: Progress = silent,
) -> sitk.Image:
    """Where to hatch the sum of the voxel maps; :func:`steadiness` has more and names the parameters."""
    return steadiness(model, measuring, measured, features, explanation, progress=progress).unstable


def steadiness(
    model: RadModel,
    measuring: Measuring,
    measured: Measured,
    features: FeatureVector,
    explanation: Explanation,
    outlines: Iterable[np.ndarray] | None = None,
    progress: Progress = silent,
) -> Steadiness:
    """Explain small changes of an outline and say where the sum of the voxel maps keeps its sign.

    Parameters
    ----------
    measuring, measured, features : the outline as it is and what the model was given; left as they are.
    explanation : of that outline by that model.
    outlines : others, bool (k, j, i) on the grid of ``Variants(…, REACH_VOXELS voxels)``; None takes those of
        :func:`virtualbiopsy.trust.stability.outline_variants`. One on which nothing can be measured, and the
        outline itself, count for nothing.

    Raises
    ------
    Cancelled
    """
    if explanation.total is None:
        nothing = sitk.Image(measured.grid.GetSize(), sitk.sitkFloat64) + math.nan
        nothing.CopyInformation(measured.grid)
        return Steadiness(nothing, sitk.Cast(nothing > 0, sitk.sitkUInt8), np.zeros(0))
    variants = Variants(measuring, measured, model.measured_keys, REACH_VOXELS * max(measured.spacing))
    others = list(outline_variants(variants.tumour, variants.spacing) if outlines is None else outlines)
    others = [other for other in others if not np.array_equal(other, variants.tumour)]
    own = sitk.GetArrayFromImage(explanation.total)
    same, held = np.zeros(own.shape), np.zeros(own.shape)
    correlations = []
    for n, other in enumerate(others):
        step = part(progress, n / len(others), (n + 1) / len(others))
        step(0.0, "Trying small changes of the outline")
        found = _map(model, variants, other, features, explanation.total, step)
        if found is None:
            continue
        both = (found != 0) & (own != 0)
        held += both
        same += both & (np.sign(found) == np.sign(own))
        correlations.append(spearman(own[both], found[both]))
    with np.errstate(invalid="ignore"):
        share = np.where(held > 0, same / np.maximum(held, 1), 0.0)
    share[own == 0] = math.nan
    progress(1.0, "Trying small changes of the outline")
    return Steadiness(
        agreement=_image(share, explanation.total),
        unstable=_image((share < AGREEING).astype(np.uint8), explanation.total),
        correlations=np.array(correlations),
    )


def _map(
    model: RadModel,
    variants: Variants,
    tumour: np.ndarray,
    features: FeatureVector,
    like: sitk.Image,
    progress: Progress,
) -> np.ndarray | None:
    """The sum of the voxel maps of another outline, on the grid of `like`; None if it cannot be measured."""
    try:
        vector = variants.vector(tumour)
        masks = variants.masks(tumour)
    except (RegionError, ImageError, FeatureError):
        return None
    vector = completed(vector, features, model.feature_keys)
    workspace = Workspace(variants.arrays, masks, variants.spacing, variants.responses)
    total = explain(model, vector, variants.arrays, masks, variants.grid, progress, workspace=workspace).total
    placed = np.zeros(like.GetSize()[::-1])
    if total is None:
        return placed
    values = sitk.GetArrayViewFromImage(total)
    start = np.array(like.TransformPhysicalPointToIndex(total.GetOrigin())[::-1])
    low, high = np.maximum(start, 0), np.minimum(start + values.shape, placed.shape)
    if (low < high).all():
        there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        placed[there] = values[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))]
    return placed


def _image(array: np.ndarray, like: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(like)
    return image

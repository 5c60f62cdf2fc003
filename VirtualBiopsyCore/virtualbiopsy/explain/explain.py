"""From one prediction to an explanation whose parts add up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError
from ..models.classifier import LINEAR_KINDS
from ..models.inference import model_inputs
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..radiomics.keys import FeatureKey, is_clinical
from ..radiomics.vector import FeatureVector
from .layers import Layers
from .ledger import carried, shares
from .model import Contribution, Explanation
from .shapley import linear_weights, shapley
from .workspace import Workspace

NOTE_IMPUTED, NOTE_CLINICAL, NOTE_SHAPE = "imputed", "clinical", "shape"
NOTE_NO_SPLIT = "no exact voxel decomposition"


def explain(
    model: RadModel,
    features: FeatureVector,
    images: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    grid: sitk.Image,
    progress: Progress = silent,
    *,
    workspace: Workspace | None = None,
) -> Explanation:
    """Explain a prediction: which features carry it, and which voxels carry those.

    Parameters
    ----------
    images, masks : what the features were extracted from, (k, j, i) arrays by role and by region.
    grid : image with the geometry of the arrays.
    workspace : made from the same images and masks, to share work between models; None makes one.

    Returns
    -------
    Explanation. Its maps explain the model, not the biology.

    Raises
    ------
    GeometryError : images, masks and grid have different shapes.
    EmptyRegionError, FeatureError : a region is empty or missing, or a feature value is not finite.
    Cancelled
    """
    if workspace is None:
        workspace = Workspace(images, masks, grid.GetSpacing()[::-1])
    for array in (*images.values(), *masks.values()):
        if np.shape(array) != grid.GetSize()[::-1]:
            raise GeometryError(
                f"The arrays have the shape {np.shape(array)} and the grid {grid.GetSize()[::-1]}.",
                "Bring them onto one grid.",
            )
    inputs = model_inputs(model, features)
    level0 = shapley(model, inputs.row, part(progress, 0.0, 0.5))
    reference, deviation = model.background.mean(axis=0), model.background.std(axis=0)
    linear = linear_weights(model) if model.classifier.kind in LINEAR_KINDS else None

    layers = Layers()
    contributions = []
    for j, key in enumerate(model.feature_keys):
        progress(0.5 + 0.5 * j / len(model.feature_keys), "Explaining: voxels")
        value, phi = float(inputs.row[j]), float(level0.phi[j])
        note = NOTE_IMPUTED if key in inputs.imputed else ""
        if not note and is_clinical(key):
            note = NOTE_CLINICAL
        if not note:
            parsed = FeatureKey.parse(key)
            found = shares(parsed, value, workspace)
            if found is None:
                note = NOTE_SHAPE if parsed.family == "morphology" else NOTE_NO_SPLIT
            else:
                slope = None if linear is None else float(linear[j])
                voxels = carried(found, value, float(reference[j]), float(deviation[j]), phi, slope)
                layers.add(parsed.sequence, workspace.place(parsed.sequence, parsed.region), voxels)
        contributions.append(Contribution(key, value, float(reference[j]), phi, not note, note))

    maps, total = layers.images(grid)
    progress(1.0, "Explained")
    return Explanation(
        model_id=model.model_id,
        baseline=level0.baseline,
        log_odds=level0.log_odds,
        contributions=tuple(sorted(contributions, key=lambda c: (-abs(c.phi), c.key))),
        maps=maps,
        total=total,
        method=level0.method,
    )

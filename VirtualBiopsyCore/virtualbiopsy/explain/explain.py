"""From one prediction to an explanation whose parts add up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError
from ..models.inference import model_inputs, sums_to
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..radiomics.keys import FeatureKey, is_clinical, is_delta
from ..radiomics.vector import FeatureVector
from .groups import bars, path_of
from .layers import Layers
from .layout import References, lay_out
from .ledger import shares
from .model import Contribution, Explanation
from .owen import owen
from .shared import sharing
from .workspace import Workspace

NOTE_IMPUTED, NOTE_CLINICAL, NOTE_SHAPE = "imputed", "clinical", "shape"
NOTE_CHANGE = "change between two time points"
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
    adjoint: bool = False,
) -> Explanation:
    """Explain a prediction: which features carry it, and which voxels carry those.

    Parameters
    ----------
    images, masks : what the features were extracted from, (k, j, i) arrays by role and by region.
    grid : image with the geometry of the arrays.
    workspace : made from the same images and masks, to share work between models; None makes one.
    adjoint : shares of linearly filtered images are moved from the voxels of the response to those of the
        image (see :mod:`virtualbiopsy.explain.adjoint`), which may lie outside the region and the arrays. The
        note of each such contribution says where its shares are.

    Returns
    -------
    Explanation. Its maps explain the model, not the biology. Its contributions are nested Owen values,
    sequence → class → feature (:mod:`virtualbiopsy.explain.owen`).

    Raises
    ------
    GeometryError : images, masks and grid have different shapes.
    EmptyRegionError, FeatureError : a region is empty or missing, or a feature value is not finite.
    Cancelled
    """
    if workspace is None:
        workspace = Workspace(images, masks, grid.GetSpacing()[::-1], grid=grid)
    for array in (*images.values(), *masks.values()):
        if np.shape(array) != grid.GetSize()[::-1]:
            raise GeometryError(
                f"The arrays have the shape {np.shape(array)} and the grid {grid.GetSize()[::-1]}.",
                "Bring them onto one grid.",
            )
    inputs = model_inputs(model, features)
    level0 = owen(model, inputs.row, [path_of(key) for key in model.feature_keys], part(progress, 0.0, 0.5))
    references = References(model)

    layers = Layers()
    contributions = []
    for j, key in enumerate(model.feature_keys):
        progress(0.5 + 0.5 * j / len(model.feature_keys), "Explaining: voxels")
        value, phi, error = float(inputs.row[j]), float(level0.phi[j]), float(level0.error[j])
        note = NOTE_IMPUTED if key in inputs.imputed else ""
        if not note and is_clinical(key):
            note = NOTE_CLINICAL
        if not note and is_delta(key):
            note = NOTE_CHANGE
        if not note:
            parsed = FeatureKey.parse(key)
            found = shares(parsed, value, workspace)
            if found is None:
                note = NOTE_SHAPE if parsed.family == "morphology" else NOTE_NO_SPLIT
            else:
                terms = references.terms(j, value, phi)
                where = lay_out(layers, workspace, parsed, found, terms, adjoint)
                contributions.append(Contribution(key, value, terms[1], phi, True, where, error))
                continue
        reference = float(references.mean[j])
        contributions.append(Contribution(key, value, reference, phi, False, note, error))

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
        bars=bars(model.feature_keys, level0.phi),
        sums_to=sums_to(model),
        shared=sharing(model),
    )

"""The part of the voxel map that one feature carries."""

from __future__ import annotations

import SimpleITK as sitk

from ..errors import FeatureError
from ..models.radmodel import RadModel
from ..radiomics.keys import FeatureKey
from .layers import Layers
from .layout import NOTE_ADJOINT, References, lay_out
from .ledger import shares
from .model import Explanation
from .workspace import Workspace


def feature_map(
    model: RadModel, explanation: Explanation, workspace: Workspace, key: str
) -> sitk.Image | None:
    """Log-odds per voxel of one feature; those of all localised features add up to the explanation's total.

    Parameters
    ----------
    explanation : of this model, made with this workspace.
    key : one of the model's features.

    Returns
    -------
    float64 image on the grid of ``explanation.total``, whose sum is the feature's φ; None if the feature is
    not localised.

    Raises
    ------
    FeatureError : the feature is not one of the model's.
    """
    contribution = next((c for c in explanation.contributions if c.key == key), None)
    if contribution is None:
        raise FeatureError(f"{key!r} is not a feature of the model {explanation.model_id}.")
    if not contribution.localised or explanation.total is None:
        return None
    parsed = FeatureKey.parse(key)
    found = shares(parsed, contribution.value, workspace)
    if found is None or workspace.grid is None:
        raise FeatureError(
            f"{key!r} cannot be looked up: the voxels are not those of the explanation.",
            "Explain the outline again.",
        )
    terms = References(model).terms(model.feature_keys.index(key), contribution.value, contribution.phi)
    layers = Layers()
    lay_out(layers, workspace, parsed, found, terms, contribution.note == NOTE_ADJOINT)
    return layers.image_like(explanation.total, workspace.grid)

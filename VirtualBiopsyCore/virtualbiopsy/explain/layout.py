"""From the exact shares of one feature to the log-odds of single voxels, put into its layer."""

from __future__ import annotations

import numpy as np

from ..models.classifier import LINEAR_KINDS
from ..models.radmodel import RadModel
from ..radiomics.extract import ORIGINAL
from ..radiomics.keys import FeatureKey
from .layers import Layers
from .ledger import carried, carrying
from .shapley import linear_weights
from .workspace import Workspace

NOTE_RESPONSE = "at the voxels of the filter's response"
NOTE_ADJOINT = "at the voxels of the image, through the filter's adjoint"

Terms = tuple[float, float, float, float, float | None]


class References:
    """What a model's background says about its features.

    Attributes
    ----------
    mean, deviation : (p,) over the background rows. slope : (p,) log-odds per unit, None if not linear.
    """

    def __init__(self, model: RadModel) -> None:
        self.mean, self.deviation = model.background.mean(axis=0), model.background.std(axis=0)
        self.slope = linear_weights(model) if model.classifier.kind in LINEAR_KINDS else None

    def terms(self, j: int, value: float, phi: float) -> Terms:
        """Value, reference, deviation, φ and slope of the feature number j, as :func:`carried` takes them."""
        slope = None if self.slope is None else float(self.slope[j])
        return value, float(self.mean[j]), float(self.deviation[j]), phi, slope


def lay_out(
    layers: Layers,
    workspace: Workspace,
    key: FeatureKey,
    found: np.ndarray,
    terms: Terms,
    adjoint: bool,
) -> str:
    """Put what a feature carries into the layer of its sequence.

    Parameters
    ----------
    found : (n,) its shares, as :func:`.ledger.shares` gives them.
    adjoint : whether shares of a linearly filtered image go to the voxels of the image.

    Returns
    -------
    Where its shares are: "" for an image that is not filtered, NOTE_RESPONSE or NOTE_ADJOINT.
    """
    place, voxels = workspace.place(key.sequence, key.region), carried(found, *terms)
    moved = None
    if adjoint and key.image != ORIGINAL:
        from .adjoint import through_adjoint

        moved = through_adjoint(key, found, workspace)
    if moved is not None:
        scale, _ = carrying(*terms)
        voxels = voxels - scale * found
        layers.add_block(key.sequence, moved.start, scale * moved.block)
    layers.add(key.sequence, place, voxels)
    if key.image == ORIGINAL:
        return ""
    return NOTE_RESPONSE if moved is None else NOTE_ADJOINT

"""Shares of filtered images moved from the response back to the voxels of the image that made it.

A response of a linear filter K is r_v = Σ_u K_vu I_u. What voxel v of the response carries, c_v, goes to the
voxels u of the image in proportion to K_vu I_u / r_v, so that voxel u gets I_u · (Kᵀ(c / r))_u and the sum
stays Σ c. Voxels u may lie outside the region, as far as the filter reaches.

Where the response is nearly zero (below :data:`NEAR` of its root mean square in the region) it is a small
difference of large terms, and the proportions mean nothing: there c_v stays at the voxel of the response.

For filters that take differences (Laplacian, high-pass bands) terms of both signs are many times their sum
everywhere, by a factor of ten to a hundred in real images: the map then shows edges in both colours. For
smoothing filters it shows where the response comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..radiomics.filters.linear import LinearFilter, linear_filter
from ..radiomics.filters.spec import parse_filter
from ..radiomics.keys import FeatureKey
from .workspace import Workspace

NEAR = 1e-3
"""Responses below this share of their root mean square keep what they carry."""

AGREEMENT = 1e-4
"""Largest difference of the response, relative to its largest value, from that of the engine."""


@dataclass(frozen=True, eq=False)
class Moved:
    """Shares of one feature at the voxels of the image.

    Attributes
    ----------
    start : index (k, j, i) of the block in the workspace's arrays; it may lie outside them.
    block : (k, j, i) shares, with the sum of the shares at the response.
    kept : share of the region's voxels whose response is nearly zero.
    """

    start: tuple[int, int, int]
    block: np.ndarray
    kept: float


def through_adjoint(key: FeatureKey, found: np.ndarray, workspace: Workspace) -> Moved | None:
    """Move shares (n,) of a feature of a filtered image to the voxels of the image.

    None if the filter is not linear or not separable (see :func:`linear_filter`), or if the engine's response
    is another one: then the shares stay at the response.
    """
    place, around = workspace.place(key.sequence, key.region), workspace.surround
    image = around.images.get(key.sequence)
    if image is None:
        return None
    offset = [side.start for side in around.box]
    wanted = tuple((side.start + a, side.stop + a) for side, a in zip(place.box, offset, strict=True))

    def make() -> tuple[LinearFilter, np.ndarray] | None:
        linear = linear_filter(
            parse_filter(key.image),
            workspace.spacing,
            np.shape(image),
            wanted,
            parity=key.profile == "pyradiomics",
        )
        return None if linear is None else (linear, linear.response(image)[place.inside])

    made = workspace.once(("adjoint", key.sequence, key.region, key.image, key.profile), make)
    if made is None:
        return None
    linear, response = made
    engine = workspace.values(key)
    if np.abs(response - engine).max() > AGREEMENT * np.abs(engine).max():
        return None
    near = np.abs(response) <= NEAR * np.sqrt((response**2).mean())
    ratio = np.zeros(place.inside.shape)
    ratio[place.inside] = np.divide(found, response, out=np.zeros_like(found), where=~near)
    spans = tuple(slice(*span) for span in linear.source)
    block = np.asarray(image[spans], dtype=np.float64) * linear.adjoint(ratio)
    start = [span[0] for span in linear.source]

    grown = [
        (max(0, s - w[0]), max(0, w[1] - s - n)) for s, w, n in zip(start, wanted, block.shape, strict=True)
    ]
    if any(map(any, grown)):
        block = np.pad(block, grown)
        start = [s - before for s, (before, _) in zip(start, grown, strict=True)]
    inner = tuple(slice(w[0] - s, w[1] - s) for w, s in zip(wanted, start, strict=True))
    region = np.where(near, found, 0.0)
    block[inner][place.inside] += (
        region + (float(found.sum()) - float(block.sum()) - float(region.sum())) / found.size
    )
    k, j, i = (s - a for s, a in zip(start, offset, strict=True))
    return Moved((k, j, i), block, float(near.mean()))

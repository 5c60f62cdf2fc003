"""Parts of an outline and of the shell around it that stay where they are while other places are edited.

Parts are cells of a body-centred lattice that is fixed to the common grid, not to the outline: whether two
voxels belong to one part depends on the outline near them only. The spacing of the lattice follows from the
size of the outline in steps of a factor 2^(1/3); only an edit that crosses such a step changes all parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..errors import EmptyRegionError, FeatureError, GeometryError
from ..regions.derive import ring

CORE_SHARE = 4
"""The core is meant to have one part for so many of the boundary."""

PATCH = 0.55
"""Area that a part has of the surface, in squares of the lattice's edge, on balls of many sizes."""

SMALLEST = 0.35
"""A part smaller than this share of the usual size joins the one that it touches most."""


@dataclass(frozen=True, eq=False)
class OutlineParts:
    """Parts of an outline.

    Attributes
    ----------
    labels : int32 (k, j, i): 1…boundary the parts of the boundary layer, then those of the core up to
        `inside`; −n the part of the shell that lies on the part n of the boundary; 0 elsewhere.
    inside : K, parts inside. boundary : how many of them lie at the surface; as many as parts of the shell
        at most.
    """

    labels: np.ndarray
    inside: int
    boundary: int

    @property
    def shell(self) -> int:
        """S, the largest number of a part of the shell."""
        return -int(self.labels.min(initial=0))


def outline_parts(
    tumour: np.ndarray, spacing: Sequence[float], corner: Sequence[int], parts: int, shell_mm: float
) -> OutlineParts:
    """Split an outline and its shell.

    The boundary layer and the shell are both `shell_mm` thick, but at least one voxel; a part of the shell
    is what lies nearest to its part of the layer, so that it touches it.

    Parameters
    ----------
    tumour : bool (k, j, i), with room for the shell around it as far as the image reaches.
    spacing : (dk, dj, di) in mm. corner : index (k, j, i) of the array's first voxel on the common grid.
    parts : about so many parts of the boundary layer.

    Raises
    ------
    EmptyRegionError : no voxel is inside. FeatureError : no part, or no shell is asked for.
    GeometryError : not a 3D array with three positive spacings.
    """
    if parts < 1 or not 0 < shell_mm < math.inf:
        raise FeatureError(f"An outline has no {parts} parts and no shell of {shell_mm:g} mm.")
    if tumour.ndim != 3 or len(spacing) != 3 or min(spacing) <= 0:
        raise GeometryError("Splitting an outline needs a 3D mask and three positive spacings in mm.")
    if not tumour.any():
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    steps = np.asarray(spacing, dtype=np.float64)
    padded = np.pad(tumour, 1)
    faces = _faces(padded, steps)[1:-1, 1:-1, 1:-1]
    depth = ndimage.distance_transform_edt(padded, sampling=steps)[1:-1, 1:-1, 1:-1]
    layer = tumour & ((faces > 0) | (depth <= shell_mm))
    # Faces of voxels overstate the area of a surface that looks in all directions by a half (Cauchy).
    patch = 2 / 3 * float(faces.sum()) / parts
    edge = _stepped(math.sqrt(patch / PATCH))
    labels = np.zeros(tumour.shape, dtype=np.int32)
    cells = _cells(layer, steps, corner, edge)
    labels[layer] = _numbered(_merged(layer, cells, faces[layer], SMALLEST * 0.5 * edge**2))
    boundary = int(labels.max())

    core = tumour & ~layer
    if core.any():
        voxel = float(np.prod(steps))
        wanted = max(1, round(parts / CORE_SHARE))
        edge = _stepped((2 * voxel * np.count_nonzero(core) / wanted) ** (1 / 3))
        cells = _cells(core, steps, corner, edge)
        volume = np.full(len(cells), voxel)
        labels[core] = boundary + _numbered(_merged(core, cells, volume, SMALLEST * 0.5 * edge**3))
    inside = int(labels.max())

    shell = _shell(tumour, spacing, shell_mm)
    if shell.any():
        nearest = ndimage.distance_transform_edt(
            ~tumour, sampling=steps, return_distances=False, return_indices=True
        )
        labels[shell] = -labels[tuple(nearest[:, shell])]
    return OutlineParts(labels, inside, boundary)


def _shell(tumour: np.ndarray, spacing: Sequence[float], mm: float) -> np.ndarray:
    image = sitk.GetImageFromArray(tumour.view(np.uint8))
    image.SetSpacing([float(step) for step in reversed(spacing)])
    try:
        return sitk.GetArrayFromImage(ring(image, mm)) > 0
    except EmptyRegionError:
        return np.zeros_like(tumour)


def _stepped(edge: float) -> float:
    """The nearest power of 2^(1/3)."""
    return 2.0 ** (round(3 * math.log2(edge)) / 3)


def _faces(padded: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """mm² of each inside voxel's faces that look outside; the array has a margin."""
    area = np.zeros(padded.shape)
    for axis, step in enumerate(steps):
        outside = np.roll(~padded, 1, axis).astype(np.int8) + np.roll(~padded, -1, axis)
        area += outside * (float(np.prod(steps)) / step)
    return area * padded


def _cells(inside: np.ndarray, steps: np.ndarray, corner: Sequence[int], edge: float) -> np.ndarray:
    """(n, 4) int64 cell of each inside voxel: that of the nearest point of a body-centred cubic lattice."""
    place = (np.argwhere(inside) + np.asarray(corner)) * steps / edge
    first = np.floor(place + 0.5)
    second = np.floor(place)
    other = ((place - second - 0.5) ** 2).sum(axis=1) < ((place - first) ** 2).sum(axis=1)
    cells = np.where(other[:, None], second, first).astype(np.int64)
    return np.concatenate([cells, other[:, None]], axis=1)


def _merged(inside: np.ndarray, cells: np.ndarray, size: np.ndarray, least: float) -> np.ndarray:
    """(n,) part of each voxel: cells, of which small ones join the large one that they touch most."""
    _, part = np.unique(cells, axis=0, return_inverse=True)
    part = part.ravel()
    count = int(part.max()) + 1
    small = np.bincount(part, size, count) < least
    if not small.any():
        return part
    field = np.full(inside.shape, -1, dtype=np.int64)
    field[inside] = part
    contacts = np.zeros((count, count), dtype=np.int64)
    for axis in range(3):
        one, two = np.moveaxis(field, axis, 0)[:-1].ravel(), np.moveaxis(field, axis, 0)[1:].ravel()
        meet = (one >= 0) & (two >= 0) & (one != two)
        np.add.at(contacts, (one[meet], two[meet]), 1)
    contacts += contacts.T
    contacts[:, small] = 0
    into = np.arange(count)
    joins = small & contacts.any(axis=1)
    into[joins] = contacts[joins].argmax(axis=1)
    return into[part]


def _numbered(part: np.ndarray) -> np.ndarray:
    """The parts as 1, 2, … in the order of their first voxels."""
    _, first, part = np.unique(part, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int32)
    order[np.argsort(first)] = np.arange(1, len(first) + 1)
    return order[part.ravel()]

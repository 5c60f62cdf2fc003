"""Does an image fit its reference better when left and right are exchanged? No registration is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from ..case.arrays import bounding_box, grow_box

BINS = 24


def mirror_similarity(
    arrays: Mapping[str, np.ndarray], reference: str, head: np.ndarray, brain: np.ndarray
) -> dict[str, float]:
    """Mutual information with the reference after mirroring an image, over that without.

    The mirror is the mid-plane of the reference's head (:func:`mid_plane`). Both are interpolated equally
    often. No two halves of a head are alike: an image in its place fits better than its mirror image (values
    of 0.3 to 0.85); one whose left and right were exchanged fits worse (above 1). Nothing can be said about
    the reference itself, nor about a case whose images and outline were all exchanged together.

    Parameters
    ----------
    arrays : by role, (k, j, i) on one grid whose i axis runs left–right.
    head, brain : bool (k, j, i).

    Returns
    -------
    By role, without the reference; NaN where the images have nothing in common.
    """
    found: dict[str, float] = {}
    others = [role for role in arrays if role != reference]
    if not others or brain.sum() < 500:
        return dict.fromkeys(others, math.nan)
    plane = mid_plane(head)
    # Only the brain and the neighbours of its voxels are looked at.
    box = grow_box(bounding_box(brain), brain.shape, (2, 2, 2))
    a, b, c = plane
    plane = (a + b * box[1].start + c * box[0].start - box[2].start, b, c)
    brain = brain[box]
    arrays = {role: array[box] for role, array in arrays.items()}
    inside = brain & (mirrored(brain.astype(np.float32), plane) > 0.5)
    fixed = _binned(arrays[reference][inside])
    for role in others:
        other = mirrored(arrays[role], plane)
        own = mirrored(other, plane)
        before = _mutual_information(fixed, _binned(own[inside]))
        after = _mutual_information(fixed, _binned(other[inside]))
        found[role] = after / before if before > 0.01 else math.nan
    return found


def mid_plane(head: np.ndarray) -> tuple[float, float, float]:
    """Plane i = a + b j + c k half-way between left and right border of a mask, as (a, b, c).

    Robust least squares over the rows of the mask (Cauchy weights, five rounds).
    """
    n = head.shape[2]
    first, last = head.argmax(axis=2), n - 1 - head[:, :, ::-1].argmax(axis=2)
    wide = head.any(axis=2) & (last - first > 0.1 * n)
    k, j = np.nonzero(wide)
    if len(k) < 10:
        return (n - 1) / 2, 0.0, 0.0
    middle = (first[wide] + last[wide]) / 2
    terms = np.stack([np.ones(len(k)), j, k], axis=1)
    weight = np.ones(len(k))
    for _ in range(5):
        plane = np.linalg.lstsq(terms * weight[:, None], middle * weight, rcond=None)[0]
        residual = middle - terms @ plane
        width = 1.5 * float(np.median(np.abs(residual))) + 1e-6
        weight = 1 / np.sqrt(1 + (residual / width) ** 2)
    return tuple(float(p) for p in plane)


def mirrored(array: np.ndarray, plane: tuple[float, float, float]) -> np.ndarray:
    """The array (k, j, i) reflected at a plane i = a + b j + c k; voxels of about equal edges."""
    a, b, c = plane
    normal = np.array([-c, -b, 1.0])
    length = float(np.linalg.norm(normal))
    normal /= length
    matrix = np.eye(3) - 2 * np.outer(normal, normal)
    return ndimage.affine_transform(array, matrix, 2 * a / length * normal, order=1, mode="nearest")


def _binned(values: np.ndarray) -> np.ndarray:
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, values)


def _mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """In nats, from the joint histogram of two lists of bins."""
    joint = np.bincount(a * BINS + b, minlength=BINS * BINS).reshape(BINS, BINS) / len(a)
    product = joint.sum(axis=1)[:, None] * joint.sum(axis=0)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / product[some])).sum())

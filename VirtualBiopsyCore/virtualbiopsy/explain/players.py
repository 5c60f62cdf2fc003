"""The parts of an outline that level 2 takes away: supervoxels, rim sectors, habitats or drawn parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from ..errors import EmptyRegionError, FeatureError, GeometryError
from ..radiomics.coalitions.supervoxels import in_order, nearest_means, spread, supervoxels

KINDS = ("supervoxels", "rim", "habitats", "drawn")

RIM_MM = 5.0
"""Depth of the rim below the surface; half of the greatest depth where that is less."""

_STARTS = 4


def players(
    kind: str,
    mask: np.ndarray,
    spacing: Sequence[float],
    images: Mapping[str, np.ndarray] | None = None,
    count: int = 8,
    drawn: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Split an outline into parts; together they are the outline, no voxel is in two.

    Parameters
    ----------
    kind : "supervoxels": compact parts of about one size (k-means of the positions). "rim": the core, which
        is part 1, and the rim of :data:`RIM_MM` in count − 1 sectors, each seen from the centre of mass in
        about one direction (an outline without core: all sectors). "habitats": k-means of the intensities of
        all images, each scaled to unit variance; parts need not be connected; numbered from the darkest of
        the first image (in the order of their names). "drawn": the drawn parts, and what is left as the last
        one.
    mask : (k, j, i), non-zero in the outline. spacing : (dk, dj, di) in mm.
    images : (k, j, i) arrays by role, for habitats.
    count : number of parts, without effect on drawn ones. Fewer come out where the outline holds fewer
        voxels, or fewer different ones.
    drawn : (k, j, i) whole numbers or bool: each number but 0 is one part. What lies outside the outline does
        not count.
    seed : of what is drawn at random, the first centres. Equal arguments give equal parts.

    Returns
    -------
    (k, j, i) int32: 0 outside, 1…K inside.

    Raises
    ------
    EmptyRegionError : the outline holds no voxel. FeatureError : unknown kind, unusable count, no images for
    habitats, no drawn part inside the outline. GeometryError : shapes differ.
    """
    mask = np.asarray(mask).astype(bool, copy=False)
    if kind not in KINDS:
        raise FeatureError(f"Unknown kind of parts {kind!r}.", f"Use {', '.join(KINDS)}.")
    if kind != "drawn" and count < 1:
        raise FeatureError(f"A region cannot be split into {count} parts.", "Ask for at least one.")
    if mask.ndim != 3 or len(spacing) != 3 or not min(spacing) > 0:
        raise GeometryError("Splitting a region needs a 3D mask and three positive spacings in mm.")
    if not mask.any():
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    if kind == "supervoxels":
        return supervoxels(mask, spacing, count, seed)
    labels = np.zeros(mask.shape, dtype=np.int32)
    if kind == "rim":
        labels[mask] = _rim(mask, np.asarray(spacing, dtype=np.float64), count, seed)
    elif kind == "habitats":
        labels[mask] = _habitats(_intensities(images or {}, mask), count, seed)
    else:
        labels[mask] = _drawn(drawn, mask)
    return labels


def _rim(mask: np.ndarray, spacing: np.ndarray, count: int, seed: int) -> np.ndarray:
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1][mask]
    rim = depth <= min(RIM_MM, depth.max() / 2)
    if count == 1 or not rim.any() or rim.all():
        # No core or no rim: what there is, in sectors.
        rim = np.full(len(depth), count > 1)
    found = np.ones(len(depth), dtype=np.int32)
    if rim.any():
        places = np.argwhere(mask) * spacing
        ray = (places - places.mean(axis=0))[rim]
        length = np.linalg.norm(ray, axis=1, keepdims=True)
        ray = np.divide(ray, length, out=np.zeros_like(ray), where=length > 0)
        cores = 0 if rim.all() else 1
        sectors = min(count - cores, len(ray))
        start = int(np.random.default_rng(seed).integers(len(ray)))
        found[rim] = cores + in_order(nearest_means(ray, spread(ray, sectors, start)))
    return found


def _intensities(images: Mapping[str, np.ndarray], mask: np.ndarray) -> np.ndarray:
    """(n, images) intensities of the outline, each image in units of its standard deviation."""
    if not images:
        raise FeatureError("Habitats need at least one image.", "Load a sequence, or use supervoxels.")
    columns = []
    for name in sorted(images):
        image = np.asarray(images[name])
        if image.shape != mask.shape:
            raise GeometryError(
                f"The image {name!r} has {image.shape} voxels, the region {mask.shape}.",
                "Prepare both on the same grid.",
            )
        values = image[mask].astype(np.float64)
        deviation = values.std()
        columns.append((values - values.mean()) / (deviation if deviation > 0 else 1.0))
    return np.stack(columns, axis=1)


def _habitats(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """k-means++ and Lloyd, the best of several starts.

    The points are sorted first, so that their places have no influence: an image that is flipped or turned
    has the same habitats.
    """
    different, inverse = np.unique(points, axis=0, return_inverse=True)
    weights = np.bincount(inverse.ravel())
    ordered = np.repeat(different, weights, axis=0)
    rng = np.random.default_rng(seed)
    best, least = None, np.inf
    for _ in range(_STARTS):
        part = nearest_means(ordered, _plus_plus(ordered, min(count, len(different)), rng))
        size = np.maximum(np.bincount(part), 1)
        means = np.stack([np.bincount(part, weights=axis) / size for axis in ordered.T], axis=1)
        spent = float(((ordered - means[part]) ** 2).sum())
        if spent < least:
            best, least = (part, means[:, 0]), spent
    part, brightness = best
    used = np.flatnonzero(np.bincount(part))
    rank = np.zeros(len(brightness), dtype=np.int32)
    rank[used[np.argsort(brightness[used], kind="stable")]] = np.arange(1, len(used) + 1)
    first = np.cumsum(weights) - weights
    return rank[part[first]][inverse.ravel()]


def _plus_plus(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """First centres, drawn with a chance that grows with the square of the distance to those before.

    Arthur & Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
    """
    chosen = [int(rng.integers(len(points)))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        total = np.cumsum(nearest)
        chosen.append(int(np.searchsorted(total, rng.random() * total[-1], side="right")))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen]


def _drawn(drawn: np.ndarray | None, mask: np.ndarray) -> np.ndarray:
    if drawn is None:
        raise FeatureError("No parts were drawn.", "Draw at least one part inside the outline.")
    drawn = np.asarray(drawn)
    if drawn.shape != mask.shape:
        raise GeometryError(
            f"The drawn parts have {drawn.shape} voxels, the region {mask.shape}.", "Draw on the same grid."
        )
    values = drawn[mask].astype(np.int64)
    parts, number = np.unique(values, return_inverse=True)
    if not parts.any():
        raise FeatureError("No drawn part lies inside the outline.", "Draw inside the outline.")
    drawn_parts = np.flatnonzero(parts != 0)
    rank = np.full(len(parts), len(drawn_parts) + 1, dtype=np.int32)
    rank[drawn_parts] = np.arange(1, len(drawn_parts) + 1)
    return rank[number.ravel()]

"""Stability of a probability under small changes of the outline and of the image.

The perturbations are those of Zwanenburg et al. (Sci Rep 2019;9:614): the outline grown and shrunk by a
voxel, shifted by less than a voxel, its boundary drawn with an unsteady hand, and noise added to the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..errors import FeatureError, ImageError, RegionError
from ..models.prediction import Prediction
from ..progress import Progress, silent
from .model import Stability

SEED = 2019
SHIFT = 0.6
"""Sub-voxel shift along each axis, in voxels."""

UNSTEADY, STROKE = 0.7, 2.0
"""Standard deviation of the boundary noise and its correlation length, in voxels (mean edge)."""

BOUNDARY_VARIANTS, NOISE_VARIANTS = 9, 4

Predict = Callable[[np.ndarray], Mapping[str, Prediction]]
PredictNoisy = Callable[[np.ndarray, int], Mapping[str, Prediction]]


@dataclass(frozen=True, eq=False)
class Variant:
    """One perturbation.

    Attributes
    ----------
    kind : "own", "grown", "shrunk", "shifted", "boundary" or "noise".
    mask : bool (k, j, i), the outline.
    noise : seed of the noise that is added to the images; None for none.
    """

    kind: str
    mask: np.ndarray
    noise: int | None = None


def outline_variants(
    mask: np.ndarray, spacing: Sequence[float] = (1.0, 1.0, 1.0), seed: int = SEED
) -> Iterator[np.ndarray]:
    """Yield the outline itself, then grown, shrunk, shifted and unsteadily drawn ones, without noise.

    Parameters
    ----------
    mask : bool array (k, j, i) on the prepared grid, with a margin of three voxels where the image allows.
    spacing : (dk, dj, di) in mm.
    seed : of the boundary noise; the same seed gives the same outlines.

    Yields
    ------
    bool arrays of the same shape; empty variants (a thin outline eroded away) are left out.
    """
    for variant in variants(mask, spacing, seed, noise=0):
        yield variant.mask


def variants(
    mask: np.ndarray,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    seed: int = SEED,
    noise: int = NOISE_VARIANTS,
) -> Iterator[Variant]:
    """As :func:`outline_variants`, with `noise` variants of the image at the end; at least 20 with them.

    Without noise so many more outlines are drawn unsteadily that there are 20.
    """
    mask = np.asarray(mask, dtype=bool)
    yield Variant("own", mask)
    cross = ndimage.generate_binary_structure(3, 1)
    yield Variant("grown", ndimage.binary_dilation(mask, cross))
    # What lies beyond the border of the array continues the outline: it is not eroded there.
    yield from _some("shrunk", ndimage.binary_erosion(mask, cross, border_value=1))
    distance = _signed_distance(mask, spacing)
    # Between the steps of the voxels the surface is where a smoothed distance says; the volume is kept.
    smooth = ndimage.gaussian_filter(distance, 1.0, mode="nearest")
    for axis in range(3):
        for step in (-SHIFT, SHIFT):
            moved = ndimage.shift(smooth, np.eye(3)[axis] * step, order=1, mode="nearest")
            yield from _some(
                "shifted", moved <= np.partition(moved, mask.sum() - 1, axis=None)[mask.sum() - 1]
            )
    edge = float(np.mean(spacing))
    width = [STROKE * edge / s for s in spacing]
    count = BOUNDARY_VARIANTS + max(0, NOISE_VARIANTS - noise)
    near = np.abs(distance) <= 4 * UNSTEADY * edge
    for rng in np.random.default_rng(seed).spawn(count):
        field = ndimage.gaussian_filter(rng.standard_normal(mask.shape, dtype=np.float32), width, truncate=3)
        scale = float(field[near].std()) if near.any() else 0.0
        if scale > 0:
            yield from _some("boundary", distance + UNSTEADY * edge / scale * field < 0)
    for n in range(noise):
        yield Variant("noise", mask, seed + 1 + n)


def outline_stability(
    mask: np.ndarray,
    predict_outline: Predict,
    progress: Progress = silent,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    predict_noisy: PredictNoisy | None = None,
    seed: int = SEED,
) -> tuple[Stability, ...]:
    """Predict on at least 20 variants of an outline and its image and say how far the probability moves.

    Parameters
    ----------
    mask : bool array (k, j, i) on the prepared grid, not empty.
    predict_outline : predictions by model id for an outline on the same grid.
    spacing : (dk, dj, di) in mm.
    predict_noisy : the same for an outline and the seed of a noise that is added to the images; None leaves
        the images as they are.

    Returns
    -------
    One entry for each model. Variants on which features cannot be computed are not counted. Equal arguments
    give equal figures.
    """
    chosen = list(variants(mask, spacing, seed, noise=0 if predict_noisy is None else NOISE_VARIANTS))
    found: dict[str, list[Prediction]] = {}
    for n, variant in enumerate(chosen):
        progress(n / len(chosen), "Trying small changes of the outline")
        try:
            if variant.noise is None or predict_noisy is None:
                predictions = predict_outline(variant.mask)
            else:
                predictions = predict_noisy(variant.mask, variant.noise)
        except (RegionError, ImageError, FeatureError):
            if n == 0:
                raise
            continue
        for model_id, prediction in predictions.items():
            found.setdefault(model_id, []).append(prediction)
    progress(1.0, "Trying small changes of the outline")
    return tuple(_summarise(model_id, entries) for model_id, entries in found.items())


def noise_level(array: np.ndarray, near: np.ndarray) -> float:
    """Standard deviation of the noise of an image (k, j, i) near a region.

    From the difference of a voxel and its neighbours in the slice (Immerkær, Comput Vis Image Underst
    1996;64:300), by the median of its size, which edges and texture raise little.
    """
    along = array[:, :-2] - 2 * array[:, 1:-1] + array[:, 2:]
    both = along[:, :, :-2] - 2 * along[:, :, 1:-1] + along[:, :, 2:]
    values = both[near[:, 1:-1, 1:-1]]
    # The difference has 6 times the standard deviation, and the median of |N(0, 1)| is 0.6745.
    return float(np.median(np.abs(values))) / (6.0 * 0.6745) if values.size else 0.0


def image_noise(shape: tuple[int, ...], level: float, seed: int, role: str) -> np.ndarray:
    """Normal noise (k, j, i), float64, that depends on seed and role alone."""
    rng = np.random.default_rng([seed, *role.encode()])
    return level * rng.standard_normal(shape)


def _some(kind: str, mask: np.ndarray) -> Iterator[Variant]:
    if mask.any():
        yield Variant(kind, mask)


def _signed_distance(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """mm from the boundary between voxels, negative inside; float32."""
    half = 0.5 * float(np.mean(spacing))
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    return np.where(mask, half - inside, outside - half).astype(np.float32)


def _summarise(model_id: str, entries: list[Prediction]) -> Stability:
    own = entries[0]
    verdict = own.probability >= own.threshold
    probabilities = np.array([entry.probability for entry in entries])
    p5, median, p95 = np.percentile(probabilities, (5, 50, 95))
    return Stability(
        model_id=model_id,
        variants=len(entries),
        low=float(probabilities.min()),
        high=float(probabilities.max()),
        flips=sum((e.probability >= e.threshold) != verdict for e in entries),
        median=float(median),
        p5=float(p5),
        p95=float(p95),
    )

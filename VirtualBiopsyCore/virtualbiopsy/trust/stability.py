"""Stability of a probability under small changes of the outline (Zwanenburg et al., Sci Rep 2019;9:614)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy import ndimage

from ..errors import RegionError
from ..models.prediction import Prediction
from ..progress import Progress, silent
from .model import Stability


def outline_variants(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the outline itself, one voxel larger, one smaller, and shifted by one along each axis.

    Parameters
    ----------
    mask : bool array (k, j, i) on the prepared grid.

    Yields
    ------
    bool arrays of the same shape; empty variants (a thin outline eroded away) are left out.
    """
    yield mask
    cross = ndimage.generate_binary_structure(3, 1)
    yield ndimage.binary_dilation(mask, cross)
    smaller = ndimage.binary_erosion(mask, cross)
    if smaller.any():
        yield smaller
    for axis in range(3):
        for step in (-1, 1):
            shifted = ndimage.shift(mask.astype(np.uint8), np.eye(3)[axis] * step, order=0) > 0
            if shifted.any():
                yield shifted


def outline_stability(
    mask: np.ndarray,
    predict_outline: Callable[[np.ndarray], Mapping[str, Prediction]],
    progress: Progress = silent,
) -> tuple[Stability, ...]:
    """Predict on every variant of an outline and say how far the probability moves.

    Parameters
    ----------
    mask : bool array (k, j, i) on the prepared grid, not empty.
    predict_outline : predictions by model id for an outline on the same grid.

    Returns
    -------
    One entry for each model. Variants on which features cannot be computed are not counted.
    """
    variants = list(outline_variants(mask))
    found: dict[str, list[Prediction]] = {}
    for n, variant in enumerate(variants):
        progress(n / len(variants), "Trying small changes of the outline")
        try:
            predictions = predict_outline(variant)
        except RegionError:
            continue
        for model_id, prediction in predictions.items():
            found.setdefault(model_id, []).append(prediction)
    return tuple(_summarise(model_id, entries) for model_id, entries in found.items())


def _summarise(model_id: str, entries: list[Prediction]) -> Stability:
    own = entries[0]
    verdict = own.probability >= own.threshold
    return Stability(
        model_id=model_id,
        variants=len(entries),
        low=min(e.probability for e in entries),
        high=max(e.probability for e in entries),
        flips=sum((e.probability >= e.threshold) != verdict for e in entries),
    )

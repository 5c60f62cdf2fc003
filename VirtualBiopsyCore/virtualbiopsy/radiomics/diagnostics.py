"""Facts about images and masks by which the IBSI lets one check the chain step by step.

Source: IBSI reference manual, chapter 4 (image and region diagnostics); the names are those of its tables.
"""

from __future__ import annotations

import numpy as np


def image_diagnostics(stage: str, image: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    """Of an image (k, j, i) with (dk, dj, di) mm; `stage` is "init" or "interp"."""
    found: dict[str, float] = {}
    for axis, n, step in zip("zyx", image.shape, spacing, strict=True):
        found[f"img_dim_{axis}_{stage}_img"] = float(n)
        found[f"vox_dim_{axis}_{stage}_img"] = step
    found[f"mean_int_{stage}_img"] = float(image.mean())
    found[f"min_int_{stage}_img"] = float(image.min())
    found[f"max_int_{stage}_img"] = float(image.max())
    return found


def region_diagnostics(
    stage: str, image: np.ndarray, inside: np.ndarray, outline: np.ndarray
) -> dict[str, float]:
    """Of the intensity mask and the morphological mask, bool arrays of the shape of the image.

    `stage` is "init", "interp" or "reseg".
    """
    found: dict[str, float] = {}
    for name, mask in (("int_mask", inside), ("morph_mask", outline)):
        for number, axis in enumerate("zyx"):
            used = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != number)))
            found[f"{name}_dim_{axis}_{stage}_roi"] = float(mask.shape[number])
            found[f"{name}_bb_dim_{axis}_{stage}_roi"] = float(used[-1] - used[0] + 1)
        found[f"{name}_vox_count_{stage}_roi"] = float(np.count_nonzero(mask))
        values = image[mask]
        found[f"{name}_mean_int_{stage}_roi"] = float(values.mean())
        found[f"{name}_min_int_{stage}_roi"] = float(values.min())
        found[f"{name}_max_int_{stage}_roi"] = float(values.max())
    return found

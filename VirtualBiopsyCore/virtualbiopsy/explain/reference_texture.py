"""What the game "infill" puts where a part is missing: seeded noise that resembles the outline as a whole."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

NORMAL_QUARTILES = 1.3489795003921634
"""Distance of the quartiles of a normal distribution, in standard deviations."""

CLIP = 3.0
SMOOTHEST = 8.0


def reference_texture(image: np.ndarray, mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A texture without parts: Gaussian noise with the outline's typical value, spread and smoothness.

    Its mean inside the outline is the median of the image there, its standard deviation that of a normal
    distribution with the same quartiles, so that a conspicuous part has little influence. White noise is
    smoothed along each axis so far that neighbours correlate as in the image: noise smoothed with σ has the
    correlation exp(−1/(4σ²)) between neighbours.

    Parameters
    ----------
    image, mask : (k, j, i). seed : of the noise, which lies on the outline's box and moves with it.

    Returns
    -------
    (k, j, i) float64: the image outside the outline, the texture inside.
    """
    mask = np.asarray(mask, dtype=bool)
    result = np.array(image, dtype=np.float64)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside = mask[box]
    values = result[box]
    low, middle, high = np.percentile(values[inside], [25, 50, 75])
    spread = (high - low) / NORMAL_QUARTILES
    if spread == 0.0:
        spread = float(values[inside].std())
    smooth = [_smoothing(values, inside, middle, spread, axis) for axis in range(3)]
    noise = np.random.default_rng(seed).standard_normal(inside.shape)
    noise = ndimage.gaussian_filter(noise, smooth, mode="wrap")[inside]
    deviation = noise.std()
    noise = (noise - noise.mean()) / (deviation if deviation > 0 else 1.0)
    values[inside] = middle + spread * noise
    return result


def _smoothing(values: np.ndarray, inside: np.ndarray, middle: float, spread: float, axis: int) -> float:
    """Width in voxels of the Gaussian that gives white noise the image's correlation of neighbours."""
    near = np.moveaxis(inside, axis, 0)
    both = near[1:] & near[:-1]
    if spread == 0.0 or not both.any():
        return 0.0
    scaled = np.clip((np.moveaxis(values, axis, 0) - middle) / spread, -CLIP, CLIP)
    first, second = scaled[1:][both], scaled[:-1][both]
    power = float((first**2 + second**2).sum()) / 2
    correlation = float((first * second).sum()) / power if power > 0 else 0.0
    if correlation <= 0.0:
        return 0.0
    return min(SMOOTHEST, float(np.sqrt(-0.25 / np.log(min(correlation, 1.0 - 1e-9)))))

"""Noise of a magnitude image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...errors import ConstantImageError
from ..head import head_mask

_AIR_QUARTILES = 0.93
"""Distance of the quartiles of air in units of the sd: 0.907 for one receiver channel (Rayleigh), 0.934 for
two, 0.954 for very many (chi distributions)."""
_NORMAL_MAD = 0.6744897501960817
_ROUNDING_SD = 12**-0.5
_ENOUGH = 1000
_PE_SD = 20.0
_FLOOR_SHARE = 0.01


@dataclass(frozen=True)
class Noise:
    """What of an image is noise.

    Attributes
    ----------
    sd : standard deviation of the noise of one channel, in units of the image.
    floor : signal below which a voxel is not used. source : how both were found, one sentence.
    """

    sd: float
    floor: float
    source: str


def noise_of(image: sitk.Image, averaged: int = 1) -> Noise:
    """Estimate the noise of a magnitude image, and the signal below which enhancement is noise.

    In air the magnitude of one or several receiver channels follows a chi distribution (Gudbjartsson and
    Patz, Magn Reson Med 34:910, 1995; Constantinides et al., Magn Reson Med 38:852, 1997). Its mean grows
    with the number of channels, the distance of its quartiles hardly does: that distance among the positive
    voxels outside the body, divided by 0.93, is the sd to 3 %. Where the air was set to zero, it is the
    median absolute value of second differences in the plane divided by 2 and by 0.6745 (Donoho and Johnstone,
    Biometrika 81:425, 1994). In images of whole numbers it is at least that of rounding, √(1/12).

    The floor is the signal S at which noise alone gives the percent enhancement a standard deviation of 20 %:
    100·sd·√(1 + 1/n)/S = 20 with n pre-contrast images averaged; 7.1 sd for one. It is at least 1 % of the
    99th percentile.

    Parameters
    ----------
    image : 3D scalar image; its slices lie along k. averaged : pre-contrast images whose mean S is.
    """
    values = sitk.GetArrayFromImage(image)
    kind = values.dtype
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    body = _body(values, image)
    air = values[~body & (values > 0)]
    if air.size >= _ENOUGH and np.count_nonzero(~body) < 2 * air.size:
        sd, how = _quartile_distance(air) / _AIR_QUARTILES, f"the quartiles of {air.size} voxels of air"
    else:
        sd, how = _difference_sd(values, body & (values != 0)), "differences of neighbouring voxels of tissue"
    if np.issubdtype(kind, np.integer) and sd < _ROUNDING_SD:
        sd, how = _ROUNDING_SD, "rounding to whole numbers"
    floor = 100.0 / _PE_SD * sd * float(np.sqrt(1 + 1 / averaged))
    least = _FLOOR_SHARE * float(np.percentile(values, 99))
    why = f"noise alone changes their enhancement by {_PE_SD:g} %"
    if least >= floor:
        floor, why = least, "1 % of bright tissue"
    return Noise(sd, floor, f"Noise {sd:.4g} (from {how}); signals below {floor:.4g} are not used ({why}).")


def _body(values: np.ndarray, image: sitk.Image) -> np.ndarray:
    """Where the body is, bool; from a copy averaged over 7×7 voxels, in which air does not fall apart."""
    averaged = sitk.BoxMean(sitk.GetImageFromArray(values.astype(np.float32)), (3, 3, 0))
    averaged.CopyInformation(image)
    try:
        return sitk.GetArrayFromImage(head_mask(averaged)) != 0
    except ConstantImageError:
        return np.ones(values.shape, dtype=bool)


def _quartile_distance(values: np.ndarray) -> float:
    """Distance of the quartiles; whole numbers stand for what is rounded to them."""
    low, high = np.percentile(values, (25.0, 75.0))
    if not (np.mod(values[:_ENOUGH], 1.0) == 0).all() or high > 1000:
        return float(high - low)
    below = np.cumsum(np.bincount(values.astype(np.int64))) / values.size
    first, second = np.interp((0.25, 0.75), below, np.arange(below.size) + 0.5)
    return float(second - first)


def _difference_sd(values: np.ndarray, inside: np.ndarray) -> float:
    rows, columns = (n - n % 2 for n in values.shape[1:])
    if rows < 2 or columns < 2:
        return 0.0
    block, use = values[:, :rows, :columns].astype(np.float64), inside[:, :rows, :columns]
    corners = [(slice(None), slice(a, None, 2), slice(b, None, 2)) for a in (0, 1) for b in (0, 1)]
    used = np.logical_and.reduce([use[c] for c in corners])
    if not used.any():
        return 0.0
    difference = (block[corners[0]] - block[corners[1]] - block[corners[2]] + block[corners[3]])[used] / 2
    return float(np.median(np.abs(difference))) / _NORMAL_MAD

"""Transforms of the intensities, scaled to its range, as in pyradiomics 3.0.1 (imageoperations.py)."""

from __future__ import annotations

import numpy as np

from ...errors import FeatureError
from .lines import Ranges, whole
from .spatial import load
from .spec import FilterSpec


def transform(image: np.ndarray, spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """square, squareroot, logarithm or exponential of the voxels of a box.

    With m = max |x| of the whole image: x²/m; sign(x) √(|x| m); sign(x) log(|x| + 1) m / log(m + 1);
    exp(x log(m) / m).

    Raises
    ------
    FeatureError : the whole image is 0, which leaves nothing to scale with.
    NonFiniteError : a voxel is NaN or infinite.
    """
    patch = load(image, whole(image.shape))
    largest = float(np.abs(patch.values).max())
    if largest == 0.0:
        raise FeatureError(f"The filter {spec} is undefined on an image that is 0 everywhere.")
    x = patch.cut(wanted).values
    if spec.name == "square":
        return ((1 / np.sqrt(largest)) * x) ** 2
    if spec.name == "squareroot":
        return np.sign(x) * np.sqrt(np.abs(x) * largest)
    if spec.name == "logarithm":
        return np.sign(x) * np.log(np.abs(x) + 1) * (largest / np.log(largest + 1))
    return np.exp(np.log(largest) / largest * x)

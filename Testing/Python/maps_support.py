"""What the tests of maps and coalitions share: images, and features of a neighbourhood done the long way."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage
from virtualbiopsy.radiomics import statistics
from virtualbiopsy.radiomics.definitions import DEFINITIONS
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.radiomics.lattice import Lattice
from virtualbiopsy.radiomics.levels import Levels
from virtualbiopsy.radiomics.maps.request import FAMILIES
from virtualbiopsy.radiomics.texture import Texture


def textured(shape=(9, 10, 11), seed=0) -> np.ndarray:
    """An image with structure of a voxel or two, about 0 to 1000."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return 500 + 300 * ndimage.gaussian_filter(noise, 1) + 60 * noise


def features_of(profile: str, families=FAMILIES) -> list[tuple[str, str]]:
    return [(f, n) for (f, n), d in DEFINITIONS.items() if f in families and profile in d.profiles]


def key_of(feature: tuple[str, str], spec: str, profile: str, aggregation: str = "3d_average") -> FeatureKey:
    family, name = feature
    base = aggregation if family in ("glcm", "glrlm") else "3d"
    bins = "none" if family == "statistics" else spec
    return FeatureKey("t1", "tumour", "original", family, name, base, bins, profile)


def around(array: np.ndarray, centre, radius) -> np.ndarray:
    return array[tuple(slice(max(c - r, 0), c + r + 1) for c, r in zip(centre, radius, strict=True))]


def neighbourhood_features(
    image, mask, spacing, centre, radius, features, spec, profile, aggregation="3d_average"
) -> list[float]:
    """Features of the voxels around one voxel, as a region of its own with the levels of the whole region."""
    levels, n_levels = discretise(image, mask, spec, profile)
    inside = around(mask, centre, radius)
    used = np.argwhere(inside)
    box = tuple(slice(low, high + 1) for low, high in zip(used.min(0), used.max(0), strict=True))
    cells = Levels.of(around(levels, centre, radius)[inside], n_levels)
    texture = Texture(Lattice(inside[box]), None, spec, profile, spacing=spacing, cells=cells)
    values = statistics.Values(around(image, centre, radius)[inside], profile, math.prod(spacing))
    with np.errstate(all="ignore"):
        return [
            statistics.FEATURES[name](values)
            if family == "statistics"
            else texture.feature(key_of((family, name), spec, profile, aggregation))
            for family, name in features
        ]

"""Shape of a region.

Source: IBSI reference manual, section 3.1 (HCUG). The surface is that of :mod:`virtualbiopsy.radiomics.mesh`.
Profile "pyradiomics" takes the population covariance for the axes, "ibsi" the unbiased one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull

from . import mesh
from .diameters import maximum_diameter, maximum_planar_diameter


class Shape:
    """Geometry of one mask, computed when asked for.

    Parameters
    ----------
    mask : (k, j, i) bool with at least two voxels, cropped to its box.
    spacing : (dk, dj, di) in mm.
    profile : "ibsi" or "pyradiomics".
    """

    def __init__(self, mask: np.ndarray, spacing: tuple[float, float, float], profile: str) -> None:
        self.mask = mask
        self.spacing = spacing
        self.profile = profile

    @cached_property
    def coordinates(self) -> np.ndarray:
        """(n, 3) voxel centres in mm, order (k, j, i)."""
        return np.argwhere(self.mask) * np.asarray(self.spacing)

    @cached_property
    def surface(self) -> tuple[float, float]:
        return mesh.surface(self.mask, self.spacing, self.profile)

    @property
    def area(self) -> float:
        return self.surface[0]

    @property
    def volume(self) -> float:
        return self.surface[1]

    @cached_property
    def approximate_volume(self) -> float:
        return float(np.count_nonzero(self.mask)) * math.prod(self.spacing)

    @cached_property
    def vertices(self) -> np.ndarray:
        return mesh.vertices(self.mask)

    @cached_property
    def axes(self) -> np.ndarray:
        """Lengths of the major, minor and least axis in mm: 4 √ of the eigenvalues of the covariance."""
        covariance = np.cov(self.coordinates, rowvar=False, bias=self.profile == "pyradiomics")
        values = np.linalg.eigvalsh(covariance)[::-1]
        return 4 * np.sqrt(np.where(values > 1e-12 * values[0], values, 0.0))

    @cached_property
    def box(self) -> np.ndarray:
        """Edges in mm of the axis-aligned box around the vertices."""
        return np.ptp(self.vertices, axis=0) * np.asarray(self.spacing)

    @cached_property
    def hull(self) -> ConvexHull:
        return ConvexHull(self.vertices * np.asarray(self.spacing))

    @cached_property
    def ellipsoid_volume(self) -> float:
        return math.pi / 6 * float(np.prod(self.axes))

    @cached_property
    def ellipsoid_area(self) -> float:
        return ellipsoid_area(*(self.axes / 2))


def ellipsoid_area(a: float, b: float, c: float, terms: int = 20) -> float:
    """Surface area of an ellipsoid with semi-axes a ≥ b ≥ c, by its Legendre series up to degree ``terms``.

    Source: IBSI reference manual, section 3.1.22 (area density AEE, RDD2). NaN where b is zero.
    """
    if b <= 0:
        return math.nan
    alpha = math.sqrt(max(0.0, 1 - (b / a) ** 2))
    beta = math.sqrt(max(0.0, 1 - (c / a) ** 2))
    if alpha * beta == 0:
        factors = np.zeros(terms + 1)
        # (αβ)ᵛ Pᵥ(x) with x = (α² + β²) / 2αβ stays finite: its leading coefficient times ((α² + β²) / 2)ᵛ.
        for degree in range(terms + 1):
            leading = math.comb(2 * degree, degree) / 2**degree
            factors[degree] = leading * ((alpha**2 + beta**2) / 2) ** degree
    else:
        x = (alpha**2 + beta**2) / (2 * alpha * beta)
        factors = np.array(
            [
                (alpha * beta) ** degree * np.polynomial.legendre.legval(x, [0.0] * degree + [1.0])
                for degree in range(terms + 1)
            ]
        )
    degrees = np.arange(terms + 1)
    return 4 * math.pi * a * b * float((factors / (1 - 4.0 * degrees**2)).sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


def _ball_ratio(s: Shape) -> float:
    """36π V² of the mesh, to the power ⅓: the area of the ball of the same volume."""
    return (36 * math.pi * s.volume**2) ** (1 / 3)


FEATURES: dict[str, Callable[[Shape], float]] = {
    "volume": lambda s: s.volume,
    "approximate_volume": lambda s: s.approximate_volume,
    "surface_area": lambda s: s.area,
    "surface_to_volume_ratio": lambda s: s.area / s.volume,
    "compactness_1": lambda s: s.volume / (math.sqrt(math.pi) * s.area**1.5),
    "compactness_2": lambda s: 36 * math.pi * s.volume**2 / s.area**3,
    "spherical_disproportion": lambda s: s.area / _ball_ratio(s),
    "sphericity": lambda s: _ball_ratio(s) / s.area,
    "asphericity": lambda s: s.area / _ball_ratio(s) - 1,
    "maximum_3d_diameter": lambda s: maximum_diameter(s.vertices, s.spacing),
    "maximum_2d_diameter_slice": lambda s: maximum_planar_diameter(s.vertices, s.spacing, 0),
    "maximum_2d_diameter_column": lambda s: maximum_planar_diameter(s.vertices, s.spacing, 1),
    "maximum_2d_diameter_row": lambda s: maximum_planar_diameter(s.vertices, s.spacing, 2),
    "major_axis_length": lambda s: float(s.axes[0]),
    "minor_axis_length": lambda s: float(s.axes[1]),
    "least_axis_length": lambda s: float(s.axes[2]),
    "elongation": lambda s: _ratio(s.axes[1], s.axes[0]),
    "flatness": lambda s: _ratio(s.axes[2], s.axes[0]),
    "volume_density_aabb": lambda s: s.volume / float(np.prod(s.box)),
    "area_density_aabb": lambda s: s.area / float(2 * (s.box * np.roll(s.box, 1)).sum()),
    "volume_density_aee": lambda s: _ratio(s.volume, s.ellipsoid_volume),
    "area_density_aee": lambda s: _ratio(s.area, s.ellipsoid_area),
    "volume_density_convex_hull": lambda s: s.volume / float(s.hull.volume),
    "area_density_convex_hull": lambda s: s.area / float(s.hull.area),
}
"""By name: a function of :class:`Shape`; NaN where undefined."""


def _centre_shift(shape: Shape, values: np.ndarray) -> float:
    total = values.sum()
    if abs(total) <= 1e-12 * np.abs(values).sum():
        return math.nan
    weighted = (shape.coordinates * values[:, None]).sum(axis=0) / total
    return float(np.linalg.norm(weighted - shape.coordinates.mean(axis=0)))


def _inverse_distances(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> np.ndarray:
    """1 / distance in mm between voxels, on a periodic grid that holds every offset once; 0 at distance 0."""
    offsets = [
        np.fft.fftfreq(2 * size, 1 / (2 * size)) * step for size, step in zip(shape, spacing, strict=True)
    ]
    square = offsets[0][:, None, None] ** 2 + offsets[1][None, :, None] ** 2 + offsets[2][None, None, :] ** 2
    square[0, 0, 0] = 1
    kernel = 1 / np.sqrt(square)
    kernel[0, 0, 0] = 0
    return kernel


def _pair_sums(shape: Shape, deviations: np.ndarray) -> tuple[float, float, float]:
    """Σ w, Σ w xᵢxⱼ and Σ w xᵢ² over ordered pairs of voxels, w = 1 / distance; exact, through FFTs."""
    kernel = np.fft.rfftn(_inverse_distances(shape.mask.shape, shape.spacing))
    size, axes = tuple(2 * n for n in shape.mask.shape), (0, 1, 2)
    image = np.zeros(shape.mask.shape)
    image[shape.mask] = deviations

    def weigh(array: np.ndarray) -> np.ndarray:
        whole = np.fft.irfftn(np.fft.rfftn(array, size, axes) * kernel, size, axes)
        return whole[tuple(slice(n) for n in shape.mask.shape)][shape.mask]

    weights = weigh(shape.mask.astype(float))
    return float(weights.sum()), float(weigh(image) @ deviations), float(weights @ deviations**2)


def _moran(shape: Shape, values: np.ndarray) -> float:
    deviations = values - values.mean()
    weight, product, _ = _pair_sums(shape, deviations)
    return len(values) / weight * product / float(deviations @ deviations)


def _geary(shape: Shape, values: np.ndarray) -> float:
    deviations = values - values.mean()
    weight, product, square = _pair_sums(shape, deviations)
    return (len(values) - 1) / (2 * weight) * (2 * square - 2 * product) / float(deviations @ deviations)


INTENSITY_FEATURES: dict[str, Callable[[Shape, np.ndarray], float]] = {
    "centre_of_mass_shift": _centre_shift,
    "integrated_intensity": lambda s, values: s.volume * float(values.mean()),
    "morans_i": _moran,
    "gearys_c": _geary,
}
"""Features of a mask and the intensities (n,) inside it, in the order of ``np.argwhere(mask)``."""

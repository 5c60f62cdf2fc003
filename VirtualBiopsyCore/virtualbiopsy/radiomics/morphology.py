"""Shape of a region.

Source: IBSI reference manual, section 3.1 (HCUG). The surface is that of :mod:`virtualbiopsy.radiomics.mesh`.
Profile "pyradiomics" takes the population covariance for the axes, "ibsi" the unbiased one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..memory import image_bytes, require_memory
from . import kernels, mesh
from .diameters import convex_hull, line_ends, longest, maximum_planar_diameter

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull


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
        self.spatial: tuple[np.ndarray, tuple[float, float, float, float]] | None = None

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
        covariance = kernels.active().covariance(self.mask)
        if covariance is None:
            covariance = np.cov(self.coordinates, rowvar=False, bias=self.profile == "pyradiomics")
        else:
            voxels = np.count_nonzero(self.mask)
            covariance = covariance * np.outer(self.spacing, self.spacing)
            covariance *= 1.0 if self.profile == "pyradiomics" else voxels / (voxels - 1)
        values = np.linalg.eigvalsh(covariance)[::-1]
        return 4 * np.sqrt(np.where(values > 1e-12 * values[0], values, 0.0))

    @cached_property
    def _diameters(self) -> np.ndarray | None:
        return kernels.active().diameters(self.mask, self.spacing)

    @cached_property
    def maximum_diameter(self) -> float:
        if self._diameters is not None:
            return float(self._diameters[0])
        return longest(self.vertices * np.asarray(self.spacing))

    def planar_diameter(self, axis: int) -> float:
        if self._diameters is not None:
            return float(self._diameters[1 + axis])
        return maximum_planar_diameter(self.vertices, self.spacing, axis)

    @cached_property
    def box(self) -> np.ndarray:
        """Edges in mm of the axis-aligned box around the vertices."""
        return np.ptp(self.vertices, axis=0) * np.asarray(self.spacing)

    @cached_property
    def _kernel(self) -> tuple[tuple[int, ...], np.ndarray]:
        """Size of a periodic grid that holds every offset once, and the transform of 1 / distance on it."""
        # Here and below, since most keys need none of scipy.
        from scipy import fft

        size = tuple(fft.next_fast_len(2 * n - 1, real=True) for n in self.mask.shape)
        require_memory(4 * image_bytes(size), "Spatial autocorrelation (Moran's I, Geary's C)")
        steps = [fft.fftfreq(n, 1 / n) * step for n, step in zip(size, self.spacing, strict=True)]
        distance = np.sqrt(steps[0][:, None, None] ** 2 + steps[1][:, None] ** 2 + steps[2] ** 2)
        distance[0, 0, 0] = np.inf
        return size, fft.rfftn(1 / distance)

    def weigh(self, array: np.ndarray) -> np.ndarray:
        """(n,) for each voxel of the mask, the sum of ``array`` over the others, each over its distance."""
        from scipy import fft

        size, kernel = self._kernel
        whole = fft.irfftn(fft.rfftn(array, size) * kernel, size)
        return whole[tuple(slice(n) for n in self.mask.shape)][self.mask]

    @cached_property
    def pair_weights(self) -> np.ndarray:
        """(n,) for each voxel of the mask, the sum of 1 / distance to all others."""
        return self.weigh(self.mask.astype(float))

    @cached_property
    def hull(self) -> ConvexHull:
        return convex_hull(line_ends(self.vertices, 2) * np.asarray(self.spacing))

    @cached_property
    def oriented_box(self) -> np.ndarray:
        """Edges in mm of the smallest box around the vertices, however turned."""
        from . import boxes

        return boxes.smallest_box(self.hull)

    @cached_property
    def enclosing_axes(self) -> np.ndarray:
        """Semi-axes in mm of the smallest ellipsoid around the vertices."""
        from . import boxes

        return boxes.smallest_ellipsoid(self.hull.points[self.hull.vertices])

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


def _box_area(edges: np.ndarray) -> float:
    return float(2 * (edges * np.roll(edges, 1)).sum())


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
    "maximum_3d_diameter": lambda s: s.maximum_diameter,
    "maximum_2d_diameter_slice": lambda s: s.planar_diameter(0),
    "maximum_2d_diameter_column": lambda s: s.planar_diameter(1),
    "maximum_2d_diameter_row": lambda s: s.planar_diameter(2),
    "major_axis_length": lambda s: float(s.axes[0]),
    "minor_axis_length": lambda s: float(s.axes[1]),
    "least_axis_length": lambda s: float(s.axes[2]),
    "elongation": lambda s: _ratio(s.axes[1], s.axes[0]),
    "flatness": lambda s: _ratio(s.axes[2], s.axes[0]),
    "volume_density_aabb": lambda s: s.volume / float(np.prod(s.box)),
    "area_density_aabb": lambda s: s.area / _box_area(s.box),
    "volume_density_ombb": lambda s: s.volume / float(np.prod(s.oriented_box)),
    "area_density_ombb": lambda s: s.area / _box_area(s.oriented_box),
    "volume_density_aee": lambda s: _ratio(s.volume, s.ellipsoid_volume),
    "area_density_aee": lambda s: _ratio(s.area, s.ellipsoid_area),
    "volume_density_mvee": lambda s: s.volume / (4 / 3 * math.pi * float(np.prod(s.enclosing_axes))),
    "area_density_mvee": lambda s: s.area / ellipsoid_area(*s.enclosing_axes),
    "volume_density_convex_hull": lambda s: s.volume / float(s.hull.volume),
    "area_density_convex_hull": lambda s: s.area / float(s.hull.area),
}
"""By name: a function of :class:`Shape`; NaN where undefined."""


def _centre_shift(shape: Shape, inner: Shape, values: np.ndarray) -> float:
    total = values.sum()
    if abs(total) <= 1e-12 * np.abs(values).sum():
        return math.nan
    weighted = (inner.coordinates * values[:, None]).sum(axis=0) / total
    return float(np.linalg.norm(weighted - shape.coordinates.mean(axis=0)))


def _spatial_sums(shape: Shape, values: np.ndarray) -> tuple[float, float, float, float]:
    """Σ w, Σ w xᵢxⱼ, Σ w xᵢ² over ordered pairs of voxels, and Σ x²; x from the mean, w = 1 / distance."""
    if shape.spatial is None or shape.spatial[0] is not values:
        x = values - values.mean()
        image = np.zeros(shape.mask.shape)
        image[shape.mask] = x
        weights = shape.pair_weights
        sums = (weights.sum(), shape.weigh(image) @ x, weights @ x**2, x @ x)
        shape.spatial = (values, tuple(float(term) for term in sums))
    return shape.spatial[1]


def _moran(shape: Shape, values: np.ndarray) -> float:
    weight, product, _, square = _spatial_sums(shape, values)
    return len(values) / weight * product / square


def _geary(shape: Shape, values: np.ndarray) -> float:
    weight, product, own, square = _spatial_sums(shape, values)
    return (len(values) - 1) / weight * (own - product) / square


INTENSITY_FEATURES: dict[str, Callable[[Shape, Shape, np.ndarray], float]] = {
    "centre_of_mass_shift": _centre_shift,
    "integrated_intensity": lambda s, _, values: s.volume * float(values.mean()),
    "morans_i": lambda _, inner, values: _moran(inner, values),
    "gearys_c": lambda _, inner, values: _geary(inner, values),
}
"""Features of the outline, of the intensity mask (of the same array shape; the same Shape without
re-segmentation) and of the intensities (n,) inside the latter, in the order of ``np.argwhere(mask)``."""

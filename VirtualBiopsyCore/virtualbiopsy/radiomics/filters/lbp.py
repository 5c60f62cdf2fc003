"""Local binary patterns in slices and in space, as pyradiomics 3.0.1 computes them.

Source: T. Ojala, M. Pietikäinen, T. Mäenpää, IEEE TPAMI 24 (2002) 971 (in slices; bilinear samples on a
circle, 0 outside the image, as in scikit-image); J. Banerjee et al., ACCV 2012 workshops, LNCS 7728, 26
(in space: cubic spline samples on an icosphere, spherical harmonics).
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy import ndimage, special

from .lines import Patch, Ranges, whole
from .spatial import load
from .spec import FilterSpec


def lbp2d(image: np.ndarray, spec: FilterSpec, wanted: Ranges) -> np.ndarray:
    """Pattern of every voxel of a box within its slice.

    "default": the samples not below the voxel as bits; "ror": the smallest number that rotating these bits
    gives; "uniform": the number of ones if at most two neighbouring samples differ, else samples + 1.
    """
    stack = spec["axis"]
    ranges = list(whole(image.shape))
    ranges[stack] = wanted[stack]
    patch = load(image, tuple(ranges))
    slices = np.moveaxis(patch.values, stack, 0)
    rows, columns = (wanted[axis] for axis in range(3) if axis != stack)
    count = spec["samples"]
    radius = float(np.float32(spec["radius"]))
    turn = 2 * np.pi * np.arange(count) / count
    offsets = np.round([-radius * np.sin(turn), radius * np.cos(turn)], 5).T
    margin = math.ceil(radius) + 1
    framed = np.pad(slices, ((0, 0), (margin, margin), (margin, margin)))
    centre = slices[:, rows[0] : rows[1], columns[0] : columns[1]]
    bits = np.empty((count, *centre.shape), dtype=bool)
    for n, (down, right) in enumerate(offsets):
        bits[n] = _bilinear(framed, rows, columns, margin, down, right) - centre >= 0
    return np.moveaxis(_pattern(bits, spec["method"]), 0, stack).astype(np.float64)


def _bilinear(framed: np.ndarray, rows, columns, margin: int, down: float, right: float) -> np.ndarray:
    """Samples beside all voxels of a box: `down` and `right` voxels from each."""
    top, left = math.floor(down), math.floor(right)
    dr, dc = down - top, right - left

    def corner(a: int, b: int) -> np.ndarray:
        r, c = rows[0] + margin + a, columns[0] + margin + b
        return framed[:, r : r + rows[1] - rows[0], c : c + columns[1] - columns[0]]

    bottom, far = math.ceil(down), math.ceil(right)
    upper = (1 - dc) * corner(top, left) + dc * corner(top, far)
    lower = (1 - dc) * corner(bottom, left) + dc * corner(bottom, far)
    return (1 - dr) * upper + dr * lower


def _pattern(bits: np.ndarray, method: str) -> np.ndarray:
    count = len(bits)
    if method == "uniform":
        changes = np.count_nonzero(bits[1:] != bits[:-1], axis=0)
        return np.where(changes <= 2, np.count_nonzero(bits, axis=0), count + 1)
    number = np.zeros(bits.shape[1:], dtype=np.int64)
    for n in range(count):
        number += bits[n].astype(np.int64) << n
    if method == "default":
        return number
    smallest = number
    for _ in range(count - 1):
        number = (number >> 1) | ((number & 1) << (count - 1))
        smallest = np.minimum(smallest, number)
    return smallest


def icosphere(radius: float, subdivision: int) -> np.ndarray:
    """(n, 3) vertices of an icosahedron whose triangles are split in four, each time put on the sphere.

    In trimesh's order, as sums over vertices are rounded in this order.
    """
    golden = (1 + math.sqrt(5)) / 2
    plane = [(-1, golden), (1, golden), (-1, -golden), (1, -golden)]
    points = np.array([np.roll((a, b, 0.0), turn) for turn in range(3) for a, b in plane])
    points /= np.linalg.norm(points[0])
    near = np.linalg.norm(points[:, None] - points, axis=2)
    joined = near < 1.01 * near[near > 0].min()
    faces = [f for f in combinations(range(12), 3) if all(joined[a, b] for a, b in combinations(f, 2))]
    for _ in range(subdivision):
        edges = {edge for face in faces for edge in combinations(face, 2)}
        order = sorted(edges, key=lambda edge: edge[::-1])
        middle = {edge: len(points) + n for n, edge in enumerate(order)}
        halves = points[np.array(order)].mean(axis=1)
        points = np.concatenate([points, halves / np.linalg.norm(halves, axis=1, keepdims=True)])
        split = []
        for a, b, c in faces:
            ab, ac, bc = middle[a, b], middle[a, c], middle[b, c]
            split += [(a, ab, ac), (b, ab, bc), (c, ac, bc), (ab, ac, bc)]
        faces = [tuple(sorted(face)) for face in split]
    return points * radius


def _harmonics(vertices: np.ndarray, radius: float, degree: int) -> np.ndarray:
    """(vertices, 2 degree + 1) spherical harmonics, with pyradiomics' exchange of the two angles."""
    azimuth = np.arccos(np.clip(vertices[:, 2] / radius, -1, 1))
    polar = np.arctan2(vertices[:, 1], vertices[:, 0])
    columns = []
    for m in range(-degree, degree + 1):
        size = abs(m)
        norm = (2 * degree + 1) / (4 * np.pi)
        norm *= math.factorial(degree - size) / math.factorial(degree + size)
        value = math.sqrt(norm) * special.lpmv(size, degree, np.cos(polar)) * np.exp(1j * size * azimuth)
        columns.append((-1) ** size * np.conj(value) if m < 0 else value)
    return np.stack(columns, axis=1)


def lbp3d(
    image: np.ndarray,
    spec: FilterSpec,
    wanted: Ranges,
    *,
    parity: bool = False,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Rotation-invariant pattern of every voxel of a box: its part of degree n ("m1": 0, "m2": 1, …).

    "k" is the excess kurtosis of the samples, NaN where they are all equal. In parity the samples take the
    image's type, as pyradiomics lets scipy do. Where there is a `mask` (of the whole image) and it is
    False, the response is 0.
    """
    patch: Patch = load(image, whole(image.shape))
    vertices = icosphere(spec["radius"], spec["subdivision"])
    kind = image.dtype if parity and image.dtype.kind in "iuf" else np.dtype(np.float64)
    spline = ndimage.spline_filter(patch.values, order=3)
    found = np.zeros(tuple(b - a for a, b in wanted))
    box = tuple(slice(a, b) for a, b in wanted)
    inside = np.ones(found.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)[box]
    output = spec["output"]
    harmonics = None if output == "k" else _harmonics(vertices, spec["radius"], int(output[1]) - 1)
    for n, plane in enumerate(inside):
        rows, columns = np.nonzero(plane)
        if not len(rows):
            continue
        at = np.array([np.full(len(rows), n), rows, columns]) + np.array([[a] for a, _ in wanted])
        samples = np.empty((len(vertices), len(rows)), dtype=kind)
        for v, vertex in enumerate(vertices):
            ndimage.map_coordinates(spline, at + vertex[:, None], order=3, prefilter=False, output=samples[v])
        if harmonics is None:
            found[n, rows, columns] = _kurtosis(samples)
        else:
            centre = patch.values[tuple(at)]
            found[n, rows, columns] = _degree((samples >= centre).astype(np.float64), harmonics)
    return found


def _degree(above: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """Size of one degree of the signs (vertices, voxels): the root of a sum of complex squares, real part."""
    coefficients = np.zeros((harmonics.shape[1], above.shape[1]), dtype=np.complex128)
    for row, bits in zip(harmonics, above, strict=True):
        coefficients += row[:, None] * bits
    total = np.zeros(above.shape[1], dtype=np.complex128)
    for row in harmonics:
        part = np.zeros(above.shape[1], dtype=np.complex128)
        for factor, coefficient in zip(row, coefficients, strict=True):
            part += factor * coefficient
        total += part**2
    return np.sqrt(total).real


def _kurtosis(samples: np.ndarray) -> np.ndarray:
    """Excess kurtosis over the first axis; float32 samples are averaged in float32."""
    samples = np.ascontiguousarray(samples.T)
    if samples.dtype.kind in "iu":
        samples = samples.astype(np.float64)
    mean = samples.mean(axis=1)
    square = (samples - mean[:, None]) ** 2
    second = square.mean(axis=1)
    varied = second > (np.finfo(samples.dtype).eps * mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(varied, (square**2).mean(axis=1) / second**2 - 3, np.nan)

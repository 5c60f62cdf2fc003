"""Breast phantoms with known outlines: geometry and enhancement in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from virtualbiopsy.case.dynamic import DynamicSeries, Phase

AXIAL = (1, 0, 0, 0, 1, 0, 0, 0, 1)
SAGITTAL = (0, 0, -1, 1, 0, 0, 0, -1, 0)
CENTRES = {"left": 80.0, "right": -80.0}


def image_of(array, spacing=(2.0, 2.0, 2.0), origin=(0.0, 0.0, 0.0), direction=AXIAL) -> sitk.Image:
    """Image from an array (k, j, i); spacing along (x, y, z)."""
    array = np.asarray(array)
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    image.SetSpacing([float(s) for s in spacing])
    image.SetOrigin([float(x) for x in origin])
    image.SetDirection([float(x) for x in direction])
    return image


def coordinates(image: sitk.Image) -> np.ndarray:
    """(3, k, j, i) physical x, y, z of the voxel centres."""
    size = image.GetSize()[::-1]
    index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"))[::-1].reshape(3, -1)
    matrix = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    return (matrix @ index + np.array(image.GetOrigin())[:, None]).reshape(3, *size)


def dice(a, b) -> float:
    a, b = np.asarray(a) > 0, np.asarray(b) > 0
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def array(mask: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(mask) > 0


@dataclass(frozen=True)
class Chest:
    """A trunk with breasts: what is body, what is breast, what is gland."""

    image: sitk.Image
    breast: np.ndarray
    sides: dict[str, np.ndarray]


def chest(sides=("left", "right"), direction=AXIAL, seed: int = 0, fat: float = 200.0, spacing=2.5) -> Chest:
    """Half ellipsoids (radius 55 mm, 70 mm deep) on a thorax of 230 mm radius; the patient lies prone.

    Physical space: x to the left, the skin over the sternum at y = 0, the breasts towards negative y, z from
    -75 to 75 mm. Fat, muscle (90), air with noise.
    """
    x_range = (
        (-160.0, 160.0) if len(sides) == 2 else sorted((0.1 * CENTRES[sides[0]], 1.8 * CENTRES[sides[0]]))
    )
    low = np.array([x_range[0], -100.0, -75.0])
    high = np.array([x_range[1], 60.0, 75.0])
    matrix = np.reshape(direction, (3, 3)).astype(float)
    extent = np.abs(matrix.T @ (high - low))
    size = [round(e / spacing) for e in extent]
    corner = [low[a] if matrix[a].sum() > 0 else high[a] for a in range(3)]
    image = image_of(np.zeros(size[::-1], dtype=np.float32), (spacing,) * 3, corner, direction)
    x, y, z = coordinates(image)
    thorax = 230.0 - np.sqrt(np.maximum(230.0**2 - np.minimum(np.abs(x), 150.0) ** 2, 0))
    found = {
        side: ((x - CENTRES[side]) / 55) ** 2 + ((y - thorax) / 70) ** 2 + (z / 60) ** 2 <= 1
        for side in sides
    }
    body = (y >= thorax) | np.logical_or.reduce(list(found.values()))
    shell = {side: inside & (y <= thorax + 12.0) for side, inside in found.items()}
    signal = np.where(y > thorax + 12.0, 90.0, fat) * body
    rng = np.random.default_rng(seed)
    noisy = np.hypot(signal + rng.normal(0, 5, signal.shape), rng.normal(0, 5, signal.shape))
    result = sitk.GetImageFromArray(noisy.astype(np.float32))
    result.CopyInformation(image)
    return Chest(result, np.logical_or.reduce(list(shell.values())), shell)


def enhancement(
    radius=12.0,
    core=0.0,
    level=200.0,
    background=20.0,
    noise=8.0,
    spacing=(1.5, 1.0, 2.0),
    direction=AXIAL,
    vessel=False,
    second=None,
    sd=1.0,
    seed=0,
):
    """A map of percent enhancement with a ball, and the ball as bool array.

    `core` : radius of a core that does not enhance. `vessel` : a bright line of 2 mm from the ball along x.
    `second` : centre (x, y, z) of another ball of 8 mm. `sd` : blur in mm.
    """
    size = [round(90.0 / s) for s in spacing]
    image = image_of(np.zeros(size[::-1], dtype=np.float32), spacing, (0, 0, 0), direction)
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size])
    image.SetOrigin([-m for m in middle])
    x, y, z = coordinates(image)
    distance = np.sqrt(x**2 + y**2 + z**2)
    ball = distance <= radius
    values = np.where(ball & (distance >= core), level, background)
    if vessel:
        values[(np.abs(y) <= 1.0) & (np.abs(z) <= 1.0) & (x > 0)] = level
    if second is not None:
        a, b, c = second
        values[np.sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) <= 8.0] = level
    values = ndimage.gaussian_filter(values, sd / np.array(spacing)[::-1])
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    result = sitk.GetImageFromArray(values.astype(np.float32))
    result.CopyInformation(image)
    return result, ball


def series_of(
    arrays, times=(0.0, 90.0, 180.0), before=1, spacing=(2.0, 2.0, 2.0), duration=60.0
) -> DynamicSeries:
    """A dynamic series of arrays (k, j, i); injected at the start of the first phase after `before`."""
    phases = tuple(
        Phase(f"phase {n + 1}", image_of(np.asarray(a, dtype=np.float32), spacing), t, "test", n < before)
        for n, (a, t) in enumerate(zip(arrays, times, strict=True))
    )
    return DynamicSeries("test", phases, duration_s=duration, injection_s=times[before])

"""Steps that every simulated acquisition shares: receive field, slices, reconstruction, rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .fields import Lattice
from .scanner import Protocol


def receive_field(axes: Sequence[np.ndarray], tesla: float, rng: np.random.Generator) -> np.ndarray:
    """Multiplicative receive field: smooth, stronger at 3 T."""
    lattice = Lattice(axes, 75.0)
    strength = 0.11 if tesla == 3.0 else 0.06
    return np.exp(strength * lattice.noise(rng))


def grid_image(array: np.ndarray, axes: Sequence[np.ndarray]) -> sitk.Image:
    """Return the array (k, j, i) as an image whose voxels lie at `axes` (z, y, x), mm, LPS."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(a[1] - a[0]) for a in axes[::-1]])
    image.SetOrigin([float(a[0]) for a in axes[::-1]])
    return image


def slice_grid(
    protocol: Protocol,
    centre: Sequence[float],
    field_of_view: Sequence[float],
    direction: np.ndarray | None = None,
) -> sitk.Image:
    """Return the grid of a thick-slice sequence as an empty image.

    Parameters
    ----------
    centre, field_of_view : of the grid (x, y, z), mm. direction : (3, 3), columns are the axes of the image.
    """
    direction = np.eye(3) if direction is None else direction
    pitch = protocol.slice_mm + protocol.gap_mm
    size = [
        int(field_of_view[0] / protocol.in_plane),
        int(field_of_view[1] / protocol.in_plane),
        int(field_of_view[2] / pitch),
    ]
    spacing = np.array([protocol.in_plane, protocol.in_plane, pitch])
    origin = np.asarray(centre) - direction @ (spacing * (np.array(size) - 1) / 2)
    reference = sitk.Image(size, sitk.sitkFloat32)
    reference.SetSpacing(spacing.tolist())
    reference.SetOrigin(origin.tolist())
    reference.SetDirection(direction.ravel().tolist())
    return reference


def patient_motion(
    centre: Sequence[float], degrees: float, mm: float, rng: np.random.Generator
) -> sitk.Euler3DTransform:
    """Draw how the patient moved before a sequence: sd of rotation about, and of shift along, each axis."""
    moved = sitk.Euler3DTransform()
    moved.SetCenter([float(c) for c in centre])
    moved.SetRotation(*(float(x) for x in np.deg2rad(rng.normal(0, degrees, 3))))
    moved.SetTranslation(rng.normal(0, mm, 3).tolist())
    return moved


def acquire_slices(
    volume: np.ndarray, protocol: Protocol, axes, reference: sitk.Image, moved: sitk.Transform
) -> np.ndarray:
    """Average over the slice thickness and sample on the slices."""
    width = max(int(round(protocol.slice_mm / (axes[0][1] - axes[0][0]))), 1)
    averaged = ndimage.uniform_filter1d(volume, width, axis=0)
    if protocol.in_plane > 1.3:
        averaged = ndimage.gaussian_filter(averaged, (0, 0.35 * protocol.in_plane, 0.35 * protocol.in_plane))
    image = grid_image(averaged, axes)
    return sitk.GetArrayFromImage(sitk.Resample(image, reference, moved, sitk.sitkLinear, 0.0))


def smoothed(array: np.ndarray, protocol: Protocol, axes: Sequence[np.ndarray] = ()) -> np.ndarray:
    """The reconstruction's kernel, in the slice: it smooths signal and noise alike."""
    if protocol.kernel_mm <= 0:
        return array
    pixels = [float(a[1] - a[0]) for a in axes] or [protocol.in_plane, protocol.in_plane]
    sigma = protocol.kernel_mm / np.sqrt(8 * np.log(2))
    return ndimage.gaussian_filter(array, (0, *(sigma / pixel for pixel in pixels)))


def finish(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """Round to int16 on the grid of `reference`."""
    image = sitk.GetImageFromArray(np.clip(np.rint(array), -32768, 32767).astype(np.int16))
    image.CopyInformation(reference)
    return image

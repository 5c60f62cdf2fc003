"""Slices as PNG: image, outline and signed overlay, in patient axes and radiological convention."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..errors import DimensionError, EmptyRegionError
from .glyphs import HEIGHT, WIDTH, draw_letter
from .theme import diverging, opacity

OUTLINE = (255, 214, 64)
SCALE_BAR_MM = 20.0
WINDOW_PERCENTILE = 99.0


@dataclass(frozen=True)
class Plane:
    """Patient directions (LPS) of columns, rows and normal; letters at left, right, top, bottom."""

    column: tuple[float, float, float]
    row: tuple[float, float, float]
    normal: tuple[float, float, float]
    letters: str


PLANES: Mapping[str, Plane] = MappingProxyType(
    {
        "axial": Plane((1, 0, 0), (0, 1, 0), (0, 0, 1), "RLAP"),
        "coronal": Plane((1, 0, 0), (0, 0, -1), (0, 1, 0), "RLSI"),
        "sagittal": Plane((0, 1, 0), (0, 0, -1), (-1, 0, 0), "APSI"),
    }
)


def slice_png(
    image: sitk.Image,
    mask: sitk.Image | None = None,
    overlay: sitk.Image | None = None,
    *,
    plane: str = "axial",
    at: Sequence[float] | None = None,
    window: tuple[float, float] | None = None,
    overlay_window: float | None = None,
    size: int = 360,
    field_mm: float | None = None,
    marks: bool = True,
) -> bytes:
    """Draw one slice.

    Parameters
    ----------
    image : 3D scalar image; `mask` (> 0 inside) and `overlay` (signed) may be on other grids.
    plane : "axial", "coronal" or "sagittal", along the patient's axes even if the image is oblique. The
        patient's right is at the left of axial and coronal pictures, anterior at the left of sagittal ones.
    at : physical point LPS mm that the slice passes through; None takes the slice in which the mask has its
        largest area, without a mask the centre of the image.
    window : grey values shown black and white; None takes the 1st and 99.5th percentile of the image.
    overlay_window : value of full colour; None takes :func:`window_of`.
    size : pixels of the longer side; square pixels in mm.
    field_mm : side of a square field of view around the point; None shows the whole slice.
    marks : orientation letters and a bar of 20 mm.

    Returns
    -------
    PNG bytes, RGB.

    Raises
    ------
    DimensionError : if an image is not 3D. EmptyRegionError : if the mask has no voxel and `at` is None.
    """
    for part in (image, mask, overlay):
        if part is not None and part.GetDimension() != 3:
            raise DimensionError(f"A picture needs 3D images, not {part.GetDimension()}D.")
    look = PLANES[plane]
    point = _point(image, mask, look, at)
    grid = _grid(image, look, point, size, field_mm)
    low, high = display_window(image) if window is None else window
    grey = _resample(image, grid, sitk.sitkLinear, low)
    shown = np.clip((np.nan_to_num(grey, nan=low) - low) / max(high - low, 1e-12), 0.0, 1.0)
    picture = np.repeat(255.0 * shown[..., None], 3, axis=2)
    if overlay is not None:
        limit = window_of(overlay) if overlay_window is None else overlay_window
        t = np.nan_to_num(_resample(overlay, grid, sitk.sitkNearestNeighbor)) / max(limit, 1e-300)
        alpha = opacity(t)[..., None]
        picture = (1.0 - alpha) * picture + alpha * 255.0 * diverging(t)
    if mask is not None:
        inside = _resample(mask > 0, grid, sitk.sitkLinear) >= 0.5
        picture[ndimage.binary_dilation(inside) & ~inside] = OUTLINE
    picture = picture.round().astype(np.uint8)
    if marks:
        _mark(picture, look, grid.GetSpacing()[0])
    return _png(picture)


def display_window(image: sitk.Image) -> tuple[float, float]:
    """1st and 99.5th percentile of the finite values."""
    values = sitk.GetArrayViewFromImage(image)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, (1.0, 99.5))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def window_of(overlay: sitk.Image) -> float:
    """99th percentile of the magnitude of the non-zero values; 1 if there is none."""
    values = np.abs(sitk.GetArrayViewFromImage(overlay))
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.percentile(values, WINDOW_PERCENTILE)) if values.size else 1.0


def per_ml(ledger: sitk.Image) -> sitk.Image:
    """Turn a map of log-odds per voxel into log-odds per mL."""
    return sitk.Cast(ledger, sitk.sitkFloat64) * (1000.0 / float(np.prod(ledger.GetSpacing())))


def _points(mask: sitk.Image) -> np.ndarray:
    """Physical points (n, 3) of the mask's voxel centres; EmptyRegionError if there is none."""
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, ::-1]
    if not len(inside):
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    direction = np.array(mask.GetDirection()).reshape(3, 3)
    return np.array(mask.GetOrigin()) + (inside * np.array(mask.GetSpacing())) @ direction.T


def _point(image: sitk.Image, mask: sitk.Image | None, look: Plane, at: Sequence[float] | None) -> np.ndarray:
    if at is not None:
        return np.asarray(at, dtype=np.float64)
    if mask is None:
        centre = [(n - 1) / 2 for n in image.GetSize()]
        return np.array(image.TransformContinuousIndexToPhysicalPoint(centre))
    points = _points(mask)
    normal = np.array(look.normal, dtype=np.float64)
    depth = points @ normal
    direction = np.array(mask.GetDirection()).reshape(3, 3)
    axis = int(np.argmax(np.abs(direction.T @ normal)))
    thickness = mask.GetSpacing()[axis]
    bins = np.round((depth - depth.min()) / thickness).astype(int)
    fullest = int(np.argmax(np.bincount(bins)))
    centre = points.mean(axis=0)
    return centre + (depth[bins == fullest].mean() - centre @ normal) * normal


def _grid(image: sitk.Image, look: Plane, point: np.ndarray, size: int, field_mm: float | None) -> sitk.Image:
    """A grid of one slice through `point`."""
    axes = np.array([look.column, look.row, look.normal], dtype=np.float64)
    if field_mm is None:
        n = np.array(image.GetSize(), dtype=np.float64)
        corners = [
            image.TransformContinuousIndexToPhysicalPoint([float(x) for x in np.where(c, n - 0.5, -0.5)])
            for c in np.ndindex(2, 2, 2)
        ]
        spread = np.array(corners) @ axes[:2].T
        low, high = spread.min(axis=0), spread.max(axis=0)
    else:
        centre = axes[:2] @ point
        low, high = centre - field_mm / 2, centre + field_mm / 2
    pixel = float(max(high - low)) / size
    columns, rows = (max(1, round(float(x) / pixel)) for x in high - low)
    start = (low[0] + pixel / 2) * axes[0] + (low[1] + pixel / 2) * axes[1] + (axes[2] @ point) * axes[2]
    grid = sitk.Image([columns, rows, 1], sitk.sitkUInt8)
    grid.SetSpacing([pixel, pixel, pixel])
    grid.SetDirection(axes.T.ravel().tolist())
    grid.SetOrigin(start.tolist())
    return grid


def _resample(image: sitk.Image, grid: sitk.Image, interpolator: int, outside: float = 0.0) -> np.ndarray:
    """Values on the grid, (rows, columns) float64, `outside` where the image does not reach."""
    resampled = sitk.Resample(image, grid, sitk.Transform(), interpolator, outside, sitk.sitkFloat64)
    return sitk.GetArrayFromImage(resampled)[0]


def _mark(picture: np.ndarray, look: Plane, pixel: float) -> None:
    rows, columns = picture.shape[:2]
    scale = 2 if min(rows, columns) >= 120 else 1
    wide, tall = WIDTH * scale, HEIGHT * scale
    left, right, top, bottom = look.letters
    draw_letter(picture, left, 4, (rows - tall) // 2, scale)
    draw_letter(picture, right, columns - wide - 4, (rows - tall) // 2, scale)
    draw_letter(picture, top, (columns - wide) // 2, 4, scale)
    draw_letter(picture, bottom, (columns - wide) // 2, rows - tall - 4, scale)
    length = round(SCALE_BAR_MM / pixel)
    if length < columns - 16:
        picture[rows - 10 : rows - 5, 7 : 9 + length] = 0
        picture[rows - 9 : rows - 6, 8 : 8 + length] = 255


def _png(picture: np.ndarray) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slice.png"
        sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), str(path), useCompression=True)
        return path.read_bytes()

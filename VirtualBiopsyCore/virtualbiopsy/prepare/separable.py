"""Interpolation between grids whose axes are parallel, one axis after the other."""

from __future__ import annotations

import numpy as np

from ..progress import Progress, silent


def axis_matrix(count: int, positions: np.ndarray, interpolator: str) -> np.ndarray:
    """Matrix (n, count) that interpolates a line of `count` samples at continuous indices `positions`.

    "linear" holds the edge values beyond the outer samples; "bspline" is the interpolating cubic B-spline
    with mirror boundaries. Both are what ITK's interpolators do inside the image.
    """
    if count == 1:
        return np.ones((positions.size, 1))
    rows = np.arange(positions.size)
    matrix = np.zeros((positions.size, count))
    if interpolator == "linear":
        clamped = np.clip(positions, 0.0, count - 1.0)
        low = np.minimum(np.floor(clamped).astype(int), count - 2)
        part = clamped - low
        matrix[rows, low] = 1.0 - part
        matrix[rows, low + 1] += part
        return matrix
    first = np.floor(positions).astype(int)
    t = positions - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    period = 2 * (count - 1)
    for offset, weight in zip(range(-1, 3), weights, strict=True):
        index = np.abs(first + offset) % period
        np.add.at(matrix, (rows, np.where(index >= count, period - index, index)), weight / 6.0)
    # Here, since linear interpolation does without.
    from scipy import ndimage

    return matrix @ ndimage.spline_filter1d(np.eye(count), order=3, axis=0, mode="mirror")


def interpolate(
    values: np.ndarray,
    positions: tuple[np.ndarray, np.ndarray, np.ndarray],
    interpolator: str,
    *,
    fill: float = 0.0,
    progress: Progress = silent,
    message: str = "Resampling",
) -> np.ndarray:
    """Interpolate a (k, j, i) array at the outer product of continuous indices along its three axes.

    Returns
    -------
    float64 array; points more than half a voxel beyond the outer samples get `fill`.

    Raises
    ------
    Cancelled : the progress callback asked to stop.
    """
    result = values.astype(np.float64)
    order = sorted(range(3), key=lambda axis: positions[axis].size / values.shape[axis])
    for number, axis in enumerate(order):
        progress(number / 3.0, message)
        matrix = axis_matrix(values.shape[axis], positions[axis], interpolator)
        result = _apply(matrix, result, axis)
    for axis in range(3):
        at = positions[axis]
        outside = (at < -0.5 - 1e-9) | (at > values.shape[axis] - 0.5 + 1e-9)
        if outside.any():
            result[(slice(None),) * axis + (outside,)] = fill
    progress(1.0, message)
    return result


def _apply(matrix: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """Product with the matrix along one axis of a C-contiguous array, C-contiguous again."""
    nk, nj, ni = values.shape
    rows = matrix.shape[0]
    if axis == 0:
        return (matrix @ values.reshape(nk, nj * ni)).reshape(rows, nj, ni)
    if axis == 2:
        return (values.reshape(nk * nj, ni) @ matrix.T).reshape(nk, nj, rows)
    return np.matmul(matrix, values)

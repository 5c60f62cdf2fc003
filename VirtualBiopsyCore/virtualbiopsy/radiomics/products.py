"""Images times matrices along an axis, by one processor.

OpenBLAS shares larger products over all processors, and its threads then wait for more at full speed for a
tenth of a second: other filters that are computed meanwhile would take many times longer.
"""

from __future__ import annotations

import numpy as np

_ONE_THREAD = 1 << 18
"""Products of matrices with at most so many multiplications are done by one thread in OpenBLAS."""


def along(values: np.ndarray, matrix: np.ndarray, axis: int) -> np.ndarray:
    """The matrix applied along an axis.

    Parameters
    ----------
    values : (k, j, i) float64, C-contiguous. matrix : (m, n) float64, n voxels along the axis.

    Returns
    -------
    float64 with m instead of n voxels along the axis.
    """
    rows, n = matrix.shape
    shape = list(values.shape)
    shape[axis] = rows
    found = np.empty(shape)
    step = max(1, _ONE_THREAD // max(1, rows * n))
    if axis == 2:
        lines, results = values.reshape(-1, n), found.reshape(-1, rows)
        full = len(lines) // step * step
        np.matmul(lines[:full].reshape(-1, step, n), matrix.T, out=results[:full].reshape(-1, step, rows))
        if full < len(lines):
            np.matmul(lines[full:], matrix.T, out=results[full:])
    else:
        planes, results = (values, found) if axis == 1 else (values.swapaxes(0, 1), found.swapaxes(0, 1))
        for start in range(0, shape[2], step):
            part = (..., slice(start, start + step))
            np.matmul(matrix, planes[part], out=results[part])
    return found

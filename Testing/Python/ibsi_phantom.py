"""The digital phantom of the IBSI and its reference values, from Resources/Reference/ibsi1."""

from __future__ import annotations

import csv
import math

import numpy as np
from virtualbiopsy.resources import resource

FOLDER = "Reference/ibsi1"
SPACING = (2.0, 2.0, 2.0)


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of a table of Resources/Reference/ibsi1, without its head."""
    with resource(f"{FOLDER}/{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def allowed(row: dict[str, str]) -> float:
    """Published tolerance, but not less than half a unit of the third significant digit, as printed."""
    value = abs(float(row["value"]))
    printed = 0.5 * 10 ** (math.floor(math.log10(value)) - 2) if value else 0.0
    return max(float(row["tolerance"]), printed) * (1 + 1e-9) + 1e-12


def _voxels(column: str) -> np.ndarray:
    rows = read_table("digital_phantom_voxels")
    shape = [1 + max(int(row[axis]) for row in rows) for axis in "kji"]
    return np.array([float(row[column]) for row in rows]).reshape(shape)


IMAGE = _voxels("intensity")
"""(4, 4, 5) grey levels 1 to 6; a 9 lies outside the mask."""

MASK = _voxels("mask") > 0

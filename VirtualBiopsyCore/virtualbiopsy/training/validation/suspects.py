"""Leaks that the table itself shows: cases that are nearly the same, columns that hold the outcome."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from ..dataset import SURVIVAL, Dataset
from .leak import COLUMN, TWINS, Leak

NEIGHBOURS = 12
FEWEST_COLUMNS = 8
CHANCE_PAIRS = 0.01
TELLING = 0.99
_HARMONIC = np.cumsum(1 / np.arange(1, NEIGHBOURS))
_EXPECTED = float((_HARMONIC[-1] - _HARMONIC[2:-1]).mean())
"""Mean of d · ln(T_K / T_j) over j = 4 … K − 1: T_j^d are order statistics of uniform numbers below T_K^d."""


def twins(data: Dataset) -> tuple[Leak, ...]:
    """Cases of different patients that are closer than chance allows: one patient under two names.

    If points are evenly spread around a case in d dimensions, the ratio r of its nearest to its K-th nearest
    distance is below ρ with probability (K − 1) ρ^d. ρ is chosen so that 0.01 pairs in the whole table would
    be as close by chance. d is the intrinsic dimension by the neighbours 4 … K (Levina & Bickel 2004, NIPS
    17), which a few copies do not change. Columns are compared by rank; fewer than eight varying columns tell
    nothing.
    """
    ranked = _ranked(data.values)
    n = len(data.cases)
    if ranked.shape[1] < FEWEST_COLUMNS or n < 3 * NEIGHBOURS:
        return _copies(data, ranked)
    square = (ranked**2).sum(axis=1)
    distance = np.sqrt(np.maximum(square[:, None] + square[None, :] - 2 * ranked @ ranked.T, 0.0))
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1)[:, :NEIGHBOURS]
    near = np.maximum(np.take_along_axis(distance, order, axis=1), 1e-9)
    log_ratio = np.log(near[:, -1:] / near[:, 3:-1]).mean(axis=1)
    dimension = _EXPECTED / max(float(np.median(log_ratio)), 1e-3)
    limit = (CHANCE_PAIRS / (n * (NEIGHBOURS - 1))) ** (1 / dimension)
    found = []
    for i, j in sorted({(min(a, b), max(a, b)) for a in range(n) for b in order[a, :3].tolist()}):
        ratio = distance[i, j] / min(near[i, -1], near[j, -1])
        if ratio < limit and data.patients[i] != data.patients[j]:
            found.append(_twin(data, i, j))
    return tuple(found)


def telling_columns(data: Dataset) -> tuple[Leak, ...]:
    """Columns that alone tell (nearly) every case's class: the outcome, or what is known only after it.

    For two or more classes, each against the rest; ten cases of each side are needed.
    """
    if data.outcome.kind == SURVIVAL:
        return ()
    found = []
    for number, column in enumerate(data.columns):
        best = 0.0
        for k in np.unique(data.outcome.labels):
            best = max(best, _alone(data.values[:, number], data.outcome.labels == k))
        if best >= TELLING:
            found.append(
                Leak(
                    COLUMN,
                    column,
                    f"The column {column!r} alone gives an AUC of {best:.3f}: is it the outcome itself, or "
                    "known only afterwards? Leave it out.",
                )
            )
    return tuple(found)


def _alone(values: np.ndarray, positive: np.ndarray) -> float:
    known = np.isfinite(values)
    y = positive[known]
    n1, n0 = int(y.sum()), int((~y).sum())
    if min(n1, n0) < 10:
        return 0.0
    area = (rankdata(values[known])[y].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)
    return float(max(area, 1 - area))


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks of the varying columns, centred and of unit spread, unknown ones at the mean."""
    ranks = (
        rankdata(values, axis=0, nan_policy="omit") if np.isnan(values).any() else rankdata(values, axis=0)
    )
    with np.errstate(invalid="ignore"):
        centred = ranks - np.nanmean(ranks, axis=0)
        spread = np.nanstd(ranks, axis=0)
    varying = np.isfinite(spread) & (spread > 0)
    return np.nan_to_num(centred[:, varying] / spread[varying])


def _copies(data: Dataset, ranked: np.ndarray) -> tuple[Leak, ...]:
    """Equal rows in three columns or more, where there is too little for distances."""
    if ranked.shape[1] < 3:
        return ()
    first: dict[bytes, int] = {}
    found = []
    for i, row in enumerate(np.ascontiguousarray(data.values)):
        j = first.setdefault(row.tobytes(), i)
        if j != i and data.patients[i] != data.patients[j]:
            found.append(_twin(data, j, i))
    return tuple(found)


def _twin(data: Dataset, i: int, j: int) -> Leak:
    return Leak(
        TWINS,
        f"{data.cases[i]}, {data.cases[j]}",
        f"{data.cases[i]} and {data.cases[j]} are nearly the same, but are given as patients "
        f"{data.patients[i]} and {data.patients[j]}: give them one name, or remove one.",
    )

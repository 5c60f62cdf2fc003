"""Whether a case lies where a model has learnt: ranges, Mahalanobis and nearest-neighbour distances.

Distances are compared with those that the stored background rows have to each other, each row left out in
turn, so that a percentile means the same for every model. Features that were imputed for this case and
features that do not vary in the background take no part in the distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..models.inference import Inputs
from ..models.radmodel import RadModel

MIN_ROWS = 20
"""With fewer background rows percentiles are NaN: one row in twenty is the finest step that decides."""

NEIGHBOURS = 5
MAX_ROWS = 1000
"""Of a larger background, so many evenly spaced rows serve for the neighbours."""


@dataclass(frozen=True)
class Excess:
    """A feature outside its training range.

    Attributes
    ----------
    key : the feature. value, low, high : its value and the range.
    widths : how far outside, in widths of the range; infinite where training knew one value only.
    """

    key: str
    value: float
    low: float
    high: float
    widths: float


@dataclass(frozen=True)
class Remoteness:
    """One distance of a case from the background.

    Attributes
    ----------
    distance : Mahalanobis distance, or mean distance to the nearest rows, in standard deviations.
    percentile : share (%) of background rows that lie nearer to the other rows than this case does; NaN if
        unknown.
    ratio : distance over the largest one of a background row; NaN if unknown.
    """

    distance: float = math.nan
    percentile: float = math.nan
    ratio: float = math.nan


@dataclass(frozen=True)
class FeatureSpace:
    """Where a case lies among the training cases of a model.

    Attributes
    ----------
    excesses : features outside their range, farthest first.
    used : number of features in the distances.
    mahalanobis, neighbours : the two distances.
    extrapolation : how far the decision value, before calibration, lies outside those of the background, in
        widths of their range; an affine calibration does not change it.
    """

    excesses: tuple[Excess, ...]
    used: int
    mahalanobis: Remoteness
    neighbours: Remoteness
    extrapolation: float


@dataclass(frozen=True, eq=False)
class Reference:
    """The background as a cloud of standardised rows, and the distances of its rows from the others.

    Attributes
    ----------
    mean, scale : (q,) of the columns in use. precision : (q, q) inverse of the shrunk covariance.
    rows : (m, q) standardised rows for the neighbours.
    mahalanobis : (n,) sorted. neighbours : (m,) sorted.
    """

    mean: np.ndarray
    scale: np.ndarray
    precision: np.ndarray
    rows: np.ndarray
    mahalanobis: np.ndarray
    neighbours: np.ndarray


def feature_space(model: RadModel, inputs: Inputs) -> FeatureSpace:
    """Compare one row with the training data of its model.

    Parameters
    ----------
    inputs : as :func:`virtualbiopsy.models.inference.model_inputs` gives them; imputed keys count neither in
        the ranges nor in the distances.
    """
    present = np.array([key not in inputs.imputed for key in model.feature_keys])
    varying = np.asarray(model.background).std(axis=0) > 0
    columns = tuple(np.flatnonzero(present & varying).tolist())
    mahalanobis = neighbours = Remoteness()
    if columns and len(model.background) >= MIN_ROWS:
        known = reference(model, columns)
        z = (inputs.row[list(columns)] - known.mean) / known.scale
        mahalanobis = _remoteness(math.sqrt(max(float(z @ known.precision @ z), 0.0)), known.mahalanobis)
        near = np.partition(np.sqrt(((known.rows - z) ** 2).sum(axis=1)), NEIGHBOURS - 1)[:NEIGHBOURS]
        neighbours = _remoteness(float(near.mean()), known.neighbours)
    scores = _decision(model, np.vstack([inputs.row, model.background]))
    own, scores = float(scores[0]), scores[1:]
    return FeatureSpace(
        excesses(model, inputs),
        len(columns),
        mahalanobis,
        neighbours,
        _widths(own, float(scores.min()), float(scores.max())),
    )


def excesses(model: RadModel, inputs: Inputs) -> tuple[Excess, ...]:
    """Features outside their training range, farthest first."""
    found = []
    for key in inputs.out_of_range:
        value = float(inputs.row[model.feature_keys.index(key)])
        low, high = model.feature_ranges[key]
        found.append(Excess(key, value, low, high, _widths(value, low, high)))
    return tuple(sorted(found, key=lambda excess: -excess.widths))


@lru_cache(maxsize=32)
def reference(model: RadModel, columns: tuple[int, ...]) -> Reference:
    """Distances of the background rows (n, p) of a model, over some columns, each from all others.

    Columns are standardised. The covariance is shrunk towards the identity (:func:`shrinkage`). With the mean
    and the weight λ of the shrinkage known, leaving row d (from the mean) out changes the covariance by a
    multiple of d dᵀ, so that all distances follow from one inverse (Sherman and Morrison 1950).
    """
    rows = np.asarray(model.background, dtype=np.float64)[:, list(columns)]
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    z = (rows - mean) / scale
    n, q = z.shape
    weight = shrinkage(z)
    covariance = z.T @ z / n
    eye = np.eye(q)
    precision = np.linalg.inv((1 - weight) * covariance + weight * eye)
    # Without row d the covariance is n/(n−1)·S − n/(n−1)²·d dᵀ, d lies n/(n−1) times as far out.
    without = np.linalg.inv((1 - weight) * n / (n - 1) * covariance + weight * eye)
    square = np.einsum("nq,qr,nr->n", z, without, z, optimize=True)
    lost = (1 - weight) * n / (n - 1) ** 2
    mahalanobis = n / (n - 1) * np.sqrt(square / (1 - lost * square))
    chosen = z[np.unique(np.linspace(0, n - 1, min(n, MAX_ROWS)).astype(int))]
    return Reference(mean, scale, precision, chosen, np.sort(mahalanobis), np.sort(_neighbours(chosen)))


def shrinkage(rows: np.ndarray) -> float:
    """Weight 0…1 of the identity in the covariance of standardised, centred rows (n, q).

    Ledoit and Wolf, J Multivar Anal 2004;88:365, lemma 3.2–3.4, for a mean variance of 1.
    """
    n, q = rows.shape
    covariance = rows.T @ rows / n
    size = float((covariance**2).sum())
    away = size - 2 * float(np.trace(covariance)) + q
    if away <= 0:
        return 1.0
    spread = (float(((rows**2).sum(axis=1) ** 2).sum()) / n - size) / n
    return min(max(spread, 0.0), away) / away


def _decision(model: RadModel, rows: np.ndarray) -> np.ndarray:
    scaled = (rows - np.asarray(model.scaler.mean)) / np.asarray(model.scaler.scale)
    return model.classifier.raw_score(scaled)


def _neighbours(rows: np.ndarray) -> np.ndarray:
    """Mean distance of each row to its nearest other rows, (m,)."""
    found = np.empty(len(rows))
    for i, row in enumerate(rows):
        distance = np.sqrt(((rows - row) ** 2).sum(axis=1))
        distance[i] = np.inf
        found[i] = np.partition(distance, NEIGHBOURS - 1)[:NEIGHBOURS].mean()
    return found


def _remoteness(distance: float, known: np.ndarray) -> Remoteness:
    """Place a distance among the sorted ones of the background."""
    percentile = 100.0 * float(np.searchsorted(known, distance, side="left")) / known.size
    return Remoteness(distance, percentile, distance / float(known[-1]) if known[-1] > 0 else math.inf)


def _widths(value: float, low: float, high: float) -> float:
    """How far a value lies outside a range, in widths of the range; 0 inside."""
    outside = max(low - value, value - high, 0.0)
    if outside == 0.0:
        return 0.0
    return outside / (high - low) if high > low else math.inf

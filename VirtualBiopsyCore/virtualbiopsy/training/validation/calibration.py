"""Whether probabilities are right: calibration slope, intercept, curve, ICI, Brier score.

Weights (b, n) say how often each case counts, so that all resamples of a bootstrap are computed together.
"""

from __future__ import annotations

import numpy as np

SPAN = 0.75
"""Share of the cases that a point of the smoothed curve rests on (Austin & Steyerberg 2019)."""
_CHUNK = 400_000


def calibration_line(
    labels: np.ndarray, log_odds: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Calibration slope and intercept, (b,) each.

    Slope: of the logistic regression of the label on the log-odds. Intercept: of that regression with the
    slope held at 1 (calibration in the large). Ideal are 1 and 0 (Van Calster et al. 2019, BMC Med 17:230).
    NaN where the regression has no finite optimum (one class, no spread, perfect separation).
    """
    y = np.asarray(labels, dtype=np.float64)
    slope, large = np.empty(len(weights)), np.empty(len(weights))
    step = max(_CHUNK // max(y.size, 1), 1)
    for start in range(0, len(weights), step):
        rows = slice(start, start + step)
        slope[rows] = _slope(y, log_odds, weights[rows])
        large[rows] = _intercept(y, log_odds, weights[rows])
    return slope, large


def smoothed(
    labels: np.ndarray, probability: np.ndarray, at: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Observed frequency against probability: local linear regression with tricube weights, not iterated.

    Each point rests on the :data:`SPAN` nearest share of the cases (Cleveland 1979, J Am Stat Assoc 74:829,
    without the robust steps). Widths come from all cases, also where `weights` leave some out. Values are cut
    at 0 and 1.

    Parameters
    ----------
    labels, probability : (n,). at : (m,) probabilities at which the curve is wanted. weights : (b, n).

    Returns
    -------
    (m,), or (b, m) with weights.
    """
    x, y = np.asarray(probability, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    w = np.ones((1, x.size)) if weights is None else weights
    away = x[None, :] - np.asarray(at, dtype=np.float64)[:, None]
    nearest = max(int(np.ceil(SPAN * x.size)), 1)
    width = np.partition(np.abs(away), nearest - 1, axis=1)[:, nearest - 1 : nearest]
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = np.where(width > 0, np.abs(away) / width, (away != 0) * 2.0)
    kernel = np.clip(1 - np.minimum(reach, 1.0) ** 3, 0, None) ** 3
    s0, s1, s2 = w @ kernel.T, w @ (kernel * away).T, w @ (kernel * away**2).T
    t0, t1 = w @ (kernel * y).T, w @ (kernel * away * y).T
    below = s0 * s2 - s1**2
    with np.errstate(invalid="ignore", divide="ignore"):
        curve = np.where(below > 1e-12 * s0 * s2, (s2 * t0 - s1 * t1) / below, t0 / s0)
    curve = np.clip(curve, 0.0, 1.0)
    return curve[0] if weights is None else curve


def ici(labels: np.ndarray, probability: np.ndarray, weights: np.ndarray, points: int = 51) -> np.ndarray:
    """Integrated calibration index: mean distance of the smoothed curve from the diagonal, (b,).

    Source: Austin & Steyerberg 2019, Stat Med 38:4051, section 2.2. The curve is computed at `points`
    quantiles of the probabilities and is linear between them.
    """
    at = np.unique(np.quantile(probability, np.linspace(0, 1, points)))
    curve = smoothed(labels, probability, at, weights)
    if at.size == 1:
        return np.abs(curve[:, 0] - at[0])
    right = np.clip(np.searchsorted(at, probability, side="left"), 1, at.size - 1)
    part = (probability - at[right - 1]) / (at[right] - at[right - 1])
    found = np.empty(len(weights))
    step = max(_CHUNK // max(probability.size, 1), 1)
    for start in range(0, len(weights), step):
        rows = slice(start, start + step)
        here = curve[rows][:, right - 1] * (1 - part) + curve[rows][:, right] * part
        away, w = np.abs(here - probability), weights[rows]
        found[rows] = (w * away).sum(axis=1) / np.maximum(w.sum(axis=1), 1e-300)
    return found


def brier(labels: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brier score and scaled Brier score 1 − Brier / (π (1 − π)), π the prevalence, (b,) each.

    Source: Steyerberg et al. 2010, Epidemiology 21:128. Scaled: 1 is perfect, 0 no better than the
    prevalence; NaN with one class only.
    """
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = weights @ (probability - labels) ** 2 / total
        share = weights @ np.asarray(labels, dtype=np.float64) / total
        most = share * (1 - share)
        return score, np.where(most > 0, 1 - score / most, np.nan)


def expected_observed(labels: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Observed events divided by expected ones, (b,); ideal is 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ np.asarray(labels, dtype=np.float64)) / (weights @ probability)


def hazard_slope(time: np.ndarray, event: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Calibration slope of log hazard ratios, (b,): their coefficient in a Cox regression; ideal is 1.

    Source: van Houwelingen 2000, Stat Med 19:3401; partial likelihood with Breslow's ties. NaN without an
    event, without spread, or where the likelihood has no finite optimum.
    """
    spread = float(np.std(score))
    found = np.full(len(weights), np.nan)
    if spread <= 1e-12 * max(1.0, float(np.abs(score).max(initial=0.0))):
        return found
    order = np.argsort(-time, kind="stable")
    last = np.searchsorted(-time[order], -time[order], side="right") - 1
    z, seen = (score[order] - score.mean()) / spread, (event[order] > 0).astype(np.float64)
    step = max(_CHUNK // max(z.size, 1), 1)
    for start in range(0, len(weights), step):
        rows = slice(start, start + step)
        found[rows] = _hazard_slope(z, seen, last, weights[rows][:, order]) / spread
    return found


def _hazard_slope(z: np.ndarray, seen: np.ndarray, last: np.ndarray, w: np.ndarray) -> np.ndarray:
    b, end = np.zeros(len(w)), np.full(len(w), np.nan)
    left = np.flatnonzero(w @ seen > 0)
    for _ in range(60):
        if not left.size:
            break
        hazard = w[left] * np.exp(np.clip(b[left, None] * z, -300, 300))
        s0, s1, s2 = (np.cumsum(hazard * z**k, axis=1)[:, last] for k in range(3))
        deaths, mean = w[left] * seen, s1 / np.maximum(s0, 1e-300)
        gradient = (deaths * (z - mean)).sum(axis=1)
        bend = (deaths * (s2 / np.maximum(s0, 1e-300) - mean**2)).sum(axis=1)
        safe = bend > 1e-12
        move = np.clip(gradient / np.where(safe, bend, 1.0), -2, 2)
        b[left] += move
        done = safe & (np.abs(move) < 1e-8)
        end[left[done]] = b[left[done]]
        left = left[safe & ~done & (np.abs(b[left]) < 100)]
    return end


def _slope(y: np.ndarray, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Newton's method on centred and scaled log-odds; resamples start where all cases together end."""
    spread = float(x.std())
    if spread <= 1e-12 * max(1.0, float(np.abs(x).max(initial=0.0))):
        return np.full(len(w), np.nan)
    z = (x - x.mean()) / spread
    a, b = _line(y, z, w.sum(axis=0, keepdims=True), np.zeros(1), np.zeros(1))
    if np.isnan(b[0]):
        a, b = np.zeros(1), np.zeros(1)
    return _line(y, z, w, np.full(len(w), a[0]), np.full(len(w), b[0]))[1] / spread


def _line(
    y: np.ndarray, z: np.ndarray, w: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of each row of weights; NaN where they run away."""
    ones = w @ y
    left = np.flatnonzero((ones > 0) & (ones < w.sum(axis=1)))
    end_a, end_b = np.full(len(w), np.nan), np.full(len(w), np.nan)
    for _ in range(60):
        if not left.size:
            break
        p = _sigmoid(a[left, None] + b[left, None] * z)
        rest = w[left] * (y - p)
        bend = w[left] * p * (1 - p)
        ga, gb = rest.sum(axis=1), rest @ z
        haa, hab, hbb = bend.sum(axis=1), bend @ z, bend @ z**2
        determinant = haa * hbb - hab**2
        safe = determinant > 1e-14 * np.maximum(haa * hbb, 1e-300)
        determinant = np.where(safe, determinant, 1.0)
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        a[left] += np.clip(da, -3, 3)
        b[left] += np.clip(db, -3, 3)
        done = safe & (np.abs(da) < 1e-7) & (np.abs(db) < 1e-7)
        end_a[left[done]], end_b[left[done]] = a[left[done]], b[left[done]]
        left = left[safe & ~done & (np.abs(b[left]) < 200)]
    return end_a, end_b


def _intercept(y: np.ndarray, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    total, ones = w.sum(axis=1), w @ y
    a, end = np.zeros(len(w)), np.full(len(w), np.nan)
    left = np.flatnonzero((ones > 0) & (ones < total))
    for _ in range(100):
        if not left.size:
            break
        p = _sigmoid(a[left, None] + x)
        rest = ones[left] - (w[left] * p).sum(axis=1)
        bend = (w[left] * p * (1 - p)).sum(axis=1)
        step = np.clip(rest / np.maximum(bend, 1e-300), -2, 2)
        a[left] += step
        done = np.abs(step) < 1e-9
        end[left[done]] = a[left[done]]
        left = left[~done]
    return end


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−z)), the quick way."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)

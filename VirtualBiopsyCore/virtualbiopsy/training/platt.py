"""Platt scaling: the slope and intercept that turn scores into calibrated log-odds."""

from __future__ import annotations

import numpy as np

from ..models.calibration import Calibrator, sigmoid


def fit_platt(scores: np.ndarray, labels: np.ndarray) -> Calibrator:
    """Fit slope and intercept by maximum likelihood with Platt's smoothed targets.

    Source: Platt 1999, "Probabilistic outputs for support vector machines"; targets (n₊ + 1) / (n₊ + 2) and
    1 / (n₋ + 2). Newton's method with halved steps as in Lin, Lin & Weng 2007. A negative slope, which would
    turn the classifier round, becomes 0: then every case gets the prevalence.

    Parameters
    ----------
    scores : (n,) raw scores of cases that the classifier was not fitted on. labels : (n,) 0 or 1.
    """
    scores = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels) > 0
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.stack([scores, np.ones_like(scores)], axis=1)

    def loss(w: np.ndarray) -> float:
        z = design @ w
        return float((np.logaddexp(0, z) - target * z).sum())

    weights = np.array([0.0, np.log((n_positive + 1) / (n_negative + 1))])
    for _ in range(100):
        p = sigmoid(design @ weights)
        gradient = design.T @ (p - target)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-10 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size, before = 1.0, loss(weights)
        while loss(weights - size * step) > before and size > 1e-8:
            size /= 2
        weights = weights - size * step
        if np.abs(gradient).max() < 1e-10:
            break
    if weights[0] < 0:
        weights = np.array([0.0, np.log(target.mean() / (1 - target.mean()))])
    return Calibrator("platt", float(weights[0]), float(weights[1]))

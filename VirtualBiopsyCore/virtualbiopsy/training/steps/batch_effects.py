"""ComBat in numbers: what batches add to features and how much it is shrunk.

Johnson, Li & Rabinovic, Biostatistics 2007;8:118, sections 3.1 and 3.2; for images Fortin et al., NeuroImage
2018;167:104. Details (divisors, stopping rule) are those of neuroCombat, so that the figures agree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TOLERANCE, MAX_ROUNDS = 1e-4, 10_000


class Effects(NamedTuple):
    """Of one batch, in units of the pooled standard deviation.

    shift : (p,) added to, spread : (p,) variance that multiplies standardised values.
    """

    shift: np.ndarray
    spread: np.ndarray


class Standard(NamedTuple):
    """Where features lie without batches.

    grand : (p,) mean. coefficients : (c, p) of the covariates. scale : (p,) pooled standard deviation.
    """

    grand: np.ndarray
    coefficients: np.ndarray
    scale: np.ndarray

    def expected(self, covariates: np.ndarray) -> np.ndarray:
        """(n, p) expectation without batch effects for covariates (n, c)."""
        return self.grand + covariates @ self.coefficients


def standard(
    values: np.ndarray, batch: np.ndarray, covariates: np.ndarray, reference: int | None = None
) -> Standard:
    """Fit values = batch mean + covariates · coefficients by least squares.

    Parameters
    ----------
    values : (n, p) complete. batch : (n,) numbers 0 … b − 1. covariates : (n, c).
    reference : batch whose mean and spread count alone; None for all, weighted by their cases.
    """
    counts = np.bincount(batch)
    design = np.hstack([np.eye(counts.size)[batch], covariates])
    fitted, *_ = np.linalg.lstsq(design, values, rcond=None)
    residuals = values - design @ fitted
    if reference is None:
        grand = counts / batch.size @ fitted[: counts.size]
        variance = (residuals**2).mean(axis=0)
    else:
        grand = fitted[reference]
        variance = (residuals[batch == reference] ** 2).mean(axis=0)
    return Standard(grand, fitted[counts.size :], np.sqrt(variance))


def batch_effects(
    standardised: np.ndarray, *, eb: bool = True, parametric: bool = True, mean_only: bool = False
) -> Effects:
    """What one batch adds, by empirical Bayes over the features.

    Parameters
    ----------
    standardised : (n, p) values of the batch less their expectation, divided by the pooled deviation.
    eb : whether features lend each other strength; otherwise each has its own mean and variance.
    parametric : normal and inverse-gamma priors, else the other features are the prior.
    mean_only : no change of the variance.
    """
    n, p = standardised.shape
    mean = standardised.mean(axis=0)
    variance = np.ones(p) if mean_only else standardised.var(axis=0, ddof=1)
    variance = np.where(variance == 0, 1.0, variance)
    if not eb:
        return Effects(mean, variance)
    if not parametric:
        found = _nonparametric(standardised, mean, variance)
        return Effects(found.shift, np.ones(p)) if mean_only else found
    centre, width = mean.mean(), mean.var(ddof=1)
    if mean_only:
        # As in neuroCombat, where the batch counts as one observation.
        return Effects((width * mean + centre) / (width + 1.0), np.ones(p))
    return _parametric(standardised, mean, variance, centre, width)


def _parametric(
    values: np.ndarray, mean: np.ndarray, variance: np.ndarray, centre: float, width: float
) -> Effects:
    """Posterior means, each with the other's last value (section 3.2 and appendix)."""
    n = values.shape[0]
    m, s2 = variance.mean(), variance.var(ddof=1)
    # An inverse-gamma prior with no spread at all is the point m.
    shape, rate = ((2 * s2 + m**2) / s2, (m * s2 + m**3) / s2) if s2 > 0 else (np.inf, np.inf)
    shift, spread = mean, variance
    for _ in range(MAX_ROUNDS):
        new_shift = (width * n * mean + spread * centre) / (width * n + spread)
        squares = ((values - new_shift) ** 2).sum(axis=0)
        new_spread = (
            (0.5 * squares + rate) / (n / 2.0 + shape - 1.0) if np.isfinite(shape) else np.full_like(mean, m)
        )
        # Divided by the signed value: neuroCombat's stopping rule.
        with np.errstate(divide="ignore", invalid="ignore"):
            change = max(
                (np.abs(new_shift - shift) / shift).max(), (np.abs(new_spread - spread) / spread).max()
            )
        shift, spread = new_shift, new_spread
        if not change > TOLERANCE:
            break
    return Effects(shift, spread)


def _nonparametric(values: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> Effects:
    """Means over the other features' estimates, weighted by their likelihood (appendix 2).

    In logarithms, which does not underflow with many cases.
    """
    n, p = values.shape
    squares = (values**2).sum(axis=0)
    totals = values.sum(axis=0)
    shift, spread = np.empty(p), np.empty(p)
    for j in range(p):
        others = np.arange(p) != j
        g, d = mean[others], variance[others]
        distance = squares[j] - 2 * g * totals[j] + n * g**2
        log_likelihood = -0.5 * n * np.log(2 * np.pi * d) - distance / (2 * d)
        weights = np.exp(log_likelihood - log_likelihood.max())
        shift[j], spread[j] = g @ weights / weights.sum(), d @ weights / weights.sum()
    return Effects(shift, spread)

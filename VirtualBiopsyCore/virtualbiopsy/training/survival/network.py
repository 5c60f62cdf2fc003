"""A small network for the log hazard ratio, after DeepSurv, in numpy."""

from __future__ import annotations

import numpy as np

from .likelihood import PartialLikelihood


def fit_cox_network(
    rows: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    rng: np.random.Generator,
    *,
    hidden: int = 8,
    l2: float = 0.05,
    max_steps: int = 300,
) -> dict[str, np.ndarray]:
    """Fit output · tanh(weights · x + bias) by Cox's partial likelihood.

    Source: Faraggi & Simon 1995, Stat Med 14:73; Katzman et al. 2018, BMC Med Res Methodol 18:24.

    Minimises −log partial likelihood / n + ½ l2 (‖weights‖² + ‖output‖²) by L-BFGS from one random start. The
    published DeepSurv has several layers, dropout and stochastic steps; a cohort of some hundred cases does
    not carry these.

    Returns
    -------
    weights (h, p), bias (h,), output (h,).

    Raises
    ------
    TrainingError : no event or no follow-up.
    """
    from scipy.optimize import minimize

    rows = np.asarray(rows, dtype=np.float64)
    n, p = rows.shape
    likelihood = PartialLikelihood(time, event)
    sizes = (hidden * p, hidden, hidden)
    start = np.concatenate(
        [
            rng.normal(0, 1 / np.sqrt(p), sizes[0]),
            np.zeros(hidden),
            rng.normal(0, 1 / np.sqrt(hidden), hidden),
        ]
    )

    def parts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, bias, output = np.split(values, np.cumsum(sizes)[:-1])
        return first.reshape(hidden, p), bias, output

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias, output = parts(values)
        layer = np.tanh(rows @ weights.T + bias)
        scores = layer @ output
        down = -likelihood.residuals(scores) / n
        inner = down[:, None] * output * (1 - layer**2)
        gradient = np.concatenate(
            [(inner.T @ rows + l2 * weights).ravel(), inner.sum(axis=0), layer.T @ down + l2 * output]
        )
        penalty = 0.5 * l2 * float((weights**2).sum() + output @ output)
        return -likelihood.log_likelihood(scores) / n + penalty, gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": max_steps})
    weights, bias, output = parts(found.x)
    return {"weights": weights.copy(), "bias": bias.copy(), "output": output.copy()}

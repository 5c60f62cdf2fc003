"""Risk of an event by a stated time, of cases that the model did not see."""

from __future__ import annotations

import numpy as np

from ..errors import TrainingError
from ..progress import Progress, silent
from .dataset import SURVIVAL, Dataset
from .method import Method
from .validation.fitting import fit_method
from .validation.splits import make_splits


def held_out_risk(method: Method, data: Dataset, at: float, progress: Progress = silent) -> np.ndarray:
    """Probability of the event by the time `at` of each case, by models of the first repeat's training parts.

    The models are those of :func:`virtualbiopsy.training.validation.run.validate`, with the same random
    numbers. For :func:`.survival.calibration_at` and :func:`.survival.brier_at`.

    Returns
    -------
    (n,), NaN where a case was not tested or its model could not be fitted.

    Raises
    ------
    TrainingError : the outcome is not survival, or no part could be fitted.
    """
    if data.outcome.kind != SURVIVAL:
        raise TrainingError(
            f"The outcome {data.outcome.name} has no times.", "Risks by a time need follow-up."
        )
    risk = np.full(len(data.cases), np.nan)
    splits = [pair for pair in enumerate(make_splits(data, method.validation)) if pair[1].repeat == 0]
    problem: TrainingError | None = None
    for number, split in splits:
        progress(number / len(splits), f"Risks, {split.name}")
        rng = np.random.default_rng([method.validation.seed, 2, number])
        try:
            fitted = fit_method(method, data.rows(split.train), rng)
        except TrainingError as error:
            problem = error
            continue
        values = fitted.steps.apply(data.rows(split.test)).values
        risk[split.test] = 1.0 - fitted.estimator.survival(values, np.array([at]))[:, 0]  # type: ignore[attr-defined]
    if problem is not None and np.isnan(risk).all():
        raise problem
    return risk

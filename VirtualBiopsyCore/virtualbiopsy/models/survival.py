"""What a survival model says: the event by a horizon, a curve over time, and a risk group."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .calibration import Calibrator
from .prediction import SurvivalAnswer

MAX_TIMES = 5000
MAX_GROUPS = 6


@dataclass(frozen=True)
class Survival:
    """What belongs to the answer of a survival model besides its score.

    Attributes
    ----------
    event : what is waited for, for example "death".
    horizon, unit : time that the model's probability is about, for example 24 and "months".
    times, hazard : rising times and the cumulative baseline hazard from each of them on (a step function that
        is 0 before the first), of a case whose score is 0; () if the model knows the horizon only.
    groups, cuts : names of the risk groups from low to high and the scores between them, rising; () if none.
    """

    event: str
    horizon: float
    unit: str
    times: tuple[float, ...] = ()
    hazard: tuple[float, ...] = ()
    groups: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()

    @property
    def positive(self) -> str:
        """What the model's probability is about: names of endpoints ("overall survival") are no events."""
        return f"an event ({self.event}) within {self.horizon:g} {self.unit}"

    def baseline(self, at: np.ndarray | float) -> np.ndarray:
        """The cumulative baseline hazard at some times, any shape."""
        steps = np.concatenate([[0.0], self.hazard])
        return steps[np.searchsorted(np.asarray(self.times), at, side="right")]

    def group(self, score: float) -> str:
        """Name of the risk group of a score; "" without groups. A score on a cut is in the higher group."""
        return self.groups[int(np.searchsorted(self.cuts, score, side="right"))] if self.groups else ""


def survival_answer(survival: Survival, calibrator: Calibrator, score: float) -> SurvivalAnswer:
    """Return the curve exp(−H₀(t) · exp(slope · score)) and the risk group of a score."""
    log_ratio = calibrator.slope * score
    free = np.exp(-np.asarray(survival.hazard) * math.exp(min(log_ratio, 700.0)))
    return SurvivalAnswer(
        event=survival.event,
        horizon=survival.horizon,
        unit=survival.unit,
        score=score,
        group=survival.group(score),
        times=survival.times,
        free=tuple(free.tolist()),
        groups=survival.groups,
    )


def survival_problem(survival: Survival, calibrator: Calibrator) -> str:
    """Return what makes it unusable together with the model's calibrator, or "" if nothing does."""
    if not survival.event or not survival.unit:
        return "the event or the unit of time of a survival model has no name"
    if not (math.isfinite(survival.horizon) and survival.horizon > 0):
        return "the horizon of a survival model is not a positive time"
    times, hazard = np.asarray(survival.times, dtype=float), np.asarray(survival.hazard, dtype=float)
    if times.size != hazard.size or times.size > MAX_TIMES:
        return f"a baseline has at most {MAX_TIMES} times, each with a hazard"
    if times.size:
        if not (np.isfinite(times).all() and times[0] >= 0 and (np.diff(times) > 0).all()):
            return "the times of the baseline hazard do not rise from 0 or later"
        if not (np.isfinite(hazard).all() and hazard[0] >= 0 and (np.diff(hazard) >= 0).all()):
            return "the cumulative baseline hazard falls"
        at_horizon = float(survival.baseline(survival.horizon))
        if not at_horizon > 0:
            return "there is no baseline hazard at the horizon"
        if abs(math.log(at_horizon) - calibrator.intercept) > 1e-8:
            return "the calibrator's intercept is not the logarithm of the baseline hazard at the horizon"
    groups, cuts = survival.groups, np.asarray(survival.cuts, dtype=float)
    if not groups and not cuts.size:
        return ""
    if not 2 <= len(groups) <= MAX_GROUPS or len(set(groups)) != len(groups) or not all(groups):
        return f"the risk groups are not 2 to {MAX_GROUPS} different names"
    if cuts.size != len(groups) - 1 or not np.isfinite(cuts).all() or not (np.diff(cuts) > 0).all():
        return "there is not one rising cut between each risk group and the next"
    return ""

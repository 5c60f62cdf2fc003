"""Ordered classes by proportional odds: one set of weights, a cut between each class and the next.

Source: McCullagh 1980, "Regression models for ordinal data", J R Stat Soc B 42:109, section 2: the log-odds
of lying at or above a class are the same linear predictor for every cut, moved by a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calibration import sigmoid

MAX_CLASSES = 12


@dataclass(frozen=True)
class Ordinal:
    """The ordered classes of a model whose own log-odds are those of one of the cuts.

    Attributes
    ----------
    classes : names from the lowest to the highest, at least three.
    shifts : one for each cut between them: the log-odds of lying above the cut are those of the model plus
        this; falling, 0 for the cut that the model's log-odds are about.
    """

    classes: tuple[str, ...]
    shifts: tuple[float, ...]

    @property
    def cut(self) -> int:
        """Number of the cut that the model's log-odds are about, from 0."""
        return self.shifts.index(0.0)

    @property
    def note(self) -> str:
        """What an explanation of the model's log-odds says about the other cuts, one sentence or two."""
        others = [
            f"“{above(self.classes, cut)}” are {abs(shift):.2f} {'higher' if shift > 0 else 'lower'}"
            for cut, shift in enumerate(self.shifts)
            if cut != self.cut
        ]
        return (
            f"The contributions explain the log-odds of “{above(self.classes, self.cut)}”. Features weigh "
            "the same at every cut (proportional odds): for every case the log-odds of "
            f"{' and of '.join(others)}."
        )


def above(classes: tuple[str, ...], cut: int) -> str:
    """Name of lying above a cut (from 0): the classes above it, joined by "or"."""
    return " or ".join(classes[cut + 1 :])


def class_probabilities(log_odds: np.ndarray | float, ordinal: Ordinal) -> np.ndarray:
    """Return the probability of each class, (…, classes), for the model's calibrated log-odds (…)."""
    moved = np.asarray(log_odds, dtype=np.float64)[..., None] + np.asarray(ordinal.shifts)
    ones = np.ones((*moved.shape[:-1], 1))
    at_least = np.concatenate([ones, sigmoid(moved), 0.0 * ones], axis=-1)
    return at_least[..., :-1] - at_least[..., 1:]


def ordinal_problem(ordinal: Ordinal) -> str:
    """Return what makes ordered classes unusable, or "" if nothing does."""
    names, shifts = ordinal.classes, ordinal.shifts
    if not 3 <= len(names) <= MAX_CLASSES or len(set(names)) != len(names) or not all(names):
        return f"the ordered classes are not 3 to {MAX_CLASSES} different names"
    if len(shifts) != len(names) - 1 or not np.isfinite(shifts).all():
        return "ordered classes have one finite shift for each cut between them"
    if not (np.diff(shifts) < 0).all():
        return "the shifts of the cuts do not fall"
    if 0.0 not in shifts:
        return "no cut has the shift 0, so that the model's log-odds are about none of them"
    return ""

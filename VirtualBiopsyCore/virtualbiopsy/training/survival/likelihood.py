"""Cox's partial likelihood with Efron's treatment of ties, as a function of the log hazard ratios."""

from __future__ import annotations

import numpy as np

from ...errors import TrainingError


class PartialLikelihood:
    """Partial likelihood of some cases (Cox 1972; Efron 1977, J Am Stat Assoc 72:557).

    Of d events at one time, the l-th (l = 0 … d − 1) sees the risk set less the share l / d of these events.

    Parameters
    ----------
    time : (n,) above 0. event : (n,) 1 where the event was seen, 0 where censored.

    Raises
    ------
    TrainingError : no event, or a time that is not a positive number.
    """

    def __init__(self, time: np.ndarray, event: np.ndarray) -> None:
        time, event = checked(time, event)
        if not event.any():
            raise TrainingError("No event was seen in these cases.", "Survival needs events; add follow-up.")
        self._order = np.argsort(time, kind="stable")
        sorted_time, self._event = time[self._order], event[self._order]
        self._deaths = np.flatnonzero(self._event)
        self.times, self._which, self._counts = np.unique(
            sorted_time[self._deaths], return_inverse=True, return_counts=True
        )
        first_death = np.concatenate([[0], np.cumsum(self._counts)[:-1]])
        self._share = (np.arange(self._deaths.size) - first_death[self._which]) / self._counts[self._which]
        self._first_death = first_death
        self._from = np.searchsorted(sorted_time, self.times, side="left")
        self._until = np.searchsorted(self.times, sorted_time, side="right")

    @property
    def n(self) -> int:
        return self._order.size

    def log_likelihood(self, scores: np.ndarray) -> float:
        """Logarithm of the partial likelihood of log hazard ratios (n,)."""
        eta, _, risk = self._risk(scores)
        return float(eta[self._deaths].sum() - np.log(risk).sum())

    def residuals(self, scores: np.ndarray) -> np.ndarray:
        """Derivative of the logarithm by each log hazard ratio, (n,): the martingale residuals."""
        _, relative, risk = self._risk(scores)
        return self._event_of_cases() - self._back(relative * self._exposure(risk))

    def derivatives(self, rows: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (p,) and negative Hessian (p, p) by the weights w of scores = rows · w; rows (n, p)."""
        rows = rows[self._order]
        _, relative, risk = self._risk(scores)
        expected = relative * self._exposure(risk)
        weighted = relative[:, None] * rows
        above = np.cumsum(weighted[::-1], axis=0)[::-1][self._from]
        dying = np.add.reduceat(weighted[self._deaths], self._first_death, axis=0)
        means = (above[self._which] - self._share[:, None] * dying[self._which]) / risk[:, None]
        gradient = rows.T @ (self._event - expected)
        return gradient, (rows * expected[:, None]).T @ rows - means.T @ means

    def hazard(self, scores: np.ndarray) -> np.ndarray:
        """Steps of the baseline hazard at :attr:`times`, Σ 1 / risk set; without ties it is Breslow's."""
        top = float(np.max(scores))
        _, _, risk = self._risk(scores)
        return np.bincount(self._which, 1.0 / risk, self.times.size) * np.exp(-top)

    def _risk(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sorted scores less their highest, their exponentials, and the risk set of each event."""
        eta = np.asarray(scores, dtype=np.float64)[self._order]
        eta = eta - eta.max()
        relative = np.exp(eta)
        above = np.cumsum(relative[::-1])[::-1][self._from]
        dying = np.add.reduceat(relative[self._deaths], self._first_death)
        return eta, relative, above[self._which] - self._share * dying[self._which]

    def _exposure(self, risk: np.ndarray) -> np.ndarray:
        """Of each sorted case the sum of 1 / risk set over the events that it was there for."""
        whole = np.concatenate([[0.0], np.cumsum(np.bincount(self._which, 1.0 / risk, self.times.size))])
        less = np.bincount(self._which, self._share / risk, self.times.size)
        exposure = whole[self._until]
        exposure[self._deaths] -= less[self._which]
        return exposure

    def _event_of_cases(self) -> np.ndarray:
        return self._back(self._event)

    def _back(self, values: np.ndarray) -> np.ndarray:
        out = np.empty(self.n)
        out[self._order] = values
        return out


def checked(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and events as float64, refused if they are no follow-up.

    Raises
    ------
    TrainingError
    """
    time, event = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.float64)
    if time.ndim != 1 or time.shape != event.shape or not time.size:
        raise TrainingError("There is not one time and one event mark for each case.")
    if not (np.isfinite(time).all() and (time > 0).all()):
        raise TrainingError(
            f"{int((~(np.isfinite(time) & (time > 0))).sum())} follow-up times are not positive numbers.",
            "Leave these cases out or correct their times.",
        )
    if not np.isin(event, (0.0, 1.0)).all():
        raise TrainingError("An event mark is neither 0 (censored) nor 1 (event).")
    return time, event

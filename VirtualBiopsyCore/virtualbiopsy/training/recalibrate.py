"""Recalibrate a model on a site's own labelled cases: a line on its log-odds, or a factor on its hazard.

The features, their weights and the order of cases stay; what changes is which probability belongs to a score
(Steyerberg et al. 2004, Stat Med 23:2567, methods 2 and 3). How much is changed is decided by a closed test
(Vergouwe et al. 2017, Stat Med 36:4529): nothing unless slope and intercept together fit significantly
better, only the intercept unless the slope adds to it. A small site therefore mostly keeps the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import TrainingError
from ..models.calibration import Calibrator, logit, sigmoid
from ..models.classifier import SOFTMAX_KINDS
from ..models.inference import log_odds, raw_score
from ..models.radmodel import RadModel
from .survival.concordance import concordance
from .survival.likelihood import checked
from .validation.calibration import brier, calibration_line

NONE, INTERCEPT, LINE, AUTO = "none", "intercept", "line", "auto"
LEAST = 10
"""Cases of either class (events, for survival) below which nothing is recalibrated."""
ALPHA = 0.05
_TITLES = {
    NONE: "nothing was changed",
    INTERCEPT: "the intercept was changed",
    LINE: "slope and intercept were changed",
}


@dataclass(frozen=True, eq=False)
class Recalibration:
    """A model for one site.

    Attributes
    ----------
    model : recalibrated; the one that was given where `changed` is "none".
    changed : "none", "intercept" or "line".
    slope, intercept : of the line from the old to the new log-odds (of survival, log hazards).
    before, after : figures on the site's cases, the latter by leaving one case out at a time: calibration
        "slope" and "intercept" (ideal 1 and 0) and "brier" of two classes; "slope", "ratio" of observed to
        expected events and "concordance" of survival.
    cases, events : that were used. told : what was done, one sentence each.
    """

    model: RadModel
    changed: str
    slope: float
    intercept: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    cases: int
    events: int
    told: tuple[str, ...]


def recalibrate(
    model: RadModel, rows: np.ndarray, labels: np.ndarray, *, change: str = AUTO, site: str = ""
) -> Recalibration:
    """Recalibrate a model of two or ordered classes.

    The threshold moves with the probabilities, so that the same cases are called. Conformal scores become the
    log-odds of the site's own cases, each by the others. An isotonic calibrator gives way to a line on the
    score before it.

    Parameters
    ----------
    rows : (n, p) raw values in the order of the model's feature keys, NaN where unknown. labels : (n,) 1 for
        the model's positive class, else 0. change : "auto" (closed test), "intercept" or "line".
    site : name of the site, for title and card.

    Raises
    ------
    TrainingError : fewer than ten cases of a class, several classes without order, survival, or a score that
        points the wrong way at this site.
    """
    if model.survival is not None:
        raise TrainingError(f"{model.model_id} is a survival model.", "Use recalibrate_survival.")
    if model.classifier.kind in SOFTMAX_KINDS:
        raise TrainingError(
            f"{model.model_id} has several classes without order; a line on one of them would not keep their "
            "sum at 1.",
            "Train it again with the site's cases.",
        )
    y = np.asarray(labels, dtype=np.float64)
    filled = _filled(model, rows, y.size)
    if not np.isin(y, (0.0, 1.0)).all():
        raise TrainingError("A label is neither 0 nor 1.")
    events = int(y.sum())
    _enough(min(events, y.size - events), "cases of each class")
    isotonic = model.calibrator.kind == "isotonic"
    index = raw_score(model, filled) if isotonic else log_odds(model, filled)
    line = _Line(y, index, np.zeros(y.size), poisson=False)
    changed = _chosen(line, LINE if isotonic and change == AUTO else change)
    if isotonic and changed == INTERCEPT:
        raise TrainingError("An isotonic calibrator has no intercept.", 'Use change = "line".')
    intercept, slope = line.fit(changed)
    left_out = _left_out(line, changed)
    odds = log_odds(model, filled)
    if changed == NONE:
        left_out = odds
    before, after = _figures(y, odds), _figures(y, left_out)
    told = _told(model, changed, slope, intercept, y.size, events, site)
    if changed == NONE:
        return Recalibration(model, NONE, 1.0, 0.0, before, after, y.size, events, told)
    old = Calibrator() if isotonic else model.calibrator
    new = replace(
        model,
        calibrator=Calibrator("platt", slope * old.slope, slope * old.intercept + intercept),
        threshold=_moved(model, slope, intercept, isotonic),
        conformal_scores=(left_out, y.astype(np.uint8)),
        ordinal=model.ordinal
        and replace(model.ordinal, shifts=tuple(slope * shift for shift in model.ordinal.shifts)),
    )
    new = _named(new, site, told, before, after, y.size, events)
    return Recalibration(new, changed, slope, intercept, before, after, y.size, events, told)


def recalibrate_survival(
    model: RadModel,
    rows: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    *,
    change: str = AUTO,
    site: str = "",
) -> Recalibration:
    """Recalibrate a survival model: its baseline hazard by a factor, and the spread of its scores by a slope.

    Poisson regression of the events on the expected ones, log E = log H₀(t) + intercept + slope · index
    (Crowson, Atkinson & Therneau 2016, Stat Methods Med Res 25:1692). The shape of the baseline stays.

    Parameters
    ----------
    rows : (n, p) raw values, NaN where unknown. time : (n,) in the model's unit. event : (n,) 1 or 0.
    change, site : as for :func:`recalibrate`.

    Raises
    ------
    TrainingError : no survival model, one without a baseline, fewer than ten events, or a score that points
        the wrong way at this site.
    """
    if model.survival is None or not model.survival.times:
        raise TrainingError(f"{model.model_id} has no baseline hazard over time.", "Use recalibrate.")
    time, event = checked(time, event)
    filled = _filled(model, rows, time.size)
    hazard = model.survival.baseline(time)
    used = hazard > 0
    events = int(event[used].sum())
    _enough(events, "events")
    scores = raw_score(model, filled)
    index = model.calibrator.slope * scores
    line = _Line(event[used], index[used], np.log(hazard[used]), poisson=True)
    changed = _chosen(line, change)
    intercept, slope = line.fit(changed)
    left_out = index[used] if changed == NONE else _left_out(line, changed)
    ranked = concordance(time, event, scores).value
    before, after = (_survival_figures(line, values, ranked) for values in (index[used], left_out))
    told = _told(model, changed, slope, intercept, int(used.sum()), events, site)
    if not used.all():
        told += (
            f"{int((~used).sum())} cases that left before the first event of the training data say nothing.",
        )
    if changed == NONE:
        return Recalibration(model, NONE, 1.0, 0.0, before, after, int(used.sum()), events, told)
    factor = float(np.exp(intercept))
    survival = replace(model.survival, hazard=tuple(factor * h for h in model.survival.hazard))
    calibrator = Calibrator(
        "cloglog", slope * model.calibrator.slope, float(np.log(survival.baseline(survival.horizon)))
    )
    new = replace(
        model,
        survival=survival,
        calibrator=calibrator,
        threshold=_limit(sigmoid(calibrator(_score_at_threshold(model)))),
    )
    new = _named(new, site, told, before, after, int(used.sum()), events)
    return Recalibration(new, changed, slope, intercept, before, after, int(used.sum()), events, told)


class _Line:
    """Logistic or Poisson regression of y on an index, with an offset in the Poisson case.

    The linear predictor is offset + intercept + slope · index; "none" holds 0 and 1, "intercept" the slope 1.
    """

    def __init__(self, y: np.ndarray, index: np.ndarray, offset: np.ndarray, *, poisson: bool) -> None:
        if not np.ptp(index) > 0:
            raise TrainingError("All cases of the site have the same score.", "Check the features.")
        self.y, self.index, self.offset, self.poisson = y, index, offset, poisson

    def fit(
        self, changed: str, without: int | None = None, guess: tuple[float, float] | None = None
    ) -> tuple[float, float]:
        """Intercept and slope of highest likelihood, of all cases or without one, found from a guess."""
        if changed == NONE:
            return 0.0, 1.0
        keep = np.ones(self.y.size, dtype=bool)
        if without is not None:
            keep[without] = False
        y, x, base = self.y[keep], self.index[keep], self.offset[keep]
        middle, spread = float(x.mean()), float(x.std())
        z = (x - middle) / spread
        design = np.stack([np.ones(y.size), z], axis=1)[:, : 2 if changed == LINE else 1]
        fixed = base if changed == LINE else base + x
        w = np.zeros(design.shape[1])
        if guess is not None:
            w[0] = guess[0] + (guess[1] * middle if changed == LINE else 0.0)
            w[1:] = guess[1] * spread
        elif self.poisson:
            w[0] = np.log(y.sum() / np.exp(fixed).sum())
        loss = self._loss(y, fixed + design @ w)
        for _ in range(100):
            mean = self._mean(fixed + design @ w)
            bend = mean if self.poisson else mean * (1 - mean)
            hessian = (design * bend[:, None]).T @ design + 1e-12 * np.eye(w.size)
            step = np.linalg.solve(hessian, design.T @ (y - mean))
            size = 1.0
            while (trial := self._loss(y, fixed + design @ (w + size * step))) > loss and size > 1e-8:
                size /= 2
            w, loss = w + size * step, min(trial, loss)
            if np.abs(size * step).max() < 1e-11:
                break
        if changed == INTERCEPT:
            return float(w[0]), 1.0
        slope = float(w[1] / spread)
        if abs(w[1]) > 25:
            raise TrainingError(
                "The score tells the site's cases apart without error, so that no slope fits best.",
                'Use change = "intercept", or more cases.',
            )
        return float(w[0] - slope * middle), slope

    def log_likelihood(self, changed: str) -> float:
        intercept, slope = self.fit(changed)
        return -self._loss(self.y, self.offset + intercept + slope * self.index)

    def _mean(self, eta: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(eta, 50.0)) if self.poisson else sigmoid(eta)

    def _loss(self, y: np.ndarray, eta: np.ndarray) -> float:
        top = np.exp(np.minimum(eta, 50.0)) if self.poisson else np.logaddexp(0.0, eta)
        return float((top - y * eta).sum())


def _chosen(line: _Line, change: str) -> str:
    """What is changed; "auto" by the closed test."""
    from scipy.special import chdtrc

    if change not in (AUTO, INTERCEPT, LINE):
        raise TrainingError(f"The change {change!r} is not known.", f"Use {AUTO}, {INTERCEPT} or {LINE}.")
    if change == AUTO:
        best, middle, plain = (line.log_likelihood(name) for name in (LINE, INTERCEPT, NONE))
        if chdtrc(2, max(2 * (best - plain), 0.0)) > ALPHA:
            return NONE
        change = INTERCEPT if chdtrc(1, max(2 * (best - middle), 0.0)) > ALPHA else LINE
    if change == LINE and line.fit(LINE)[1] <= 0:
        raise TrainingError(
            "At this site a higher score goes with fewer events; a recalibrated model would be turned round.",
            "Check labels and images; the model may not hold here.",
        )
    return change


def _left_out(line: _Line, changed: str) -> np.ndarray:
    """New index of each case by a line that was fitted without it."""
    whole = line.fit(changed)
    fits = np.array([line.fit(changed, without=i, guess=whole) for i in range(line.y.size)])
    return fits[:, 0] + fits[:, 1] * line.index


def _figures(y: np.ndarray, odds: np.ndarray) -> dict[str, float]:
    once = np.ones((1, y.size))
    slope, large = calibration_line(y, odds, once)
    return {
        "slope": float(slope[0]),
        "intercept": float(large[0]),
        "brier": float(brier(y, sigmoid(odds), once)[0][0]),
    }


def _survival_figures(line: _Line, index: np.ndarray, ranked: float) -> dict[str, float]:
    moved = _Line(line.y, index, line.offset, poisson=True)
    expected = float(np.exp(line.offset + index).sum())
    return {
        "slope": moved.fit(LINE)[1],
        "ratio": float(line.y.sum() / expected),
        "concordance": ranked,
    }


def _filled(model: RadModel, rows: np.ndarray, n: int) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float64)
    if rows.shape != (n, len(model.feature_keys)):
        raise TrainingError(
            f"The rows have the shape {rows.shape}, not {n} cases of {len(model.feature_keys)} features."
        )
    fills = np.array([model.imputer[key] for key in model.feature_keys])
    return np.where(np.isfinite(rows), rows, fills)


def _enough(count: int, what: str) -> None:
    if count < LEAST:
        raise TrainingError(
            f"There are {count} {what}; recalibration needs {LEAST}.",
            "Collect more labelled cases; until then use the model as it is, or not at all.",
        )


def _limit(probability: np.ndarray | float) -> float:
    return float(np.clip(probability, 0.01, 0.99))


def _moved(model: RadModel, slope: float, intercept: float, isotonic: bool) -> float:
    """The threshold at which the same cases are called as before."""
    if isotonic:
        at = float(np.interp(model.threshold, model.calibrator.y, model.calibrator.x))
    else:
        at = float(logit(model.threshold))
    return _limit(sigmoid(intercept + slope * at))


def _score_at_threshold(model: RadModel) -> np.ndarray:
    log_hazard = np.log(-np.log1p(-model.threshold))
    slope = model.calibrator.slope
    return np.asarray((log_hazard - model.calibrator.intercept) / slope if slope > 0 else 0.0)


def _told(
    model: RadModel, changed: str, slope: float, intercept: float, cases: int, events: int, site: str
) -> tuple[str, ...]:
    where = f" of {site}" if site else ""
    first = f"Recalibrated on {cases} labelled cases{where} ({events} with the event): {_TITLES[changed]}"
    if changed == NONE:
        return (f"{first}, since no change fits these cases significantly better.",)
    what = "log hazard" if model.survival is not None else "log-odds"
    return (
        f"{first}; new {what} = {intercept:+.3f} {slope:+.3f} × old.",
        "The model holds for this site only; metrics of training are those before the change.",
    )


def _named(
    model: RadModel,
    site: str,
    told: tuple[str, ...],
    before: Mapping[str, float],
    after: Mapping[str, float],
    cases: int,
    events: int,
) -> RadModel:
    """The model with a name of its own, and with what was done."""
    slug = re.sub(r"[^a-z0-9]+", "-", site.lower()).strip("-") or "local"
    figures = {
        **{f"site_{name}_before": value for name, value in before.items()},
        **{f"site_{name}_after": value for name, value in after.items()},
        "site_cases": float(cases),
        "site_events": float(events),
    }
    metrics = {name: {"value": float(value)} for name, value in figures.items() if np.isfinite(value)}
    sentences = " ".join(told)
    rows = "\n".join(f"| {name} | {before[name]:.3f} | {after[name]:.3f} |" for name in before)
    card = (
        f"{model.card.rstrip()}\n\n## Recalibration{f' for {site}' if site else ''}\n{sentences}\n\n"
        "Figures on the site's cases, after the change by leaving each case out:\n\n"
        f"| figure | before | after |\n|---|---|---|\n{rows}\n"
    )
    return replace(
        model,
        model_id=f"{model.model_id[: 63 - len(slug[:24])]}-{slug[:24]}",
        title=f"{model.title}, recalibrated{f' for {site}' if site else ' locally'}",
        validation=f"{model.validation} {sentences}".strip(),
        metrics={**model.metrics, **metrics},
        card=card,
        sha256="",
    )

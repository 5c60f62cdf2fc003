"""From a fitted method to a model file: raw features in, the same answer out, in numbers only.

All steps that prepare are affine in each feature, so that they become one shift and one scale; features that
a selection left out are not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import TrainingError
from ..models.calibration import Calibrator
from ..models.classifier import SOFTMAX_KINDS, Classifier
from ..models.ordinal import Ordinal, above
from ..models.radmodel import Described, RadModel, Scaler
from ..models.survival import Survival
from ..radiomics.definitions import MASK
from ..radiomics.keys import measured_keys
from .dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Dataset
from .survival import kaplan_meier, risk_groups
from .validation.fitting import FittedMethod
from .validation.horizon import horizon_of

BACKGROUND_ROWS = 100
"""Rows of the training cases that are stored, at most."""


@dataclass(frozen=True, eq=False, kw_only=True)
class About(Described):
    """What a model says about itself besides its numbers, and how it is written.

    Attributes
    ----------
    horizon : of survival, in the unit of the outcome; 0 for the median of the observed times.
    background : rows that are stored, at most. seed : of their choice.
    """

    horizon: float = 0.0
    background: int = BACKGROUND_ROWS
    seed: int = 7

    def described(self) -> dict[str, Any]:
        """What the model takes over as it is."""
        return {field.name: getattr(self, field.name) for field in fields(Described)}


@dataclass(frozen=True, eq=False)
class Affine:
    """All steps as one: prepared = (raw − mean) / scale, gaps filled before.

    Attributes
    ----------
    columns : that are left. fills, mean, scale : (p,) in raw units; fills are NaN where no step fills.
    notes : where a new case is treated otherwise than the training cases, one sentence each.
    """

    columns: tuple[str, ...]
    fills: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    notes: tuple[str, ...] = ()


def affine_of(fitted: FittedMethod, columns: tuple[str, ...]) -> Affine:
    """The steps of a fitted method as one shift and one scale for each remaining column.

    Parameters
    ----------
    columns : that the steps start from.

    Raises
    ------
    TrainingError : a step cannot be written so.
    """
    names, p = list(columns), len(columns)
    fills, mean, scale = np.full(p, np.nan), np.zeros(p), np.ones(p)
    notes = []
    for kind, step in zip(fitted.steps.kinds, fitted.steps.steps, strict=True):
        at = [names.index(name) for name in step.columns]
        names, fills, mean, scale = list(step.columns), fills[at], mean[at], scale[at]
        if kind == "impute":
            found = np.array([step.values[name] for name in names]) * scale + mean
            fills = np.where(np.isnan(fills), found, fills)
            if getattr(step, "_near", None) is not None:
                notes.append(
                    "Gaps of training cases were filled from neighbours, those of a new case by the mean."
                )
        elif kind == "scale":
            if step.clip is not None:
                raise TrainingError(
                    "Scaled values that are cut off cannot be written into a model.",
                    "Leave out the option clip of the step scale.",
                )
            mean, scale = mean + step.mean * scale, scale * step.scale
        elif kind == "combat":
            notes.append(
                "Training cases were harmonised by site; a case of another site is taken as it is, for which "
                "these figures do not hold."
            )
    return Affine(tuple(names), fills, mean, scale, tuple(notes))


def to_radmodel(fitted: FittedMethod, data: Dataset, about: About) -> RadModel:
    """The model, without a card.

    Parameters
    ----------
    data : that `fitted` was fitted on, raw; background, ranges and means come from it.

    Raises
    ------
    TrainingError : the method cannot be written as numbers, or the numbers do not give the same answers.
    """
    affine = affine_of(fitted, data.columns)
    raw = data.features(affine.columns).values
    rows = np.where(np.isfinite(raw), raw, affine.fills)
    if not np.isfinite(rows).all():
        raise TrainingError("Some values are missing, and no step fills them.", "Add the step impute.")
    rng = np.random.default_rng(about.seed)
    background = rows[np.sort(rng.permutation(len(rows))[: about.background])]
    classifier, calibrator, threshold, extra = _answer(fitted, data, about)
    if not affine.notes:
        _check_same(fitted, data, classifier, (rows - affine.mean) / affine.scale)
    roles = (key.sequence for key in measured_keys(affine.columns) if key.sequence != MASK)
    model = RadModel(
        **about.described(),
        feature_keys=affine.columns,
        required_sequences=tuple(dict.fromkeys((about.preparation.reference, *roles))),
        optional_sequences=(),
        imputer=dict(zip(affine.columns, background.mean(axis=0).tolist(), strict=True)),
        scaler=Scaler(tuple(affine.mean.tolist()), tuple(affine.scale.tolist())),
        classifier=classifier,
        calibrator=calibrator,
        threshold=threshold,
        background=background,
        feature_ranges={
            key: (float(column.min()), float(column.max()))
            for key, column in zip(affine.columns, rows.T, strict=True)
        },
    )
    limits = " ".join((about.limits, *affine.notes)).strip()
    return replace(model, limits=limits, **extra)


def _answer(
    fitted: FittedMethod, data: Dataset, about: About
) -> tuple[Classifier, Calibrator, float, dict[str, object]]:
    """Classifier, calibrator, threshold, and what several classes or survival need besides."""
    own, kind = fitted.estimator, data.outcome.kind
    classifier, classes = own.classifier, data.outcome.classes
    if kind == BINARY:
        return classifier, composed(own.calibrator, fitted.calibrator), fitted.threshold, {}
    if kind == ORDINAL:
        ordinal = Ordinal(classes, own.shifts)
        told = {"ordinal": ordinal, "positive": above(classes, ordinal.cut)}
        return classifier, own.calibrator, 0.5, told
    if kind == MULTICLASS:
        last = np.array([len(classes) - 1], dtype=np.int64)
        classifier = Classifier(classifier.kind, {**classifier.arrays, "positive": last})
        return classifier, Calibrator(), 0.5, {"nominal": classes, "positive": classes[-1]}
    assert kind == SURVIVAL and data.outcome.time is not None
    base, event = own.baseline, data.outcome.labels
    horizon = about.horizon or horizon_of(data.outcome)
    if not base.at(horizon) > 0:
        horizon = float(base.times[np.flatnonzero(base.hazard > 0)[0]])
    calibrator = Calibrator("cloglog", own.slope, float(np.log(base.at(horizon))))
    share = 1.0 - float(kaplan_meier(data.outcome.time, event).at(horizon))
    try:
        groups = risk_groups(fitted.raw(data))
        names, cuts = groups.names, groups.cuts
    except TrainingError:  # scores that are all alike make no groups
        names, cuts = (), ()
    survival = Survival(
        event=data.outcome.name,
        horizon=horizon,
        unit=data.outcome.unit or "units",
        times=tuple(base.times.tolist()),
        hazard=tuple(base.hazard.tolist()),
        groups=names,
        cuts=cuts,
    )
    limit = float(np.clip(round(share, 2), 0.01, 0.99))
    return classifier, calibrator, limit, {"survival": survival, "positive": survival.positive}


def composed(first: Calibrator, then: Calibrator) -> Calibrator:
    """One calibrator in the place of an affine one and another behind it.

    Raises
    ------
    TrainingError : the second is isotonic and the first turns scores round.
    """
    if first.kind == "none":
        return then
    if then.kind == "none":
        return first
    if then.kind != "isotonic":
        return Calibrator("platt", then.slope * first.slope, then.slope * first.intercept + then.intercept)
    if first.slope <= 0:
        raise TrainingError("The scores of the estimator point the wrong way.", "Check the features.")
    knots = tuple(((np.asarray(then.x) - first.intercept) / first.slope).tolist())
    return Calibrator("isotonic", 1.0, 0.0, knots, then.y)


def _check_same(fitted: FittedMethod, data: Dataset, classifier: Classifier, scaled: np.ndarray) -> None:
    """The numbers of the model give what the fitted method gives.

    Raises
    ------
    TrainingError
    """
    expected = fitted.raw(data)
    if classifier.kind in SOFTMAX_KINDS:
        found = classifier.class_scores(scaled)
    else:
        own = fitted.estimator
        found = own.calibrator(classifier.raw_score(scaled))
        found = found[:, None] + np.array(own.shifts) if own.shifts else found
    if not np.allclose(found, expected, rtol=1e-9, atol=1e-9):
        raise TrainingError(
            "The exported model does not give the answers of the fitted method "
            f"(difference {np.abs(found - expected).max():.2g})."
        )

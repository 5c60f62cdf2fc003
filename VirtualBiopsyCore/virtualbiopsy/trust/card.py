"""The trust card: a traffic light with reasons, read before the prediction and its explanation.

Green means that nothing known speaks against the number, not that the number is right. Amber: look twice.
Red: the number means nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..models.inference import Inputs
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..models.ranking import ranking_of
from ..radiomics.definitions import describe
from ..radiomics.keys import is_clinical, measured_keys
from .conformal import model_set
from .model import LIGHTS, ConformalSet, ImageFacts, Reason, Stability, TrustCard
from .ood import feature_space
from .ood_reasons import OOD_CODES, space_reasons
from .protocol import image_reasons

__all__ = ["OOD_CODES", "assess", "worst"]

AMBER_FLIPS, AMBER_SPAN = 0.10, 0.30
"""A tenth of the variants on the other side of the threshold, or probabilities (5–95 %) 0.3 apart: the call
depends on the outline. Never red: the probability itself still means what it says."""

RED_IMPUTED = 0.5
"""With more than half of the inputs replaced by means, the answer tells more about the background than about
the case."""


def assess(
    model: RadModel,
    inputs: Inputs,
    prediction: Prediction,
    facts: ImageFacts | None = None,
    stability: Stability | None = None,
) -> TrustCard:
    """Return the trust card of one prediction.

    Parameters
    ----------
    inputs : of the model for this case, see :func:`virtualbiopsy.models.inference.model_inputs`.
    prediction : of the same model on the same inputs.
    facts : what is known about the images; without them nothing is said about the images.
    stability : over variants of the outline; None while it was not computed.
    """
    space = feature_space(model, inputs)
    conformal = model_set(model, prediction.log_odds)
    alike = [*space_reasons(model, inputs, space), *(() if facts is None else image_reasons(model, facts))]
    reasons = [
        *alike,
        *_missing(model, inputs),
        *_stability(stability),
        *_conformal(conformal, worst(alike) != "green", bool(inputs.imputed)),
        *_ranking(model),
        *_training(model),
    ]
    reasons.sort(key=lambda reason: (-LIGHTS.index(reason.light), reason.code != "population"))
    return TrustCard(
        model_id=model.model_id,
        light=worst(reasons),
        reasons=tuple(reasons),
        mahalanobis_percentile=space.mahalanobis.percentile,
        neighbour_percentile=space.neighbours.percentile,
        conformal=conformal,
        published=model.published,
    )


def worst(reasons: Iterable[Reason]) -> str:
    """The worst light of some reasons; green without any."""
    return max((reason.light for reason in reasons), key=LIGHTS.index, default="green")


def _missing(model: RadModel, inputs: Inputs) -> list[Reason]:
    if not inputs.imputed:
        return []
    clinical = [describe(key).label for key in inputs.imputed if is_clinical(key)]
    absent = {key.sequence for key in measured_keys(inputs.imputed)}
    roles = [role for role in model.required_sequences + model.optional_sequences if role in absent]
    names = [*roles, *clinical, *(["features of the outline"] if "mask" in absent else [])]
    count, p = len(inputs.imputed), len(model.feature_keys)
    text = (
        f"{count} of {p} inputs are missing and were replaced by their mean over the training cases "
        f"({', '.join(names)}).{_cost(model, roles)}"
    )
    return [Reason("red" if count > RED_IMPUTED * p else "amber", "missing_inputs", text)]


def _cost(model: RadModel, roles: Sequence[str]) -> str:
    """What the lack of these sequences costs, where the card of the model knows it."""
    without = model.metrics.get("auc_without_" + "_".join(roles))
    if without is None or "auc" not in model.metrics:
        return ""
    return (
        f" Without {' and '.join(roles)} the AUC on held-out training cases was {without['value']:.2f} "
        f"instead of {model.metrics['auc']['value']:.2f}."
    )


def _stability(found: Stability | None) -> list[Reason]:
    if found is None or found.variants < 2:
        return []
    computed = not math.isnan(found.p5)
    low, high = (found.p5, found.p95) if computed else (found.low, found.high)
    spread = f"probability {100 * low:.0f} to {100 * high:.0f} %"
    spread += f", 5–95 % of {found.variants} variants" if computed else f", {found.variants} variants"
    if found.flip_rate >= AMBER_FLIPS:
        text = f"{found.flips} of {found.variants} small changes move the answer across the threshold"
        return [Reason("amber", "stability", f"{text} ({spread}).")]
    if high - low > AMBER_SPAN:
        return [Reason("amber", "stability", f"Small changes move the probability far ({spread}).")]
    return [Reason("green", "stability", f"Small changes move the probability little ({spread}).")]


def _conformal(found: ConformalSet | None, unlike: bool, imputed: bool) -> list[Reason]:
    """What the conformal answer says; "uncertain" is an answer and no fault of the number."""
    if found is None:
        return []
    error = f"{100 * found.alpha:.0f} %"
    if len(found.labels) == 1:
        other = "low" if found.labels[0] == "high" else "high"
        text = f"At an error of {error} for each class, “{other}” is ruled out: {found.labels[0]}."
    elif found.labels:
        text = f"At an error of {error} for each class, neither “high” nor “low” is ruled out: uncertain."
    else:
        text = f"At an error of {error} the case fits neither class: uncertain."
    if unlike or imputed:
        why = "the case differs from the training cases" if unlike else "inputs are missing"
        text += f" That error is not assured here, because {why}."
    return [Reason("green" if found.labels else "amber", "conformal", text)]


def _ranking(model: RadModel) -> list[Reason]:
    """A model that may be guessing has a number for every case all the same."""
    found = ranking_of(model)
    if found is None or not found.may_be_chance:
        return []
    text = (
        "In its own validation the model did not rank cases better than chance would: "
        f"{found.name} {found.text}; guessing gives 0.5."
    )
    return [Reason("red", "no_better_than_chance", text)]


def _training(model: RadModel) -> list[Reason]:
    """Said always, and green: the light compares the case with the training cases, whatever these were."""
    if not model.simulated:
        return []
    text = (
        "The model was trained on simulated cases only. Green means “like the simulated cases”; what the "
        "number means for a patient is unknown."
    )
    return [Reason("green", "simulated_training", text)]

"""A case with a result whose numbers are known, for the tests of the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from support import SyntheticTumour, synthetic_tumour, toy_features, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.evidence.rules import evaluate_rules, read_rules
from virtualbiopsy.explain.model import Contribution, Explanation
from virtualbiopsy.models.prediction import Prediction
from virtualbiopsy.models.radmodel import RadModel
from virtualbiopsy.regions.facts import region_facts
from virtualbiopsy.report.numbers import probability_of
from virtualbiopsy.resources import resource
from virtualbiopsy.session import Result
from virtualbiopsy.tasks import MENINGIOMA
from virtualbiopsy.trust.model import Stability

HOSTILE = '<script>alert("1")</script>&\'"\x00'


@dataclass(frozen=True, eq=False)
class Reported:
    """What :func:`reported` gives."""

    case: Case
    result: Result
    models: tuple[RadModel, ...]
    tumour: SyntheticTumour


def explanation_of(
    model: RadModel, values: dict[str, float], tumour: SyntheticTumour, phis=None
) -> Explanation:
    """A balanced explanation with made-up shares; image features of t1c are spread over the tumour."""
    rng = np.random.default_rng(len(model.model_id))
    phis = rng.normal(0, 0.4, len(model.feature_keys)) if phis is None else np.asarray(phis)
    contributions, total = [], np.zeros(tumour.masks["tumour"].shape)
    for key, phi in zip(model.feature_keys, phis, strict=True):
        localised = key.startswith("t1c:")
        note = "" if localised else "clinical" if key.startswith("clinical:") else "imputed"
        note = "shape" if key.startswith("mask:") else note
        contributions.append(
            Contribution(key, values.get(key, 1.5), model.imputer[key], float(phi), localised, note)
        )
        if localised:
            share = rng.random(total.shape) * tumour.masks["tumour"]
            total += phi * share / share.sum()
    contributions.sort(key=lambda c: -abs(c.phi))
    ledger = sitk.GetImageFromArray(total)
    ledger.CopyInformation(tumour.grid)
    baseline = -0.45
    log_odds = baseline + sum(c.phi for c in contributions)
    return Explanation(
        model.model_id,
        baseline,
        log_odds,
        tuple(contributions),
        {"t1c": ledger},
        ledger,
        "linear closed form",
    )


def reported(name: str = "case one", models: tuple[RadModel, ...] | None = None) -> Reported:
    """An oblique synthetic tumour with two toy models, one of them without its ADC features."""
    tumour = synthetic_tumour()
    models = models or (
        toy_model(),
        toy_model("lda", model_id="toy-pr", positive="PR positive", endpoint="PR"),
    )
    features = toy_features(models[0], without=("adc:",))
    predictions, explanations = [], []
    for model in models:
        explanation = explanation_of(model, dict(features.values), tumour)
        explanations.append(explanation)
        predictions.append(
            Prediction(
                model.model_id,
                model.endpoint,
                model.positive,
                explanation.log_odds,
                explanation.baseline,
                probability_of(explanation.log_odds),
                model.threshold,
                tuple(features.missing),
                (model.feature_keys[0],),
            )
        )
    facts = region_facts(tumour.mask())
    case = Case(
        name,
        (
            Sequence("t1c", name, tumour.image("t1c"), "the name says so", source="/secret/patient"),
            Sequence("t2", "t2", tumour.image("t2")),
        ),
        clinical={"age": 61.0, "location": "skull_base", "dural_tail": True},
    )
    known = {"diameter_mm": facts.diameter_mm, "volume_ml": facts.volume_ml, **case.clinical}
    result = Result(
        case_name=name,
        region_digest="ab" * 32,
        facts=facts,
        features=features,
        predictions=tuple(predictions),
        explanations=tuple(explanations),
        evidence=evaluate_rules(read_rules(resource("Rules") / MENINGIOMA.rules), known),
        skipped={"other-model": f"needs FLAIR {name}"},
        warnings=(f"The ADC map is missing {name}",),
        provenance=("N4 was not applied.", f"Resampled to 1 mm {name}"),
        stability=(Stability(models[0].model_id, 9, 0.31, 0.62, 2),),
    )
    return Reported(case, result, models, tumour)

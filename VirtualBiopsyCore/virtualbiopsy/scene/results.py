"""A result in the scene: map, diameter, tables, charts, and the numbers as JSON that bring it back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import SimpleITK as sitk

from ..errors import UnreadableFileError
from ..evidence.model import RuleOutcome
from ..explain.model import Contribution, Explanation
from ..models.prediction import ClassProbability, Prediction, SurvivalAnswer
from ..radiomics.vector import FeatureVector
from ..regions.model import RegionFacts
from ..session import Result
from ..trust.model import ConformalSet, Reason, Stability, TrustCard
from .markups import show_diameter
from .tables import contribution_nodes, feature_table_node

TOTAL = "total"
REGIONS, INFLUENCE = "regions", "influence"
"""Parts of a map choice that are no sequences."""


def explanation_map(result: Result, model_id: str, part: str = TOTAL) -> sitk.Image | None:
    """Return the voxel ledger of one model: the total, or of one sequence (role), or None."""
    for explanation in result.explanations:
        if explanation.model_id == model_id:
            return explanation.total if part == TOTAL else explanation.maps.get(part)
    return None


def map_choices(result: Result) -> list[tuple[str, str]]:
    """Return (model id, part) of every map of a result, totals first."""
    choices = []
    for explanation in result.explanations:
        if explanation.total is not None:
            choices.append((explanation.model_id, TOTAL))
        if len(explanation.maps) > 1:
            choices += [(explanation.model_id, role) for role in explanation.maps]
    return choices


def result_nodes(
    scene: Any, result: Result, titles: Mapping[str, str], diameter: bool = True
) -> dict[str, Any]:
    """Put tables, charts and the diameter of a result into the scene and return their nodes.

    Parameters
    ----------
    titles : title of the chart by model id.
    diameter : draw the maximum 3D diameter.

    Returns
    -------
    dict with "features" (table), "charts" (chart node by model id) and "diameter" (line node or None).
    """
    charts = {}
    for explanation in result.explanations:
        title = titles.get(explanation.model_id, explanation.model_id)
        charts[explanation.model_id] = contribution_nodes(scene, explanation, title)["chart"]
    line = show_diameter(scene, result.facts) if diameter else None
    return {"features": feature_table_node(scene, result.features), "charts": charts, "diameter": line}


def result_to_state(result: Result) -> dict[str, Any]:
    """Return everything of a result but the maps as values that JSON can hold."""
    return {
        "case_name": result.case_name,
        "region_digest": result.region_digest,
        "facts": asdict(result.facts),
        "features": {
            "values": {key: float(value) for key, value in result.features.values.items()},
            "missing": dict(result.features.missing),
            "bins": {key: int(value) for key, value in result.features.bins.items()},
            "provenance": list(result.features.provenance),
            "earlier": {key: float(value) for key, value in result.features.earlier.items()},
        },
        "predictions": [asdict(prediction) for prediction in result.predictions],
        "explanations": [
            {
                "model_id": explanation.model_id,
                "baseline": float(explanation.baseline),
                "log_odds": float(explanation.log_odds),
                "method": explanation.method,
                "sums_to": explanation.sums_to,
                "shared": [list(group) for group in explanation.shared],
                "contributions": [asdict(c) for c in explanation.contributions],
            }
            for explanation in result.explanations
        ],
        "evidence": [asdict(outcome) for outcome in result.evidence],
        "skipped": dict(result.skipped),
        "warnings": list(result.warnings),
        "provenance": list(result.provenance),
        "stability": [_finite(asdict(entry)) for entry in result.stability],
        "trust": [_finite(asdict(card)) for card in result.trust],
    }


def _finite(entry: dict[str, Any]) -> dict[str, Any]:
    """Without the figures that are not known (NaN), which JSON cannot hold."""
    return {
        key: value for key, value in entry.items() if not isinstance(value, float) or math.isfinite(value)
    }


def _trust_card(entry: Mapping[str, Any]) -> TrustCard:
    found = entry.get("conformal")
    if found is not None:
        found = ConformalSet(
            **{**found, "labels": tuple(found["labels"]), "calibration": tuple(found["calibration"])}
        )
    reasons = tuple(Reason(**reason) for reason in entry["reasons"])
    return TrustCard(**{**entry, "reasons": reasons, "conformal": found})


def _survival(entry: Mapping[str, Any] | None) -> SurvivalAnswer | None:
    if entry is None:
        return None
    lists = {name: tuple(entry[name]) for name in ("times", "free", "groups") if name in entry}
    return SurvivalAnswer(**{**entry, **lists})


def result_from_state(state: Mapping[str, Any]) -> Result:
    """Return the result that :func:`result_to_state` was given, without maps.

    Raises
    ------
    UnreadableFileError : if something is missing, of the wrong type or not finite.
    """
    try:
        facts = dict(state["facts"])
        for name in ("diameter_ends", "axial_diameter_ends"):
            facts[name] = tuple(tuple(float(x) for x in point) for point in facts[name])
        features = state["features"]
        result = Result(
            case_name=str(state["case_name"]),
            region_digest=str(state["region_digest"]),
            facts=RegionFacts(**facts),
            features=FeatureVector(
                values={str(key): float(value) for key, value in features["values"].items()},
                missing={str(key): str(value) for key, value in features["missing"].items()},
                bins={str(key): int(value) for key, value in features["bins"].items()},
                provenance=tuple(map(str, features["provenance"])),
                earlier={str(key): float(value) for key, value in features.get("earlier", {}).items()},
            ),
            predictions=tuple(
                Prediction(
                    **{
                        **entry,
                        "imputed": tuple(entry["imputed"]),
                        "out_of_range": tuple(entry["out_of_range"]),
                        "classes": tuple(ClassProbability(**one) for one in entry.get("classes", ())),
                        "survival": _survival(entry.get("survival")),
                    }
                )
                for entry in state["predictions"]
            ),
            explanations=tuple(
                Explanation(
                    model_id=str(entry["model_id"]),
                    baseline=float(entry["baseline"]),
                    log_odds=float(entry["log_odds"]),
                    contributions=tuple(Contribution(**c) for c in entry["contributions"]),
                    method=str(entry["method"]),
                    sums_to=str(entry.get("sums_to", "log-odds")),
                    shared=tuple(tuple(map(str, group)) for group in entry.get("shared", ())),
                )
                for entry in state["explanations"]
            ),
            evidence=tuple(RuleOutcome(**entry) for entry in state["evidence"]),
            skipped={str(key): str(value) for key, value in state["skipped"].items()},
            warnings=tuple(map(str, state["warnings"])),
            provenance=tuple(map(str, state["provenance"])),
            stability=tuple(Stability(**entry) for entry in state["stability"]),
            trust=tuple(_trust_card(entry) for entry in state.get("trust", ())),
        )
        numbers = [p.probability for p in result.predictions] + [
            c.phi for e in result.explanations for c in e.contributions
        ]
        if not all(isinstance(x, (int, float)) and math.isfinite(x) for x in numbers):
            raise ValueError("a number is not finite")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableFileError(
            "The result that is kept in this scene cannot be read.", "Predict again."
        ) from error
    return result

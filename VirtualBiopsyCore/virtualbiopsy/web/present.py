"""Values of the package as rows and words for the page; no science, no screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..case.clinical import CLINICAL
from ..case.model import Case
from ..explain.delta import Delta
from ..models.library import trained_on
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..radiomics.keys import is_clinical, measured_key
from ..regions.model import RegionFacts
from ..report import numbers
from ..report.figures import probability_svg
from ..report.held_out import held_out_figure
from ..report.labels import feature_label
from ..report.survival import survival_svg, survival_words
from ..session import Result
from ..trust.model import Stability, TrustCard
from .trustcard import delta_row, trust_row

STATUS_COLOURS = {"met": "warning", "not met": "teal", "information": "blue-grey", "not evaluable": "grey"}


def sequence_rows(case: Case) -> list[dict[str, Any]]:
    rows = []
    for sequence in case.sequences:
        size = " × ".join(str(n) for n in sequence.image.GetSize())
        spacing = " × ".join(f"{s:.3g}" for s in sequence.image.GetSpacing())
        rows.append(
            {
                "name": sequence.name,
                "role": sequence.role,
                "reason": sequence.reason,
                "grid": f"{size} voxels, {spacing} mm" + (f", {sequence.unit}" if sequence.unit else ""),
            }
        )
    return rows


def clinical_fields() -> list[dict[str, Any]]:
    """One entry for each clinical variable: what a form needs to know."""
    fields = []
    for variable in CLINICAL.values():
        limits = ""
        if variable.kind == "number":
            limits = f"{variable.minimum:g} to {variable.maximum:g} {variable.unit}".strip()
            items = []
        elif variable.kind == "flag":
            items = [{"title": "yes", "value": "yes"}, {"title": "no", "value": "no"}]
        else:
            items = [{"title": label, "value": str(value)} for value, label in variable.choices.items()]
        fields.append(
            {
                "name": variable.name,
                "key": f"clinical_{variable.name}",
                "label": variable.label,
                "kind": variable.kind,
                "unit": variable.unit,
                "limits": limits,
                "items": [{"title": "unknown", "value": ""}, *items] if items else [],
                "description": variable.description,
            }
        )
    return fields


def clinical_text(value: Any) -> str:
    """A clinical value as the form holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def fact_rows(facts: RegionFacts) -> list[dict[str, str]]:
    return [
        {"id": "volume", "name": "Volume", "value": f"{facts.volume_ml:.2f} mL"},
        {"id": "voxels", "name": "Voxels", "value": f"{facts.voxels:,}".replace(",", "\u202f")},
        {"id": "diameter", "name": "Maximum 3D diameter", "value": f"{facts.diameter_mm:.1f} mm"},
        {"id": "axial", "name": "Maximum axial diameter", "value": f"{facts.axial_diameter_mm:.1f} mm"},
        {"id": "slices", "name": "Axial slices", "value": str(facts.slices)},
        {"id": "components", "name": "Separate parts", "value": str(facts.components)},
        {
            "id": "border",
            "name": "Touches the image border",
            "value": "yes" if facts.touches_border else "no",
        },
    ]


def performance(model: RadModel) -> str:
    """AUC or concordance of a model on cases that it had not seen, in one sentence."""
    found = held_out_figure(model)
    if found is None:
        return f"The model states no {'AUC' if model.survival is None else 'concordance'}."
    told = f"{found[0]} {found[1]}" + (", on simulated cases" if model.simulated else "")
    scheme = model.validation.split(";")[0].removeprefix("Simulated cases: ").rstrip(".")
    if not scheme or "cross-validation" in scheme:
        return f"Cross-validated {told}."
    return f"{told[0].upper()}{told[1:]}; {scheme[0].lower()}{scheme[1:]}."


def stability_text(entry: Stability | None) -> str:
    if entry is None:
        return "being computed …"
    text = (
        f"{numbers.percent_range(entry.low, entry.high)} over {entry.variants} small changes of the outline"
    )
    if entry.flips:
        return f"{text}; {entry.flips} of them cross the model's threshold."
    return f"{text}; none crosses the model's threshold."


def moved_text(before: float | None, now: float) -> str:
    """What an edit did, with as many digits as it takes to see it; "" if it did nothing."""
    if before is None or before == now:
        return ""
    for digits in (2, 3, 4):
        first, last = f"{before:.{digits}f}", f"{now:.{digits}f}"
        if first != last:
            return f"This edit moved p from {first} to {last}."
    return "This edit moved p by less than 0.0001."


def card(
    prediction: Prediction,
    model: RadModel,
    stability: Stability | None,
    previous: float | None,
    trust: TrustCard | None = None,
    delta: Delta | None = None,
) -> dict[str, Any]:
    """What the page shows of one prediction."""
    return {
        "id": model.model_id,
        "title": model.title,
        "positive": prediction.positive,
        "p_text": numbers.percent(prediction.probability),
        "exact": repr(prediction.probability),
        "log_odds": f"Log-odds {numbers.signed(prediction.log_odds)}, average training case "
        f"{numbers.signed(prediction.baseline)}.",
        "svg": probability_svg(prediction, stability, width=404, simulated=model.simulated),
        "stability": stability_text(stability),
        "has_stability": stability is not None,
        "performance": performance(model),
        "trained": model.data_statement,
        "trained_on": trained_on(model),
        "simulated": model.simulated,
        "intended_use": model.intended_use,
        "limits": model.limits,
        "version": f"{model.model_id} {model.version}",
        "imputed": [feature_label(key).full for key in prediction.imputed],
        "out_of_range": [feature_label(key).full for key in prediction.out_of_range],
        "delta": moved_text(previous, prediction.probability),
        "endpoint": prediction.endpoint,
        "trust": trust_row(trust),
        "moved": delta_row(delta),
        "classes": [
            {
                "name": entry.name,
                "p": numbers.percent(entry.probability),
                "share": round(100 * entry.probability, 1),
                "exact": repr(entry.probability),
            }
            for entry in prediction.classes
        ],
        "classes_note": prediction.classes_note,
        "curve": survival_svg(prediction, width=404, simulated=model.simulated),
        "survival": list(survival_words(prediction.survival)),
    }


def cards(result: Result, models: Iterable[RadModel], previous: Mapping[str, float]) -> list[dict[str, Any]]:
    by_id = {model.model_id: model for model in models}
    ranges = {entry.model_id: entry for entry in result.stability}
    trust = {entry.model_id: entry for entry in result.trust}
    deltas = {entry.model_id: entry for entry in result.deltas}
    return [
        card(
            p,
            by_id[p.model_id],
            ranges.get(p.model_id),
            previous.get(p.model_id),
            trust.get(p.model_id),
            deltas.get(p.model_id),
        )
        for p in result.predictions
    ]


def skipped_rows(result: Result, models: Iterable[RadModel]) -> list[dict[str, str]]:
    titles = {model.model_id: model.title for model in models}
    return [{"id": key, "title": titles.get(key, key), "why": why} for key, why in result.skipped.items()]


def feature_rows(result: Result, models: Iterable[RadModel]) -> list[dict[str, Any]]:
    """All features with value, unit, definition and the models that use them."""
    used: dict[str, list[str]] = {}
    for model in models:
        for key in model.feature_keys:
            used.setdefault(key, []).append(model.endpoint)
    rows = []
    for key in dict.fromkeys([*used, *result.features.values, *result.features.missing]):
        label = feature_label(key)
        value = result.features.values.get(key)
        clinical = is_clinical(key)
        place = [label.where]
        parsed = measured_key(key)
        if parsed is not None:
            place += [p for p in (parsed.discretisation,) if p != "none"]
            place += [p.replace("_", " ") for p in (parsed.aggregation,) if p != "3d"]
        why = result.features.missing.get(key, "not given" if clinical else "not computed")
        rows.append(
            {
                "key": key,
                "label": label.name,
                "place": ", ".join(place),
                "value": numbers.value(value, label.unit) if value is not None else "—",
                "why": "" if value is not None else why,
                "code": label.ibsi_code,
                "description": label.definition,
                "models": ", ".join(used.get(key, [])),
            }
        )
    return rows


def evidence_rows(result: Result) -> list[dict[str, str]]:
    order = {"met": 0, "not met": 1, "information": 2, "not evaluable": 3}
    rows = [
        {
            "id": outcome.rule_id,
            "title": outcome.title,
            "status": outcome.status,
            "colour": STATUS_COLOURS.get(outcome.status, "grey"),
            "finding": outcome.finding,
            "statement": outcome.statement,
            "reference": outcome.reference,
            "caveat": outcome.caveat,
        }
        for outcome in result.evidence
    ]
    return sorted(rows, key=lambda row: order.get(row["status"], 4))


def clinical_values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Form texts as the values that check_clinical takes; empty ones are left out."""
    return {name: text for name, text in texts.items() if str(text if text is not None else "").strip()}

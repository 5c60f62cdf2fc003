"""Sections of the report, each as markup."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy
import SimpleITK as sitk

from .. import __version__
from ..case.clinical import CLINICAL
from ..case.model import ROLES, Case
from ..explain.model import Explanation
from ..models.library import trained_on
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..progress import Progress, silent
from ..tasks import Task
from ..trust.model import TrustCard
from .changes import delta_words
from .credit import shared_words
from .figures import ledger_svg, legend_svg, probability_svg, stability_words, waterfall_svg
from .held_out import held_out_figure
from .labels import feature_label
from .markup import bullets, esc, facts, paragraph, picture, table, tag
from .numbers import percent, signed, value
from .pictures import PLANES, per_ml, slice_png, window_of
from .survival import survival_svg, survival_words
from .tree import tree_svg
from .trust import LIGHT_SHAPES, card_of, further_lines, headline, withheld

if TYPE_CHECKING:
    from ..session import Result

FIELD_MARGIN = 2.2
HOW_MADE = {
    "linear closed form": "exact Owen values in closed form (linear model)",
    "additive closed form": "exact Owen values in closed form (a sum over features)",
    "exact kernel": "exact Owen values (Gaussian kernel)",
    "exact trees": "exact Owen values (interventional tree algorithm)",
    "exact enumeration": "exact Owen values by enumeration of the coalitions",
    "sampled orders": "Owen values estimated from sampled orders; their sum is exact",
}


def warnings(result: Result) -> str:
    """What the reader must know first."""
    return "".join(paragraph(warning, "warning") for warning in result.warnings)


def case_section(case: Case) -> str:
    """Sequences and clinical variables; no identifiers, no paths."""
    rows = [(s.name, ROLES.get(s.role, s.role), s.unit or "", s.reason) for s in case.sequences]
    parts = [tag("h2", "Case"), table(("Sequence", "Used as", "Unit", "Why"), rows)]
    known = []
    for name, entry in case.clinical.items():
        variable = CLINICAL.get(name)
        if variable is None:
            known.append((name, str(entry)))
            continue
        shown = variable.choices.get(entry, entry) if variable.kind == "choice" else entry
        if variable.kind == "flag":
            shown = "yes" if entry else "no"
        elif variable.kind == "number":
            shown = value(float(entry), variable.unit)
        known.append((variable.label, str(shown)))
    parts.append(tag("h3", "Clinical variables"))
    parts.append(facts(known) if known else paragraph("None were entered.", "quiet"))
    return "".join(parts)


def region_section(
    result: Result, image: sitk.Image | None, mask: sitk.Image | None, progress: Progress = silent
) -> str:
    """What was outlined, in words and three pictures."""
    f = result.facts
    pairs = [
        ("Volume", f"{f.volume_ml:.2f} mL ({f.voxels} voxels)"),
        ("Maximum 3D diameter", f"{f.diameter_mm:.1f} mm"),
        ("Maximum axial diameter", f"{f.axial_diameter_mm:.1f} mm"),
        ("Axial slices", str(f.slices)),
        ("Connected parts", str(f.components)),
        ("Touches the border of the image", "yes" if f.touches_border else "no"),
        ("SHA-256 of the outline", result.region_digest),
    ]
    parts = [tag("h2", "What was outlined"), facts(pairs)]
    if image is not None and mask is not None:
        figures = []
        for i, plane in enumerate(PLANES):
            progress(i / len(PLANES), "Drawing the outline")
            png = slice_png(image, mask, plane=plane)
            caption = f"{plane.capitalize()}, slice of largest area. Bar: 20 mm."
            figures.append(picture(png, f"{plane} slice with the outline in yellow", caption))
        parts.append(tag("div", "".join(figures), "row"))
    return "".join(parts)


def model_section(
    result: Result,
    prediction: Prediction,
    model: RadModel | None,
    image: sitk.Image | None,
    mask: sitk.Image | None,
    progress: Progress = silent,
) -> str:
    """One model: whether to trust it, the number, how sure, what it rests on, where in the image.

    With a red trust card everything after it is folded in until the reader opens it.
    """
    simulated = model is None or model.simulated
    stability = next((s for s in result.stability if s.model_id == prediction.model_id), None)
    title = model.title if model else prediction.model_id
    card = card_of(result.trust, prediction.model_id)
    before = [tag("h2", esc(f"Estimated probability of {prediction.positive}"))]
    if card is not None:
        before.append(trust_card(card))
    parts = []
    head = [paragraph(f"{title}" + (f", version {model.version}" if model else ""), "quiet")]
    if simulated:
        head.append(tag("p", tag("span", "simulated training data", "tag training")))
    pairs = [
        ("Estimated probability", f"{percent(prediction.probability)} of {prediction.positive}"),
        ("Log-odds", f"{signed(prediction.log_odds, 3)} (baseline {signed(prediction.baseline, 3)})"),
        ("Threshold of the model", percent(prediction.threshold)),
        ("Other outlines", stability_words(stability) if stability else "not tried"),
        *_model_pairs(model),
    ]
    svg = probability_svg(prediction, stability, dark=False, simulated=simulated)
    parts.append(tag("div", tag("div", svg) + tag("div", "".join(head) + facts(pairs)), "row card"))
    parts.append(_classes(prediction))
    curve = survival_svg(prediction, dark=False, simulated=simulated)
    parts.append(tag("div", curve) if curve else "")
    parts += [paragraph(words) for words in survival_words(prediction.survival)]
    parts += [
        paragraph(delta_words(delta, prediction.endpoint))
        for delta in result.deltas
        if delta.model_id == prediction.model_id
    ]
    parts.append(_inputs(prediction))
    explanation = next((e for e in result.explanations if e.model_id == prediction.model_id), None)
    if explanation is not None:
        parts.append(_explanation(explanation, prediction, simulated, image, mask, progress))
    if withheld(card):
        summary = tag("summary", "Show the number and its explanation all the same")
        return "".join(before) + tag("details", summary + "".join(parts))
    return "".join(before) + "".join(parts)


def trust_card(card: TrustCard) -> str:
    """The light with its reasons, worst first, before anything else is said about the estimate."""
    light = card.light if card.light in LIGHT_SHAPES else "red"
    reasons = "".join(
        tag("li", f"{esc(LIGHT_SHAPES.get(r.light, ''))} {esc(r.text)}", f"light {r.light}")
        if r.light in LIGHT_SHAPES
        else tag("li", esc(r.text))
        for r in card.reasons
    )
    lines = [
        tag("p", f"<strong>{esc(LIGHT_SHAPES[light])} {esc(headline(card))}</strong>", f"light {light}"),
        tag("ul", reasons) if reasons else "",
        *(paragraph(line, "quiet") for line in further_lines(card)),
    ]
    return tag("div", "".join(lines), f"trust {light}")


def _model_pairs(model: RadModel | None) -> list[tuple[str, str]]:
    if model is None:
        return []
    pairs = []
    found = held_out_figure(model)
    if found:
        pairs.append(
            (f"Cross-validated {found[0]}", found[1] + (", simulated cases" if model.simulated else ""))
        )
    for label, words in (
        ("Validation", model.validation),
        ("Trained on", model.data_statement),
        ("Intended use", model.intended_use),
        ("Limits", model.limits),
        ("SHA-256", model.sha256),
    ):
        if words:
            pairs.append((label, words))
    return pairs


def _classes(prediction: Prediction) -> str:
    """Classes with their probabilities; "" where there are two."""
    if not prediction.classes:
        return ""
    rows = [(entry.name, percent(entry.probability)) for entry in prediction.classes]
    return table(("Class", "Estimated probability"), rows, numbers=(1,)) + paragraph(
        prediction.classes_note, "quiet"
    )


def _inputs(prediction: Prediction) -> str:
    parts = []
    for keys, words in (
        (prediction.imputed, "Imputed (this case lacks them; the mean of the training data stands in)"),
        (prediction.out_of_range, "Outside the range seen in training"),
    ):
        if keys:
            parts.append(tag("h3", esc(words)))
            parts.append(bullets(feature_label(key).full for key in keys))
    return "".join(parts)


def _explanation(
    explanation: Explanation,
    prediction: Prediction,
    simulated: bool,
    image: sitk.Image | None,
    mask: sitk.Image | None,
    progress: Progress,
) -> str:
    method = HOW_MADE.get(explanation.method, explanation.method)
    figures = [
        waterfall_svg(explanation, prediction, dark=False, width=520, simulated=simulated),
        ledger_svg(explanation, prediction, dark=False, width=440, simulated=simulated),
    ]
    parts = [
        tag("h3", "What the estimate rests on"),
        paragraph(
            f"Each bar is a feature's share of the {explanation.sums_to}: {method}. The shares and the "
            f"baseline add up to the {explanation.sums_to}. {_calibration_words(explanation)}"
            "Correlated features share credit. This explains the model, not the biology."
        ),
        tag("div", "".join(tag("div", figure) for figure in figures), "row"),
        tag("h3", "Ledger: sequence, class, feature"),
        tag("div", tree_svg(explanation, prediction, dark=False, width=620)),
        *(paragraph(sentence, "quiet") for sentence in shared_words(explanation)),
    ]
    if explanation.total is not None and image is not None:
        parts.append(_maps(explanation, image, mask, progress))
    if explanation.not_localised:
        parts.append(tag("h3", "Not in the map"))
        parts.append(
            bullets(
                f"{feature_label(c.key).full}: {signed(c.phi, 3)} ({c.note or 'no place in the image'})"
                for c in explanation.not_localised
            )
        )
    return "".join(parts)


def _calibration_words(explanation: Explanation) -> str:
    if explanation.sums_to == "log-odds":
        return ""
    return "The calibration is not affine: shares of the calibrated probability do not exist. "


def _maps(explanation: Explanation, image: sitk.Image, mask: sitk.Image | None, progress: Progress) -> str:
    assert explanation.total is not None
    of = explanation.sums_to
    overlay = per_ml(explanation.total)
    limit = window_of(overlay)
    extent = [n * s for n, s in zip(overlay.GetSize(), overlay.GetSpacing(), strict=True)]
    field = min(max(FIELD_MARGIN * max(extent), 60.0), 260.0)
    at = None if mask is not None else _centre(overlay)
    figures = []
    for i, plane in enumerate(PLANES):
        progress(i / len(PLANES), "Drawing the map")
        png = slice_png(image, mask, overlay, plane=plane, at=at, overlay_window=limit, field_mm=field)
        caption = f"{plane.capitalize()}: {of} contribution per mL. Blue lowers, red raises. Bar: 20 mm."
        figures.append(picture(png, f"{plane} slice with the contributions of the voxels", caption))
    total = float(np.sum(sitk.GetArrayViewFromImage(explanation.total), dtype=np.float64))
    words = (
        f"The voxels of the map add up to {signed(total, 3)}; with the features that are not in the map and "
        f"the baseline this is the {explanation.sums_to}. The map explains the model, not the biology."
    )
    legend = legend_svg(limit, dark=False, title=f"{of} contribution per mL")
    return (
        tag("h3", "Where in the image")
        + tag("div", "".join(figures), "row")
        + tag("div", legend)
        + paragraph(words)
    )


def _centre(image: sitk.Image) -> tuple[float, ...]:
    return image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])


def skipped_section(result: Result) -> str:
    """Models that did not run."""
    if not result.skipped:
        return ""
    return tag("h2", "Models that did not run") + facts(result.skipped.items())


def feature_section(result: Result, models: Mapping[str, RadModel]) -> str:
    """All features with unit, definition and the mean of the training data."""
    references: dict[str, list[str]] = {}
    for explanation in result.explanations:
        for c in explanation.contributions:
            references.setdefault(c.key, []).append(value(c.reference))
    rows = []
    for key in (*result.features.values, *result.features.missing):
        label = feature_label(key)
        known = key in result.features.values
        rows.append(
            (
                label.full,
                value(result.features.values[key]) if known else "—",
                label.unit,
                " / ".join(dict.fromkeys(references.get(key, ["—"]))),
                label.ibsi_code,
                label.definition if known else f"Missing: {result.features.missing[key]}",
                key,
            )
        )
    head = ("Feature", "Value", "Unit", "Training mean", "IBSI", "Definition", "Key")
    names = ", ".join(models[e.model_id].title for e in result.explanations if e.model_id in models)
    note = "Training mean: mean over the background rows of the model" + (f" ({names})." if names else ".")
    return tag("h2", "Features") + paragraph(note, "quiet") + table(head, rows, numbers=(1, 3))


def evidence_section(result: Result, task: Task) -> str:
    """Published rules on what is known about this case."""
    parts = [
        tag("h2", "Published evidence"),
        paragraph(
            "Quoted from publications and evaluated on measured or entered facts only; an estimated "
            "probability never stands in for a measured marker. Sentences on treatment are quotations, "
            f"not advice. “The source review” is {task.review}; quotations from it are translated."
        ),
    ]
    for o in result.evidence:
        status = tag("span", esc(o.status), f"tag {o.status.replace(' ', '-')}")
        lines = [
            tag("p", f"<strong>{esc(f'{o.rule_id} · {o.title}')}</strong> {status} {esc(o.finding)}"),
            paragraph(o.statement),
            paragraph(f"Caveat: {o.caveat}"),
            paragraph(f"Reference: {o.reference}", "quiet"),
        ]
        parts.append(tag("div", "".join(lines), "rule"))
    return "".join(parts)


def provenance_section(result: Result, models: Sequence[RadModel]) -> str:
    """How the numbers were made."""
    steps = result.provenance
    versions = [
        ("VirtualBiopsy", __version__),
        ("Python", platform.python_version()),
        ("numpy", np.__version__),
        ("scipy", scipy.__version__),
        ("SimpleITK", sitk.Version.VersionString()),
    ]
    rows = [(m.title, m.model_id, m.version, trained_on(m), m.sha256) for m in models]
    return (
        tag("h2", "How the numbers were made")
        + bullets(steps, ordered=True)
        + tag("h3", "Models")
        + table(("Title", "Id", "Version", "Training data", "SHA-256"), rows)
        + tag("h3", "Versions")
        + facts(versions)
    )

"""A result in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from slicer.i18n import tr as _

from .. import RESEARCH_USE_ONLY
from ..errors import VirtualBiopsyError
from ..evidence.model import RuleOutcome
from ..models.radmodel import RadModel
from ..regions.model import RegionFacts
from ..report.changes import delta_words
from ..report.figures import waterfall_svg
from ..session import Result
from .pictures import WIDTH, clear, is_dark, set_svg


def facts_text(facts: RegionFacts) -> str:
    """Size and place of the outline in one line of rich text."""
    text = _("{volume:.1f} mL, largest diameter {diameter:.1f} mm, {slices} slices").format(
        volume=facts.volume_ml, diameter=facts.diameter_mm, slices=facts.slices
    )
    if facts.components > 1:
        text += ", " + _("{n} separate parts").format(n=facts.components)
    if facts.touches_border:
        text += ", " + _("touches the border of the image")
    return escape(text)


def show_waterfall(label: Any, result: Result, model_id: str, models: Mapping[str, RadModel]) -> None:
    """Show in a QLabel what the estimate of one model rests on."""
    for prediction, explanation in zip(result.predictions, result.explanations, strict=True):
        if prediction.model_id == model_id:
            model = models.get(model_id)
            simulated = model is None or model.simulated
            svg = waterfall_svg(
                explanation, prediction, dark=is_dark(label), width=WIDTH, simulated=simulated
            )
            words = _("Contributions of the features to the estimate for {positive}").format(
                positive=prediction.positive
            )
            set_svg(label, svg, words)
            return
    clear(label)


def deltas_html(result: Result, model_ids: Sequence[str], models: Mapping[str, RadModel]) -> str:
    """What the last edit moved, one line for each of these models; "" after the first prediction."""
    lines = []
    for delta in result.deltas:
        if delta.model_id in model_ids:
            model = models.get(delta.model_id)
            lines.append(delta_words(delta, model.endpoint if model is not None else delta.model_id))
    return "<br>".join("Δ " + escape(line) for line in lines)


def warnings_html(result: Result) -> str:
    """Warnings, skipped models and imputed features as rich text; empty if there is nothing to say."""
    lines = [*result.warnings]
    lines += [_("{model} did not run: {why}").format(model=m, why=why) for m, why in result.skipped.items()]
    for prediction in result.predictions:
        if prediction.imputed:
            lines.append(
                _("{endpoint}: {n} inputs are missing; the training mean stands in for them.").format(
                    endpoint=prediction.endpoint, n=len(prediction.imputed)
                )
            )
        if prediction.out_of_range:
            lines.append(
                _("{endpoint}: {n} features lie outside the range seen in training.").format(
                    endpoint=prediction.endpoint, n=len(prediction.out_of_range)
                )
            )
    return "<br>".join("⚠ " + escape(line) for line in lines)


def evidence_html(outcomes: tuple[RuleOutcome, ...]) -> str:
    """Published rules as rich text: those that could be evaluated first."""
    order = {"met": 0, "not met": 1, "information": 2, "not evaluable": 3}
    words = {
        "met": _("met"),
        "not met": _("not met"),
        "information": _("information"),
        "not evaluable": _("not evaluable"),
    }
    blocks = []
    for outcome in sorted(outcomes, key=lambda entry: order.get(entry.status, 9)):
        blocks.append(
            f"<p><b>{escape(outcome.title)}</b> — {escape(words.get(outcome.status, outcome.status))}<br>"
            f"{escape(outcome.finding)}<br>“{escape(outcome.statement)}”<br>"
            f"<small>{escape(outcome.reference)}<br>{escape(outcome.caveat)}</small></p>"
        )
    notice = _("Published findings about groups of patients, quoted. Not advice.")
    return f"<p><i>{escape(notice)} {escape(RESEARCH_USE_ONLY)}.</i></p>" + "".join(blocks)


def user_text(error: Exception) -> tuple[str, str]:
    """Return what to tell the user and the details, for typed and for unforeseen errors."""
    if isinstance(error, VirtualBiopsyError):
        return str(error), ""
    return _("Something went wrong that was not foreseen: {error}").format(error=error), repr(error)

"""A result in words and figures: labels with SVG pictures, and rich text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from .. import RESEARCH_USE_ONLY
from ..errors import VirtualBiopsyError
from ..evidence.model import RuleOutcome
from ..models.radmodel import RadModel
from ..regions.model import RegionFacts
from ..report.figures import probability_svg, waterfall_svg
from ..report.numbers import percent
from ..session import Result

WIDTH = 440


def is_dark(widget: Any) -> bool:
    """Whether the widget's window colour is dark (so that figures follow the application's theme)."""
    palette = widget.palette
    return bool(palette is not None and palette.window().color().lightness() < 128)


def set_svg(label: Any, svg: str, words: str) -> None:
    """Show an SVG string in a QLabel, with words for screen readers and as tool tip."""
    pixmap = qt.QPixmap()
    pixmap.loadFromData(svg.encode("utf-8"), "SVG")
    label.setPixmap(pixmap)
    label.accessibleName = words
    label.toolTip = words


def clear(label: Any) -> None:
    label.clear()
    label.accessibleName = ""
    label.toolTip = ""


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


class ResultCards:
    """One picture with the probability for each model, and one with what it rests on.

    Parameters
    ----------
    frame : QFrame with a vertical layout that takes the cards.
    waterfall : QLabel for the contributions of the chosen model.
    """

    def __init__(self, frame: Any, waterfall: Any) -> None:
        self._frame = frame
        self._waterfall = waterfall
        self._labels: list[Any] = []

    @property
    def labels(self) -> tuple[Any, ...]:
        return tuple(self._labels)

    def show(self, result: Result, models: Mapping[str, RadModel]) -> None:
        """Show the probabilities of all models that ran."""
        while len(self._labels) < len(result.predictions):
            label = qt.QLabel()
            self._frame.layout().addWidget(label)
            self._labels.append(label)
        stability = {entry.model_id: entry for entry in result.stability}
        dark = is_dark(self._frame)
        for n, label in enumerate(self._labels):
            if n >= len(result.predictions):
                clear(label)
                label.setVisible(False)
                continue
            prediction = result.predictions[n]
            model = models.get(prediction.model_id)
            simulated = model is None or model.simulated
            svg = probability_svg(
                prediction, stability.get(prediction.model_id), dark=dark, width=WIDTH, simulated=simulated
            )
            words = _("Estimated probability of {positive}: {probability}. {notice}.").format(
                positive=prediction.positive,
                probability=percent(prediction.probability),
                notice=RESEARCH_USE_ONLY,
            )
            set_svg(label, svg, words)
            label.setVisible(True)

    def show_contributions(self, result: Result, model_id: str, models: Mapping[str, RadModel]) -> None:
        """Show what the estimate of one model rests on."""
        for prediction, explanation in zip(result.predictions, result.explanations, strict=True):
            if prediction.model_id == model_id:
                model = models.get(model_id)
                simulated = model is None or model.simulated
                svg = waterfall_svg(
                    explanation, prediction, dark=is_dark(self._frame), width=WIDTH, simulated=simulated
                )
                words = _("Contributions of the features to the estimate for {positive}").format(
                    positive=prediction.positive
                )
                set_svg(self._waterfall, svg, words)
                return
        clear(self._waterfall)

    def clear(self) -> None:
        for label in self._labels:
            clear(label)
            label.setVisible(False)
        clear(self._waterfall)


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

"""Trust cards and probabilities: the card first, the number of a red card behind a click."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from .. import RESEARCH_USE_ONLY
from ..models.library import trained_on
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..report.figures import probability_svg
from ..report.numbers import percent
from ..report.survival import survival_svg, survival_words
from ..report.trust import LIGHT_COLORS, LIGHT_SHAPES, card_of, further_lines, headline, withheld
from ..session import Result
from ..trust.model import TrustCard
from .pictures import WIDTH, clear, is_dark, say, set_svg

REASONS = 6


def trust_html(card: TrustCard, positive: str, model: RadModel | None = None) -> str:
    """A trust card as rich text: which model, what it was trained on, light, reasons (worst first), what is
    known beyond them."""
    shape, colour = LIGHT_SHAPES.get(card.light, "■"), LIGHT_COLORS.get(card.light, "#808080")
    reasons = "".join(
        f"<li><font color='{LIGHT_COLORS.get(reason.light, '#808080')}'>"
        f"{LIGHT_SHAPES.get(reason.light, '')}</font> {escape(reason.text)}</li>"
        for reason in card.reasons[:REASONS]
    )
    if len(card.reasons) > REASONS:
        more = _("and {n} more, see the report").format(n=len(card.reasons) - REASONS)
        reasons += f"<li>{escape(more)}</li>"
    further = "".join(f"<br><small>{escape(line)}</small>" for line in further_lines(card))
    origin = f"<br><small>{escape(f'{model.title}; {trained_on(model)}')}</small>" if model else ""
    return (
        f"<b>{escape(positive)}</b>{origin}<br><font color='{colour}' size='5'>{shape}</font> "
        f"<b>{escape(headline(card))}</b><ul>{reasons}</ul>{further}"
    )


def classes_html(prediction: Prediction) -> str:
    """Ordered classes with their probabilities as rich text, lowest first; "" where there are two."""
    if not prediction.classes:
        return ""
    rows = "".join(
        f"<tr><td>{escape(entry.name)}</td><td align='right'>{escape(percent(entry.probability))}</td></tr>"
        for entry in prediction.classes
    )
    return f"<table cellpadding='3'>{rows}</table><small>{escape(prediction.classes_note)}</small>"


def survival_html(prediction: Prediction) -> str:
    """Risk group and curve of a survival model in words, as rich text; "" for others."""
    return "<br>".join(map(escape, survival_words(prediction.survival)))


class _Entry:
    """Card, button, picture, curve and further words of one prediction."""

    def __init__(self, frame: Any, on_reveal: Callable[[], None]) -> None:
        self.card = qt.QLabel()
        self.card.wordWrap = True
        self.reveal = qt.QPushButton()
        self.reveal.text = _("Show the number all the same")
        self.reveal.toolTip = _("The card above says why it means nothing here.")
        self.picture = qt.QLabel()
        self.curve = qt.QLabel()
        self.classes = qt.QLabel()
        self.classes.wordWrap = True
        self._widgets = (self.card, self.reveal, self.picture, self.curve, self.classes)
        for widget in self._widgets:
            frame.layout().addWidget(widget)
        self.reveal.connect("clicked(bool)", lambda checked=False: on_reveal())

    def hide(self) -> None:
        self.card.setText("")
        clear(self.picture)
        clear(self.curve)
        self.classes.setText("")
        for widget in self._widgets:
            widget.setVisible(False)


class TrustedNumbers:
    """For each model: its trust card, then the probability as a picture.

    Parameters
    ----------
    frame : QFrame with a vertical layout that takes them.
    on_reveal : called with the model id when the user asks for the number of a red card.
    """

    def __init__(self, frame: Any, on_reveal: Callable[[str], None]) -> None:
        self._frame = frame
        self._on_reveal = on_reveal
        self._entries: list[_Entry] = []
        self._model_ids: list[str] = []
        self._revealed: set[str] = set()

    @property
    def labels(self) -> tuple[Any, ...]:
        """The QLabels with the probabilities."""
        return tuple(entry.picture for entry in self._entries)

    @property
    def cards(self) -> tuple[Any, ...]:
        """The QLabels with the trust cards."""
        return tuple(entry.card for entry in self._entries)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The QLabels with the probabilities of classes, or the words of a survival model."""
        return tuple(entry.classes for entry in self._entries)

    @property
    def curves(self) -> tuple[Any, ...]:
        """The QLabels with the curves of survival models."""
        return tuple(entry.curve for entry in self._entries)

    @property
    def buttons(self) -> tuple[Any, ...]:
        return tuple(entry.reveal for entry in self._entries)

    def withheld(self, result: Result | None, model_id: str) -> bool:
        """Whether the number and the explanation of a model wait for a click."""
        if result is None or model_id in self._revealed:
            return False
        return withheld(card_of(result.trust, model_id))

    def forget(self) -> None:
        """Another case: red cards withhold their numbers again."""
        self._revealed.clear()

    def _reveal(self, n: int) -> None:
        if n < len(self._model_ids):
            self._revealed.add(self._model_ids[n])
            self._on_reveal(self._model_ids[n])

    def show(self, result: Result, models: Mapping[str, RadModel]) -> None:
        """Show cards and probabilities of all models that ran."""
        self._model_ids = [prediction.model_id for prediction in result.predictions]
        while len(self._entries) < len(self._model_ids):
            n = len(self._entries)
            self._entries.append(_Entry(self._frame, lambda n=n: self._reveal(n)))
        stability = {entry.model_id: entry for entry in result.stability}
        dark = is_dark(self._frame)
        for entry in self._entries[len(self._model_ids) :]:
            entry.hide()
        for entry, prediction in zip(self._entries, result.predictions, strict=False):
            model_id = prediction.model_id
            card = card_of(result.trust, model_id)
            model = models.get(model_id)
            entry.card.setText(trust_html(card, prediction.positive, model) if card is not None else "")
            entry.card.setVisible(card is not None)
            waits = self.withheld(result, model_id)
            entry.reveal.setVisible(waits)
            entry.picture.setVisible(not waits)
            say(entry.classes, "" if waits else classes_html(prediction) or survival_html(prediction))
            clear(entry.curve)
            entry.curve.setVisible(False)
            if waits:
                clear(entry.picture)
                continue
            look = {"dark": dark, "width": WIDTH, "simulated": model is None or model.simulated}
            svg = probability_svg(prediction, stability.get(model_id), **look)
            words = _("Estimated probability of {positive}: {probability}. {notice}.").format(
                positive=prediction.positive,
                probability=percent(prediction.probability),
                notice=RESEARCH_USE_ONLY,
            )
            set_svg(entry.picture, svg, words)
            curve = survival_svg(prediction, **look)
            if curve:
                set_svg(entry.curve, curve, " ".join(survival_words(prediction.survival)))
                entry.curve.setVisible(True)

    def clear(self) -> None:
        self._model_ids = []
        for entry in self._entries:
            entry.hide()

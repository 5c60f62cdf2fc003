"""What if a feature or a clinical value were another one: one slider, and the hypothetical answer."""

from __future__ import annotations

from html import escape
from typing import Any

from slicer.i18n import tr as _

from ..errors import VirtualBiopsyError
from ..models.radmodel import RadModel
from ..radiomics.keys import is_clinical
from ..report.labels import feature_label
from ..report.numbers import percent, signed, value
from ..session import Result
from .pictures import say
from .study import Study

STEPS = 200


class WhatIfControls:
    """Moves one value at a time; what was moved stays moved until it is put back.

    Parameters
    ----------
    ui : has whatIfComboBox, whatIfSlider, whatIfResetButton and whatIfLabel.
    """

    def __init__(self, ui: Any, study: Study) -> None:
        self._ui = ui
        self._study = study
        self._of: tuple[Any, str] = (None, "")
        self._keys: list[str] = []
        self._values: dict[str, float] = {}
        self._ranges: dict[str, tuple[float, float]] = {}
        self._updating = False
        self.changes: dict[str, float] = {}
        ui.whatIfComboBox.connect("currentIndexChanged(int)", self._feature_chosen)
        ui.whatIfSlider.connect("valueChanged(double)", self._moved)
        ui.whatIfResetButton.connect("clicked(bool)", self.reset)

    def show(self, result: Result | None, model: RadModel | None, ready: bool) -> None:
        """Offer the features of a model, largest contribution first; `ready` if the result is up to date."""
        for widget in (self._ui.whatIfComboBox, self._ui.whatIfSlider, self._ui.whatIfResetButton):
            widget.enabled = ready and model is not None
        of = (result.predictions if result is not None else None, model.model_id if model is not None else "")
        if of[0] is self._of[0] and of[1] == self._of[1]:
            return
        self._of, self.changes = of, {}
        explanation = next(
            (e for e in result.explanations if e.model_id == of[1]) if result is not None else iter(()), None
        )
        shown = explanation.contributions if explanation is not None and model is not None else ()
        self._values = {c.key: c.value for c in shown}
        self._ranges = {c.key: _range(c.value, c.reference, model.feature_ranges.get(c.key)) for c in shown}
        self._updating = True
        try:
            self._ui.whatIfComboBox.clear()
            for c in shown:
                self._ui.whatIfComboBox.addItem(feature_label(c.key).full, c.key)
            self._keys = [c.key for c in shown]
        finally:
            self._updating = False
        self._feature_chosen(self._ui.whatIfComboBox.currentIndex)
        say(self._ui.whatIfLabel, "")

    def pause(self) -> None:
        """Nothing can be moved while something runs or the result is out of date."""
        for widget in (self._ui.whatIfComboBox, self._ui.whatIfSlider, self._ui.whatIfResetButton):
            widget.enabled = False

    def _feature_chosen(self, index: int) -> None:
        if self._updating or not 0 <= index < len(self._keys):
            return
        key, slider = self._keys[index], self._ui.whatIfSlider
        low, high = self._ranges[key]
        self._updating = True
        try:
            slider.decimals = 0 if is_clinical(key) else 4
            slider.minimum, slider.maximum = low, high
            slider.singleStep = (high - low) / STEPS if not is_clinical(key) else 1.0
            slider.setValue(self.changes.get(key, self._values[key]))
        finally:
            self._updating = False

    def _moved(self, number: float) -> None:
        index = self._ui.whatIfComboBox.currentIndex
        session = self._study.session
        if self._updating or session is None or not 0 <= index < len(self._keys):
            return
        self.changes[self._keys[index]] = float(number)
        try:
            answer = session.what_if(self._of[1], self.changes)
        except VirtualBiopsyError as error:
            say(self._ui.whatIfLabel, escape(str(error)))
            return
        moved = ", ".join(
            f"{feature_label(key).full}: {value(self._values[key])} → {value(now)}"
            for key, now in self.changes.items()
        )
        shift = answer.hypothetical.log_odds - answer.actual.log_odds
        text = _("{positive}: {before} → {after} ({shift} log-odds)").format(
            positive=answer.actual.positive,
            before=percent(answer.actual.probability),
            after=percent(answer.hypothetical.probability),
            shift=signed(shift),
        )
        say(
            self._ui.whatIfLabel,
            f"<b>{escape(text)}</b><br>{escape(moved)}<br><i>{escape(answer.note)}</i>",
        )

    def reset(self, checked: bool = False) -> None:
        """Put all values back."""
        self.changes = {}
        say(self._ui.whatIfLabel, "")
        self._feature_chosen(self._ui.whatIfComboBox.currentIndex)


def _range(number: float, reference: float, known: tuple[float, float] | None) -> tuple[float, float]:
    """Range of a slider: that of the training cases, and the value itself."""
    low, high = known if known is not None else (min(number, reference), max(number, reference))
    low, high = min(low, number), max(high, number)
    return (low, high) if high > low else (low - 1.0, high + 1.0)

"""The form of clinical variables; everything may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ..case.clinical import CLINICAL, ClinicalVariable

UNKNOWN_NUMBER = -1  # below the range of every variable; shown as the special value text


class ClinicalForm:
    """Builds a row for each variable and binds the rows to a dict of text values.

    Parameters
    ----------
    frame : empty QFrame that takes the form.
    names : names of the variables, see :data:`virtualbiopsy.case.clinical.CLINICAL`.
    on_change : called with the dict (unknown ones absent) when the user changed something.

    Attributes
    ----------
    widgets : widget by variable name: QSpinBox for numbers, QComboBox for the others.
    """

    def __init__(self, frame: Any, names: Sequence[str], on_change: Callable[[dict[str, str]], None]) -> None:
        self._on_change = on_change
        self._updating = False
        self._choices: dict[str, list[str]] = {}
        self.widgets: dict[str, Any] = {}
        form = qt.QFormLayout(frame)
        form.setContentsMargins(0, 0, 0, 0)
        for name in names:
            variable = CLINICAL[name]
            widget = self._number(variable) if variable.kind == "number" else self._choice(variable)
            widget.toolTip = variable.description
            self.widgets[name] = widget
            unit = _(" ({unit})").format(unit=variable.unit) if variable.unit else ""
            form.addRow(_("{variable}{unit}:").format(variable=variable.label, unit=unit), widget)

    def _number(self, variable: ClinicalVariable) -> Any:
        widget = qt.QSpinBox()
        widget.minimum = UNKNOWN_NUMBER
        widget.maximum = int(variable.maximum)
        widget.specialValueText = _("unknown")
        widget.setValue(UNKNOWN_NUMBER)
        widget.connect("valueChanged(int)", self._changed)
        return widget

    def _choice(self, variable: ClinicalVariable) -> Any:
        widget = qt.QComboBox()
        choices = {"yes": _("yes"), "no": _("no")} if variable.kind == "flag" else variable.choices
        self._choices[variable.name] = ["", *(str(value) for value in choices)]
        widget.addItem(_("unknown"), "")
        for value, label in choices.items():
            widget.addItem(label, str(value))
        widget.connect("currentIndexChanged(int)", self._changed)
        return widget

    def values(self) -> dict[str, str]:
        """What the form shows, by variable name; unknown ones are absent."""
        found = {}
        for name, widget in self.widgets.items():
            if name in self._choices:
                index = widget.currentIndex
                text = self._choices[name][index] if 0 <= index < len(self._choices[name]) else ""
            else:
                text = "" if widget.value <= UNKNOWN_NUMBER else str(int(widget.value))
            if text:
                found[name] = text
        return found

    def show(self, values: Mapping[str, str]) -> None:
        """Show these values without a call to `on_change`."""
        self._updating = True
        try:
            for name, widget in self.widgets.items():
                text = str(values.get(name, ""))
                if name in self._choices:
                    index = self._choices[name].index(text) if text in self._choices[name] else 0
                    if widget.currentIndex != index:
                        widget.setCurrentIndex(index)
                else:
                    number = round(float(text)) if text else UNKNOWN_NUMBER
                    if widget.value != number:
                        widget.setValue(number)
        finally:
            self._updating = False

    def _changed(self, value: int = 0) -> None:
        if not self._updating:
            self._on_change(self.values())

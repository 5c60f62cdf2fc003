"""The form of clinical variables; everything may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from ..case.clinical import CLINICAL

UNKNOWN_AGE = -1  # minimum of the spin box, shown as its special value text


class ClinicalForm:
    """Binds ageSpinBox and the combo boxes <name>ComboBox of `ui` to a dict of text values.

    Parameters
    ----------
    widgets : widget by variable name: a QSpinBox for "age", QComboBox for the others.
    on_change : called with the dict (unknown ones absent) when the user changed something.
    """

    def __init__(self, widgets: Mapping[str, Any], on_change: Callable[[dict[str, str]], None]) -> None:
        self._widgets = dict(widgets)
        self._on_change = on_change
        self._updating = False
        self._choices: dict[str, list[str]] = {}
        for name, widget in self._widgets.items():
            variable = CLINICAL[name]
            widget.toolTip = variable.description
            if variable.kind == "number":
                widget.connect("valueChanged(int)", self._changed)
                continue
            choices = {"yes": _("yes"), "no": _("no")} if variable.kind == "flag" else variable.choices
            self._choices[name] = ["", *(str(value) for value in choices)]
            widget.addItem(_("unknown"), "")
            for value, label in choices.items():
                widget.addItem(label, str(value))
            widget.connect("currentIndexChanged(int)", self._changed)

    def values(self) -> dict[str, str]:
        """What the form shows, by variable name; unknown ones are absent."""
        found = {}
        for name, widget in self._widgets.items():
            if name in self._choices:
                index = widget.currentIndex
                text = self._choices[name][index] if 0 <= index < len(self._choices[name]) else ""
            else:
                text = "" if widget.value <= UNKNOWN_AGE else str(int(widget.value))
            if text:
                found[name] = text
        return found

    def show(self, values: Mapping[str, str]) -> None:
        """Show these values without a call to `on_change`."""
        self._updating = True
        try:
            for name, widget in self._widgets.items():
                text = str(values.get(name, ""))
                if name in self._choices:
                    index = self._choices[name].index(text) if text in self._choices[name] else 0
                    if widget.currentIndex != index:
                        widget.setCurrentIndex(index)
                else:
                    number = round(float(text)) if text else UNKNOWN_AGE
                    if widget.value != number:
                        widget.setValue(number)
        finally:
            self._updating = False

    def _changed(self, value: int = 0) -> None:
        if not self._updating:
            self._on_change(self.values())

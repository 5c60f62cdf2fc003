"""The box "Kinetic model": arterial input and assumed T1, where they depart from the models' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ctk
import qt
from slicer.i18n import tr as _

from .study import MEASURED, TABLE, KineticInputs

OWN = ""
LONGEST_T1 = 5000.0


class KineticControls:
    """Builds the box into a frame.

    Parameters
    ----------
    frame : empty QFrame. on_change : called with the new choice when the user changed something.
    """

    def __init__(self, frame: Any, on_change: Callable[[KineticInputs], None]) -> None:
        self._on_change = on_change
        self._updating = False
        self.choices = {
            OWN: _("own settings of the models"),
            "parker": _("Parker (population)"),
            "georgiou": _("Georgiou (population)"),
            "weinmann": _("Weinmann (population)"),
            MEASURED: _("measured in the segment “artery”"),
            TABLE: _("table in a file"),
        }
        box = ctk.ctkCollapsibleGroupBox()
        box.title = _("Kinetic model")
        box.collapsed = True
        qt.QVBoxLayout(frame).addWidget(box)
        form = qt.QFormLayout(box)
        self.arterial = qt.QComboBox()
        self.arterial.toolTip = _(
            "Contrast agent in the blood over time; results that depart from the models' own say so."
        )
        for key, words in self.choices.items():
            self.arterial.addItem(words, key)
        self.table = ctk.ctkPathLineEdit()
        self.table.nameFilters = ["CSV (*.csv)"]
        self.table.toolTip = _("CSV with the columns time_s (or time_min) and plasma (or blood), in mmol/L.")
        self.t1 = qt.QDoubleSpinBox()
        self.t1.minimum, self.t1.maximum = 0.0, LONGEST_T1
        self.t1.decimals = 0
        self.t1.singleStep = 50.0
        self.t1.specialValueText = _("own settings of the models")
        self.t1.toolTip = _("T1 of tissue before the contrast agent, where no T1 map is there.")
        self.own = qt.QPushButton()
        self.own.text = _("Own settings of the models")
        self.own.toolTip = _("Do not depart from what the models were trained with.")
        form.addRow(_("Arterial input:"), self.arterial)
        form.addRow(_("Table:"), self.table)
        form.addRow(_("Assumed T1 (ms):"), self.t1)
        form.addRow(self.own)
        self.arterial.connect("currentIndexChanged(int)", self._changed)
        self.table.connect("currentPathChanged(QString)", self._changed)
        self.t1.connect("valueChanged(double)", self._changed)
        self.own.connect("clicked(bool)", self.revert)

    def show(self, chosen: KineticInputs) -> None:
        """Bring the widgets in line with what was chosen."""
        keys = list(self.choices)
        self._updating = True
        try:
            index = keys.index(chosen.aif) if chosen.aif in keys else 0
            if self.arterial.currentIndex != index:
                self.arterial.setCurrentIndex(index)
            if self.t1.value != chosen.t1_ms:
                self.t1.setValue(chosen.t1_ms)
            if (self.table.currentPath or "") != chosen.table:
                self.table.setCurrentPath(chosen.table)
        finally:
            self._updating = False

    def enable(self, enabled: bool) -> None:
        for widget in (self.arterial, self.t1, self.own):
            widget.enabled = enabled
        self.table.enabled = enabled and self._key() == TABLE

    def revert(self, checked: bool = False) -> None:
        """Back to the models' own."""
        self._on_change(KineticInputs())

    def _key(self) -> str:
        index = self.arterial.currentIndex
        return list(self.choices)[index] if 0 <= index < len(self.choices) else OWN

    def _changed(self, value: Any = None) -> None:
        if not self._updating:
            table = str(self.table.currentPath or "")
            self._on_change(KineticInputs(self._key(), float(self.t1.value), table))

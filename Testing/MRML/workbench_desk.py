"""The workbench with plain stand-ins for Qt: what a user fills in and presses."""

from __future__ import annotations

import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import slicer
from panel_support import Widget, desktop

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "Resources/UI/RadiomicsWorkbenchPanel.ui"


class Field(Widget):
    """A widget with what forms and tables need beside."""

    def __init__(self, kind="QWidget"):
        super().__init__(kind)
        self.checked, self.currentRow, self.focused, self.collapsed = False, -1, False, True

    def setText(self, text):
        if text != self.text:
            self.text = text
            self.emit("textChanged(QString)", text)

    def setChecked(self, checked):
        if checked != self.checked:
            self.checked = checked
            self.emit("toggled(bool)", checked)

    def setFocus(self):
        self.focused = True

    @property
    def rows(self):
        """Texts of a table."""
        columns = {column for _row, column in self.cells}
        return [tuple(self.cells[n, c].text() for c in sorted(columns)) for n in range(self.rowCount)]


class Desk:
    """One opened workbench.

    Attributes
    ----------
    messages : of the application. opened : addresses that were opened. chosen : answers of file dialogs, in
    order. settings : what is remembered. agrees : the answer to questions.
    """

    def __init__(self, monkeypatch):
        self.messages = desktop(monkeypatch)
        self.opened, self.chosen, self.settings, self.agrees = [], [], {}, True
        qt = sys.modules["qt"]
        qt.QSettings = lambda: types.SimpleNamespace(setValue=self.settings.__setitem__)
        qt.QUrl = types.SimpleNamespace(fromLocalFile=lambda path: ("file", path))
        qt.QDesktopServices = types.SimpleNamespace(openUrl=self.opened.append)
        qt.QFileDialog = types.SimpleNamespace(
            getOpenFileName=lambda *a: self.chosen.pop(0), getExistingDirectory=lambda *a: self.chosen.pop(0)
        )
        qt.QTableWidgetItem = Cell
        util = slicer.util
        monkeypatch.setattr(util, "mainWindow", lambda: None, raising=False)
        monkeypatch.setattr(util, "settingsValue", lambda key, default: self.settings.get(key, default))
        for name in ("confirmOkCancelDisplay", "confirmYesNoDisplay"):
            monkeypatch.setattr(util, name, self._asked, raising=False)
        self.open()

    def _asked(self, text, **more):
        self.messages.append(("question", text))
        return self.agrees

    def open(self):
        """Open the module (again)."""
        from virtualbiopsy.desktop.workbench import WorkbenchPanel

        found = {w.get("name"): Field(w.get("class")) for w in ET.parse(UI).getroot().iter("widget")}
        self.ui = types.SimpleNamespace(**found)
        self.ui.simulatedSpinBox.value = 60
        for box in (self.ui.foldsSpinBox, self.ui.repeatsSpinBox):
            box.value = 0
        self.panel = WorkbenchPanel(self.ui)
        self.panel.enter()
        return self

    def press(self, name, wait=True):
        getattr(self.ui, name).emit("clicked(bool)", False)
        if wait:
            self.panel.wait_for_completion(200)

    def fill(self, **changes):
        from virtualbiopsy.workbench.form import Form

        form = Form(**changes)
        self.panel.recipes.choose(form.recipe)
        self.panel.form.fill(form)
        self.panel._refresh()

    def choose_row(self, table, number):
        getattr(self.ui, table).emit("currentCellChanged(int,int,int,int)", number, 0, -1, -1)


class Cell:
    def __init__(self, text=""):
        self._text = text

    def text(self):
        return self._text

    def setToolTip(self, text):
        pass

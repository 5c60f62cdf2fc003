"""What the user fills in: widgets to a form and back, remembered on this computer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..cohort.layouts.registry import LAYOUTS
from ..errors import FormError
from ..workbench.form import Form, from_document, to_document

COHORT, SIMULATED = 0, 1
KEPT = "VirtualBiopsy/Workbench"
"""Key in the settings of Slicer: paths belong to this computer, and not into a scene that is passed on."""


class FormControls:
    """The sections "Cases", "Options" and the folder of the results.

    Parameters
    ----------
    ui : named widgets of the panel. on_change : called after anything was changed.
    on_cases : called after it was something that the examination of the cases depends on.
    """

    def __init__(self, ui: Any, on_change: Callable[[], None], on_cases: Callable[[], None]) -> None:
        self._ui, self._on_change, self._on_cases = ui, on_change, on_cases
        self._layouts = ["", *LAYOUTS]
        self._endpoints = [""]
        self._external: list[str] = []
        self._filling = False
        for words in (_("A cohort of cases with labels"), _("Simulated cases")):
            ui.casesComboBox.addItem(words)
        ui.layoutComboBox.addItem(_("Guess"))
        for layout in LAYOUTS.values():
            ui.layoutComboBox.addItem(layout.title)
        self.offer_endpoints(())
        for path in (ui.cohortPathLineEdit, ui.labelsPathLineEdit):
            path.connect("currentPathChanged(QString)", self._cases_changed)
        for box in (ui.casesComboBox, ui.layoutComboBox, ui.endpointComboBox):
            box.connect("currentIndexChanged(int)", self._cases_changed)
        ui.timePointLineEdit.connect("textChanged(QString)", self._cases_changed)
        for number in (ui.simulatedSpinBox, ui.foldsSpinBox, ui.repeatsSpinBox):
            number.connect("valueChanged(int)", self._cases_changed)
        ui.fewEventsCheckBox.connect("toggled(bool)", self._cases_changed)
        for path in (ui.outPathLineEdit, ui.statementPathLineEdit):
            path.connect("currentPathChanged(QString)", self._changed)
        for box in (ui.compareCheckBox, ui.overwriteCheckBox):
            box.connect("toggled(bool)", self._changed)
        ui.cohortTableButton.connect("clicked(bool)", self._choose_table)
        ui.externalFolderButton.connect("clicked(bool)", self._add_folder)
        ui.externalTableButton.connect("clicked(bool)", self._add_table)
        ui.externalRemoveButton.connect("clicked(bool)", self._remove_external)
        self._show_source()

    # Form

    def read(self, recipe: str) -> Form:
        """The form as it is filled in."""
        ui = self._ui
        simulated = ui.casesComboBox.currentIndex == SIMULATED
        return Form(
            recipe=recipe,
            cohort="" if simulated else str(ui.cohortPathLineEdit.currentPath or ""),
            simulated=int(ui.simulatedSpinBox.value) if simulated else 0,
            layout="" if simulated else self._layouts[max(0, ui.layoutComboBox.currentIndex)],
            labels="" if simulated else str(ui.labelsPathLineEdit.currentPath or ""),
            endpoint="" if simulated else self._endpoints[max(0, ui.endpointComboBox.currentIndex)],
            time_point="" if simulated else str(ui.timePointLineEdit.text or ""),
            external=tuple(self._external),
            statement=str(ui.statementPathLineEdit.currentPath or ""),
            out=str(ui.outPathLineEdit.currentPath or ""),
            folds=int(ui.foldsSpinBox.value),
            repeats=int(ui.repeatsSpinBox.value),
            compare=bool(ui.compareCheckBox.checked),
            few_events=bool(ui.fewEventsCheckBox.checked),
            overwrite=bool(ui.overwriteCheckBox.checked),
        )

    def fill(self, form: Form) -> None:
        """Show a form; what would replace results must be said anew each time."""
        ui = self._ui
        self._filling = True
        try:
            ui.casesComboBox.setCurrentIndex(SIMULATED if form.simulated else COHORT)
            if form.simulated:
                ui.simulatedSpinBox.setValue(form.simulated)
            ui.cohortPathLineEdit.setCurrentPath(form.cohort)
            ui.labelsPathLineEdit.setCurrentPath(form.labels)
            ui.layoutComboBox.setCurrentIndex(
                self._layouts.index(form.layout) if form.layout in self._layouts else 0
            )
            self.offer_endpoints((form.endpoint,) if form.endpoint else (), form.endpoint)
            ui.timePointLineEdit.setText(form.time_point)
            ui.foldsSpinBox.setValue(form.folds)
            ui.repeatsSpinBox.setValue(form.repeats)
            self._show_external(list(form.external))
            ui.statementPathLineEdit.setCurrentPath(form.statement)
            ui.compareCheckBox.setChecked(form.compare)
            ui.fewEventsCheckBox.setChecked(form.few_events)
            ui.overwriteCheckBox.setChecked(False)
            ui.outPathLineEdit.setCurrentPath(form.out)
        finally:
            self._filling = False
        self._show_source()

    def offer_endpoints(self, names: tuple[str, ...], chosen: str | None = None) -> None:
        """Fill the list of endpoints with those of the cohort; the choice stays if it is among them.

        Parameters
        ----------
        chosen : name that is chosen, None for the one that is.
        """
        box = self._ui.endpointComboBox
        if chosen is None:
            chosen = self._endpoints[max(0, box.currentIndex)]
        before, self._filling = self._filling, True
        try:
            self._endpoints = ["", *names]
            box.clear()
            box.addItem(_("That of the study"))
            for name in names:
                box.addItem(name)
            box.setCurrentIndex(self._endpoints.index(chosen) if chosen in self._endpoints else 0)
        finally:
            self._filling = before

    def mark(self, error: FormError) -> None:
        """Lead the user to the field that an error is about."""
        ui = self._ui
        found = {
            "recipe": (ui.recipeCollapsibleButton, ui.recipeTable),
            "cohort": (ui.casesCollapsibleButton, ui.cohortPathLineEdit),
            "simulated": (ui.casesCollapsibleButton, ui.simulatedSpinBox),
            "layout": (ui.casesCollapsibleButton, ui.layoutComboBox),
            "labels": (ui.casesCollapsibleButton, ui.labelsPathLineEdit),
            "endpoint": (ui.casesCollapsibleButton, ui.endpointComboBox),
            "time_point": (ui.casesCollapsibleButton, ui.timePointLineEdit),
            "external": (ui.optionsCollapsibleButton, ui.externalList),
            "statement": (ui.optionsCollapsibleButton, ui.statementPathLineEdit),
            "folds": (ui.optionsCollapsibleButton, ui.foldsSpinBox),
            "repeats": (ui.optionsCollapsibleButton, ui.repeatsSpinBox),
            "overwrite": (ui.optionsCollapsibleButton, ui.overwriteCheckBox),
            "out": (ui.runCollapsibleButton, ui.outPathLineEdit),
        }.get(error.field)
        if found is not None:
            section, widget = found
            section.collapsed = False
            widget.setFocus()

    def enable(self, enabled: bool) -> None:
        """Whether anything can be changed."""
        ui = self._ui
        for widget in (ui.casesComboBox, ui.cohortFrame, ui.simulatedFrame, ui.outPathLineEdit):
            widget.enabled = enabled
        for widget in (ui.foldsSpinBox, ui.repeatsSpinBox, ui.externalList, ui.statementPathLineEdit):
            widget.enabled = enabled
        for widget in (ui.externalFolderButton, ui.externalTableButton, ui.externalRemoveButton):
            widget.enabled = enabled
        for widget in (ui.compareCheckBox, ui.fewEventsCheckBox, ui.overwriteCheckBox):
            widget.enabled = enabled

    # Changes

    def _changed(self, *values: Any) -> None:
        if not self._filling:
            self._on_change()

    def _cases_changed(self, *values: Any) -> None:
        if not self._filling:
            self._show_source()
            self._on_cases()
            self._on_change()

    def _show_source(self) -> None:
        simulated = self._ui.casesComboBox.currentIndex == SIMULATED
        self._ui.cohortFrame.setVisible(not simulated)
        self._ui.simulatedFrame.setVisible(simulated)

    def _choose_table(self, checked: bool = False) -> None:
        path = ask_table(_("Table of the cohort"), str(self._ui.cohortPathLineEdit.currentPath or ""))
        if path:
            self._ui.cohortPathLineEdit.setCurrentPath(path)

    def _add_folder(self, checked: bool = False) -> None:
        self._add(ask_folder(_("Cohort to test on")))

    def _add_table(self, checked: bool = False) -> None:
        self._add(ask_table(_("Table of the cohort to test on")))

    def _add(self, path: str) -> None:
        if path and path not in self._external:
            self._show_external([*self._external, path])
            self._cases_changed()

    def _remove_external(self, checked: bool = False) -> None:
        number = self._ui.externalList.currentRow
        if number is not None and 0 <= number < len(self._external):
            self._show_external([path for n, path in enumerate(self._external) if n != number])
            self._cases_changed()

    def _show_external(self, paths: list[str]) -> None:
        self._external = paths
        self._ui.externalList.clear()
        for path in paths:
            self._ui.externalList.addItem(path)


def ask_folder(title: str, start: str = "") -> str:
    """Let the user choose a folder; "" if none was."""
    return str(qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, start) or "")


def ask_table(title: str, start: str = "") -> str:
    """Let the user choose a table; "" if none was."""
    return ask_file(title, _("Tables") + " (*.csv *.xlsx)", start)


def ask_file(title: str, kinds: str, start: str = "") -> str:
    """Let the user choose a file; "" if none was."""
    return str(qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, start, kinds) or "")


def kept_form() -> Form:
    """The form that was filled in last on this computer."""
    try:
        return from_document(json.loads(str(slicer.util.settingsValue(KEPT, "") or "{}")))
    except ValueError:
        return Form()


def keep_form(form: Form) -> None:
    """Remember a form on this computer."""
    qt.QSettings().setValue(KEPT, json.dumps(to_document(form)))

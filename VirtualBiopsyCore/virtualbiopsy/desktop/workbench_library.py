"""The models that were installed on this computer."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import ModelFormatError
from ..models.library import (
    Installed,
    install_model,
    installed_models,
    remove_model,
    trained_on,
    why_not_tried,
)
from ..models.radmodel import SUFFIX, load_radmodel
from .pictures import say
from .workbench_form import ask_file
from .workbench_table import TextTable


class LibraryControls:
    """Fills the section "Installed models".

    Parameters
    ----------
    ui : has libraryTable, brokenLabel, addModelButton and removeModelButton.
    on_change : called after a model was installed or removed.
    fail : called with an exception; shows it. tell : shows a line of text.
    """

    def __init__(
        self,
        ui: Any,
        on_change: Callable[[], None],
        fail: Callable[[Exception], None],
        tell: Callable[[str], None],
    ) -> None:
        self._ui, self._on_change, self._fail, self._tell = ui, on_change, fail, tell
        self.installed = Installed()
        self._names: list[str] = []
        self.chosen = ""
        self._table = TextTable(
            ui.libraryTable,
            (_("Model"), _("Title"), _("Cases"), _("Where it can be tried")),
            (110, 150, 130),
            self._chosen,
        )
        ui.addModelButton.connect("clicked(bool)", self.add)
        ui.removeModelButton.connect("clicked(bool)", self.remove)

    def refresh(self) -> None:
        """Read the folder again."""
        self.installed = installed_models()
        models, broken = self.installed.models, self.installed.broken
        self._names = [*(model.model_id for model in models), *(path.name for path, _why in broken)]
        rows = [
            (model.model_id, model.title, trained_on(model), why_not_tried(model.task) or model.task)
            for model in models
        ]
        rows += [(path.name, _("cannot be used"), "", why) for path, why in broken]
        self.chosen = self.chosen if self.chosen in self._names else ""
        self._table.show(rows, self._names.index(self.chosen) if self.chosen else -1)
        say(self._ui.brokenLabel, "<br>".join(f"⚠ {escape(line)}" for line in self.installed.warnings))
        self._state()

    def has(self, model_id: str, sha256: str) -> bool:
        """Whether a model is installed, with these contents."""
        return any((m.model_id, m.sha256) == (model_id, sha256) for m in self.installed.models)

    def install(self, path: str, replace: bool = False) -> bool:
        """Install a model; one of the same id is replaced only after a question."""
        try:
            model = load_radmodel(path)
            there = any(known.model_id == model.model_id for known in self.installed.models)
            if there and not replace and not self._may_replace(model.model_id):
                return False
            install_model(path, replace=there)
        except ModelFormatError as error:
            self._fail(error)
            return False
        self.refresh()
        self._tell(_("{model} is installed.").format(model=model.model_id))
        self._on_change()
        return True

    def _may_replace(self, name: str) -> bool:
        question = _("A model with the id {name} is installed. Replace it?").format(name=name)
        return bool(slicer.util.confirmOkCancelDisplay(question))

    def add(self, checked: bool = False) -> None:
        """Let the user choose a model file and install it."""
        path = ask_file(_("Model to install"), f"VirtualBiopsy (*{SUFFIX})")
        if path:
            self.install(path)

    def remove(self, checked: bool = False) -> None:
        """Remove the chosen model after a question."""
        name = self.chosen
        question = _("Remove {name} from this computer?").format(name=name)
        if not name or not slicer.util.confirmOkCancelDisplay(question):
            return
        try:
            path = remove_model(name)
        except ModelFormatError as error:
            self._fail(error)
            return
        self.refresh()
        self._tell(_("{name} is removed.").format(name=Path(path).name))
        self._on_change()

    def _chosen(self, number: int) -> None:
        self.chosen = self._names[number]
        self._state()

    def _state(self) -> None:
        self._ui.removeModelButton.enabled = bool(self.chosen)

"""The published studies: a table with a filter, and what one of them states."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from slicer.i18n import tr as _

from ..workbench.recipes import CAN_RUN, RecipeRow, recipe_facts, recipe_rows
from .workbench_table import TextTable


class RecipeControls:
    """Fills the section "Recipe".

    Parameters
    ----------
    ui : has filterSearchBox, stateComboBox, recipeTable and recipeBrowser.
    on_chosen : called after the user chose another study.
    """

    def __init__(self, ui: Any, on_chosen: Callable[[], None]) -> None:
        self._ui, self._on_chosen = ui, on_chosen
        self._rows = recipe_rows()
        self._shown: list[RecipeRow] = []
        self._states = ["", *dict.fromkeys(row.state for row in self._rows)]
        self.recipe = ""
        self._table = TextTable(
            ui.recipeTable,
            (_("Recipe"), _("Study"), _("State"), _("Why it is not run")),
            (60, 210, 80),
            self._chosen,
        )
        ui.stateComboBox.addItem(_("All"))
        for state in self._states[1:]:
            ui.stateComboBox.addItem(state)
        ui.filterSearchBox.connect("textChanged(QString)", self._filtered)
        ui.stateComboBox.connect("currentIndexChanged(int)", self._filtered)
        self._fill()

    @property
    def row(self) -> RecipeRow | None:
        """The study that is chosen."""
        return next((row for row in self._rows if row.recipe == self.recipe), None)

    @property
    def shown(self) -> tuple[str, ...]:
        """Ids of the studies that pass the filter."""
        return tuple(row.recipe for row in self._shown)

    def choose(self, recipe: str) -> None:
        """Choose a study by its id; "" or an unknown one for none."""
        self.recipe = recipe if any(row.recipe == recipe for row in self._rows) else ""
        self._fill()

    def _filtered(self, *changed: Any) -> None:
        self._fill()

    def _fill(self) -> None:
        ui = self._ui
        words = str(ui.filterSearchBox.text or "").lower().split()
        state = self._states[max(0, ui.stateComboBox.currentIndex)]
        self._shown = [
            row
            for row in self._rows
            if state in ("", row.state) and all(word in _haystack(row) for word in words)
        ]
        rows = [(row.recipe, f"{row.title} ({row.disease})", row.state, row.why_not) for row in self._shown]
        chosen = self.shown.index(self.recipe) if self.recipe in self.shown else -1
        self._table.show(rows, chosen)
        row = self.row
        ui.recipeBrowser.setHtml(recipe_html(row) if row is not None else escape(_("Choose a recipe.")))

    def _chosen(self, number: int) -> None:
        self.recipe = self._shown[number].recipe
        self._ui.recipeBrowser.setHtml(recipe_html(self._shown[number]))
        self._on_chosen()


def _haystack(row: RecipeRow) -> str:
    texts = (row.recipe, row.title, row.disease, row.endpoint, row.modality, row.reference, *row.sequences)
    return " ".join(texts).lower()


def recipe_html(row: RecipeRow) -> str:
    """What a study states, as rich text."""
    state = row.state if row.state == CAN_RUN else f"{row.state}: {row.why_not}"
    lines = [(_("State"), state), *recipe_facts(row.recipe)]
    cells = "".join(
        f"<tr><td><b>{escape(label)}</b></td><td>{escape(text)}</td></tr>" for label, text in lines
    )
    notice = _("Published figures are those of another model on other cases.")
    return (
        f"<p><b>{escape(row.recipe)}: {escape(row.title)}</b></p>"
        f"<table cellpadding='2'>{cells}</table><p><i>{escape(notice)}</i></p>"
    )

"""The cases before a run: all faults at once, their endpoints, and whether they are enough."""

from __future__ import annotations

from html import escape
from typing import Any

from slicer.i18n import tr as _

from ..workbench.examine import FAULT, Examination
from .pictures import say
from .workbench_table import TextTable


class ExaminationView:
    """Shows what was found in the section "Cases".

    Parameters
    ----------
    ui : has examinationLabel, faultTable and endpointsLabel.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self.found: Examination | None = None
        self._table = TextTable(
            ui.faultTable, (_("Kind"), _("Where"), _("What"), _("What to do")), (60, 110, 190)
        )
        self.clear()

    def show(self, found: Examination) -> None:
        """Show the result of an examination."""
        ui, self.found = self._ui, found
        words = {FAULT: _("fault")}
        self._table.show(
            [(words.get(row.kind, _("warning")), row.where, row.what, row.hint) for row in found.rows]
        )
        ui.faultTable.setVisible(bool(found.rows))
        say(ui.examinationLabel, verdict_html(found))
        say(ui.endpointsLabel, cases_html(found))

    def clear(self, words: str = "") -> None:
        """Show nothing but `words`."""
        self.found = None
        self._table.show(())
        self._ui.faultTable.setVisible(False)
        say(self._ui.examinationLabel, escape(words))
        say(self._ui.endpointsLabel, "")


def verdict_html(found: Examination) -> str:
    """Whether the cases can be used, as rich text."""
    faults = sum(row.kind == FAULT for row in found.rows)
    if found.usable:
        lines = [_("✓ The cases can be used: {n}.").format(n=found.patients)]
    else:
        lines = [_("✗ The cases cannot be used; faults: {n}.").format(n=faults)]
    if found.layout:
        lines.append(_("Read as {layout}: {reason}").format(layout=found.layout, reason=found.reason))
    if found.outlook:
        lines.append(found.outlook)
    return "<br>".join(escape(line) for line in lines)


def cases_html(found: Examination) -> str:
    """Facts and endpoints as rich text."""
    rows = "".join(
        f"<tr><td><b>{escape(label)}</b></td><td>{escape(text)}</td></tr>" for label, text in found.facts
    )
    for endpoint in found.endpoints:
        text = f"{endpoint.kind}: {endpoint.counts}"
        if endpoint.missing:
            text += ", " + _("not known: {n}").format(n=endpoint.missing)
        mark = "▸ " if endpoint.chosen else ""
        name = f"{mark}{endpoint.name}"
        rows += f"<tr><td><b>{escape(name)}</b></td><td>{escape(text)}</td></tr>"
    return f"<table cellpadding='2'>{rows}</table>" if rows else ""

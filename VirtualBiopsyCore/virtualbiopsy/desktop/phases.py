"""The phases of a dynamic series: table with times and marks, motion, and what the views show."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from ..case.dynamic import DynamicSeries
from ..case.phase_times import phase_rows
from ..errors import VirtualBiopsyError
from ..prepare.kinetics.motion import correct_motion, measure_motion, motion_sentence
from ..prepare.kinetics.subtraction import mean_precontrast, subtraction
from ..report.series_rows import motion_rows, phase_table, series_facts
from ..scene.dynamic import NodeSeries, mark_precontrast, sequence_from_series, set_times
from ..scene.phases import PhaseView
from .bench import Bench
from .pictures import say

PHASE, SUBTRACTION, PROJECTION = range(3)
NAME, START, CENTRE, SOURCE, BEFORE = range(5)


class PhaseControls:
    """Shows one series and writes what the user says about it into its node.

    Parameters
    ----------
    bench : its `ui` has phaseTable, phasesLabel, motionButton, motionCorrectButton, motionLabel, phaseSlider
        and phaseViewComboBox.
    on_series : called with the node of a new series (aligned phases).
    on_said : called when the user marked phases or typed times.
    """

    def __init__(self, bench: Bench, on_series: Callable[[Any], None], on_said: Callable[[], None]) -> None:
        self._bench, self._ui = bench, bench.ui
        self._on_series, self._on_said = on_series, on_said
        ui = bench.ui
        self._node: Any = None
        self._shown: NodeSeries | None = None
        self._cells: list[list[Any]] = []
        self._before: np.ndarray | None = None
        self._filling = False
        self._projected = False
        self.motion: DynamicSeries | None = None
        module = getattr(slicer.modules, "sequences", None)
        self._logic = module.logic() if module is not None else None
        self._view = PhaseView(bench.scene, self._logic)
        ui.phaseTable.setColumnCount(BEFORE + 1)
        ui.phaseTable.setHorizontalHeaderLabels(
            [_("Phase"), _("Start (s)"), _("After injection (s)"), _("Time from"), _("Before contrast")]
        )
        for words in (_("Phase"), _("Subtraction"), _("Maximum of the subtraction")):
            ui.phaseViewComboBox.addItem(words)
        ui.phaseTable.connect("cellChanged(int,int)", self._cell_changed)
        ui.phaseSlider.connect("valueChanged(double)", self._slid)
        ui.phaseViewComboBox.connect("currentIndexChanged(int)", self._mode_chosen)
        ui.motionButton.connect("clicked(bool)", self.measure)
        ui.motionCorrectButton.connect("clicked(bool)", self.correct)

    @property
    def series(self) -> DynamicSeries | None:
        return self._shown.series if self._shown is not None else None

    def show(self, node: Any, found: NodeSeries | None) -> None:
        """Fill the section with a series; nothing happens if it is the one that is shown."""
        if found is self._shown and node is self._node:
            return
        other = node is not self._node
        self._node, self._shown, self._before = node, found, None
        self._fill(found)
        if other or found is None:
            self.motion = None
        self._tell_motion()

    def _fill(self, found: NodeSeries | None) -> None:
        ui = self._ui
        self._filling = True
        try:
            self._cells = []
            rows = phase_table(phase_rows(found.series)) if found is not None else []
            ui.phaseTable.setRowCount(len(rows))
            for n, row in enumerate(rows):
                texts = (row["name"], row["start"], row["centre"], row["source"], "")
                cells = [qt.QTableWidgetItem(str(text)) for text in texts]
                for column, cell in enumerate(cells):
                    flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
                    flags |= qt.Qt.ItemIsEditable if column == START else 0
                    flags |= qt.Qt.ItemIsUserCheckable if column == BEFORE else 0
                    cell.setFlags(flags)
                    if column == BEFORE:
                        cell.setCheckState(qt.Qt.Checked if row["precontrast"] else qt.Qt.Unchecked)
                    ui.phaseTable.setItem(n, column, cell)
                self._cells.append(cells)
            ui.phaseSlider.maximum = float(max(0, len(rows) - 1))
        finally:
            self._filling = False
        words = list(found.notes) if found is not None else []
        if found is not None:
            words += [f"{fact['name']}: {fact['value']}" for fact in series_facts(found.series)]
        say(ui.phasesLabel, "<br>".join(escape(line) for line in words))

    def clear(self) -> None:
        """No series; the views are as they were."""
        self.thin()
        self.show(None, None)

    def thin(self) -> None:
        """No projection any more."""
        if self._projected:
            self._projected = False
            self._view.project(None)

    def refresh(self, ready: bool) -> None:
        """`ready`: there is a series and nothing runs."""
        ui = self._ui
        for widget in (ui.motionButton, ui.motionCorrectButton, ui.phaseTable):
            widget.enabled = ready
        for widget in (ui.phaseSlider, ui.phaseViewComboBox):
            widget.enabled = self._shown is not None

    # What the user says

    def _cell_changed(self, row: int, column: int) -> None:
        if self._filling or self._shown is None or column not in (START, BEFORE):
            return
        items = self._shown.items
        try:
            if column == BEFORE:
                marked = [
                    item
                    for item, cells in zip(items, self._cells, strict=True)
                    if cells[BEFORE].checkState() == qt.Qt.Checked
                ]
                mark_precontrast(self._node, marked)
            else:
                seconds = dict(
                    zip(items, (_seconds(cells[START].text()) for cells in self._cells), strict=True)
                )
                if all(value == value for value in seconds.values()):  # all are numbers
                    set_times(self._node, [seconds[item] for item in sorted(seconds)])
        except VirtualBiopsyError as error:
            self._bench.fail(error, True)
            self._fill(self._shown)
            return
        self._on_said()

    # Motion

    def measure(self, checked: bool = False) -> None:
        """Measure how far the phases lie apart; nothing is changed."""
        self._start(measure_motion, self._measured, _("Measuring motion"))

    def correct(self, checked: bool = False) -> None:
        """Align the phases; the result is a new series in the scene."""
        self._start(correct_motion, self._corrected, _("Aligning the phases"))

    def _start(self, work: Callable[..., DynamicSeries], done: Callable[[Any], None], title: str) -> None:
        series = self.series
        if series is not None:
            self._bench.start(lambda progress: work(series, progress), done, title)

    def _measured(self, found: DynamicSeries) -> None:
        self.motion = found
        self._tell_motion()

    def _corrected(self, found: DynamicSeries) -> None:
        name = _("{series}, aligned").format(series=found.name)
        node = sequence_from_series(self._bench.scene, found, name, self._logic)
        self._on_series(node)
        self.motion = found
        self._tell_motion()

    def _tell_motion(self) -> None:
        say(self._ui.motionLabel, motion_html(self.motion) if self.motion is not None else "")

    # Views

    def _slid(self, value: float) -> None:
        if not self._filling:
            self.show_phase(round(value))

    def _mode_chosen(self, index: int) -> None:
        if not self._filling:
            self.show_phase(round(self._ui.phaseSlider.value))

    def show_phase(self, number: int) -> None:
        """Show a phase (from 0) in the slice views, in the chosen manner."""
        found, mode = self._shown, self._ui.phaseViewComboBox.currentIndex
        if found is None or not 0 <= number < len(found.series.phases):
            return
        phase = found.series.phases[number]
        if mode in (SUBTRACTION, PROJECTION):
            if self._before is None:
                self._before = mean_precontrast(found.series)
            image = subtraction(found.series, number, self._before)
            self._view.show_image(image, _("{series} subtraction").format(series=found.series.name))
        else:
            self._view.show_item(self._node, found.items[number], phase.image)
        if mode == PROJECTION:
            self._projected = True
            self._view.project(phase.image)
        else:
            self.thin()


def motion_html(series: DynamicSeries) -> str:
    """What was measured between the phases, as a table."""
    head = (_("Phase"), _("Shift (mm)"), _("Turn (°)"), _("Likeness before"), _("after"))
    columns = ("name", "shift", "rotation", "before", "after")
    cells = [[row[column] for column in columns] for row in motion_rows(series.motion)]
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    titles = "".join(f"<th align='left'>{escape(title)}</th>" for title in head)
    return f"{escape(motion_sentence(series.motion))}<table cellpadding='3'><tr>{titles}</tr>{rows}</table>"


def _seconds(text: str) -> float:
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        return float("nan")

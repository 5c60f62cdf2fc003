"""The ledger as a tree: baseline, sequences, classes, features, total, probability; lines choose the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from ..explain.groups import CHANGE, CLINICAL, SHAPE
from ..explain.model import Bar, Contribution, Explanation
from ..explain.regional import RegionExplanation
from ..models.prediction import Prediction
from ..report.credit import phi_words
from ..report.highlow import high_low_svg
from ..report.labels import feature_label, role_words
from ..report.numbers import percent, signed, value
from ..report.tree import class_words, ledger_bars
from ..scene.results import REGIONS, TOTAL
from .pictures import clear, is_dark, say, set_svg

TEXT_WIDTH = 340
ROLE_OF_LINE = 0  # column that carries the number of the line


@dataclass(frozen=True)
class Line:
    """One line of the tree.

    Attributes
    ----------
    path : of the bar; ("",) for baseline, total and probability.
    text, amount : what the two columns show.
    part : map that shows it: "total", a role, "regions", or "" if it has no place in the image.
    key : feature key, or "".
    children : lines below it.
    """

    path: tuple[str, ...]
    text: str
    amount: str
    part: str = ""
    key: str = ""
    children: tuple[Line, ...] = ()


def ledger_lines(
    explanation: Explanation, prediction: Prediction, regions: RegionExplanation | None = None
) -> tuple[Line, ...]:
    """The lines of one model. Sequences, shape and clinical variables add up from baseline to total; the
    parts of level 2 are a ledger of their own below it."""
    tree = ledger_bars(explanation)
    known = {c.key: c for c in explanation.contributions}
    total = _("Total") if explanation.sums_to == "log-odds" else _("Total (uncalibrated)")
    lines = [
        Line(("baseline",), _("Baseline (average training case)"), signed(explanation.baseline)),
        *(_line(bar, known, set(explanation.maps)) for bar in tree),
        Line(("total",), total, signed(explanation.log_odds), TOTAL),
        Line(
            ("probability",),
            _("Estimated probability of {positive}").format(positive=prediction.positive),
            percent(prediction.probability),
        ),
    ]
    if regions is not None:
        lines.append(_regions_line(regions))
    return tuple(lines)


def _line(bar: Bar, known: dict[str, Contribution], roles: set[str]) -> Line:
    head = bar.path[0]
    part = head if head in roles else ""
    children = tuple(_line(child, known, roles) for child in bar.children)
    if len(bar.path) == 1:
        words = {
            SHAPE: _("Shape (no place in the image)"),
            CLINICAL: _("Clinical data"),
            CHANGE: _("Change between two time points"),
        }
        return Line(bar.path, words.get(head, role_words(head)), signed(bar.phi), part, "", children)
    if len(bar.path) == 2:
        return Line(bar.path, class_words(bar.path[1]), signed(bar.phi), part, "", children)
    key = bar.path[2]
    label, own = feature_label(key), known.get(key)
    text = label.name if own is None else f"{label.name} = {value(own.value, label.short_unit)}"
    return Line(bar.path, text, phi_words(bar.phi, own), part, key, children)


def _regions_line(found: RegionExplanation) -> Line:
    rows = [
        Line(
            (REGIONS, str(n + 1)),
            _("Part {n}, {volume:.1f} mL").format(n=n + 1, volume=float(found.volume_ml[n])),
            signed(float(psi)) + (f" ± {float(found.error[n]):.2f}" if found.error[n] > 0 else ""),
            REGIONS,
        )
        for n, psi in enumerate(found.psi)
    ]
    rows.append(Line((REGIONS, "rest"), _("Without a place"), signed(float(found.nonspatial))))
    return Line(
        (REGIONS,),
        _("What if this part were missing"),
        signed(float(sum(found.psi)) + float(found.nonspatial)),
        REGIONS,
        "",
        tuple(rows),
    )


class LedgerTree:
    """Fills a QTreeWidget; what the user chooses in it chooses the map and explains the feature.

    Parameters
    ----------
    ui : has ledgerTree, definitionLabel (rich text) and highLowLabel (picture).
    on_chosen : called with the part ("total", a role, "regions") of the chosen line and its feature key or
        "", if it has a map.
    """

    def __init__(self, ui: Any, on_chosen: Callable[[str, str], None]) -> None:
        self._ui = ui
        self._on_chosen = on_chosen
        self._items: list[tuple[Any, Any, Line]] = []  # item, parent item or None, line
        self._updating = False
        ui.ledgerTree.setColumnCount(2)
        ui.ledgerTree.setColumnWidth(0, TEXT_WIDTH)
        ui.ledgerTree.setHeaderLabels([_("Ledger"), _("log-odds")])
        ui.ledgerTree.connect("currentItemChanged(QTreeWidgetItem*,QTreeWidgetItem*)", self._chosen)
        self.clear()

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in the order of the tree."""
        return tuple(line for _item, _parent, line in self._items)

    def show(self, lines: tuple[Line, ...]) -> None:
        """Fill the tree; groups that were open stay open."""
        opened = {line.path for item, _parent, line in self._items if line.children and item.isExpanded()}
        self._updating = True
        try:
            self._empty()
            for line in lines:
                self._add(line, None, opened)
        finally:
            self._updating = False
        self._ui.ledgerTree.setVisible(bool(lines))

    def _add(self, line: Line, parent: Any, opened: set[tuple[str, ...]]) -> None:
        item = qt.QTreeWidgetItem()
        item.setText(0, line.text)
        item.setText(1, line.amount)
        item.setData(ROLE_OF_LINE, qt.Qt.UserRole, len(self._items))
        item.setToolTip(0, line.text)
        self._items.append((item, parent, line))
        if parent is None:
            self._ui.ledgerTree.addTopLevelItem(item)
        else:
            parent.addChild(item)
        for child in line.children:
            self._add(child, item, opened)
        if line.path in opened:
            item.setExpanded(True)

    def _empty(self) -> None:
        # children before parents, each taken out before it is let go: whoever owns it, it is deleted once
        tree = self._ui.ledgerTree
        while self._items:
            item, parent, _line = self._items.pop()
            if parent is not None:
                parent.removeChild(item)
            else:
                tree.takeTopLevelItem(tree.indexOfTopLevelItem(item))
            del item, parent

    def clear(self) -> None:
        """Show nothing."""
        self.show(())
        say(self._ui.definitionLabel, "")
        clear(self._ui.highLowLabel)
        self._ui.highLowLabel.setVisible(False)

    def _chosen(self, item: Any, previous: Any = None) -> None:
        if self._updating or item is None:
            return
        number = item.data(ROLE_OF_LINE, qt.Qt.UserRole)
        if number is not None and 0 <= int(number) < len(self._items):
            self.choose(self._items[int(number)][2])

    def choose(self, line: Line) -> None:
        """Do what a click on this line does."""
        label, picture = self._ui.definitionLabel, self._ui.highLowLabel
        if line.key:
            found = feature_label(line.key)
            code = f" ({found.ibsi_code})" if found.ibsi_code else ""
            say(label, f"<b>{escape(found.full)}</b>{escape(code)}<br>{escape(found.definition)}")
            set_svg(picture, high_low_svg(line.key, dark=is_dark(picture)), found.definition or found.full)
            picture.setVisible(True)
        else:
            say(label, "" if line.part else escape(_("This line has no place in the image.")))
            clear(picture)
            picture.setVisible(False)
        if line.part:
            self._on_chosen(line.part, line.key)

    def close(self) -> None:
        """Before the widget is deleted."""
        self._updating = True
        self._empty()

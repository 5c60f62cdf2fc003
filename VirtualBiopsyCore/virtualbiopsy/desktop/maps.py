"""Maps of a dynamic series: computed in the background, listed with their formula, laid over the views."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import SimpleITK as sitk
from slicer.i18n import tr as _

from ..case.model import ROLES
from ..case.model import Sequence as CaseSequence
from ..progress import Progress
from ..report.series_rows import left_out_rows, map_limits, map_rows, map_title
from ..scene.mapoverlay import MapOverlay
from ..session import Session
from .bench import Bench
from .images import capitalised
from .pictures import say


class MapControls:
    """Button, list and overlay of the maps.

    Parameters
    ----------
    bench : its `ui` has dynamicMapsButton, dynamicMapComboBox and dynamicMapLabel.
    session : returns the session of the chosen images, or None after an error that was shown.
    outline : returns the outline as a mask, None without one.
    on_chosen : called with the role of the map that the user wants to see, "" for none.
    """

    def __init__(
        self,
        bench: Bench,
        session: Callable[[], Session | None],
        outline: Callable[[], sitk.Image | None],
        on_chosen: Callable[[str], None],
    ) -> None:
        self._bench, self._ui = bench, bench.ui
        self._session, self._outline, self._on_chosen = session, outline, on_chosen
        ui = bench.ui
        self._of: Any = None  # what the listed maps were computed by
        self._roles: list[str] = []
        self._drawn: tuple[Any, str] = (None, "")
        self._updating = False
        self._left_out: dict[str, str] = {}
        self.maps: tuple[CaseSequence, ...] = ()
        self.overlay = MapOverlay(bench.scene)
        ui.dynamicMapsButton.connect("clicked(bool)", self.compute)
        ui.dynamicMapComboBox.connect("currentIndexChanged(int)", self._chosen)
        self._offer()

    def reset(self) -> None:
        """After the scene changed."""
        self.overlay = MapOverlay(self._bench.scene)
        self._forget()

    def _forget(self) -> None:
        self.maps, self._left_out, self._of, self._drawn = (), {}, None, (None, "")
        self._offer()

    def compute(self, checked: bool = False) -> None:
        """Compute all maps of the task that were not read."""
        if self._bench.job.busy:
            return
        session = self._session()
        if session is None:
            return

        source = session.dynamics

        def work(progress: Progress) -> Any:
            return source.maps(progress), dict(source.left_out(progress))

        def done(found: Any) -> None:
            self.maps, self._left_out = found
            self._of = source
            self._offer()
            if self.maps and not self._role():
                self._on_chosen(self.maps[0].role)
            else:
                self._on_chosen(self._role())

        self._bench.start(work, done, _("Computing maps"))

    def _offer(self) -> None:
        roles = ["", *(sequence.role for sequence in self.maps)]
        if roles == self._roles:
            return
        self._updating = True
        try:
            self._ui.dynamicMapComboBox.clear()
            for role in roles:
                self._ui.dynamicMapComboBox.addItem(capitalised(ROLES[role]) if role else _("no map"), role)
            self._roles = roles
        finally:
            self._updating = False

    def _role(self) -> str:
        index = self._ui.dynamicMapComboBox.currentIndex
        return self._roles[index] if 0 <= index < len(self._roles) else ""

    def _chosen(self, index: int) -> None:
        if not self._updating and 0 <= index < len(self._roles):
            self._on_chosen(self._roles[index])

    def show(self, role: str, source: Any, opacity: float, legend: bool) -> None:
        """Show the map of a role, or none.

        Parameters
        ----------
        source : the dynamics of the session; maps of others are forgotten. None while that is not known.
        """
        if source is not None and self._of is not None and source is not self._of:
            self._forget()
        shown = role if role in self._roles else ""
        index = self._roles.index(shown)
        if self._ui.dynamicMapComboBox.currentIndex != index:
            self._updating = True
            try:
                self._ui.dynamicMapComboBox.setCurrentIndex(index)
            finally:
                self._updating = False
        sequence = next((sequence for sequence in self.maps if sequence.role == shown), None)
        say(self._ui.dynamicMapLabel, self._words(sequence))
        if sequence is None:
            if self._drawn[0] is not None:
                self.overlay.hide()
            self._drawn = (None, "")
            return
        if self._drawn[0] is not sequence:
            low, high = map_limits(sequence.image)
            self.overlay.show(sequence.image, *map_title(sequence), low, high, opacity=opacity)
            self._drawn = (sequence, shown)
        self.overlay.set_opacity(opacity)
        self.overlay.set_legend_visible(legend)

    def _words(self, sequence: CaseSequence | None) -> str:
        lines = []
        if sequence is not None:
            row = map_rows([sequence], (), self._outline())[0]
            lines.append(row["how"])
            if row["inside"]:
                lines.append(_("Inside the outline: {values}").format(values=row["inside"]))
        lines += [f"{row['roles']}: {row['why']}" for row in left_out_rows(self._left_out)]
        return "<br>".join(escape(line) for line in lines)

    def refresh(self, ready: bool) -> None:
        """`ready`: there is a series and nothing runs."""
        self._ui.dynamicMapsButton.enabled = ready
        self._ui.dynamicMapComboBox.enabled = len(self._roles) > 1

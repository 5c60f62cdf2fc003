"""The maps of a dynamic series: computed on request, shown as images or in colours over the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..case.model import ROLES, Sequence
from ..errors import EmptyRegionError, MissingSequenceError, RegionError
from ..progress import Progress, part
from ..report import series_rows as kinetics

if TYPE_CHECKING:
    from .app import Application


class Maps:
    """Maps of the open case."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._maps: dict[str, Sequence] = {}

    def clear(self) -> None:
        """Forget the maps (another case, or other phases)."""
        self._maps = {}
        if self.shown:
            self._app.layers.hide()
        with self._app.state as state:
            state.map_rows, state.map_missing = [], []
            state.map_shown = ""

    @property
    def shown(self) -> str:
        """Role of the map over the images; "" if there is none."""
        return str(self._app.state.map_shown or "")

    async def compute(self) -> None:
        """Read or compute all maps of the task."""
        app = self._app
        session = app.session
        if session is None:
            raise MissingSequenceError("There is no case.", "Open one first.")

        def work(progress: Progress) -> tuple[tuple[Sequence, ...], dict[str, str]]:
            dynamics = session.dynamics
            maps = dynamics.maps(part(progress, 0.0, 0.95))
            return maps, dict(dynamics.left_out(part(progress, 0.95, 1.0)))

        maps, left_out = await app.jobs.run("maps", "Computing the maps", work)
        if app.session is not session:
            return
        self._maps = {sequence.role: sequence for sequence in maps}
        with app.state as state:
            state.map_missing = kinetics.left_out_rows(left_out)
        self.publish()

    def publish(self) -> None:
        """Write the list of maps into the page, with their values in the outline if there is one."""
        app = self._app
        if not self._maps:
            return
        read = {sequence.name for sequence in app.session.case.sequences}
        rows = kinetics.map_rows(list(self._maps.values()), read, self._mask())
        with app.state as state:
            state.map_rows = rows

    def _mask(self) -> sitk.Image | None:
        try:
            mask = self._app.outlines.mask()
        except RegionError:
            return None
        return mask if sitk.GetArrayViewFromImage(mask).any() else None

    def show_image(self, role: str) -> None:
        """Show a map as the image of the slice views."""
        app, sequence = self._app, self._known(role)
        if sequence.name not in app.viewer.volumes:
            app.viewer.put(sequence.name, sequence.image)
            with app.state as state:
                state.shown_items = [*state.shown_items, sequence.name]
        app.cases.show(sequence.name)

    def show_colours(self, role: str) -> None:
        """Show a map in colours over the images; the same again takes it away."""
        if role == self.shown:
            self.hide()
            return
        sequence = self._known(role)
        low, high = kinetics.map_limits(sequence.image)
        self._app.state.map_shown = role
        self._app.layers.show_map(sequence.image, *kinetics.map_title(sequence), low, high)

    def hide(self) -> None:
        """Take the map away; the layer of the explanation comes back if it is wanted."""
        if not self.shown:
            return
        self._app.state.map_shown = ""
        self._app.layers.hide()
        self._app.explanations.draw()

    def _known(self, role: str) -> Sequence:
        if role not in self._maps:
            raise EmptyRegionError("There is no such map yet.", "Press Compute maps first.")
        return self._maps[role]

    def value_lines(self, lps: tuple[float, float, float]) -> list[str]:
        """The value of the shown map at a point (mm); [] outside of it."""
        from .probe import value_at

        sequence = self._maps.get(self.shown)
        value: Any = value_at(sequence.image, lps) if sequence is not None else None
        if value is None:
            return []
        return [f"{ROLES[sequence.role]}: {value:.4g}"]

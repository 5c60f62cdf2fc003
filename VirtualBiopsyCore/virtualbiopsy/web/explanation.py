"""What the estimate rests on: waterfall, map over the images, diameter line, 3D surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..explain.model import Explanation
from ..models.prediction import Prediction
from ..regions.model import RegionFacts
from ..report.figures import waterfall_svg
from ..scene.markups import hide_diameter, show_diameter
from ..scene.overlay import UNIT, ExplanationOverlay
from ..session import Result
from . import present

if TYPE_CHECKING:
    from .app import Application


class Explanations:
    """The explanation that is chosen, in the panel and over the images."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._overlay = ExplanationOverlay(app.viewer.scene)
        self._result: Result | None = None
        self._facts: RegionFacts | None = None
        self._fresh_window = True
        app.state.overlay_unit = UNIT

    def clear(self) -> None:
        """Forget the explanation and take map and line out of the scene."""
        self._result = self._facts = None
        self._fresh_window = True
        self._overlay.remove()
        hide_diameter(self._app.viewer.scene)
        with self._app.state as state:
            state.explained_models, state.explained_maps = [], []
            state.waterfall, state.not_localised, state.localised_text, state.map_note = "", [], "", ""

    def show(self, result: Result) -> None:
        """Show the explanation of the chosen model of a new result."""
        self._result = result
        titles = {model.model_id: model for model in self._app.models}
        items = [
            {"title": f"{titles[e.model_id].positive} — {titles[e.model_id].title}", "value": e.model_id}
            for e in result.explanations
        ]
        with self._app.state as state:
            state.explained_models = items
            if state.explained_model not in [item["value"] for item in items]:
                state.explained_model = items[0]["value"] if items else ""
        self.refresh()

    def _chosen(self) -> tuple[Explanation, Prediction] | None:
        if self._result is None:
            return None
        for explanation in self._result.explanations:
            if explanation.model_id == self._app.state.explained_model:
                for prediction in self._result.predictions:
                    if prediction.model_id == explanation.model_id:
                        return explanation, prediction
        return None

    def choose_model(self, **_: Any) -> None:
        self._fresh_window = True
        self.refresh()

    def choose_map(self, **_: Any) -> None:
        self._fresh_window = True
        self.refresh()

    def refresh(self) -> None:
        """Draw waterfall, lists and map of the chosen model and map."""
        chosen = self._chosen()
        state = self._app.state
        if chosen is None:
            self._overlay.hide()
            return
        explanation, prediction = chosen
        maps = present.maps_of(explanation)
        with state:
            state.explained_maps = maps
            if state.explained_map not in [item["value"] for item in maps]:
                state.explained_map = maps[0]["value"] if maps else ""
            model = next(m for m in self._app.models if m.model_id == explanation.model_id)
            state.waterfall = waterfall_svg(
                explanation, prediction, dark=True, width=404, simulated=model.simulated
            )
            state.not_localised = present.not_localised_rows(explanation)
            state.localised_text = present.localised_text(explanation)
        self._draw_map(explanation)

    def _draw_map(self, explanation: Explanation) -> None:
        state = self._app.state
        name = state.explained_map
        image = explanation.total if name == "total" else explanation.maps.get(name)
        if image is None or not state.overlay_shown:
            self._overlay.hide()
            with state:
                state.map_note = (
                    "" if image is not None else "No feature of this model has a place in the image."
                )
            self._app.viewer.render()
            return
        endpoint = next(m.endpoint for m in self._app.models if m.model_id == explanation.model_id)
        title = endpoint if name == "total" else f"{endpoint}, {name}"
        window = None if self._fresh_window else float(state.overlay_window)
        self._overlay.show(
            image,
            title,
            window=window,
            opacity=float(state.overlay_opacity),
            composite_nodes=self._app.viewer.composite_nodes,
        )
        self._overlay.set_opacity(float(state.overlay_opacity))
        self._overlay.set_legend_visible(bool(state.legend_shown))
        if self._overlay.legend is not None:
            self._overlay.legend.SetViewNodeIDs(self._app.viewer.axial_ids())
        with state:
            state.map_note = ""
            if self._fresh_window:
                self._fresh_window = False
                state.overlay_window_limit = _rounded(3 * self._overlay.window)
                state.overlay_window = _rounded(self._overlay.window)
        self._app.viewer.render()

    def set_opacity(self, overlay_opacity: float, **_: Any) -> None:
        self._overlay.set_opacity(float(overlay_opacity))
        self._app.viewer.render()

    def set_window(self, overlay_window: float, **_: Any) -> None:
        if self._overlay.volume is not None:
            self._overlay.set_window(float(overlay_window))
            self._app.viewer.render()

    def set_legend(self, legend_shown: bool, **_: Any) -> None:
        self._overlay.set_legend_visible(bool(legend_shown))
        self._app.viewer.render()

    def set_shown(self, **_: Any) -> None:
        self.refresh()

    def show_diameter(self, facts: RegionFacts) -> None:
        """Draw the maximum 3D diameter where it was measured."""
        self._facts = facts
        if self._app.state.diameter_shown:
            line = show_diameter(self._app.viewer.scene, facts)
            if line is not None:
                line.SetName("Diameter")  # the label in the views
        else:
            hide_diameter(self._app.viewer.scene)

    def hide_diameter(self) -> None:
        self._facts = None
        hide_diameter(self._app.viewer.scene)

    def set_diameter(self, **_: Any) -> None:
        if self._facts is not None:
            self.show_diameter(self._facts)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")

"""What the estimate rests on: the ledger, the layer over the images, the diameter line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..explain.model import Explanation
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..regions.model import RegionFacts
from ..report.credit import shared_words
from ..report.figures import waterfall_svg
from ..report.numbers import signed
from ..scene.markups import hide_diameter, show_diameter
from ..session import Result
from . import ledger

if TYPE_CHECKING:
    from .app import Application

SITS, MISSING, OUTLINE = "sits", "missing", "outline"


class Explanations:
    """The explanation that is chosen, in the panel and over the images."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._result: Result | None = None
        self._facts: RegionFacts | None = None
        self._worded = ""

    def clear(self) -> None:
        """Forget the explanation and take map and line out of the scene."""
        self._result = self._facts = None
        self._worded = ""
        self._app.layers.remove()
        hide_diameter(self._app.viewer.scene)
        with self._app.state as state:
            state.explained_models, state.ledger, state.ledger_open = [], [], []
            state.feature_words = {}
            state.waterfall, state.ledger_note, state.map_note = "", "", ""

    def show(self, result: Result) -> None:
        """Draw the chosen layer of a new result; :meth:`describe` follows."""
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
        self.draw()

    def chosen(self) -> tuple[Explanation, Prediction, RadModel] | None:
        """Explanation, prediction and model that the page shows."""
        if self._result is None:
            return None
        wanted = self._app.state.explained_model
        for explanation, prediction in zip(self._result.explanations, self._result.predictions, strict=True):
            if explanation.model_id == wanted:
                return explanation, prediction, next(m for m in self._app.models if m.model_id == wanted)
        return None

    def withheld(self) -> bool:
        """Whether the chosen model's answer, and the map that tells it, wait behind a click on a red card."""
        state = self._app.state
        return state.explained_model not in state.shown_anyway and any(
            card["id"] == state.explained_model and card["trust"]["light"] == "red" for card in state.cards
        )

    # Choices of the page -------------------------------------------------------------------------

    def choose_model(self, **_: Any) -> None:
        self._app.layers.hide()
        self._app.layers.fresh()
        self.draw()
        self.describe()
        self._app.questions.follow()
        self._app.hypothesis.reset()

    def choose_line(self, identity: str) -> None:
        """A line of the ledger was clicked: show its layer."""
        self._app.layers.fresh()
        with self._app.state as state:
            state.map_shown = ""
            state.explained_map = identity
            state.layer = SITS

    def choose_layer(self, **_: Any) -> None:
        """Where the features sit, what if this part were missing, what if the outline changed here."""
        self._app.state.map_shown = ""
        self._app.layers.fresh()
        self.draw()
        self._app.questions.follow()

    # Layer ---------------------------------------------------------------------------------------

    def draw(self, **_: Any) -> None:
        """Draw the chosen layer of the chosen model, as far as it is known already."""
        app, chosen = self._app, self.chosen()
        if app.maps.shown:
            return
        if chosen is None or not app.state.overlay_shown or self.withheld():
            app.layers.hide()
            return
        explanation, _prediction, model = chosen
        if app.state.layer == MISSING:
            found = app.questions.parts(model.model_id)
            if found is not None:
                app.layers.show_regions(found, model.endpoint)
            else:
                app.layers.hide()
        elif app.state.layer == OUTLINE:
            found = app.questions.influence(model.model_id)
            if found is not None:
                app.layers.show_influence(found, model.endpoint)
            elif app.layers.shown is not app.layers.influence:  # else it stays until the new one is there
                app.layers.hide()
        else:
            self._draw_ledger(explanation, model)

    def _draw_ledger(self, explanation: Explanation, model: RadModel) -> None:
        app = self._app
        image, name, note = ledger.layer_of(
            explanation, app.state.explained_map, app.questions.features(model.model_id)
        )
        if image is None:
            app.layers.hide()
        else:
            title = f"{model.endpoint}, {name}" if name else model.endpoint
            app.layers.show_ledger(image, title, app.questions.unsteady(model.model_id), explanation.sums_to)
        with app.state as state:
            state.map_note = note

    # Words ---------------------------------------------------------------------------------------

    def describe(self) -> None:
        """Write the ledger and the waterfall into the page."""
        chosen = self.chosen()
        if chosen is None:
            return
        explanation, prediction, model = chosen
        rows = ledger.ledger_rows(explanation, prediction)
        with self._app.state as state:
            if self._worded != explanation.model_id:
                state.feature_words = ledger.feature_words(explanation)
                state.ledger_open = ledger.first_open(rows)
                self._worded = explanation.model_id
            state.ledger = rows
            state.ledger_note = _note(explanation)
            state.waterfall = waterfall_svg(
                explanation, prediction, dark=True, width=404, simulated=model.simulated
            )

    # Diameter ------------------------------------------------------------------------------------

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


def _note(explanation: Explanation) -> str:
    """How the lines add up."""
    shown = sum(c.phi for c in explanation.contributions if c.localised)
    rest = sum(c.phi for c in explanation.contributions if not c.localised)
    note = (
        f"Baseline {signed(explanation.baseline)}, voxels of the map {signed(shown)}, what has no place in "
        f"the image {signed(rest)}: together the {_sum_words(explanation)} {signed(explanation.log_odds)}. "
        f"{ledger.SUMS}"
    )
    words = [note, *shared_words(explanation)]
    return " ".join([*words, f"Shapley values: {explanation.method}."] if explanation.method else words)


def _sum_words(explanation: Explanation) -> str:
    if explanation.sums_to == "log-odds":
        return "log-odds"
    return "score before calibration, whose calibrator allows no sum,"

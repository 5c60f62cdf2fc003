"""Controls of the maps: which one, how strong, which colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..models.radmodel import RadModel
from ..report.labels import feature_label
from ..scene.layer import SignedLayer
from ..scene.overlay import COLOR_TABLES, LEDGER_HEADING, ExplanationOverlay
from ..scene.regional import INFLUENCE_HEADING, REGIONS_HEADING, InfluenceOverlay, RegionsOverlay
from ..scene.results import INFLUENCE, REGIONS, TOTAL, explanation_map, map_choices
from ..scene.surfaces import StrongestRegions
from ..session import Result
from .answers import FEATURE, Answers, same

COLOR_KEYS = tuple(COLOR_TABLES)


class OverlayControls:
    """Shows the map that the parameter node asks for; the widgets themselves are bound to the parameter node.

    Parameters
    ----------
    ui : has mapComboBox and colorsComboBox.
    on_map_chosen : called with "model id|part" when the user chose a map.
    on_colors_chosen : called with the key of a colour table.
    """

    def __init__(self, ui: Any, scene: Any, on_map_chosen: Any, on_colors_chosen: Any) -> None:
        self._ui = ui
        self._scene = scene
        self._on_map_chosen = on_map_chosen
        self._on_colors_chosen = on_colors_chosen
        self._keys: list[str] = []
        self._updating = False
        self._take_over()
        labels = {
            "blue-red": _("blue – red"),
            "blue-black-orange": _("blue – black – orange (colour-blind safe)"),
        }
        for key in COLOR_KEYS:
            ui.colorsComboBox.addItem(labels.get(key, key), key)
        ui.mapComboBox.connect("currentIndexChanged(int)", self._on_map)
        ui.colorsComboBox.connect("currentIndexChanged(int)", self._on_colors)

    def _take_over(self) -> None:
        self.overlay = ExplanationOverlay(self._scene)
        self.regions = RegionsOverlay(self._scene)
        self.influence = InfluenceOverlay(self._scene)
        self.strongest = StrongestRegions(self._scene)
        self._shown: tuple[Any, ...] = ()
        self._surfaces: tuple[Any, ...] = ()

    @property
    def layers(self) -> tuple[SignedLayer, ...]:
        return self.overlay, self.regions, self.influence

    @property
    def layer(self) -> SignedLayer | None:
        """The layer that the views show."""
        return next((layer for layer in self.layers if layer.shown), None)

    def reset(self) -> None:
        """After the scene changed: take over the maps that it holds, if any."""
        self._take_over()
        self.offer(None, {})

    def offer(
        self, result: Result | None, models: Mapping[str, RadModel], answers: Answers | None = None
    ) -> None:
        """List the maps of a result and of the questions that were answered about it."""
        choices = map_choices(result) if result is not None else []
        if answers is not None:
            choices = [*choices, *answers.choices()]
        keys = [f"{model_id}|{part}" for model_id, part in choices]
        if keys == self._keys:
            return
        self._updating = True
        try:
            self._ui.mapComboBox.clear()
            for model_id, part in choices:
                model = models.get(model_id)
                endpoint = model.endpoint if model is not None else model_id
                text = _("{endpoint}: {map}").format(endpoint=endpoint, map=map_words(part))
                self._ui.mapComboBox.addItem(text, f"{model_id}|{part}")
            self._keys = keys
        finally:
            self._updating = False

    def resolve(self, key: str) -> str:
        """Return `key` if there is such a map, else the first one, else ""."""
        return key if key in self._keys else (self._keys[0] if self._keys else "")

    def show(
        self,
        result: Result | None,
        models: Mapping[str, RadModel],
        settings: Any,
        visible: bool,
        answers: Answers | None = None,
    ) -> None:
        """Show or hide the map.

        Parameters
        ----------
        settings : has overlayMap, overlayOpacity (0…1), overlayWindow (per cent of the map's own),
            overlayColors, legendVisible, hatchingVisible, flipMarksVisible and strongestVisible.
        """
        answers = answers or Answers()
        key = self.resolve(settings.overlayMap)
        self._select(self._ui.mapComboBox, self._keys, key)
        self._select(self._ui.colorsComboBox, list(COLOR_KEYS), settings.overlayColors)
        if not visible:
            self.hide()
            return
        colors = settings.overlayColors if settings.overlayColors in COLOR_TABLES else COLOR_KEYS[0]
        model_id, _bar, part = key.partition("|")
        layer, content = self._content(result, answers, model_id, part)
        if content is None:
            if self.overlay.volume is not None and result is not None:  # restored with the scene
                self.overlay.show_again(settings.overlayOpacity)
                self._style(self.overlay, settings, None)
            return
        unstable = answers.unstable.get(model_id) if layer is self.overlay and part == TOTAL else None
        unstable = unstable if settings.hatchingVisible else None
        model = models.get(model_id)
        endpoint = model.endpoint if model is not None else model_id
        if not same((content, unstable), self._shown) or not layer.shown:
            with slicer.util.RenderBlocker():
                opacity = settings.overlayOpacity
                if layer is self.overlay:
                    title = _("{endpoint}, {sequences}").format(endpoint=endpoint, sequences=part_words(part))
                    of = next(e.sums_to for e in result.explanations if e.model_id == model_id)
                    layer.show(content, title, opacity=opacity, colors=colors, unstable=unstable, of=of)
                else:
                    layer.show(content, endpoint, opacity=opacity, colors=colors)
            self._shown = (content, unstable)
            self._own_window = layer.window
        self._style(layer, settings, self._own_window * settings.overlayWindow / 100.0)
        layer.set_colors(colors)
        if layer is self.influence:
            (self.influence.marks.show_again if settings.flipMarksVisible else self.influence.marks.hide)()
        self._show_surfaces(content if layer is self.overlay else None, colors, settings.strongestVisible)

    def _content(
        self, result: Result | None, answers: Answers, model_id: str, part: str
    ) -> tuple[SignedLayer, Any]:
        if part == REGIONS:
            return self.regions, answers.regions.get(model_id)
        if part == INFLUENCE:
            return self.influence, answers.influence.get(model_id)
        if part.startswith(FEATURE):
            return self.overlay, answers.features.get((model_id, part.removeprefix(FEATURE)))
        return self.overlay, explanation_map(result, model_id, part) if result is not None else None

    @staticmethod
    def _style(layer: SignedLayer, settings: Any, window: float | None) -> None:
        if window is not None:
            layer.set_window(window)
        layer.set_opacity(settings.overlayOpacity)
        layer.set_legend_visible(settings.legendVisible)

    def _show_surfaces(self, image: Any, colors: str, visible: bool) -> None:
        if image is None or not visible:
            self.strongest.hide()
        elif not same(self._surfaces, (image, colors)):
            self.strongest.show(image, colors=colors)
            self._surfaces = (image, colors)
        else:
            self.strongest.show_again()

    def hide(self) -> None:
        for layer in self.layers:
            layer.hide()
        self.strongest.hide()

    def _select(self, combo: Any, keys: list[str], key: str) -> None:
        index = keys.index(key) if key in keys else -1
        if combo.currentIndex != index:
            self._updating = True
            try:
                combo.setCurrentIndex(index)
            finally:
                self._updating = False

    def _on_map(self, index: int) -> None:
        if not self._updating and 0 <= index < len(self._keys):
            self._on_map_chosen(self._keys[index])

    def _on_colors(self, index: int) -> None:
        if not self._updating and 0 <= index < len(COLOR_KEYS):
            self._on_colors_chosen(COLOR_KEYS[index])


def map_words(part: str) -> str:
    """What a map is called: the name of its level, and of which sequences or feature it is."""
    if part == REGIONS:
        return REGIONS_HEADING
    if part == INFLUENCE:
        return INFLUENCE_HEADING
    return _("{level} ({sequences})").format(level=LEDGER_HEADING, sequences=part_words(part))


def part_words(part: str) -> str:
    """Of which sequences or feature a map of level 1 is."""
    if part == TOTAL:
        return _("all sequences")
    if part.startswith(FEATURE):
        return feature_label(part.removeprefix(FEATURE)).full
    return part

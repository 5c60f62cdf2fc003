"""Controls of the explanation map: which map, how strong, which colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..models.radmodel import RadModel
from ..report.pictures import per_ml, window_of
from ..scene.overlay import COLOR_TABLES, ExplanationOverlay
from ..scene.results import TOTAL, explanation_map, map_choices
from ..session import Result

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
        self.overlay = ExplanationOverlay(scene)
        self._shown: Any = None
        labels = {
            "blue-red": _("blue – red"),
            "blue-black-orange": _("blue – black – orange (colour-blind safe)"),
        }
        for key in COLOR_KEYS:
            ui.colorsComboBox.addItem(labels.get(key, key), key)
        ui.mapComboBox.connect("currentIndexChanged(int)", self._on_map)
        ui.colorsComboBox.connect("currentIndexChanged(int)", self._on_colors)

    def reset(self) -> None:
        """After the scene changed: take over the map that it holds, if any."""
        self.overlay = ExplanationOverlay(self._scene)
        self._shown = None
        self.offer(None, {})

    def offer(self, result: Result | None, models: Mapping[str, RadModel]) -> None:
        """List the maps of a result."""
        choices = map_choices(result) if result is not None else []
        keys = [f"{model_id}|{part}" for model_id, part in choices]
        if keys == self._keys:
            return
        self._updating = True
        try:
            self._ui.mapComboBox.clear()
            for model_id, part in choices:
                model = models.get(model_id)
                endpoint = model.endpoint if model is not None else model_id
                text = _("{endpoint}: {sequences}").format(endpoint=endpoint, sequences=self._words(part))
                self._ui.mapComboBox.addItem(text, f"{model_id}|{part}")
            self._keys = keys
        finally:
            self._updating = False

    @staticmethod
    def _words(part: str) -> str:
        return _("all sequences") if part == TOTAL else part

    def resolve(self, key: str) -> str:
        """Return `key` if there is such a map, else the first one, else ""."""
        return key if key in self._keys else (self._keys[0] if self._keys else "")

    def show(
        self, result: Result | None, models: Mapping[str, RadModel], settings: Any, visible: bool
    ) -> None:
        """Show or hide the map.

        Parameters
        ----------
        settings : has overlayMap, overlayOpacity (0…1), overlayWindow (per cent of the map's own),
            overlayColors and legendVisible.
        """
        key = self.resolve(settings.overlayMap)
        self._select(self._ui.mapComboBox, self._keys, key)
        self._select(self._ui.colorsComboBox, list(COLOR_KEYS), settings.overlayColors)
        if not visible:
            self.overlay.hide()
            return
        image = None
        if result is not None and key:
            model_id, part = key.split("|", 1)
            image = explanation_map(result, model_id, part)
        if image is None:
            if self.overlay.volume is not None and result is not None:  # restored with the scene
                self.overlay.show_again(settings.overlayOpacity)
                self.overlay.set_opacity(settings.overlayOpacity)
                self.overlay.set_legend_visible(settings.legendVisible)
            return
        window = window_of(per_ml(image)) * settings.overlayWindow / 100.0
        colors = settings.overlayColors if settings.overlayColors in COLOR_TABLES else COLOR_KEYS[0]
        if self._shown is not image or not self.overlay.shown:
            model_id, part = key.split("|", 1)
            model = models.get(model_id)
            endpoint = model.endpoint if model is not None else model_id
            title = _("{endpoint}, {sequences}").format(endpoint=endpoint, sequences=self._words(part))
            with slicer.util.RenderBlocker():
                self.overlay.show(image, title, window=window, opacity=settings.overlayOpacity, colors=colors)
            self._shown = image
        self.overlay.set_window(window)
        self.overlay.set_colors(colors)
        self.overlay.set_opacity(settings.overlayOpacity)
        self.overlay.set_legend_visible(settings.legendVisible)

    def hide(self) -> None:
        self.overlay.hide()

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

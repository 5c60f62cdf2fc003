"""The coloured layers over the images: one at a time, each with its own legend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..explain.regional import Influence, RegionExplanation
from ..scene.colors import COLOR_TABLES, DEFAULT_COLORS
from ..scene.layer import SignedLayer
from ..scene.mapoverlay import MapOverlay
from ..scene.overlay import ExplanationOverlay
from ..scene.regional import InfluenceOverlay, RegionsOverlay
from ..scene.surfaces import StrongestRegions

if TYPE_CHECKING:
    from .app import Application

SURFACE_OPACITY, SURFACE_BEHIND = 1.0, 0.15


class Layers:
    """The voxel ledger, the missing parts, the influence of the outline and maps, over the slice views."""

    def __init__(self, app: Application) -> None:
        self._app = app
        scene = app.viewer.scene
        self.ledger = ExplanationOverlay(scene)
        self.regions = RegionsOverlay(scene)
        self.influence = InfluenceOverlay(scene)
        self.maps = MapOverlay(scene)
        self._strongest = StrongestRegions(scene)
        self._shown: SignedLayer | None = None
        self._fresh = True
        self._map: sitk.Image | None = None

    @property
    def all(self) -> tuple[SignedLayer, ...]:
        return self.ledger, self.regions, self.influence, self.maps

    @property
    def shown(self) -> SignedLayer | None:
        """The layer over the images."""
        return self._shown

    @property
    def _colors(self) -> str:
        chosen = self._app.state.colors
        return chosen if chosen in COLOR_TABLES else DEFAULT_COLORS

    def fresh(self) -> None:
        """Let the next map choose its own colour range."""
        self._fresh = True

    def remove(self) -> None:
        """Take all layers out of the scene."""
        for layer in self.all:
            layer.remove()
        self._strongest.remove()
        self._shown = self._map = None
        self._fresh = True
        self._set_surface_opacity()

    def hide(self) -> None:
        """Put the views back as they were."""
        for layer in self.all:
            _put_away(layer)
        self._strongest.hide()
        self._shown = self._map = None
        self._set_surface_opacity()
        self._app.viewer.render()

    def show_ledger(self, image: sitk.Image, title: str, unstable: sitk.Image | None, of: str) -> None:
        """Where the features sit, shares `of` the score; `unstable` marks voxels whose sign is not steady."""
        hatched = unstable if self._app.state.hatching_shown else None
        self._map = image
        self._show(
            self.ledger, lambda **common: self.ledger.show(image, title, unstable=hatched, of=of, **common)
        )

    def show_regions(self, found: RegionExplanation, title: str) -> None:
        """What if this part were missing."""
        self._map = None
        self._show(self.regions, lambda **common: self.regions.show(found, title, **common))

    def show_influence(self, found: Influence, title: str) -> None:
        """What if the outline changed here, with the flip brush."""
        self._map = None
        self._show(self.influence, lambda **common: self.influence.show(found, title, **common))

    def show_map(self, image: sitk.Image, title: str, unit: str, low: float, high: float) -> None:
        """A map of the dynamic series."""
        self._map = None
        self.fresh()
        self._show(self.maps, lambda **common: self.maps.show(image, title, unit, low, high, **common))

    def _show(self, layer: SignedLayer, show: Callable[..., Any]) -> None:
        state, viewer = self._app.state, self._app.viewer
        fresh = self._fresh or self._shown is not layer
        opacity = float(state.overlay_opacity)
        show(
            window=None if fresh else float(state.overlay_window),
            opacity=opacity,
            colors=self._colors,
            composite_nodes=viewer.composite_nodes,
        )
        self._shown, self._fresh = layer, False
        for other in self.all:
            if other is not layer:
                _put_away(other)
        layer.set_opacity(opacity)
        layer.set_legend_visible(bool(state.legend_shown))
        self.place_legend()
        with state:
            state.overlay_unit = layer.unit
            if fresh:
                state.overlay_window_limit = _rounded(3 * layer.window)
                state.overlay_window = _rounded(layer.window)
        self.refresh_strongest()
        viewer.render()

    def place_legend(self, **_: Any) -> None:
        """Draw the legend in the large view only; the others have no room."""
        if self._shown is not None and self._shown.legend is not None:
            self._shown.legend.SetViewNodeIDs(self._app.viewer.large_ids(str(self._app.state.layout_name)))

    def refresh_strongest(self) -> None:
        """Draw the strongest regions of the voxel ledger in 3D, or take them away."""
        shown = bool(self._app.state.strongest_shown) and self._map is not None
        if shown:
            self._strongest.show(self._map, colors=self._colors)
        else:
            self._strongest.hide()
        self._set_surface_opacity()

    def _set_surface_opacity(self) -> None:
        """What lies inside the outline is seen through its surface."""
        behind = self._shown is self.influence or (
            bool(self._app.state.strongest_shown) and self._map is not None
        )
        self._app.outlines.set_surface_opacity(SURFACE_BEHIND if behind else SURFACE_OPACITY)

    # Settings of the page ------------------------------------------------------------------------

    def set_opacity(self, overlay_opacity: float, **_: Any) -> None:
        if self._shown is not None:
            self._shown.set_opacity(float(overlay_opacity))
            self._app.viewer.render()

    def set_window(self, overlay_window: float, **_: Any) -> None:
        if self._shown is not None:
            self._shown.set_window(float(overlay_window))
            self._app.viewer.render()

    def set_legend(self, legend_shown: bool, **_: Any) -> None:
        if self._shown is not None:
            self._shown.set_legend_visible(bool(legend_shown))
            self._app.viewer.render()

    def set_colors(self, **_: Any) -> None:
        if self._shown is not None:
            self._shown.set_colors(self._colors)
            self.refresh_strongest()
            self._app.viewer.render()

    def set_strongest(self, **_: Any) -> None:
        self.refresh_strongest()
        self._app.viewer.render()


def _put_away(layer: SignedLayer) -> None:
    layer.hide()
    layer.set_legend_visible(False)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")

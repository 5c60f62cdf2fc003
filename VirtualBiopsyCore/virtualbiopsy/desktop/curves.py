"""Time–intensity curves of the outline and of the voxel under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import qt
import SimpleITK as sitk
from slicer.i18n import tr as _

from ..case.dynamic import DynamicSeries
from ..errors import VirtualBiopsyError
from ..regions.curves import Curve, curve_at, curve_of
from ..report.curve import curve_svg
from ..scene.volumes import ras_from_lps
from .cursor import Cursor
from .pictures import WIDTH, clear, is_dark, set_svg

PAUSE_MILLISECONDS = 60


class CurveControls:
    """Draws the curves into a label; they need no session and change nothing.

    Parameters
    ----------
    label : QLabel that takes the picture.
    """

    def __init__(self, label: Any, scene: Any) -> None:
        self._label = label
        self._series: DynamicSeries | None = None
        self._key: Any = None
        self._region: Curve | None = None
        self._point: tuple[float, float, float] | None = None
        self._cursor = Cursor(scene, self._moved)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.connect("timeout()", self._draw)

    @property
    def following(self) -> bool:
        return self._cursor.bound

    def bind(self) -> None:
        self._cursor.bind()

    def release(self) -> None:
        self._cursor.release()
        self._timer.stop()

    def show(self, series: DynamicSeries | None, key: Any, outline: Callable[[], sitk.Image | None]) -> None:
        """Show the curve of the outline.

        Parameters
        ----------
        key : changes with the outline. outline : returns it as a mask; asked only if series or key changed.
        """
        if series is self._series and key == self._key:
            return
        self._series, self._key = series, key
        mask = outline() if series is not None else None
        self._region = None
        if mask is not None:
            try:
                self._region = curve_of(series, mask)
            except VirtualBiopsyError:
                self._region = None
        self._draw()

    def _moved(self, ras: tuple[float, float, float] | None) -> None:
        self._point = ras_from_lps(ras) if ras is not None else None
        if self._series is not None:
            self._timer.start()

    def draw_now(self) -> None:
        """Do not wait for further moves of the mouse; for scripts and tests."""
        self._draw()

    def _draw(self) -> None:
        self._timer.stop()
        curves = [(_("outline, band ± 1 SD"), self._region)] if self._region is not None else []
        if self._series is not None and self._point is not None:
            with suppress(VirtualBiopsyError):  # outside the series, or times that are not known
                curves.append((_("voxel under the mouse"), curve_at(self._series, self._point)))
        if not curves:
            clear(self._label)
            return
        svg = curve_svg(curves, dark=is_dark(self._label), width=WIDTH)
        set_svg(self._label, svg, curve_words(curves))

    def close(self) -> None:
        self.release()


def curve_words(curves: list[tuple[str, Curve]]) -> str:
    """The curves for screen readers."""
    parts = []
    for label, curve in curves:
        values = curve.enhancement if curve.enhancement is not None else curve.mean
        unit = _("percent enhancement") if curve.enhancement is not None else _("signal")
        listed = ", ".join(f"{value:.0f}" for value in values)
        parts.append(_("{label}, {unit}: {values}").format(label=label, unit=unit, values=listed))
    return "; ".join(parts)

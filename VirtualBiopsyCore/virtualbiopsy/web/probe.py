"""What lies under the pointer: the share of this voxel and the features behind it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..explain.model import Explanation
from ..explain.regional import Influence, RegionExplanation
from ..report import numbers
from ..report.labels import feature_label, role_words
from .explanation import MISSING, OUTLINE

if TYPE_CHECKING:
    from .app import Application

EVERY_SECONDS = 0.06
BEFORE_THE_TOOLS = 90.0
SHOWN_FEATURES = 4


class Probe:
    """Follows the pointer over the slice views; silent while a tool is in hand."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._at: tuple[Any, tuple[int, int]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        for view in app.viewer.slice_views:
            interactor = view.interactor()
            interactor.AddObserver("MouseMoveEvent", lambda *_, v=view: self._moved(v), BEFORE_THE_TOOLS)
            interactor.AddObserver("LeaveEvent", lambda *_: self._left(), BEFORE_THE_TOOLS)

    def _moved(self, view: Any) -> None:
        self._at = view, tuple(view.interactor().GetEventPosition())
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._look)

    def refresh(self, **_: Any) -> None:
        """Another layer is shown: what was said of the one before is taken back."""
        self._left()

    def _left(self) -> None:
        self._at = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        state = self._app.state
        lines: list[str] = []
        ras = None
        if self._at is not None and state.tool == "none":
            view, (x, y) = self._at
            ras = ras_of(view, x, y)
        if self._app.maps.shown:
            lines = self._app.maps.value_lines((-ras[0], -ras[1], ras[2])) if ras is not None else []
        elif ras is not None and not state.stale and state.overlay_shown:
            lines = [] if self._app.explanations.withheld() else self.lines_at(ras)
        if state.tab == "series":
            self._app.curves.at((-ras[0], -ras[1], ras[2]) if ras is not None else None)
        tag = self._at[0].get_singleton_tag() if self._at is not None and lines else ""
        if state.probe_view != tag or state.probe != lines:
            with state:
                state.probe_view, state.probe = tag, lines

    def lines_at(self, ras: tuple[float, float, float]) -> list[str]:
        """What the shown layer says about a point (RAS, mm), in lines; [] outside of it."""
        app, chosen = self._app, self._app.explanations.chosen()
        if chosen is None:
            return []
        explanation, _, model = chosen
        lps = (-ras[0], -ras[1], ras[2])
        if app.state.layer == MISSING:
            return part_lines(app.questions.parts(model.model_id), lps)
        if app.state.layer == OUTLINE:
            return change_lines(app.questions.influence(model.model_id), lps)
        return share_lines(explanation, app.questions.features(model.model_id), lps)


def ras_of(view: Any, x: float, y: float) -> tuple[float, float, float]:
    """Point under a pixel of a slice view, RAS mm."""
    found = view.get_view_node().GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
    return found[0], found[1], found[2]


def value_at(image: sitk.Image | None, lps: tuple[float, float, float]) -> float | None:
    """Value of the voxel that holds a point (LPS, mm); None outside of the image."""
    if image is None:
        return None
    index = image.TransformPhysicalPointToIndex(lps)
    if any(not 0 <= i < n for i, n in zip(index, image.GetSize(), strict=True)):
        return None
    return float(image.GetPixel(index))


def share_lines(
    explanation: Explanation, features: dict[str, sitk.Image], lps: tuple[float, float, float]
) -> list[str]:
    """Share of a voxel, and what it is made of: the features if their maps are known, else the sequences."""
    share = value_at(explanation.total, lps)
    per_ml = 1000.0 / math.prod(explanation.total.GetSpacing()) if explanation.total is not None else 0.0
    maps = features or explanation.maps
    values = {key: value_at(image, lps) for key, image in maps.items()}
    parts = sorted(((v, k) for k, v in values.items() if v), key=lambda item: -abs(item[0]))
    if share is None or (share == 0 and not parts):
        return []
    lines = [
        f"This voxel, all sequences: {numbers.signed(share * per_ml)} log-odds per mL "
        f"({numbers.signed(share, 5)} in it)"
    ]
    for value, key in parts[:SHOWN_FEATURES]:
        name = feature_label(key).full if key in features else role_words(key)
        lines.append(f"{numbers.signed(value * per_ml)}  {name}")
    if len(parts) > SHOWN_FEATURES:
        rest = sum(value for value, _ in parts[SHOWN_FEATURES:])
        lines.append(f"{numbers.signed(rest * per_ml)}  {len(parts) - SHOWN_FEATURES} others")
    return lines


def part_lines(found: RegionExplanation | None, lps: tuple[float, float, float]) -> list[str]:
    """The part of level 2 that a point lies in."""
    part = value_at(found.labels, lps) if found is not None else None
    if not part:
        return []
    k = int(part) - 1
    error = f" ± {found.error[k]:.2f}" if found.error[k] > 0 else ""
    return [
        f"Part {k + 1}, {found.volume_ml[k]:.2f} mL: {numbers.signed(float(found.psi[k]))}{error} log-odds",
        "compared with the tumour without it",
    ]


def change_lines(found: Influence | None, lps: tuple[float, float, float]) -> list[str]:
    """What a change of the outline at a point would do to the probability."""
    part = int(value_at(found.labels, lps) or 0) if found is not None else 0
    if part == 0:
        return []
    inside = part > 0
    k = abs(part) - 1
    change = float((found.erased if inside else found.painted)[k])
    if not math.isfinite(change):
        return ["No answer for this part: the outline without it cannot be measured."]
    what = "Erased from the outline" if inside else "Painted in"
    lines = [f"{what}: {numbers.signed(100 * change, 1)} percentage points"]
    if bool((found.erased_flips if inside else found.painted_flips)[k]):
        lines.append(f"This would cross the threshold of {numbers.percent(found.threshold)}.")
    return lines

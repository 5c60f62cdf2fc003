"""Questions about the present outline that take their time: missing parts, influence, steadiness.

They are asked in the background, after number and picture, and the next edit ends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..errors import Cancelled, VirtualBiopsyError
from ..explain.agreement import agreement
from ..explain.model import Explanation
from ..explain.regional import Influence, RegionExplanation
from ..progress import Progress
from ..report import numbers
from ..session import Result
from .explanation import MISSING, OUTLINE, SITS

if TYPE_CHECKING:
    from .app import Application

INFLUENCE_AFTER_SECONDS = 0.2
PARTS_AFTER_SECONDS = 0.8
FEATURES_AFTER_SECONDS = 0.3
STEADINESS_AFTER_SECONDS = 1.5
SHOWN_OF_EACH = 4
KINDS = {
    "supervoxels": "Compact parts of one size",
    "rim": "Sectors of the rim, and the core",
    "habitats": "Habitats: alike in all sequences",
    "drawn": "Drawn: the other segments",
}
GAMES = {
    "erase": "erased from the outline",
    "infill": "filled with average texture",
}


class Questions:
    """Asks, keeps the answers for the present result, and shows them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._result: Result | None = None
        self._parts: dict[str, RegionExplanation] = {}
        self._influence: dict[str, Influence] = {}
        self._unsteady: dict[str, sitk.Image] = {}
        self._features: dict[str, dict[str, sitk.Image]] = {}
        self._asked_parts: set[str] = set()
        self._waiting: asyncio.Task | None = None

    # Answers -------------------------------------------------------------------------------------

    def parts(self, model_id: str) -> RegionExplanation | None:
        """Level 2 of the present outline, if it was asked for."""
        return self._parts.get(model_id)

    def influence(self, model_id: str) -> Influence | None:
        return self._influence.get(model_id)

    def unsteady(self, model_id: str) -> sitk.Image | None:
        """Voxels whose sign changes with small changes of the outline."""
        return self._unsteady.get(model_id)

    def features(self, model_id: str) -> dict[str, sitk.Image]:
        """Maps of the single features by key, log-odds per voxel; empty until they are computed."""
        return self._features.get(model_id, {})

    def clear(self) -> None:
        """Forget everything (another case)."""
        self._forget()
        self._asked_parts = set()
        with self._app.state as state:
            state.parts_rows, state.parts_note, state.parts_warning = [], "", ""
            state.influence_rows, state.influence_note, state.hatching_note = [], "", ""

    def _forget(self) -> None:
        self._stop()
        self._result = None
        self._parts, self._influence, self._unsteady, self._features = {}, {}, {}, {}

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def new_result(self, result: Result) -> None:
        """What was known about the result before is forgotten."""
        self._forget()
        self._result = result
        with self._app.state as state:
            state.parts_rows, state.parts_note, state.parts_warning, state.hatching_note = [], "", "", ""

    # Asking --------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Ask what the shown layer needs, when the user pauses."""
        self._stop()
        if self._result is not None and self._app.explanations.chosen() is not None:
            self._waiting = self._app.alerts.start(self._follow(self._result))

    async def _follow(self, result: Result) -> None:
        state = self._app.state
        if state.layer == OUTLINE:
            await asyncio.sleep(INFLUENCE_AFTER_SECONDS)
            await self._ask_influence(result)
        elif state.layer == MISSING and state.explained_model in self._asked_parts:
            await asyncio.sleep(PARTS_AFTER_SECONDS)
            await self._ask_parts(result)
        elif state.layer == SITS:
            await asyncio.sleep(FEATURES_AFTER_SECONDS)
            await self._ask_features(result)
            await asyncio.sleep(STEADINESS_AFTER_SECONDS)
            await self._ask_steadiness(result)

    def _current(self, result: Result) -> bool:
        app = self._app
        return self._result is result and app.session is not None and not app.state.stale

    async def ask_parts(self) -> None:
        """The Compute button of "What if this part were missing"."""
        app = self._app
        if self._result is None or app.state.stale:
            raise VirtualBiopsyError("There is no result of this outline.", "Press Predict first.")
        self._asked_parts.add(app.state.explained_model)
        self._parts.pop(app.state.explained_model, None)
        with app.state as state:
            state.layer = MISSING
        await self._ask_parts(self._result, told=True)

    async def _ask_parts(self, result: Result, told: bool = False) -> None:
        app, model_id = self._app, self._app.state.explained_model
        if model_id in self._parts:
            self.show_parts()
            return
        if not self._current(result):
            return
        kind, game = app.state.parts_kind, app.state.parts_game
        count, session = int(app.state.parts_count), app.session
        drawn = self._drawn(model_id) if kind == "drawn" else None
        await self._find_parts(
            result, model_id, lambda p: session.explain_regions(model_id, kind, count, game, drawn, p), told
        )

    async def refine_parts(self) -> None:
        """The Refine button: the strongest parts in smaller pieces that share their value."""
        model_id, session = self._app.state.explained_model, self._app.session
        found = self._parts.get(model_id)
        if found is not None and self._result is not None and self._current(self._result):
            await self._find_parts(
                self._result, model_id, lambda p: session.refine_regions(found, progress=p), True
            )

    async def _find_parts(
        self, result: Result, model_id: str, work: Callable[[Progress], RegionExplanation], told: bool
    ) -> None:
        app = self._app
        with app.state as state:
            state.parts_busy = True
        try:
            found = await app.jobs.run(
                "regions", "What if this part were missing", work, replaces=("regions",)
            )
        except Cancelled:
            if told:
                raise
            return
        finally:
            with app.state as state:
                state.parts_busy = False
        if self._current(result):
            self._parts[model_id] = found
            self.show_parts()

    def show_parts(self) -> None:
        """Write level 2 into the page and draw it."""
        app, chosen = self._app, self._app.explanations.chosen()
        found = self._parts.get(app.state.explained_model)
        if chosen is None or found is None:
            return
        explanation, prediction, _ = chosen
        largest = float(np.abs(found.psi).max()) if len(found.psi) else 0.0
        rows = [
            {
                "id": int(k) + 1,
                "label": f"Part {k + 1}",
                "volume": f"{found.volume_ml[k]:.2f} mL",
                "phi": numbers.signed(float(found.psi[k]))
                + (f" ± {found.error[k]:.2f}" if found.error[k] > 0 else ""),
                "sign": int(np.sign(found.psi[k])),
                "size": round(50 * abs(float(found.psi[k])) / (largest or 1.0), 2),
            }
            for k in np.argsort(-np.abs(found.psi))
        ]
        with app.state as state:
            state.parts_rows = rows
            state.parts_note = (
                f"Baseline {numbers.signed(found.baseline)}, what has no place in the image "
                f"{numbers.signed(found.nonspatial)}, parts {numbers.signed(float(found.psi.sum()))}: the "
                f"{found.sums_to} {numbers.signed(found.log_odds)}. {found.method[:1].upper()}"
                f"{found.method[1:]}; parts {GAMES.get(found.game, found.game)}; size and "
                "shape stay as they are."
            )
            state.parts_warning = disagreement(explanation, found)
        if app.state.layer == MISSING:
            app.explanations.draw()

    def go_to(self, part: int) -> None:
        """Move the slices to a part of the shown layer: a voxel of it, near its middle."""
        model_id, layer = self._app.state.explained_model, self._app.state.layer
        found = self.parts(model_id) if layer == MISSING else self.influence(model_id)
        if found is None:
            return
        where = np.argwhere(sitk.GetArrayViewFromImage(found.labels) == int(part))
        if len(where):
            nearest = where[np.abs(where - where.mean(axis=0)).sum(axis=1).argmin()]
            x, y, z = found.labels.TransformIndexToPhysicalPoint([int(n) for n in nearest[::-1]])
            self._app.viewer.jump((-x, -y, z))

    def _drawn(self, model_id: str) -> np.ndarray:
        """The other visible segments as parts, on the prepared grid (k, j, i)."""
        from ..prepare.prepare import prepare_mask

        app = self._app
        model = next(m for m in app.models if m.model_id == model_id)
        prepared = app.session.prepared(model)
        labels = np.zeros(prepared.grid.GetSize()[::-1], np.int32)
        for n, mask in enumerate(app.outlines.drawn_parts(), 1):
            labels[sitk.GetArrayFromImage(prepare_mask(mask, prepared)) > 0] = n
        return labels

    async def _ask_influence(self, result: Result) -> None:
        app, model_id = self._app, self._app.state.explained_model
        if model_id in self._influence:
            self.show_influence()
            return
        if not self._current(result):
            return
        session = app.session
        with app.state as state:
            state.influence_busy = True
        try:
            found = await app.jobs.run(
                "influence",
                "What if the outline changed here",
                lambda p: session.influence(model_id, progress=p),
                replaces=("influence",),
                quiet=True,
            )
        except Cancelled:
            return
        except VirtualBiopsyError as error:
            with app.state as state:
                state.influence_rows, state.influence_note, state.influence_flips = [], str(error), 0
            return
        finally:
            with app.state as state:
                state.influence_busy = False
        if self._current(result):
            self._influence[model_id] = found
            self.show_influence()

    def show_influence(self) -> None:
        """Write the influence map into the page and draw it, with the flip brush."""
        app = self._app
        found = self._influence.get(app.state.explained_model)
        if found is None:
            return
        rows = _changes(found)
        flips = sum(row["flips"] for row in rows)
        threshold = numbers.percent(found.threshold)
        with app.state as state:
            state.influence_rows = [
                row
                for what in ("erase", "paint")
                for row in [r for r in rows if r["what"] == what][:SHOWN_OF_EACH]
            ]
            state.influence_flips = flips
            state.influence_note = (
                f"No single part of the outline, nor of the {found.shell_mm:g} mm around it, would cross the "
                f"threshold of {threshold}."
                if not flips
                else f"{flips} part{'s' if flips > 1 else ''} would cross the threshold of {threshold}: the "
                "flip brush, outlined in yellow (erase here) and magenta (paint here)."
            )
        if app.state.layer == OUTLINE:
            app.explanations.draw()

    async def _ask_features(self, result: Result) -> None:
        """The maps of single features: for the lines of the ledger and for what is behind a voxel."""
        app, chosen = self._app, self._app.explanations.chosen()
        if chosen is None or not self._current(result):
            return
        explanation, _, model = chosen
        if model.model_id in self._features:
            return
        keys, session = [c.key for c in explanation.contributions if c.localised], app.session

        def work(progress: Progress) -> dict[str, sitk.Image]:
            found = {}
            for n, key in enumerate(keys):
                progress(n / len(keys), "Maps of the features")
                image = session.feature_map(model.model_id, key)
                if image is not None:
                    found[key] = image
            return found

        try:
            found = await app.jobs.run(
                "features", "Maps of the features", work, replaces=("features",), quiet=True
            )
        except Cancelled:
            return
        if self._current(result):
            self._features[model.model_id] = found
            if app.state.layer == SITS and "/" in app.state.explained_map:
                app.explanations.draw()

    async def _ask_steadiness(self, result: Result) -> None:
        app, model_id = self._app, self._app.state.explained_model
        session = app.session
        if model_id in self._unsteady or not self._current(result):
            return
        try:
            found = await app.jobs.run(
                "steadiness",
                "Varying the outline",
                lambda p: session.unstable_sign(model_id, p),
                replaces=("steadiness",),
                quiet=True,
            )
        except Cancelled:
            return
        if not self._current(result):
            return
        self._unsteady[model_id] = found
        inside = sitk.GetArrayViewFromImage(found) > 0
        with app.state as state:
            state.hatching_note = (
                "Hatched: the sign changes with small changes of the outline."
                if inside.any()
                else "The sign is steady everywhere under small changes of the outline."
            )
        if app.state.layer == SITS:
            app.explanations.draw()


def disagreement(explanation: Explanation, found: RegionExplanation) -> str:
    """A sentence if level 1 and level 2 rank the parts differently, "" if they agree or nothing is known."""
    compared = agreement(explanation, found)
    if not compared.disagrees:
        return ""
    return (
        f"Disagrees with “Where the features sit” (rank correlation {compared.correlation:.2f}): where the "
        "feature values sit, and what happens without a part, are different questions here. Rely on neither "
        "alone."
    )


def _at_the_surface(found: Influence, part: int) -> bool:
    """Whether a brush reaches a part from outside: all of the shell, and the boundary of the outline."""
    return part <= found.boundary or found.boundary == 0


def _changes(found: Influence) -> list[dict[str, Any]]:
    """All parts with an answer: those that flip first, then by size of the change."""
    labels, counts = np.unique(sitk.GetArrayViewFromImage(found.labels), return_counts=True)
    voxels = dict(zip(labels.tolist(), counts.tolist(), strict=True))
    per_ml = 1000.0 / float(np.prod(found.labels.GetSpacing()))
    rows = []
    for what, sign, changes, flips in (
        ("erase", 1, found.erased, found.erased_flips),
        ("paint", -1, found.painted, found.painted_flips),
    ):
        for k in np.flatnonzero(np.isfinite(changes)).tolist():
            part, change = sign * (k + 1), float(changes[k])
            rows.append(
                {
                    "id": f"{what}{k + 1}",
                    "part": part,
                    "label": f"{what.capitalize()} here",
                    "volume": f"{voxels.get(part, 0) / per_ml:.2f} mL",
                    "what": what,
                    "change": numbers.signed(100 * change, 1) + " points",
                    "after": numbers.percent(found.probability + change),
                    "flips": bool(flips[k]) and _at_the_surface(found, part),
                    "size": abs(change),
                }
            )
    return sorted(rows, key=lambda row: (not row["flips"], -row["size"]))

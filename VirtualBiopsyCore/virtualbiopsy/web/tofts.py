"""How pharmacokinetic maps are computed: arterial input, model, assumed T1; departs from the models' own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..errors import RegionError
from ..prepare.kinetics.pharmacokinetic import VESSEL
from ..prepare.model import Kinetics
from ..scene.segments import mask_from_segment

if TYPE_CHECKING:
    from .app import Application

INPUTS = (
    ("parker", "Population: Parker"),
    ("georgiou", "Population: Georgiou"),
    ("weinmann", "Population: Weinmann"),
    ("measured", "Measured in the chosen segment"),
)
MODELS = (("tofts", "Tofts"), ("extended_tofts", "Extended Tofts (with vp)"))
T1_LIMITS = (200.0, 4000.0)
"""Sensible assumed T1, ms."""


class ToftsDesk:
    """The settings behind "How Ktrans is computed"."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._asked: Kinetics | None = None

    def base(self) -> Kinetics:
        """How the models of the task compute their maps."""
        models = self._app.tasks.models()
        return next((k for m in models if (k := m.preparation.kinetics) is not None), Kinetics())

    def reset(self) -> None:
        """Another case or task: as the models do it."""
        self._take(self.base())

    def kept(self) -> dict[str, Any]:
        """The settings for a saved session."""
        asked = self._asked or self.base()
        return {"aif": asked.aif, "model": asked.model, "t1_ms": asked.t1_ms}

    def adopt(self, kept: Any) -> None:
        """Take the settings of a saved session; what is not usable stays as the models have it."""
        base = self.base()
        found = kept if isinstance(kept, dict) else {}
        aif = found["aif"] if found.get("aif") in dict(INPUTS) else base.aif
        model = found["model"] if found.get("model") in dict(MODELS) else base.model
        t1 = found.get("t1_ms")
        usable = isinstance(t1, (int, float)) and T1_LIMITS[0] <= t1 <= T1_LIMITS[1]
        self._take(replace(base, aif=aif, model=model, t1_ms=float(t1) if usable else base.t1_ms))

    def _take(self, kinetics: Kinetics) -> None:
        self._asked = kinetics
        with self._app.state as state:
            state.aif, state.kinetic_model, state.tissue_t1 = kinetics.aif, kinetics.model, kinetics.t1_ms

    def changes(self) -> dict[str, Any]:
        """What departs from the models' own preparation; {} if nothing does."""
        return {} if self._asked in (None, self.base()) else {"kinetics": self._asked}

    async def follow(self, **_: Any) -> None:
        """The page asks for other settings; the maps are computed again when they are next asked for."""
        app, state = self._app, self._app.state
        if app.session is None or not app.tasks.task.dynamic:
            return
        try:
            t1 = min(max(float(state.tissue_t1), T1_LIMITS[0]), T1_LIMITS[1])
        except (TypeError, ValueError):
            return
        wanted = replace(self.base(), aif=str(state.aif), model=str(state.kinetic_model), t1_ms=t1)
        if wanted == self._asked:
            return
        before, self._asked = self._asked, wanted
        try:
            vessel = self._vessel() if wanted.aif == "measured" else None
        except RegionError:
            self._asked = before
            with state:
                state.aif = before.aif if before is not None else self.base().aif
            raise
        app.maps.clear()
        if vessel is not None:
            await app.cases.reopen(app.session.case.with_region(VESSEL, vessel))
        else:
            await app.cases.set_preparation()

    def _vessel(self) -> sitk.Image:
        outlines = self._app.outlines
        for row in outlines.rows():
            if row["active"] and not row["fixed"] and not row["region"]:
                mask = mask_from_segment(outlines.node, row["id"], outlines.reference)
                if sitk.GetArrayViewFromImage(mask).any():
                    return mask
        raise RegionError(
            "No vessel is drawn.",
            "Add a segment under Outline, paint an artery in it, and leave that segment chosen.",
        )

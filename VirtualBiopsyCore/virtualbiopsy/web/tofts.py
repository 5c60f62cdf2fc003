"""How pharmacokinetic maps are computed: arterial input, model, assumed T1; departs from the models' own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..errors import RegionError
from ..prepare.kinetics.aif import ArterialInput, read_input_table
from ..prepare.kinetics.pharmacokinetic import VESSEL
from ..prepare.model import Kinetics
from ..scene.segments import mask_from_segment
from ..session import Session
from .jobs import FOLLOW_UPS
from .localpaths import local_path

if TYPE_CHECKING:
    from .app import Application

INPUTS = (
    ("parker", "Population: Parker"),
    ("georgiou", "Population: Georgiou"),
    ("weinmann", "Population: Weinmann"),
    ("measured", "Measured in the chosen segment"),
    ("table", "Table (CSV: time_s, plasma or blood)"),
)
MODELS = (("tofts", "Tofts"), ("extended_tofts", "Extended Tofts (with vp)"))
T1_LIMITS = (200.0, 4000.0)
"""Sensible assumed T1, ms."""
FIELDS = {"aif": "aif", "kinetic_model": "model", "tissue_t1": "t1_ms"}
"""Field of the settings by state variable."""


class ToftsDesk:
    """The settings behind "How Ktrans is computed"."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._asked: Kinetics | None = None
        self._arterial: ArterialInput | None = None

    def base(self) -> Kinetics:
        """How the models of the task compute their maps."""
        models = self._app.tasks.models()
        return next((k for m in models if (k := m.preparation.kinetics) is not None), Kinetics())

    def reset(self) -> None:
        """Another case or task: as the models do it."""
        self._arterial = None
        self._take(self.base())

    def kept(self) -> dict[str, Any]:
        """The settings for a saved session."""
        asked = self._asked or self.base()
        return {field: getattr(asked, field) for field in FIELDS.values()}

    def adopt(self, kept: Any, session: Session) -> None:
        """Take the settings of a saved session; what is not usable stays as the models have it."""
        base = self.base()
        found = kept if isinstance(kept, dict) else {}
        aif = found.get("aif") if found.get("aif") in dict(INPUTS) else base.aif
        if aif == "table" or (aif == "measured" and VESSEL not in session.case.regions):
            aif = base.aif  # the table is not kept
        model = found.get("model") if found.get("model") in dict(MODELS) else base.model
        t1 = found.get("t1_ms")
        usable = isinstance(t1, (int, float)) and T1_LIMITS[0] <= t1 <= T1_LIMITS[1]
        self._take(replace(base, aif=aif, model=model, t1_ms=float(t1) if usable else base.t1_ms))
        self.apply(session)

    def apply(self, session: Session) -> None:
        """Let a session depart from the models' own settings as the page says."""
        if changes := self._changes():
            session.set_kinetics(self._arterial, **changes)

    def _changes(self) -> dict[str, Any]:
        base, asked = self.base(), self._asked or self.base()
        return {f: getattr(asked, f) for f in FIELDS.values() if getattr(asked, f) != getattr(base, f)}

    def _take(self, kinetics: Kinetics) -> None:
        self._asked = kinetics
        with self._app.state as state:
            for name, field in FIELDS.items():
                state[name] = getattr(kinetics, field)

    async def follow(self, **_: Any) -> None:
        """The page asks for other settings; maps are computed again when they are next asked for."""
        app, state = self._app, self._app.state
        session, before = app.session, self._asked or self.base()
        if session is None or not app.tasks.task.dynamic:
            return
        try:
            t1 = min(max(float(state.tissue_t1), T1_LIMITS[0]), T1_LIMITS[1])
        except (TypeError, ValueError):
            return
        wanted = replace(before, aif=str(state.aif), model=str(state.kinetic_model), t1_ms=t1)
        if wanted == before or (wanted.aif == "table" and not str(state.aif_path).strip()):
            return
        try:
            vessel = self._vessel() if wanted.aif == "measured" else None
            if wanted.aif == "table":
                path = local_path(state.aif_path)
                self._arterial = read_input_table(path, haematocrit=wanted.haematocrit)
            else:
                self._arterial = None
        except Exception:
            self._take(before)
            raise
        self._asked = wanted
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        changes = self._changes()
        await app.jobs.run(
            "role",
            "Changing the kinetics",
            lambda progress: session.set_kinetics(self._arterial, vessel, **changes),
        )
        if app.session is session:
            app.maps.clear()
            app.predictions.changed()
            app.cases.start_preparing()

    async def own(self) -> None:
        """Back to the models' own settings."""
        base = self.base()
        with self._app.state as state:
            for name, field in FIELDS.items():
                state[name] = getattr(base, field)
        await self.follow()

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

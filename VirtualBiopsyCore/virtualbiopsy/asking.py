"""The questions that may be asked about a result, beside the work on the next one."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from .errors import EmptyRegionError, FeatureError
from .explain.regional import Influence, RegionExplanation
from .explain.whatif import WhatIf, what_if
from .inquiry import Inquiry
from .progress import Progress, silent
from .result import Result


class Asking:
    """Questions about the result of a session; they look at what was measured and change nothing.

    They may run in another thread than the session's own work, on the result that was there when they began.
    """

    _lock: threading.RLock
    _result: Result | None
    _inquiries: dict[str, Inquiry]

    def explain_regions(
        self,
        model_id: str,
        kind: str = "supervoxels",
        count: int = 8,
        game: str = "erase",
        drawn: np.ndarray | None = None,
        progress: Progress = silent,
    ) -> RegionExplanation:
        """Level 2: what the score of one model would be without parts of the current outline.

        Parameters
        ----------
        kind, count, drawn : see :func:`virtualbiopsy.explain.players.players`; `drawn` on the prepared grid.
        game : "erase" or "infill".

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model. Cancelled.
        """
        return self._inquiry(model_id).regions(kind, count, game, drawn, progress)

    def refine_regions(
        self, found: RegionExplanation, count: int = 2, pieces: int = 4, progress: Progress = silent
    ) -> RegionExplanation:
        """The `count` parts with the largest influence split into pieces that share it, for the same result.

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(found.model_id).refined(found, count, pieces, progress)

    def influence(
        self, model_id: str, parts: int = 24, shell_mm: float = 3.0, progress: Progress = silent
    ) -> Influence:
        """How the probability of one model would change if the outline changed in one place.

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(model_id).influence(parts, shell_mm, progress)

    def unstable_sign(self, model_id: str, progress: Progress = silent) -> sitk.Image:
        """Where the sign of a model's map depends on small changes of the outline (uint8, the map's grid).

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(model_id).unstable_sign(progress)

    def what_if(self, model_id: str, changes: Mapping[str, float]) -> WhatIf:
        """The answer of one model if some values were others; hypothetical.

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model, or a change
            cannot be used.
        """
        inquiry = self._inquiry(model_id)
        return what_if(inquiry.model, inquiry.features, changes)

    def feature_map(self, model_id: str, key: str) -> sitk.Image | None:
        """The part of one feature in a model's map, log-odds per voxel; None if it is not localised."""
        return self._inquiry(model_id).feature_map(key)

    def shares_at(self, model_id: str, point: tuple[float, float, float]) -> tuple[tuple[str, float], ...]:
        """Features behind the voxel at a point (mm, LPS) with their shares in log-odds, largest first."""
        return self._inquiry(model_id).shares_at(point)

    def native_maps(self, model_id: str) -> dict[str, sitk.Image]:
        """Level 3: a model's maps on the sequences' own grids, by role; sums are conserved."""
        return self._inquiry(model_id).native_maps()

    def _inquiry(self, model_id: str) -> Inquiry:
        """What a question about the current result of one model needs.

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model.
        """
        with self._lock:
            if self._result is None:
                raise EmptyRegionError("There is no result yet.", "Outline the tumour and predict first.")
            if model_id not in self._inquiries:
                raise FeatureError(f"There is no result of the model {model_id!r}.", "Choose one that ran.")
            return self._inquiries[model_id]

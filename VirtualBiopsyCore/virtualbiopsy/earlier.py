"""The same lesion at an earlier examination: what its features were, for models of change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import SimpleITK as sitk

from .case.model import Case
from .groundwork import NO_DEPARTURES, Departures, Groundwork
from .models.radmodel import RadModel
from .progress import Progress, silent
from .radiomics.keys import delta_parts, is_delta
from .regions.crop import crop_mask
from .regions.facts import region_facts
from .tasks import Task

NO_EARLIER_STUDY = (
    "The model is about the change between two examinations, and no earlier one is open. "
    "Open the examination before treatment with its outline."
)


class Earlier:
    """An earlier examination with its outline; measured when it is first asked for.

    Parameters
    ----------
    case : the examination. mask : outline of the lesion, in the space of its reference.
    models, task, departures : as for :class:`virtualbiopsy.groundwork.Groundwork`; the same preparation as
        the later examination has.

    Raises
    ------
    EmptyRegionError : the outline holds no voxel.
    """

    def __init__(
        self,
        case: Case,
        mask: sitk.Image,
        models: Sequence[RadModel],
        task: Task,
        departures: Departures = NO_DEPARTURES,
    ) -> None:
        self.case, self.mask = case, mask
        self.facts = region_facts(mask)
        self._ground = Groundwork(case, [m for m in models if m.needs_earlier], task, departures)
        self._values: dict[str, float] | None = None

    def departing(self, departures: Departures) -> Earlier:
        """The same examination, prepared otherwise. An arterial input holds for one examination only."""
        ground = self._ground
        return Earlier(self.case, self.mask, ground.models, ground.task, replace(departures, arterial=None))

    def measure(self, progress: Progress = silent) -> None:
        """Measure the outline.

        Raises
        ------
        As :meth:`virtualbiopsy.session.Session.set_region`, for this examination.
        """
        if self._values is None:
            models = self._ground.models
            if not models:
                self._values = {}
                return
            vector, _ = self._ground.measure(models, crop_mask(self.mask), progress)
            self._values = dict(vector.values)

    def values(self, models: Iterable[RadModel]) -> dict[str, float]:
        """Values by radiomic key of the features whose change these models ask for."""
        self.measure()
        wanted = {str(delta_parts(key)[0]) for m in models for key in m.feature_keys if is_delta(key)}
        return {key: value for key, value in self._values.items() if key in wanted}

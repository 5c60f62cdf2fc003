"""The dynamic series of a case in front of the user: maps, a proposed lesion, curves, motion."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import SimpleITK as sitk

from .case.dynamic import DynamicSeries
from .case.model import Case, Sequence
from .errors import DynamicSeriesError, MissingSequenceError
from .groundwork import Groundwork
from .prepare.kinetics.derive import Derived, derive_maps
from .prepare.limits import breast_limit
from .prepare.model import Kinetics, Preparation
from .progress import Progress, part, silent
from .regions.curves import Curve, curve_at, curve_of
from .regions.proposal import Proposal, propose

ENHANCEMENT = "pe"


class Dynamics:
    """What the dynamic series of one case gives before and beside any prediction.

    Parameters
    ----------
    ground : the case with its models; how maps are computed is taken from the first model of the task.
    """

    def __init__(self, ground: Groundwork) -> None:
        self._ground = ground
        own = (m.preparation for m in ground.models if m.preparation.kinetics is not None)
        self.kinetics = ground.departures.of(next(own, Preparation(kinetics=Kinetics()))).kinetics
        self._derived: dict[tuple[str, ...], Derived] = {}

    @property
    def ground(self) -> Groundwork:
        return self._ground

    @property
    def case(self) -> Case:
        return self._ground.case

    @property
    def series(self) -> DynamicSeries:
        """The series.

        Raises
        ------
        DynamicSeriesError : the case has none.
        """
        if self.case.dynamic is None:
            raise DynamicSeriesError(
                "The case has no dynamic series.", "Open the folder with all phases of the examination."
            )
        return self.case.dynamic

    def maps(self, progress: Progress = silent) -> tuple[Sequence, ...]:
        """All maps of the task that were read or can be computed, in the task's order.

        Raises
        ------
        MemoryLimitError : they do not fit into the free memory. Cancelled.
        """
        case = self._with(self._ground.task.maps, progress).case
        return tuple(case.sequence(role) for role in self._ground.task.maps if case.has(role))

    def left_out(self, progress: Progress = silent) -> Mapping[str, str]:
        """Why a map of the task cannot be computed, by role."""
        return self._with(self._ground.task.maps, progress).left_out

    def propose(self, point: tuple[float, float, float], progress: Progress = silent) -> Proposal:
        """A lesion around a point (mm, LPS), from the percent enhancement inside the breast.

        Raises
        ------
        MissingSequenceError : there is no map of percent enhancement.
        As :func:`virtualbiopsy.regions.proposal.propose`. Cancelled.
        """
        derived = self._with((ENHANCEMENT,), part(progress, 0.0, 0.5))
        if not derived.case.has(ENHANCEMENT):
            raise MissingSequenceError(
                "A lesion is proposed from the percent enhancement, and there is none.",
                derived.left_out.get(ENHANCEMENT, ""),
            )
        enhancement = derived.case.sequence(ENHANCEMENT).image
        return propose(enhancement, point, self.breast, part(progress, 0.5, 1.0))

    @cached_property
    def breast(self) -> sitk.Image | None:
        """Mask (uint8) of the breast on the grid of the reference image, None where none is found.

        Raises
        ------
        MissingSequenceError : the case has no reference image.
        """
        reference = self.case.sequence(self._ground.task.reference).image
        return breast_limit(self.case, reference)[0]

    def curve_of(self, mask: sitk.Image) -> Curve:
        """Signal over time inside a region.

        Raises
        ------
        DynamicSeriesError, RegionError : there is no series, or nothing of the region lies on it.
        """
        return curve_of(self.series, mask)

    def curve_at(self, point: tuple[float, float, float]) -> Curve:
        """Signal over time of the voxel at a point (mm, LPS).

        Raises
        ------
        DynamicSeriesError, RegionError : there is no series, or the point lies outside.
        """
        return curve_at(self.series, point)

    def _with(self, roles: tuple[str, ...], progress: Progress) -> Derived:
        """The case with these maps; those that were computed before are taken."""
        if roles not in self._derived:
            known = [found.case for found in self._derived.values()]
            known += self._ground.derived_cases(self.kinetics)
            start = max(known, key=lambda case: len(case.sequences), default=self.case)
            arterial = self._ground.departures.arterial
            self._derived[roles] = derive_maps(start, self.kinetics, roles, progress, arterial=arterial)
        return self._derived[roles]

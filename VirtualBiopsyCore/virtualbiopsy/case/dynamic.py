"""The dynamic series: one image per phase, and when each was acquired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True, eq=False)
class Phase:
    """One time point of a dynamic series.

    Attributes
    ----------
    name : what the user sees, unique in the series ("phase 2").
    image : 3D scalar image, physical space LPS.
    start_s : when its acquisition began, seconds after the first phase began; None if the data do not say.
    time_source : where that came from, for example "AcquisitionTime (0008,0032)"; "" if it is not known.
    precontrast : whether it was acquired before the contrast agent arrived.
    """

    name: str
    image: sitk.Image
    start_s: float | None
    time_source: str = ""
    precontrast: bool = False


@dataclass(frozen=True)
class PhaseMotion:
    """How far a phase lies from the phase that the others are aligned to.

    Attributes
    ----------
    name : of the phase. shift_mm : mean displacement inside the foreground, mm. rotation_degrees : angle of
        the rigid transform. similarity_before, similarity_after : the registration's metric, as it states.
    corrected : whether the phase was resampled.
    """

    name: str
    shift_mm: float
    rotation_degrees: float
    similarity_before: float
    similarity_after: float
    corrected: bool = False


@dataclass(frozen=True, eq=False)
class DynamicSeries:
    """A dynamic contrast-enhanced series.

    Attributes
    ----------
    name : series description or file name.
    phases : in the order of acquisition; all on one grid.
    precontrast_reason : how the pre-contrast phases were found, one sentence; says so if the user chose them.
    duration_s : acquisition time of one phase, None if it is not known.
    injection_s : when the contrast agent was given, seconds after the first phase began; None: not known.
    injection_source : where that came from, one sentence.
    protocol, frame_of_reference, source : as for :class:`virtualbiopsy.case.model.Sequence`.
    motion : what was measured between the phases; () before it was measured.
    flip_angles : images of the same frame with other flip angles by angle in degrees, for a T1 map.
    duration_source : where `duration_s` came from, one sentence.
    """

    name: str
    phases: tuple[Phase, ...]
    precontrast_reason: str = ""
    duration_s: float | None = None
    injection_s: float | None = None
    injection_source: str = ""
    protocol: Mapping[str, str] = field(default_factory=dict)
    frame_of_reference: str | None = None
    source: str = ""
    motion: tuple[PhaseMotion, ...] = ()
    flip_angles: Mapping[float, sitk.Image] = field(default_factory=dict)
    duration_source: str = ""

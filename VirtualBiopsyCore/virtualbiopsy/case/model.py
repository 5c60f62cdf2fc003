"""The case: sequences by role, regions and clinical variables of one patient at one time point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import SimpleITK as sitk

from ..errors import MissingSequenceError
from .diffusion import DiffusionSeries
from .dynamic import DynamicSeries

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "t1": "T1-weighted",
        "t1c": "contrast-enhanced T1-weighted",
        "t2": "T2-weighted",
        "flair": "T2-FLAIR",
        "adc": "apparent diffusion coefficient (10⁻⁶ mm²/s)",
        "dwi": "diffusion-weighted",
        "t1map": "T1 relaxation time map (ms)",
        "aptw": "amide proton transfer weighted (%)",
        "dce": "dynamic contrast-enhanced, early phase",
        "pe": "percent enhancement, early phase (%)",
        "ser": "signal enhancement ratio",
        "washin": "wash-in slope (%/min)",
        "washout": "wash-out slope (%/min)",
        "ttp": "time to peak (s)",
        "maxslope": "maximum slope (%/min)",
        "ktrans": "Ktrans (1/min)",
        "kep": "kep (1/min)",
        "ve": "ve (volume fraction)",
        "vp": "vp (volume fraction)",
        "curvetype": "curve type (0 none, 1 persistent, 2 plateau, 3 wash-out)",
        "perfusion": "perfusion map",
        "swi": "susceptibility-weighted",
        "other": "other or unknown",
    }
)


DYNAMIC_MAPS = ("pe", "ser", "washin", "washout", "ttp", "maxslope", "ktrans", "kep", "ve", "vp")
"""Roles that are computed from a dynamic series where no map was read."""


@dataclass(frozen=True, eq=False)
class Sequence:
    """One 3D image of the case.

    Attributes
    ----------
    role : key of :data:`ROLES`.
    name : short name that the user sees; unique in the case.
    image : 3D scalar image, physical space LPS.
    reason : why this role was guessed, one sentence; empty if the user chose it.
    unit : physical unit of the voxel values, None for arbitrary units.
    frame_of_reference : DICOM Frame of Reference UID, None if unknown.
    protocol : acquisition parameters by DICOM keyword (MagneticFieldStrength, RepetitionTime, EchoTime,
        SliceThickness, …); never names, dates or identifiers of a patient.
    source : file or folder that it was read from; empty if it came from memory.
    """

    role: str
    name: str
    image: sitk.Image
    reason: str = ""
    unit: str | None = None
    frame_of_reference: str | None = None
    protocol: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """One patient at one time point.

    Attributes
    ----------
    name : what the user calls the case (a folder name); not a patient's name.
    sequences : all sequences that were read, roles included; at most one for each role except "other".
    regions : binary masks by name ("tumour", …), each on the grid of one of the sequences.
    clinical : values by variable name, see :mod:`virtualbiopsy.case.clinical`; unknown ones are absent.
    warnings : what the reader noticed, one sentence each.
    dynamic : the dynamic contrast-enhanced series, None if there is none. The sequence with the role "dce" is
        its early phase.
    diffusion : images by b-value, None if fewer than two b-values were read. The sequence with the role "dwi"
        is that of the highest.
    """

    name: str
    sequences: tuple[Sequence, ...]
    regions: Mapping[str, sitk.Image] = field(default_factory=dict)
    clinical: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    dynamic: DynamicSeries | None = None
    diffusion: DiffusionSeries | None = None

    def has(self, role: str) -> bool:
        return any(sequence.role == role for sequence in self.sequences)

    def sequence(self, role: str) -> Sequence:
        """Return the sequence with this role.

        Raises
        ------
        MissingSequenceError : if the case has none.
        """
        for sequence in self.sequences:
            if sequence.role == role:
                return sequence
        known = ", ".join(f"{s.name} ({s.role})" for s in self.sequences) or "no sequence at all"
        raise MissingSequenceError(
            f"The case has no {ROLES.get(role, role)} sequence (role {role!r}); it has {known}.",
            "Assign the role to one of the sequences, or add the missing sequence.",
        )

    def with_role(self, name: str, role: str) -> Case:
        """Return the case with `role` given to the sequence `name`; who had it becomes "other"."""
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}")
        if name not in [s.name for s in self.sequences]:
            raise ValueError(f"the case has no sequence called {name!r}")
        changed = []
        for sequence in self.sequences:
            if sequence.name == name:
                sequence = replace(sequence, role=role, reason="chosen by the user")
            elif role != "other" and sequence.role == role:
                sequence = replace(sequence, role="other", reason=f"the user gave the role {role} to {name}")
            changed.append(sequence)
        return replace(self, sequences=tuple(changed))

    def with_clinical(self, values: Mapping[str, Any]) -> Case:
        """Return the case with these clinical values instead of its own."""
        return replace(self, clinical=dict(values))

    def with_region(self, name: str, mask: sitk.Image) -> Case:
        return replace(self, regions={**self.regions, name: mask})

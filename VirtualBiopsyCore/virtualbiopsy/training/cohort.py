"""Simulated cohorts as feature tables, by the same steps that a user's case goes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..case.clinical import encode_clinical
from ..measure import Measuring
from ..prepare.model import Preparation
from ..prepare.prepare import prepare_case
from ..progress import Progress, silent
from ..radiomics.keys import FeatureKey, is_clinical
from ..simulate.cohort import simulate_cohort
from ..simulate.meningioma import SimulatedCase, SimulationSettings
from ..trust import images as measured_on
from ..trust.images import CaseImages
from .table import FeatureTable, parse_table, table_text

LABELS = ("ki67_percent", "ki67_high", "pr_percent", "pr_positive")
PROTOCOL = ("tesla", "t1c_slice_mm", "adc_slice_mm", "t2_slice_mm")
IMAGE, HEADER = "image:", "protocol:"
"""How the columns of what was measured on the images and of their acquisition parameters begin, for example
"image:t1c:snr" and "protocol:t1c:EchoTime"."""

RANGED = frozenset(
    {
        measured_on.SNR,
        measured_on.STRIPPED,
        measured_on.ASYMMETRY,
        measured_on.SPREAD,
        measured_on.DEPTH_CORRELATION,
        measured_on.REFERENCE_CORRELATION,
        measured_on.T2_CORRELATION,
        measured_on.BRAIN_MEDIAN,
        measured_on.LOW_SHARE,
        measured_on.HIGH_SHARE,
        measured_on.OUTLINE_CONTRAST,
    }
)
"""Figures whose training range is kept; the others serve findings that need no model."""


@dataclass(frozen=True)
class CaseRow:
    """Turn a simulated case into a row of the feature table; picklable, for use in worker processes.

    Attributes
    ----------
    keys : feature keys, ``clinical:`` keys included.
    preparation : as in the recipes. Registration is left out here: it takes most of the time, and these
        cohorts are simulated without motion between the sequences.
    """

    keys: tuple[str, ...]
    preparation: Preparation

    def __call__(self, simulated: SimulatedCase) -> tuple[str, dict[str, float]]:
        """Return the name and the values by column: LABELS, PROTOCOL and keys, NaN where there is none, then
        what is known about the images."""
        case = simulated.as_case()
        prepared = prepare_case(case, replace(self.preparation, register=False))
        keys = [FeatureKey.parse(key) for key in self.keys if not is_clinical(key)]
        vector = Measuring(prepared, keys).measure(case.regions["tumour"]).vector
        values = {**vector.values, **encode_clinical(case.clinical)}
        biology, protocols = simulated.biology, simulated.scanner.protocols
        row = {
            "ki67_percent": biology.ki67_observed,
            "ki67_high": float(biology.ki67_high),
            "pr_percent": biology.pr_observed,
            "pr_positive": float(biology.pr_positive),
            "tesla": simulated.scanner.tesla,
            **{f"{role}_slice_mm": protocols[role].slice_mm for role in ("t1c", "adc", "t2")},
            **{key: values.get(key, np.nan) for key in self.keys},
        }
        images = CaseImages(case, prepared)
        for figures in (images.facts.figures, images.outline(case.regions["tumour"])):
            row |= {name: v for name, v in _flat(IMAGE, figures).items() if name.split(":")[-1] in RANGED}
        row |= _flat(HEADER, images.facts.protocol)
        return simulated.name, {name: float(value) for name, value in row.items()}


def _flat(prefix: str, values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{prefix}{role}:{name}": value for role, row in values.items() for name, value in row.items()}


def row_table(
    rows: Sequence[tuple[str, Mapping[str, float]]], keys: Sequence[str], notes: Sequence[str]
) -> FeatureTable:
    """Return a table of rows that :class:`CaseRow` made, rounded as it will be stored.

    Columns of what is known about the images come last, by name; NaN where a case has none.
    """
    known = [*LABELS, *PROTOCOL, *keys]
    columns = [*known, *sorted({name for _, row in rows for name in row} - set(known))]
    values = np.array([[row.get(name, np.nan) for name in columns] for _, row in rows])
    table = FeatureTable(tuple(name for name, _ in rows), tuple(columns), values, tuple(notes))
    return parse_table(table_text(table))


def simulated_table(
    n: int,
    seed: int,
    keys: Sequence[str],
    preparation: Preparation,
    progress: Progress = silent,
    *,
    processes: int = 2,
    start: int = 0,
) -> FeatureTable:
    """Simulate `n` cases and return their feature table, rounded as it will be stored.

    Raises
    ------
    TemplateMissingError : the anatomical template is not installed. Cancelled.
    """
    make = CaseRow(tuple(keys), preparation)
    settings = SimulationSettings(sequences=("t1c", "t2", "adc"), motion=0.0)
    rows = list(
        simulate_cohort(n, seed, progress, settings=settings, processes=processes, apply=make, start=start)
    )
    notes = (
        "Simulated; not patients. Made by virtualbiopsy train-demo.",
        f"Cohort seed {seed}, {n} cases, without motion between the sequences.",
    )
    return row_table(rows, keys, notes)

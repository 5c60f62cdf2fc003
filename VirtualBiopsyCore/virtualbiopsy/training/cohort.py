"""Simulated meningiomas as feature tables, by the same steps that a user's case goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..case.clinical import encode_clinical
from ..measure import Measuring
from ..prepare.model import Preparation
from ..prepare.prepare import prepare_case
from ..progress import Progress, silent
from ..radiomics.keys import measured_keys
from ..simulate.cohort import simulate_cohort
from ..simulate.meningioma import SimulatedCase, SimulationSettings
from .rows import Row, SimulatedRow, row_table
from .table import FeatureTable

LABELS = ("ki67_percent", "ki67_high", "pr_percent", "pr_positive")
PROTOCOL = ("tesla", "t1c_slice_mm", "adc_slice_mm", "t2_slice_mm")


class CaseRow(SimulatedRow):
    """Turn a simulated case into a row of the feature table.

    Registration is left out: it takes most of the time, and these cohorts are simulated without motion
    between the sequences.
    """

    def __call__(self, simulated: SimulatedCase) -> Row:
        """Return the name and the values by column: LABELS, PROTOCOL, keys, and the images."""
        case = simulated.as_case()
        prepared = prepare_case(case, replace(self.preparation, register=False))
        vector = Measuring(prepared, measured_keys(self.keys)).measure(case.regions["tumour"]).vector
        values = {**vector.values, **encode_clinical(case.clinical)}
        biology, protocols = simulated.biology, simulated.scanner.protocols
        labels = {
            "ki67_percent": biology.ki67_observed,
            "ki67_high": float(biology.ki67_high),
            "pr_percent": biology.pr_observed,
            "pr_positive": float(biology.pr_positive),
            "tesla": simulated.scanner.tesla,
            **{f"{role}_slice_mm": protocols[role].slice_mm for role in ("t1c", "adc", "t2")},
        }
        return self.row(simulated.name, labels, values, case, prepared)


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
    return row_table(rows, [*LABELS, *PROTOCOL, *keys], notes)

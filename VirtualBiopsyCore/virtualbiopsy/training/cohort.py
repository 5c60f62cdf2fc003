"""Simulated cohorts as feature tables, by the same steps that a user's case goes through."""

from __future__ import annotations

from collections.abc import Sequence
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
from .table import FeatureTable, parse_table, table_text

LABELS = ("ki67_percent", "ki67_high", "pr_percent", "pr_positive")
PROTOCOL = ("tesla", "t1c_slice_mm", "adc_slice_mm", "t2_slice_mm")


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

    def __call__(self, simulated: SimulatedCase) -> tuple[str, list[float]]:
        """Return the name and the values in the order LABELS, PROTOCOL, keys; NaN where there is none."""
        case = simulated.as_case()
        prepared = prepare_case(case, replace(self.preparation, register=False))
        keys = [FeatureKey.parse(key) for key in self.keys if not is_clinical(key)]
        vector = Measuring(prepared, keys).measure(case.regions["tumour"]).vector
        values = {**vector.values, **encode_clinical(case.clinical)}
        biology, protocols = simulated.biology, simulated.scanner.protocols
        row = [
            biology.ki67_observed,
            float(biology.ki67_high),
            biology.pr_observed,
            float(biology.pr_positive),
            simulated.scanner.tesla,
            *(protocols[role].slice_mm for role in ("t1c", "adc", "t2")),
        ]
        return simulated.name, [float(v) for v in (*row, *(values.get(key, np.nan) for key in self.keys))]


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
    table = FeatureTable(
        tuple(name for name, _ in rows),
        (*LABELS, *PROTOCOL, *keys),
        np.array([values for _, values in rows]),
        notes,
    )
    return parse_table(table_text(table))

"""Simulated breast cancers as feature tables, by the same steps that a user's case goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..case.clinical import encode_clinical
from ..case.model import Case
from ..measure import Measuring
from ..prepare.kinetics.derive import derive_maps
from ..prepare.model import Preparation, PreparedCase
from ..prepare.prepare import prepare_case
from ..progress import Progress, silent
from ..radiomics.delta import with_deltas
from ..radiomics.keys import FeatureKey, measured_keys
from ..radiomics.vector import FeatureVector
from ..simulate.breast import COHORT, SimulatedBreastCase, simulate_breast_cohort
from ..simulate.breast.biology import HER2_CLASSES
from .rows import Row, SimulatedRow, row_table
from .table import FeatureTable

LABELS = ("her2_level", "her2_positive", "her2_negative", "her2_low", "pcr")
PREVALENCE = (0.30, 0.40, 0.30)
"""Shares of HER2-zero, -low and -positive: more positive ones than in an unselected series (15–20 %)."""


class BreastRow(SimulatedRow):
    """Turn a simulated case with two time points into a row.

    Radiomic features are measured at the earlier time point, before therapy; changes are from there to the
    later one.
    """

    def __call__(self, simulated: SimulatedBreastCase) -> Row:
        """Return the name and the values by column: LABELS, keys, images of the earlier time point."""
        keys = measured_keys(self.keys)
        case, prepared = self._prepared(simulated.as_case("earlier"))
        vector = _measured(case, prepared, keys)
        later = _measured(*self._prepared(simulated.as_case("later")), keys)
        changes = with_deltas(replace(later, earlier=vector.values), self.keys).values
        clinical = encode_clinical(case.clinical)
        values = {**changes, **vector.values, **clinical}
        level = HER2_CLASSES.index(simulated.biology.her2_class)
        labels = {
            "her2_level": level,
            "her2_positive": level == 2,
            "her2_negative": level < 2,
            "her2_low": level == 1,
            "pcr": simulated.biology.pcr,
        }
        return self.row(simulated.name, labels, values, case, prepared)

    def _prepared(self, case: Case) -> tuple[Case, PreparedCase]:
        """The case with its maps, and its images on the common grid."""
        roles = {key.sequence for key in measured_keys(self.keys)}
        whole = derive_maps(case, self.preparation.kinetics, roles).case
        used = tuple(s for s in whole.sequences if s.role in roles or s.role == self.preparation.reference)
        whole = replace(whole, sequences=used)
        return whole, prepare_case(whole, self.preparation)


def _measured(case: Case, prepared: PreparedCase, keys: Sequence[FeatureKey]) -> FeatureVector:
    return Measuring(prepared, keys).measure(case.regions["tumour"]).vector


def simulated_table(
    n: int,
    seed: int,
    keys: Sequence[str],
    preparation: Preparation,
    progress: Progress = silent,
    scanner: str = "A",
) -> FeatureTable:
    """Simulate `n` cases at two time points and return their feature table, rounded as it will be stored.

    Raises
    ------
    Cancelled
    """
    make = BreastRow(tuple(keys), preparation)
    settings = replace(COHORT, time_points=2, prevalence=PREVALENCE, scanner=scanner)
    rows = list(simulate_breast_cohort(n, seed, progress, settings=settings, apply=make))
    return row_table(rows, [*LABELS, *keys], table_notes(n, seed, scanner))


def table_notes(n: int, seed: int, scanner: str) -> tuple[str, ...]:
    """What the head of a table says."""
    shares = ", ".join(f"{100 * p:g} % {name}" for name, p in zip(HER2_CLASSES, PREVALENCE, strict=True))
    return (
        "Simulated; not patients. Made by virtualbiopsy train-demo --task breast.",
        f"Cohort seed {seed}, {n} cases, simulated scanner {scanner}; HER2: {shares}. Radiomic features of "
        "the examination before therapy, changes from there to the one after the first cycle.",
    )

"""The demonstration models of each task: which simulated cohorts they come from, and what their cards say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..tasks import BREAST, MENINGIOMA
from . import breast, cohort
from .table import FeatureTable


@dataclass(frozen=True)
class Fresh:
    """Another simulated cohort, on which the finished models are tested.

    Attributes
    ----------
    table_name : file in Resources/Models. cases, seed : size and seed. simulate : as for
        :class:`Demonstration`. words : what differs from the training cohort.
    """

    table_name: str
    cases: int
    seed: int
    simulate: Callable[..., FeatureTable]
    words: str


@dataclass(frozen=True)
class Demonstration:
    """How the demonstration models of one task are made.

    Attributes
    ----------
    task : key of :data:`virtualbiopsy.tasks.TASKS`.
    table_name : file of the feature table in Resources/Models. cases, seed : size and seed of the cohort.
    simulate : (n, seed, keys, preparation, progress) -> FeatureTable.
    protocol : columns of the table by the name of the protocol range, for tables without headers.
    subject : what the cases are, plural. origin : what they were computed on, or "". biology : which truths
        carry which error, a clause. training_images : how they differ from images in use, a sentence.
    fresh : another cohort for tests; None if there is none.
    """

    task: str
    table_name: str
    cases: int
    seed: int
    simulate: Callable[..., FeatureTable]
    protocol: Mapping[str, str]
    subject: str
    origin: str
    biology: str
    training_images: str
    fresh: Fresh | None = None


def _scanner_b(*arguments, **options) -> FeatureTable:
    return breast.simulated_table(*arguments, **options, scanner="B")


DEMONSTRATIONS: Mapping[str, Demonstration] = MappingProxyType(
    {
        MENINGIOMA.task_id: Demonstration(
            task=MENINGIOMA.task_id,
            table_name="meningioma-demo-features.csv",
            cases=160,
            seed=2026,
            simulate=cohort.simulated_table,
            protocol=MappingProxyType(
                {
                    "tesla": "MagneticFieldStrength (T)",
                    "t1c_slice_mm": "t1c SliceThickness (mm)",
                    "adc_slice_mm": "adc SliceThickness (mm)",
                    "t2_slice_mm": "t2 SliceThickness (mm)",
                }
            ),
            subject="simulated meningiomas",
            origin=" on the ICBM 152 template",
            biology="Ki-67 and PR carry a simulated sampling error.",
            training_images="Training images had no motion between the sequences and were not registered; in "
            "use, sequences on other grids are registered.",
        ),
        BREAST.task_id: Demonstration(
            task=BREAST.task_id,
            table_name="breast-demo-features.csv",
            cases=180,
            seed=2027,
            simulate=breast.simulated_table,
            protocol=MappingProxyType({}),
            subject="simulated breast cancers",
            origin="",
            biology="a lower ADC in HER2-positive cancers is the review's direction, a meta-analysis found "
            "the opposite (Iima 2024). HER2 status and response carry a simulated error. HER2-positive "
            "cancers are more frequent than in an unselected series; the probabilities belong to such a one.",
            training_images="In the training cohort the dynamic series has about a dozen phases, some of "
            "them twelve seconds apart; a clinical series with three phases gives neither Ktrans nor the "
            "same early and late phase.",
            fresh=Fresh(
                table_name="breast-demo-fresh-features.csv",
                cases=80,
                seed=7041,
                simulate=_scanner_b,
                words="another seed and the second simulated scanner (B: other field strength, contrast, "
                "noise and timing), none of it seen in training",
            ),
        ),
    }
)

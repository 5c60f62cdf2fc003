"""Where an ICC step has its repeated measurements from: a retest, other readers, or perturbed outlines."""

from __future__ import annotations

from dataclasses import dataclass

from ..cohort.model import Cohort, CohortCase
from .method import Method
from .steps.perturbed import SOURCE as PERTURBED
from .steps.repeats import Repeated, repeats_from_rows
from .table import FeatureTable

OUTLINES = 4
"""Near the drawn one that are measured where there is one reader only."""
RETEST, READER = "retest", "reader"
"""Time point of an examination that repeats another one; how the names of other readers' regions begin."""


@dataclass(frozen=True)
class Source:
    """What is measured again.

    Attributes
    ----------
    words : "test-retest", "2 readers" or "perturbed outlines".
    readers, perturbed : as in :class:`virtualbiopsy.cohort.measured.Extraction`.
    """

    words: str
    readers: tuple[str, ...] = ()
    perturbed: int = 0

    @property
    def cost(self) -> str:
        """What it adds to the work on each case, for whoever waits."""
        more = len(self.readers) or self.perturbed
        return f"{more} more outline{'s' * (more > 1)} a case for the ICC step" if more else ""


def wants_repeats(method: Method) -> bool:
    """Whether a step needs repeated measurements of the cases themselves."""
    return any(step.kind == "icc" and not step.options.get("table") for step in method.steps)


def source_of(cohort: Cohort, retest: Cohort) -> Source | None:
    """The best that a cohort offers: a second examination, then other readers, then perturbed outlines.

    None for a table of features without a retest.
    """
    if retest.cases:
        return Source("test-retest")
    if cohort.features is not None:
        return None
    names = (name for case in cohort.cases for name in case.masks if name.lower().startswith(READER))
    readers = tuple(sorted(set(names)))
    if readers:
        return Source(f"{len(readers) + 1} readers", readers)
    return Source(PERTURBED, perturbed=OUTLINES)


def at_time_point(cohort: Cohort, time_point: str) -> Cohort:
    """One examination of each patient, and its retest.

    Raises
    ------
    CohortError : no case has this time point.
    """
    own, retest = without_retest(cohort)
    return cohort.chosen(case.name for case in (*own.at(time_point).cases, *retest.cases))


def without_retest(cohort: Cohort) -> tuple[Cohort, Cohort]:
    """The cohort, and the examinations with the time point "retest": they are no cases of their own."""
    again = [case.name for case in cohort.cases if case.time_point.lower() == RETEST]
    names = set(again)
    return cohort.chosen(case.name for case in cohort.cases if case.name not in names), cohort.chosen(again)


def retested(cohort: Cohort, retest: Cohort, table: FeatureTable) -> Repeated:
    """Both measurements of the patients that have two.

    Parameters
    ----------
    table : features of the cases of both, by name.

    Raises
    ------
    TrainingError : a patient has two retests.
    """
    row = {name: n for n, name in enumerate(table.cases)}
    firsts: dict[str, CohortCase] = {}
    for case in cohort.cases:
        firsts.setdefault(case.patient, case)
    pairs = [(firsts[again.patient].name, again) for again in retest.cases if again.patient in firsts]
    pairs = [(name, again) for name, again in pairs if name in row and again.name in row]
    owners = {name: again.patient for name, again in pairs}
    cases = [*owners, *(name for name, _ in pairs)]
    kinds = ["test"] * len(owners) + [RETEST] * len(pairs)
    at = [*(row[name] for name in owners), *(row[again.name] for _, again in pairs)]
    return repeats_from_rows(cases, kinds, table.columns, table.values[at], [owners[name] for name in cases])

"""Whether a cohort has events enough for a recipe, as far as that is known before features are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..case.clinical import encode_clinical
from ..errors import MissingPackageError
from ..radiomics.keys import is_clinical

if TYPE_CHECKING:
    from ..cohort.model import Cohort, CohortCase
    from ..models.study import Study
    from ..training.method import Method
    from ..training.plan import Plan


@dataclass(frozen=True)
class Outlook:
    """Events per candidate predictor.

    sentence : in words. verdict : "enough", "few" (below 10), "too few" (below 5: no model), or "" where it
    is known only after features are measured.
    """

    sentence: str
    verdict: str


def outlook(study: Study, plan: Plan, cohort: Cohort, endpoint: str) -> Outlook:
    """Count as the run will: exactly for a table of features, else from above.

    Raises
    ------
    CohortError, TrainingError : features and endpoint cannot be joined, or cannot be used.
    """
    from ..training.cases import cohort_cases
    from ..training.validation.sample_size import sample_size

    offered = len(plan.feature_keys())
    if cohort.features is not None:
        data = cohort_cases(plan, study, cohort, None, endpoint).data
        try:
            size = sample_size(data, plan.method)
        except MissingPackageError:  # scikit-learn is installed at the first run
            offered = len(data.columns)
        else:
            return Outlook(size.sentence, size.verdict)
    return expected(events_of(plan, cohort, endpoint), offered, plan.method)


def events_of(plan: Plan, cohort: Cohort, endpoint: str) -> int:
    """Patients of the smallest class, or with the event, among the cases that the recipe uses."""
    cases = [case for case in cohort.with_endpoint(endpoint) if _among(plan, case)]
    found = cohort.endpoint(endpoint)
    numbers = range(len(found.classes)) if found.classes else (1,)
    return min(len({case.patient for case in cases if case.labels[endpoint] == n}) for n in numbers)


def _among(plan: Plan, case: CohortCase) -> bool:
    condition = plan.among
    if condition is None or not is_clinical(condition.column):
        return True
    value = encode_clinical(case.clinical).get(condition.column)
    return value is not None and condition.at_least <= value <= condition.at_most


def expected(events: int, offered: int, method: Method) -> Outlook:
    """What is known before features are measured: steps that do not look at the outcome may leave fewer
    candidates than are offered."""
    from ..training.plan import PREPARING
    from ..training.validation.sample_size import REFUSE, WARN, blind_steps, verdict_of

    reducing = [step.kind for step in blind_steps(method) if step.kind not in PREPARING]
    start = f"{events} events for {offered} candidate predictors"
    ratio = events / max(offered, 1)
    verdict = verdict_of(ratio)
    if verdict == "enough" or not reducing:
        asked = "" if verdict == "enough" else f"; {WARN:g} or more are asked for"
        return Outlook(f"{start}: {ratio:.1f} events per candidate, {verdict}{asked}.", verdict)
    most, plenty = int(events // REFUSE), int(events // WARN)
    if not most:
        return Outlook(f"{start}: too few, however many of these the recipe leaves out.", "too few")
    return Outlook(
        f"{start}, of which {' and '.join(reducing)} will leave fewer. If more than {most} are left there is "
        f"no model, if more than {plenty} a warning; this is known once the features are measured.",
        "",
    )

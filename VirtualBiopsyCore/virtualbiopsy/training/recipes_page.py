"""The page of all published studies: what they report, whether they run, and what a trial run gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .. import RESEARCH_USE_ONLY
from ..models.study import STATES, Study
from .plan import PARTS, Plan
from .trial import Trial

REVIEWS = {
    "M": "Meningioma: Ki-67 and progesterone receptor",
    "G": "High-grade glioma or brain metastasis",
    "H": "Breast cancer: HER2",
    "P": "Prognosis",
    "C": "Central nervous system",
}
"""Reviews by the first letter of the ids of their studies."""

_HEAD = f"""# Published studies as recipes

**{RESEARCH_USE_ONLY}.** Made by `virtualbiopsy recipes --page`; do not edit.

Each row of the source reviews is a file in `Resources/Recipes/published`: what the publication states and
nothing more, its figures (external beside internal), and what is wrong with how it is cited. None of these
is a model. Where enough is said, `[run]` in the file says how a model **of the same kind** is trained on
labelled cases; parts that the study does not state are listed there as ours.

The last column is a trial run on simulated cases, where another label takes the place of the endpoint: it
shows that the recipe runs and **says nothing about the endpoint or the study**. `virtualbiopsy recipes ID`
shows one row with everything that it leaves out.
"""


def recipes_page(
    studies: Sequence[Study], plans: Mapping[str, Plan], trials: Mapping[str, Trial], cohort: str = ""
) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    trials : by id of the study; those without one have an empty cell.
    cohort : how the trial runs were made, one sentence.
    """
    lines = [_HEAD]
    states = Counter(study.state for study in studies)
    lines += [f"- **{state}** ({states[state]}): {meaning}" for state, meaning in STATES.items()]
    if cohort:
        lines += ["", cohort]
    for letter, title in REVIEWS.items():
        chosen = [study for study in studies if study.study_id.startswith(letter)]
        if chosen:
            lines += ["", f"## {title}", "", *_table(chosen, trials)]
    lines += ["", "## What is ours", "", *_ours(plans), ""]
    return "\n".join(lines)


def _table(studies: Sequence[Study], trials: Mapping[str, Trial]) -> Iterator[str]:
    yield "| ID | State | Study | Published figures | Trial run, simulated |"
    yield "|---|---|---|---|---|"
    for study in studies:
        trial = trials.get(study.study_id)
        figures = "<br>".join(figure.words for figure in study.figures)
        told = trial.words if trial is not None else study.why_not
        about = study.title if study.modality == "MRI" else f"{study.title} (modality: {study.modality})"
        row = (study.study_id, study.state, f"{about}. {study.study} {study.cites}", figures, told)
        yield f"| {' | '.join(text.replace('|', '/') for text in row)} |"


def _ours(plans: Mapping[str, Plan]) -> Iterator[str]:
    yield "| ID | Not stated, chosen here | Otherwise than stated |"
    yield "|---|---|---|"
    for study_id, plan in plans.items():
        ours = ", ".join(PARTS[name][1] for name in plan.ours)
        yield f"| {study_id} | {ours} | {' '.join(plan.departs)} |"

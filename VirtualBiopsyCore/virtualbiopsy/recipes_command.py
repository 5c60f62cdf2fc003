"""The command ``virtualbiopsy recipes``: published studies, what they state, and whether they can be run."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import RESEARCH_USE_ONLY
from .errors import VirtualBiopsyError
from .progress import part, show
from .tasks import TOPICS

if TYPE_CHECKING:
    from .models.study import Study


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("recipes", help="list the published studies and whether they can be run")
    parser.add_argument("id", nargs="?", metavar="ID", help="show one study, for example M11")
    parser.add_argument("--task", choices=tuple(TOPICS), help="only studies about this")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="run all on simulated cases and write the page of recipes"
    )
    parser.add_argument("--cases", type=int, default=60, help="simulated cases of each cohort, for --page")
    parser.add_argument("--seed", type=int, default=606, help="of the simulated cohorts, for --page")
    parser.add_argument(
        "--tables", type=Path, help="folder that keeps the simulated feature tables, for --page"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from .models.study import find_study, load_studies

    if options.page is not None:
        _write_page(options)
        return
    print(RESEARCH_USE_ONLY)
    if options.id is not None:
        print("\n".join(study_lines(find_study(options.id))))
        return
    studies = [s for s in load_studies() if options.task in (None, s.task)]
    print("\n".join(listing(studies)))


def _write_page(options: argparse.Namespace) -> None:
    from .models.study import load_studies
    from .training.plan import plans
    from .training.recipes_page import recipes_page
    from .training.trial import run_trials, trial_tables

    runnable = plans(options.task)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.tables or Path(scratch)
        tables = trial_tables(runnable, folder, options.cases, options.seed, part(show, 0.0, 0.8))
        trials = run_trials(runnable, tables, part(show, 0.8, 1.0))
    cohort = (
        f"Trial runs: {options.cases} simulated cases of each cohort, seed {options.seed}, one repeat of "
        "five-fold cross-validation; intervals are 95 % bootstrap over cases. Runs that were possible went "
        "from features over all tests and guards to a model file that was read back. With so few cases "
        "the figures show that the recipes run and no more; without signal cross-validation falls below "
        "one half."
    )
    text = recipes_page(load_studies(), runnable, trials, cohort)
    try:
        options.page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VirtualBiopsyError(f"{options.page} cannot be written ({error}).") from error
    print(options.page)


def listing(studies: Sequence[Study]) -> Iterator[str]:
    """One line for each study, and how many are in which state."""
    from .models.study import STATES

    for study in studies:
        yield f"{study.study_id:4} {study.state:20} {study.modality:11} {study.title}"
    found = Counter(study.state for study in studies)
    yield ""
    for state, meaning in STATES.items():
        yield f"{found[state]:4} {state}: {meaning}"
    yield "Figures are those of the publications, never of a model made here; show one study by its id."


def study_lines(study: Study) -> Iterator[str]:
    """Everything that is known about a study: what it states, leaves out, and how it is run."""
    from .workbench.recipes import study_facts

    yield f"{study.study_id}: {study.title} [{study.state}]"
    for label, text in study_facts(study):
        yield f"  {label}: {text}"

"""The command ``virtualbiopsy cohort``: look at a cohort, list its faults, extract its features."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import RESEARCH_USE_ONLY
from .errors import CohortError, ModelMismatchError
from .progress import part, show, silent

if TYPE_CHECKING:
    from .cohort.measured import Extraction
    from .cohort.model import Cohort


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("cohort", help="check a cohort and extract its features")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    check = actions.add_parser("check", help="list everything that is wrong with a cohort, at once")
    _add_cohort(check)
    check.add_argument("--endpoint", default="", help="the endpoint that is to be learnt")
    check.add_argument("--roles", nargs="*", default=[], help="sequences that each case must have")
    check.add_argument("--quick", action="store_true", help="read the headers of files only")
    check.set_defaults(run=_check)

    extract = actions.add_parser("extract", help="extract features; goes on where it was stopped")
    _add_cohort(extract)
    extract.add_argument(
        "--recipe", required=True, metavar="ID", help="of a bundled model or of a published study"
    )
    extract.add_argument("--out", type=Path, required=True, help="folder for the rows and the table")
    extract.add_argument("--time-point", default="", help="only this examination of each patient")
    extract.add_argument("--outline", default="tumour", help="region that is measured, tumour or box")
    extract.add_argument(
        "--reader", action="append", default=[], help="region with another reader's outline (repeatable)"
    )
    extract.add_argument(
        "--perturbed", type=int, default=0, metavar="N", help="measure N outlines near the drawn one, too"
    )
    extract.add_argument("--processes", type=int, default=0, help="0 for one a core")
    extract.add_argument("--scheduler", default="", help="address of a dask scheduler, tcp://host:8786")
    extract.add_argument("--parquet", action="store_true", help="write features.parquet too")
    extract.add_argument("--again", action="store_true", help="try cases that failed once more")
    extract.set_defaults(run=_extract)

    table = actions.add_parser("table", help="write a cohort.csv of a known layout, to be edited")
    table.add_argument("cohort", type=Path)
    table.add_argument("file", type=Path, help="a new file in the folder of the cohort")
    table.add_argument("--layout", default="", help="guessed if left out")
    table.set_defaults(run=_table)

    actions.add_parser("layouts", help="list the layouts that are read").set_defaults(run=_layouts)


def _add_cohort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cohort", type=Path, help="folder, or table of cases")
    parser.add_argument("--layout", default="", help="how the cohort is laid out; guessed if left out")
    parser.add_argument("--labels", type=Path, help="table with endpoints that lie outside of the cohort")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _check(options: argparse.Namespace) -> int:
    from .cohort.read import examine_cohort

    found = examine_cohort(
        options.cohort,
        options.layout,
        labels=options.labels,
        roles=options.roles,
        endpoint=options.endpoint,
        deep=not options.quick,
        progress=silent if options.quiet else show,
    )
    if not options.quiet:
        print(file=sys.stderr)
    print(RESEARCH_USE_ONLY)
    _print(found.cohort)
    print(f"Layout {found.layout}: {found.reason}")
    for fault in found.faults:
        print(f"{fault.kind.capitalize()}: {fault}")
    counts = Counter(fault.kind for fault in found.faults)
    print(f"{counts['fault']} faults, {counts['warning']} warnings.")
    return 0 if found.usable else 1


def _print(cohort: Cohort) -> None:
    patients = len({case.patient for case in cohort.cases})
    simulated = " (simulated)" if cohort.simulated else ""
    print(f"{cohort.name}{simulated}: {len(cohort.cases)} cases of {patients} patients.")
    for endpoint in cohort.endpoints.values():
        known = cohort.with_endpoint(endpoint.name)
        counts = Counter(case.labels[endpoint.name] for case in known)
        if endpoint.classes:
            told = ", ".join(f"{counts[n]} {name}" for n, name in enumerate(endpoint.classes))
        else:
            told = f"{counts[1]} events, {counts[0]} censored, in {endpoint.unit}"
        print(f"  {endpoint.name} ({endpoint.kind}): {told}; unknown for {len(cohort.cases) - len(known)}.")
    for note in cohort.notes:
        print(f"  {note}")


def _extract(options: argparse.Namespace) -> int:
    from .cohort.extract import extract_cohort
    from .cohort.read import read_cohort

    progress = silent if options.quiet else show
    cohort = read_cohort(
        options.cohort, options.layout, labels=options.labels, progress=part(progress, 0.0, 0.05)
    )
    if options.time_point:
        cohort = cohort.at(options.time_point)
    found = extract_cohort(
        cohort,
        replace(
            _extraction(options.recipe, cohort, options.outline),
            readers=tuple(options.reader),
            perturbed=options.perturbed,
        ),
        options.out,
        processes=options.processes,
        scheduler=options.scheduler,
        parquet=options.parquet,
        again=options.again,
        progress=part(progress, 0.05, 1.0),
    )
    if not options.quiet:
        print(file=sys.stderr)
    print(RESEARCH_USE_ONLY)
    print(
        f"{found.measured} cases measured, {found.kept} were there already, {len(found.failed)} failed; "
        f"{len(found.table.columns)} columns."
    )
    for case, why in found.failed.items():
        print(f"Not measured: {case}: {why}")
    for path in found.files:
        print(path)
    return 1 if found.failed else 0


def _extraction(recipe_id: str, cohort: Cohort, outline: str) -> Extraction:
    """What a bundled recipe or the plan of a published study asks for.

    Raises
    ------
    ModelMismatchError : neither is called so, or the study cannot be run.
    """
    from .cohort.measured import Extraction
    from .models.recipe import builtin_recipes
    from .models.study import find_study
    from .training.cases import cohort_preparation
    from .training.plan import plan_of

    for recipe in builtin_recipes():
        if recipe.recipe_id == recipe_id:
            return Extraction.of_recipes([recipe], outline=outline)
    study = find_study(recipe_id)
    plan = plan_of(study)
    if plan is None:
        raise ModelMismatchError(
            f"{study.study_id} is not run: {study.why_not}", "`virtualbiopsy recipes` lists what is."
        )
    return Extraction(plan.feature_keys(), cohort_preparation(plan, cohort), plan.roles, outline)


def _table(options: argparse.Namespace) -> None:
    from .cohort.layouts.registry import LAYOUTS, guess_layout
    from .cohort.read import write_sheet

    layout = options.layout or guess_layout(options.cohort)[0]
    if layout not in LAYOUTS:
        raise CohortError(
            f"{options.cohort.name} has none of the known layouts.", f"Layouts are {', '.join(LAYOUTS)}."
        )
    print(write_sheet(LAYOUTS[layout].read(options.cohort), options.file))


def _layouts(options: argparse.Namespace) -> None:
    from .cohort.layouts.registry import LAYOUTS

    for layout in LAYOUTS.values():
        print(f"{layout.name:10} {layout.title}")

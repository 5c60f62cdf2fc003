"""The command ``virtualbiopsy train``: from a recipe and cases to a tested model with reports."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import RESEARCH_USE_ONLY
from .progress import show, silent

if TYPE_CHECKING:
    from .training.run import Trained


SCHEMES = ("repeated_cv", "leave_one_site_out", "temporal", "split")


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("train", help="train and test a model of the kind of a published study")
    parser.add_argument("--recipe", required=True, metavar="ID", help="`virtualbiopsy recipes` lists them")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cohort", type=Path, help="folder or table of labelled cases")
    source.add_argument("--simulated", type=int, metavar="N", help="so many simulated cases, as a trial run")
    parser.add_argument("--seed", type=int, default=606, help="of the simulated cohort")
    parser.add_argument("--layout", default="", help="how the cohort is laid out; guessed if left out")
    parser.add_argument("--labels", type=Path, help="table with endpoints that lie outside of the cohort")
    parser.add_argument("--endpoint", default="", help="name in the cohort; that of the study if left out")
    parser.add_argument("--features", type=Path, help="folder that keeps extracted features; OUT if left out")
    parser.add_argument("--processes", type=int, default=0, help="for extraction; 0 for one a core")
    parser.add_argument("--scheduler", default="", help="address of a dask scheduler, tcp://host:8786")
    parser.add_argument("--time-point", default="", help="only this examination of each patient")
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="cohort to test the model on (repeatable)"
    )
    parser.add_argument(
        "--compare", action="store_true", help="compare clinical, radiomic and combined models, too"
    )
    parser.add_argument(
        "--statement", type=Path, help="TOML file with what only people know, for the reports"
    )
    parser.add_argument("--scheme", choices=SCHEMES, help="of the validation; that of the recipe if left out")
    for name in ("folds", "repeats", "inner-folds", "bootstraps"):
        parser.add_argument(f"--{name}", type=int, help="of the validation; that of the recipe if left out")
    parser.add_argument(
        "--few-events",
        action="store_true",
        help="go on with fewer than five events per candidate predictor; the report says so",
    )
    parser.add_argument("--model-id", default="", help="of the model; from recipe and cohort if left out")
    parser.add_argument("--out", type=Path, required=True, help="folder for model, report and scores")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from .training.job import Job, run_job

    names = ("scheme", "folds", "repeats", "inner_folds", "bootstraps")
    job = Job(
        recipe=options.recipe,
        out=options.out,
        cohort=options.cohort,
        simulated=options.simulated or 0,
        seed=options.seed,
        layout=options.layout,
        labels=options.labels,
        endpoint=options.endpoint,
        time_point=options.time_point,
        external=tuple(options.external),
        features=options.features,
        processes=options.processes,
        scheduler=options.scheduler,
        validation={name: value for name in names if (value := getattr(options, name)) is not None},
        compare=options.compare,
        statement=options.statement,
        few_events=options.few_events,
        model_id=options.model_id,
        overwrite=options.overwrite,
    )
    trained, written = run_job(job, silent if options.quiet else show)
    if not options.quiet:
        print(file=sys.stderr)
    print(RESEARCH_USE_ONLY)
    _print(trained)
    for path in written:
        if path.suffix != ".svg":
            print(path)


def _print(trained: Trained) -> None:
    from .training.reports.evidence import DISCRIMINATION
    from .training.reports.names import figure_name, figure_words

    found, simulated = trained.evaluation, " (simulated cases)" if trained.cases.simulated else ""
    name = next((n for n in DISCRIMINATION if n in found.figures), next(iter(found.figures)))
    figure = found.figures[name]
    print(
        f"{trained.study.study_id}: {figure_name(name)} {figure.value:.3f} "
        f"(95 % CI {figure.low:.3f}–{figure.high:.3f}), "
        f"{found.cases} held-out cases{simulated}; {len(trained.fitted.columns)} features."
    )
    for test in trained.record.tests or ():
        told = [figure_words(n, f) for n, f in test.figures.items() if n in ("brier", "ici") or "_by_" in n]
        if told:
            print(f"{test.name}: {'; '.join(told)}")
    for warning in trained.warnings:
        print(f"Warning: {warning}")
    if trained.why_no_model:
        print(trained.why_no_model)

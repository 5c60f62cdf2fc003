"""The command ``virtualbiopsy simulate``: cases with known truth, of every kind that can be simulated."""

from __future__ import annotations

import argparse
from pathlib import Path

from .progress import show


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("simulate", help="write simulated cases with known truth")
    kinds = parser.add_subparsers(title="kinds", required=True, metavar="KIND")
    meningioma = _kind(kinds, "meningioma", "meningiomas on the MNI152 template")
    meningioma.set_defaults(run=_meningioma)
    breast = _kind(kinds, "breast", "breast cancers: dynamic series, T2, diffusion")
    breast.add_argument(
        "--time-points",
        type=int,
        choices=(1, 2),
        default=1,
        help="2: before therapy (folder earlier) and after its first cycle",
    )
    breast.set_defaults(run=_breast)


def _kind(kinds: argparse._SubParsersAction, name: str, text: str) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=text)
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=1, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scanner", choices=("A", "B"), default="A", help="B: a scanner that the bundled models do not know"
    )
    return parser


def _meningioma(options: argparse.Namespace) -> None:
    from .simulate.cohort import write_cohort
    from .simulate.meningioma import SimulationSettings

    settings = SimulationSettings(scanner=options.scanner)
    for folder in write_cohort(options.out, options.n, options.seed, show, settings=settings):
        print(f"\r{folder}")


def _breast(options: argparse.Namespace) -> None:
    from .simulate.breast import BreastSettings, write_breast_cohort

    settings = BreastSettings(scanner=options.scanner, time_points=options.time_points)
    for folder in write_breast_cohort(options.out, options.n, options.seed, show, settings=settings):
        print(f"\r{folder}")

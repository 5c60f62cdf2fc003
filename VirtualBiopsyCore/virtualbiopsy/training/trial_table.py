"""Feature tables of simulated cases that are kept, so that a second run is quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import TrainingError
from ..progress import Progress, silent
from .plan import Plan
from .stand_in import stand_in_keys, stand_in_table
from .table import FeatureTable, read_table, write_table


def kept_table(
    path: Path, plans: Sequence[Plan], n: int, seed: int, progress: Progress = silent, *, processes: int = 2
) -> FeatureTable:
    """The table in a file, or, where there is none, that of simulated cases, which is written there.

    Parameters
    ----------
    plans : of one simulated cohort. n, seed : of the cohort; the table in the file must be of the same.

    Raises
    ------
    TrainingError : the file is of another cohort, or lacks features of the plans.
    TemplateMissingError, UnreadableFileError, Cancelled : nothing was written.
    """
    if not path.exists():
        table = stand_in_table(plans, n, seed, progress, processes=processes)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(table, path)
        return table
    table = read_table(path)
    if not any(f"Cohort seed {seed}, {n} cases" in note for note in table.notes):
        raise TrainingError(
            f"{path.name} is not the table of {n} simulated cases with seed {seed}.",
            "Choose another file, or the same numbers as before.",
        )
    lacking = [key for key in stand_in_keys(plans) if key not in table.columns]
    if lacking:
        raise TrainingError(
            f"{path.name} lacks {len(lacking)} features of the recipe, the first is {lacking[0]}.",
            "Choose another file.",
        )
    return table

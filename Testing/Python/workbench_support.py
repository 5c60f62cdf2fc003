"""Feature tables in the place of cohorts, for tests of the workbench."""

from __future__ import annotations

from pathlib import Path

from recipes_support import PLANS, numbers_table


def feature_cohort(
    folder: Path,
    recipe: str = "M11",
    cases: int = 60,
    seed: int = 1,
    prefix: str = "p",
    endpoint: str = "Ki-67",
    label: str = "ki67_high",
) -> Path:
    """A table with the features of a recipe and one endpoint, a file ``table.csv`` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table, keys = numbers_table(cases, seed), PLANS[recipe].feature_keys()
    high = table.column(label)
    lines = [",".join(["patient", f"endpoint:{endpoint}", *keys])]
    for n in range(cases):
        values = (f"{table.column(key)[n]:.6g}" for key in keys)
        lines.append(",".join([f"{prefix}{n}", "high" if high[n] else "low", *values]))
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

"""``make bench``: our times next to those of pyradiomics 3.0.1, measured in the same run.

    python Testing/Benchmarks/bench.py [--rows NAME …] [--cases WORD …] [--kernels plain compiled] [--quick]

Prints a table and writes build/bench.json: {name: {"ours_s", "peer_s", "peer", "ratio", "n", "cases", …}}.
Every engine runs in a warm process of its own with the images in memory; their runs are interleaved and the
medians count. Rows with the suffix _fast use the compiled kernels (extra ``fast``). With --rows or --cases
the other rows of an existing file are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "VirtualBiopsyCore")]

from context import FAST, Context  # noqa: E402
from machine import describe  # noqa: E402
from peers import OracleError, WorkerError, engine  # noqa: E402
from rows import ROWS, row  # noqa: E402
from table import table  # noqa: E402

OUT = ROOT / "build" / "bench.json"


def available(wanted: list[str]) -> tuple[str, ...]:
    """The kernels of `wanted` that work here; says which do not."""
    found = []
    for kernels in wanted:
        try:
            engine(kernels).close()
        except WorkerError as error:
            print(f"Without {kernels} kernels: {error}", file=sys.stderr)
        else:
            found.append(kernels)
    return tuple(found)


def measure(names: list[str], context: Context) -> tuple[dict, dict[str, str]]:
    """Entries by name, and why a row could not be measured, by row."""
    entries, failed = {}, {}
    for name in names:
        context.say(name)
        try:
            entries.update(row(name).measure(context))
        except (WorkerError, AssertionError, ImportError, RuntimeError) as error:
            if isinstance(error, OracleError):
                raise
            failed[name] = str(error)
            print(f"{name} could not be measured: {error}", file=sys.stderr)
    return entries, failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--cases", nargs="+", default=[], metavar="WORD", help="parts of names of cases")
    parser.add_argument("--kernels", nargs="+", choices=("plain", FAST), default=["plain", FAST])
    parser.add_argument("--quick", action="store_true", help="one case, two runs")
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    whole = set(chosen.rows) == set(ROWS) and not chosen.cases and not chosen.quick
    with tempfile.TemporaryDirectory(prefix="virtualbiopsy-bench-") as folder:
        try:
            context = Context(Path(folder), chosen.quick, available(chosen.kernels), tuple(chosen.cases))
            entries, failed = measure(chosen.rows, context)
        except OracleError as error:
            print(f"The benchmark needs pyradiomics: {error}", file=sys.stderr)
            return 1
    print(f"\n{describe()}\n\n{table(entries)}")
    entries["machine"] = {"text": describe()}
    if not whole and chosen.out.exists():
        entries = {**json.loads(chosen.out.read_text(encoding="utf-8")), **entries}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Written to {chosen.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

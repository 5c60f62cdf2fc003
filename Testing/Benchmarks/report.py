"""Put the entries of build/bench.json into Docs/performance.md, and draw Docs/growth.svg.

python Testing/Benchmarks/report.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from growth_plot import draw
from targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
PEER = "pyradiomics"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MB"
    return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.1f} ms"


def _row(name: str, entry: dict[str, Any]) -> str:
    target = TARGETS.get(name)
    unit = entry.get("unit", "s")
    ratio = "–" if entry.get("ratio") is None else f"{entry['ratio']:.1f}"
    lowest = f"{entry['lowest']:.1f}" if entry.get("lowest") and len(entry["cases"]) > 1 else "–"
    verdict = "–" if target is None else f"{target}{'' if target.met(entry) else ' (missed)'}"
    times = (_amount(entry["ours_s"], unit), _amount(entry.get("peer_s"), unit))
    peer = entry.get("peer") or PEER
    name = f"`{name}`" if peer.startswith(PEER) else f"`{name}` (against {peer})"
    return f"| {name} | {times[0]} | {times[1]} | {ratio} | {lowest} | {verdict} |"


def _cases(entries: dict[str, Any]) -> list[str]:
    """One table with the ratio of every case."""
    rows = [(n, e["each"]) for n, e in entries.items() if len(e.get("each", ())) > 2]
    names = list(dict.fromkeys(case for _, each in rows for case in each))
    lines = [f"| case | {' | '.join(f'`{n}`' for n, _ in rows)} |", f"|---|{'---|' * len(rows)}"]
    for case in names:
        cells = (f"{each[case]['ratio']:.1f}" if case in each else "–" for _, each in rows)
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return lines


def _cohorts(entries: dict[str, Any]) -> list[str]:
    """Cases per minute, and how time and memory grow with the size of a cohort."""
    lines = []
    for name, entry in entries.items():
        if "cases_per_minute" in entry:
            rates = entry["cases_per_minute"]
            lines += [
                "",
                f"`{name}`: {rates['ours']:.0f} cases a minute, {rates['peer']:.0f} by {entry['peer']} "
                f"({entry['cases'][0]}; by processor time {entry['ratio_cpu']:.1f} times as fast).",
            ]
    if "cohort_growth" in entries:
        growth = entries["cohort_growth"]
        lines += [
            "",
            f"Growth with the cohort (simulated cases, {growth['processes']} processes):",
            "",
            "| cases | time | memory of the gathering process | of its largest worker |",
            "|---|---|---|---|",
        ]
        for point in growth["points"]:
            amounts = (_amount(point[key], "bytes") for key in ("peak", "worker_peak"))
            lines.append(f"| {point['cases']} | {_amount(point['seconds'], 's')} | {' | '.join(amounts)} |")
    return lines


def results(entries: dict[str, Any]) -> str:
    rows = {name: entry for name, entry in entries.items() if "ours_s" in entry}
    lines = [
        entries["machine"]["text"] + ".",
        "",
        "| row | ours | pyradiomics, or as said | ratio | lowest | target |",
        "|---|---|---|---|---|---|",
        *(_row(name, entry) for name, entry in rows.items()),
        "",
        "Ratio of every case:",
        "",
        *_cases(rows),
        *_cohorts(entries),
    ]
    return "\n".join((BEGIN, *lines, END))


def main() -> None:
    entries = json.loads((ROOT / "build" / "bench.json").read_text(encoding="utf-8"))
    path = ROOT / "Docs" / "performance.md"
    text = path.read_text(encoding="utf-8")
    text = re.sub(f"{BEGIN}.*{END}", lambda _: results(entries), text, flags=re.DOTALL)
    path.write_text(text, encoding="utf-8")
    (ROOT / "Docs" / "growth.svg").write_text(draw(entries["growth"]["points"]), encoding="utf-8")


if __name__ == "__main__":
    main()

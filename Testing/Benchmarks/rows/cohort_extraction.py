"""A whole cohort from files to a table: cases per minute next to pyradiomics' own batch on the same cores.

Simulated cases (noise of the size of a head, textured balls of several sizes in it), the classes and settings
of original_all_classes. Both are started anew for every run, with the processes that they use
(``pyradiomics … --jobs``); the time is that of the whole command. Every run checks that both tables hold the
same values.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from context import SUFFIX, Context
from peers import build

from rows.growth import ball
from rows.original_all_classes import CLASSES, SETTINGS

if TYPE_CHECKING:
    from virtualbiopsy.cohort.measured import Extraction

NAME = "cohort_extraction"
CASES, QUICK = 60, 4
SIZES = (4_000, 12_000, 36_000)
RUNS = 3
AGREE = 1e-6
HIDDEN = {"shape_Compactness1", "shape_Compactness2", "shape_SphericalDisproportion"}
HEAD = (160, 192, 192)
COMPARED = ("firstorder_Mean", "glcm_Contrast", "glszm_ZoneEntropy", "shape_MeshVolume")
Maker = Callable[[int], tuple[sitk.Image, sitk.Image]]
WORKER = Path(__file__).resolve().parents[1] / "cohort_worker.py"


def extraction() -> Extraction:
    """What pyradiomics computes by default, on the images as they are."""
    from virtualbiopsy.cohort.measured import Extraction
    from virtualbiopsy.prepare.model import Preparation
    from virtualbiopsy.radiomics.definitions import all_keys, definition

    both = [*all_keys("mask", profile="pyradiomics"), *all_keys("t1c", "tumour", "fbw25", "pyradiomics")]
    keys = tuple(str(key) for key in both if f"{definition(key).pyradiomics_name}" not in HIDDEN)
    return Extraction(keys, Preparation("t1c", None, "linear", "nearest", False, "none", False), images=False)


def in_a_head(size: int) -> tuple[sitk.Image, sitk.Image]:
    """A ball of so many voxels in an image of the size of a head, 1 mm; int16 and uint8."""
    small, inside = (sitk.GetArrayFromImage(found) for found in ball(size))
    rng = np.random.default_rng(size)
    values = np.round(rng.normal(400, 200, HEAD)).astype(np.int16)
    mask = np.zeros(HEAD, np.uint8)
    place = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(HEAD, small.shape, strict=True))
    values[place], mask[place] = small, inside
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask)


def write_cohort(folder: Path, count: int, sizes: tuple[int, ...] = SIZES, make: Maker = in_a_head) -> Path:
    """Cases with cohort.csv for us and batch.csv for pyradiomics."""
    folder.mkdir()
    made = []
    for size in sizes:
        paths = [folder / f"{what}-{size}.nrrd" for what in ("t1c", "mask")]
        for found, path in zip(make(size), paths, strict=True):
            sitk.WriteImage(found, str(path))
        made.append(paths)
    ours, theirs = ["patient,t1c,mask,endpoint:x"], ["Image,Mask"]
    for n in range(count):
        name = f"simulated-{n:04d}"
        (folder / name).mkdir()
        paths = [folder / name / f"{what}.nrrd" for what in ("t1c", "mask")]
        for found, path in zip(made[n % len(made)], paths, strict=True):
            os.link(found, path)
        ours.append(f"{name},{name}/t1c.nrrd,{name}/mask.nrrd,{n % 2}")
        theirs.append(",".join(map(str, paths)))
    (folder / "cohort.csv").write_text("\n".join(ours) + "\n")
    (folder / "batch.csv").write_text("\n".join(theirs) + "\n")
    settings = {"setting": SETTINGS, "featureClass": dict.fromkeys(CLASSES)}
    (folder / "parameters.json").write_text(json.dumps(settings))
    return folder


@dataclass(frozen=True)
class Command:
    """Wall clock and processor time of one command with its processes, seconds."""

    seconds: float
    cpu: float


def run(command: list[str], **options: Any) -> tuple[Command, str]:
    """Run a command; what it took, and what it printed.

    Raises
    ------
    RuntimeError : it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    found = subprocess.run(command, capture_output=True, text=True, **options)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if found.returncode:
        raise RuntimeError(found.stderr[-3000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Command(seconds, cpu), found.stdout


def run_ours(
    cohort: Path, out: Path, processes: int, kernels: str, row: str
) -> tuple[Command, dict[str, Any]]:
    """What one extraction took, and what it said."""
    command = [sys.executable, str(WORKER), str(cohort), str(out), str(processes), row]
    took, printed = run(command, env={**os.environ, "VIRTUALBIOPSY_KERNELS": kernels})
    return took, json.loads(printed.splitlines()[-1])


def run_theirs(python: Path, cohort: Path, out: Path, processes: int) -> Command:
    """What pyradiomics' own batch took."""
    # pyradiomics 3.0.1 asks numpy for a name that numpy has not had since 1.24.
    script = "import numpy; numpy.float = float; from radiomics.scripts import parse_args; parse_args()"
    command = [str(python), "-c", script, str(cohort / "batch.csv"), "--out", str(out), "--format", "csv"]
    command += ["--jobs", str(processes), "--param", str(cohort / "parameters.json"), "--verbosity", "1"]
    took, _ = run(command, cwd=cohort)
    return took


def check(ours: Path, theirs: Path) -> None:
    """Both tables hold the same values of some features in all cases.

    Raises
    ------
    AssertionError
    """
    from virtualbiopsy.cohort.store import read_features
    from virtualbiopsy.radiomics.definitions import describe

    table, _ = read_features(ours)
    names = {f"{describe(key).pyradiomics_name}": key for key in table.columns}
    with theirs.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(table.cases), f"{len(rows)} rows of pyradiomics, {len(table.cases)} of ours"
    by_case = {Path(row["Image"]).parent.name: row for row in rows}
    for n, case in enumerate(table.cases):
        for name in COMPARED:
            value = table.values[n, table.columns.index(names[name])]
            peer = float(by_case[case][f"original_{name}"])
            assert abs(value - peer) <= AGREE * abs(peer), f"{case}, {name}: {value} and {peer}"


def measure(context: Context) -> dict[str, dict[str, Any]]:
    python = build()
    count = QUICK if context.quick else CASES
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cohort = write_cohort(context.folder / NAME, count)
    seconds: dict[str, list[Command]] = {}
    for n in range(1 if context.quick else RUNS):
        theirs = context.folder / f"theirs-{n}.csv"
        seconds.setdefault("peer", []).append(run_theirs(python, cohort, theirs, processes))
        for kernels in context.kernels:
            out = context.folder / f"ours-{kernels}-{n}"
            took, _ = run_ours(cohort, out, processes, kernels, NAME)
            seconds.setdefault(kernels, []).append(took)
            check(out / "features.csv", theirs)
        context.say(
            f"  {NAME}  " + ", ".join(f"{name} {found[-1].seconds:.1f} s" for name, found in seconds.items())
        )
    case = f"{count} simulated cases, {processes} processes"
    return {NAME + SUFFIX[k]: _entry(seconds["peer"], seconds[k], count, case) for k in context.kernels}


def _entry(peer: list[Command], ours: list[Command], count: int, case: str) -> Mapping[str, Any]:
    ours_s, peer_s = (statistics.median(one.seconds for one in found) for found in (ours, peer))
    ours_cpu, peer_cpu = (statistics.median(one.cpu for one in found) for found in (ours, peer))
    return {
        "ours_s": ours_s,
        "peer_s": peer_s,
        "peer": "pyradiomics 3.0.1, its own batch",
        "ratio": peer_s / ours_s,
        "ratio_cpu": peer_cpu / ours_cpu,
        "n": len(ours),
        "cases": [case],
        "cases_per_minute": {"ours": 60 * count / ours_s, "peer": 60 * count / peer_s},
    }

"""``make bench``: median time from an edit of the outline to the new prediction, next to pyradiomics.

Prints a table and writes build/bench.json: {name: {"ours_s", "peer_s", "peer", "ratio", "n", "cases"}}.
Runs are interleaved on the same masks of the sample case (simulated). Ours is everything that follows an
edit: outline on the model's grid, features, predictions, explanations with voxel maps, evidence. The peer
is a full extraction of the same features by pyradiomics 3.0.1, in a process that is already warm and has the
images in memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(ROOT / "Testing" / "Oracles")]

from build_pyradiomics import OracleError, build  # noqa: E402
from virtualbiopsy.case.read import read_case  # noqa: E402
from virtualbiopsy.radiomics.definitions import DEFINITIONS  # noqa: E402
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical  # noqa: E402
from virtualbiopsy.resources import resource  # noqa: E402
from virtualbiopsy.session import Session  # noqa: E402

EDITS = 9
BRUSH_MM = 3.0


def edits(mask: sitk.Image, count: int, radius: float) -> Iterator[sitk.Image]:
    """Paint or erase a ball at random places of the surface, one stroke after the other."""
    rng = np.random.default_rng(7)
    inside = sitk.GetArrayFromImage(mask) > 0
    spacing = np.asarray(mask.GetSpacing()[::-1])
    axes = np.meshgrid(*(np.arange(n) for n in inside.shape), indexing="ij")
    for n in range(count):
        rim = np.argwhere(inside)
        centre = rim[rng.integers(len(rim))]
        distance = sum(((a - c) * s) ** 2 for a, c, s in zip(axes, centre, spacing, strict=True))
        inside = inside | (distance <= radius**2) if n % 2 == 0 else inside & (distance > radius**2)
        stroke = sitk.GetImageFromArray(inside.astype(np.uint8))
        stroke.CopyInformation(mask)
        yield stroke


def peer_features(keys: list[FeatureKey]) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """The same features by role and class under pyradiomics' names, and those that it does not have."""
    found: dict[str, dict[str, list[str]]] = {}
    absent = []
    for key in keys:
        name = DEFINITIONS[key.family, key.name].pyradiomics_name
        if name is None:
            absent.append(str(key))
            continue
        group, feature = name.split("_", 1)
        role = "t1c" if key.sequence == "mask" else key.sequence
        names = found.setdefault(role, {}).setdefault(group, [])
        if feature not in names:
            names.append(feature)
    return found, absent


class Peer:
    """A warm pyradiomics process."""

    def __init__(self, python: Path, request: dict) -> None:
        worker = Path(__file__).with_name("pyradiomics_worker.py")
        self._process = subprocess.Popen(
            [str(python), str(worker), json.dumps(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.version = self._read()["version"]

    def _read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise OracleError("The pyradiomics process ended.")
        return json.loads(line)

    def seconds(self, mask: Path) -> float:
        self._process.stdin.write(f"{mask}\n")
        self._process.stdin.flush()
        return self._read()["seconds"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)


def edit_to_prediction(folder: Path) -> dict:
    case = read_case(resource("Cases/meningioma-sample"))
    session = Session(case)
    mask = case.regions["tumour"]
    session.prepare()
    session.set_region(mask)
    wanted = dict.fromkeys(k for m in session.models for k in m.feature_keys if not is_clinical(k))
    features, absent = peer_features([FeatureKey.parse(key) for key in wanted])
    images = {}
    for role in features:
        images[role] = str(folder / f"{role}.nrrd")
        sitk.WriteImage(case.sequence(role).image, images[role])
    spacing = session.preparation(session.models[0]).spacing
    settings = {"resampledPixelSpacing": list(spacing), "binCount": 32}
    peer = Peer(build(), {"images": images, "features": features, "settings": settings})
    path = folder / "mask.nrrd"
    sitk.WriteImage(mask, str(path))
    peer.seconds(path)
    ours, theirs = [], []
    for stroke in edits(mask, EDITS, BRUSH_MM):
        start = time.perf_counter()
        session.set_region(stroke)
        ours.append(time.perf_counter() - start)
        sitk.WriteImage(stroke, str(path))
        theirs.append(peer.seconds(path))
    peer.close()
    print(
        f"{len(wanted) - len(absent)} of {len(wanted)} features have a pyradiomics name and are in its time."
    )
    ours_s, peer_s = statistics.median(ours), statistics.median(theirs)
    return {
        "ours_s": ours_s,
        "peer_s": peer_s,
        "peer": f"pyradiomics {peer.version.lstrip('v')}",
        "ratio": peer_s / ours_s,
        "n": len(ours),
        "cases": ["meningioma-sample (simulated)"],
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = {"edit_to_prediction": edit_to_prediction(Path(folder))}
        except OracleError as error:
            print(f"The benchmark needs pyradiomics: {error}", file=sys.stderr)
            return 1
    print(f"{'name':24} {'ours, ms':>10} {'peer, ms':>10} {'ratio':>8}  peer")
    for name, r in results.items():
        print(f"{name:24} {1e3 * r['ours_s']:10.1f} {1e3 * r['peer_s']:10.1f} {r['ratio']:8.1f}  {r['peer']}")
    out = ROOT / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {out.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The Tofts model in the box of a lesion: 30 phases, 30×64×64 voxels, simulated with noise.

From the signal to Ktrans, kep, ve and the residual. Peers fit some of the same voxels, one after the other,
and their time is scaled by the number: scipy's ``curve_fit`` (Levenberg-Marquardt without bounds, the fastest
of its methods) on concentrations that are there already, with the convolution by one recursive filter; and
dcmri, which fits the signal itself with its model "WV". Every run checks that they find the same Ktrans.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from context import Context
from peers import Run, Worker, dcmri, engine

NAME = "tofts_fit"
CASE = "lesion box 30×64×64, 30 phases (simulated)"
SHAPE, QUICK_SHAPE = (30, 64, 64), (8, 32, 32)
PHASES, INTERVAL_S, BEFORE = 30, 12.0, 3
GRID_S = 0.5
SEQUENCE = {"tr_ms": 5.0, "flip_degrees": 12.0}
T1_MS, RELAXIVITY, HAEMATOCRIT = 1450.0, 4.5, 0.42
SCIPY_VOXELS, DCMRI_VOXELS = 400, 16
AGREE = {"scipy": 0.002, "dcmri": 0.02}


def arrival() -> float:
    return BEFORE * INTERVAL_S


def write(path: Path, shape: tuple[int, int, int]) -> None:
    """Signal, times, and the arterial input in blood on a fine grid."""
    from virtualbiopsy.prepare.kinetics.aif import population_input
    from virtualbiopsy.prepare.kinetics.signal import signal_from_concentration
    from virtualbiopsy.prepare.kinetics.tofts import tofts_concentration

    rng = np.random.default_rng(1)
    times = (np.arange(PHASES) + 0.5) * INTERVAL_S
    ktrans, ve = rng.uniform(0.05, 0.6, shape), rng.uniform(0.15, 0.6, shape)
    arterial = population_input("parker", haematocrit=HAEMATOCRIT)
    concentration = tofts_concentration(arterial, times, ktrans, ve, delay_s=arrival())
    signal = signal_from_concentration(concentration, T1_MS, relaxivity=RELAXIVITY, s0=1000.0, **SEQUENCE)
    signal += rng.normal(0, 0.5, signal.shape)
    grid = np.arange(0.0, times[-1] + GRID_S, GRID_S)
    blood = (1 - HAEMATOCRIT) * arterial.at(grid - arrival())
    np.savez(path, signal=signal, times=times, input_times=grid, blood=blood)


def some(path: Path, folder: Path, voxels: int) -> Path:
    """A file with every so many of the voxels, signal (n, phases)."""
    arrays = dict(np.load(path))
    flat = arrays["signal"].reshape(PHASES, -1).T
    arrays["signal"] = flat[:: max(1, len(flat) // voxels)][:voxels]
    target = folder / f"tofts_{voxels}.npz"
    np.savez(target, **arrays)
    return target


def measure(context: Context) -> dict[str, dict[str, Any]]:
    shape = QUICK_SHAPE if context.quick else SHAPE
    path = context.folder / "tofts.npz"
    write(path, shape)
    total = int(np.prod(shape))
    fewer = 4 if context.quick else 1
    peers = {"scipy": SCIPY_VOXELS // fewer, "dcmri": DCMRI_VOXELS // fewer}
    workers: dict[str, Worker] = {}
    try:
        workers["ours"] = engine("plain")
        workers["ours"].prepare({"row": NAME, "arrays": str(path), "peers": peers})
        workers["scipy"] = engine("plain")
        few = some(path, context.folder, peers["scipy"])
        workers["scipy"].prepare({"row": NAME, "arrays": str(few), "scipy": True})
        workers["dcmri"] = dcmri()
        few = some(path, context.folder, peers["dcmri"])
        sequence = {
            "relaxivity": RELAXIVITY,
            "t1_ms": T1_MS,
            "precontrast": BEFORE,
            "haematocrit": HAEMATOCRIT,
        }
        workers["dcmri"].prepare({"arrays": str(few), "sequence": {**sequence, **SEQUENCE}})
        for worker in workers.values():
            worker.run()
        runs: dict[str, list[Run]] = {name: [] for name in workers}
        for _ in range(context.runs(5)):
            for name, worker in workers.items():
                runs[name].append(worker.run())
        values = {name: worker.values() for name, worker in workers.items()}
        versions = {name: worker.version for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    words = {"scipy": "scipy curve_fit, voxel by voxel", "dcmri": f"dcmri {versions['dcmri']}"}
    entries = {}
    for name, voxels in peers.items():
        ours = np.array([values["ours"][f"{name} {n}"] for n in range(voxels)])
        theirs = np.array([values[name][f"ktrans {n}"] for n in range(voxels)])
        apart = float(np.median(np.abs(ours / theirs - 1)))
        if apart > AGREE[name]:
            raise AssertionError(f"{NAME}: Ktrans of {name} differs from ours by {apart:.1%} in the median.")
        entries[NAME if name == "scipy" else f"{NAME}_{name}"] = entry(
            runs["ours"], runs[name], total, voxels, words[name], apart
        )
        context.say(f"  {NAME}  {total} voxels: {words[name]}, Ktrans {apart:.2%} apart")
    return entries


def entry(
    ours: list[Run], theirs: list[Run], total: int, voxels: int, peer: str, apart: float
) -> dict[str, Any]:
    """What build/bench.json holds: seconds of the whole box, ours and (scaled) the peer's."""
    share = voxels / total
    ours_s = statistics.median(run.seconds for run in ours)
    peer_s = statistics.median(run.seconds for run in theirs) / share
    ratio = peer_s / ours_s
    ratio_cpu = statistics.median(r.cpu for r in theirs) / share / statistics.median(r.cpu for r in ours)
    times = {"ours_s": ours_s, "peer_s": peer_s, "ratio": ratio, "ratio_cpu": ratio_cpu}
    return {
        **times,
        "peer": peer,
        "n": len(ours),
        "cases": [CASE],
        "lowest": ratio,
        "kernels": "plain",
        "each": {CASE: times},
        "peer_share": share,
        "voxels_per_s": {"ours": total / ours_s, "peer": total / peer_s},
        "ktrans_apart": apart,
    }


def prepare(request: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    arrays = dict(np.load(request["arrays"]))
    return curve_fit_loop(arrays) if request.get("scipy") else whole_box(arrays, request["peers"])


def whole_box(arrays: Mapping[str, np.ndarray], peers: Mapping[str, int]) -> Callable[[], dict[str, float]]:
    from virtualbiopsy.prepare.kinetics.fit import fit_volume
    from virtualbiopsy.prepare.model import Kinetics

    signal, times = arrays["signal"], arrays["times"]
    settings = Kinetics(t1_ms=T1_MS, relaxivity=RELAXIVITY, haematocrit=HAEMATOCRIT)
    mask, before = np.ones(signal.shape[1:]), np.arange(PHASES) < BEFORE

    def run() -> dict[str, float]:
        found = fit_volume(signal, times, mask, before, settings=settings, delay_s=arrival(), **SEQUENCE)
        flat = found.ktrans.ravel()
        return {
            f"{name} {n}": value
            for name, count in peers.items()
            for n, value in enumerate(flat[:: max(1, flat.size // count)][:count].tolist())
        }

    return run


def curve_fit_loop(arrays: Mapping[str, np.ndarray]) -> Callable[[], dict[str, float]]:
    """What is usually written: one curve after the other, the convolution on a grid of half seconds."""
    from scipy.optimize import curve_fit
    from scipy.signal import lfilter
    from virtualbiopsy.prepare.kinetics.signal import concentration_from_signal

    signal, times, grid = arrays["signal"].T, arrays["times"], arrays["input_times"]
    plasma = arrays["blood"] / (1 - HAEMATOCRIT)
    baseline = signal[:BEFORE].mean(axis=0)
    curves = concentration_from_signal(signal, baseline, T1_MS, relaxivity=RELAXIVITY, **SEQUENCE)

    def model(at: np.ndarray, ktrans: float, ve: float) -> np.ndarray:
        decay = np.exp(-ktrans / ve * GRID_S / 60.0)
        # The trapezoid of the input over each step, decayed.
        tissue = lfilter([0.5, 0.5 * decay], [1.0, -decay], plasma) * (ktrans * GRID_S / 60.0)
        return np.interp(at, grid, tissue)

    def run() -> dict[str, float]:
        found = {}
        for n, curve in enumerate(curves.T):
            best, _ = curve_fit(model, times, curve, p0=(0.2, 0.3))
            found[f"ktrans {n}"], found[f"ve {n}"] = best
        return found

    return run

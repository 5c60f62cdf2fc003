"""A warm dcmri that fits one prepared set of curves again and again, voxel by voxel.

    python dcmri_worker.py

Run by the Python of Testing/Oracles/build_dcmri.py; speaks as warm.py says. {"do": "prepare",
"arrays": file, "sequence": {…}} reads signal (n, phases), times, and the arterial input in blood (mmol/L)
with its times. The model is dcmri's "WV" (weakly vascularised, fast water exchange): the Tofts model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version

import dcmri
import numpy as np
from warm import serve

INIT = {"Ktrans": 0.2 / 60, "vi": 0.3}
BOUNDS = {"Ktrans": [0, 5 / 60], "vi": [1e-3, 1]}


def prepare(request: dict) -> Callable[[], dict[str, float]]:
    """The function that fits all voxels and gives Ktrans in 1/min and ve by name."""
    arrays = np.load(request["arrays"])
    sequence = request["sequence"]

    def run() -> dict[str, float]:
        values = {}
        for n, signal in enumerate(arrays["signal"]):
            tissue = dcmri.Tissue(
                kinetics="WV",
                water_exchange="FF",
                sequence="SS",
                ca=arrays["blood"] * 1e-3,
                t=arrays["input_times"],
                r1=1e3 * sequence["relaxivity"],
                R10=1e3 / sequence["t1_ms"],
                TR=1e-3 * sequence["tr_ms"],
                FA=sequence["flip_degrees"],
                n0=sequence["precontrast"],
                H=sequence["haematocrit"],
                TS=0,
                free=BOUNDS,
                **INIT,
            )
            tissue.train(arrays["times"], signal)
            values[f"ktrans {n}"], values[f"ve {n}"] = 60 * tissue.Ktrans, tissue.vi
        return values

    return run


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(version("dcmri"), prepare)

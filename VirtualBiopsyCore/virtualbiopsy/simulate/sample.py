"""Make the sample case that ships with VirtualBiopsy: ``python -m virtualbiopsy.simulate.sample FOLDER``.

A convexity meningioma of 4 to 5 cm with oedema and a dural tail, on thicker slices than usual and with the
air masked, so that the whole case stays below 4 MB.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .biology import Biology, draw_biology
from .meningioma import SimulatedCase, SimulationSettings, simulate_meningioma
from .write import write_case

SEED = 2024
SETTINGS = SimulationSettings(grid=(2.0, 1.0, 1.0), pixel=1.0, white_level=50.0, mask_air=True)


def sample_biology() -> Biology:
    """The sample tumour: moved to a convexity and given the signs of a lecture case."""
    biology = draw_biology(np.random.default_rng(SEED).spawn(1)[0])
    biology = replace(
        biology,
        proliferation=0.9,
        receptor=-0.2,
        ki67_percent=7.0,
        ki67_observed=7.4,
        pr_percent=26.0,
        pr_observed=24.0,
        who_grade=1,
        age=57.0,
        sex="female",
        location="convexity",
        side=1,
        diameter_mm=43.0,
    )
    return biology.with_properties(
        size=0.7,
        irregularity=0.3,
        interface=-0.3,
        adc=-0.5,
        adc_tail=0.2,
        t2=0.3,
        texture=0.3,
        texture_scale=0.2,
        enhancement=0.1,
        necrosis=0.2,
        oedema=1.1,
        tail=1.6,
        calcification=-1.0,
    )


def sample_case() -> SimulatedCase:
    """Simulate the sample case."""
    return simulate_meningioma(SEED, biology=sample_biology(), settings=SETTINGS)


def main() -> None:
    """Write the sample case to the folder given on the command line."""
    write_sample(__doc__, sample_case, write_case)


def write_sample(text: str, make: Callable[[], Any], write: Callable[..., Path]) -> None:
    """Write what `make` returns to the folder given on the command line; the first line of `text` is help."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("folder", type=Path, help="new folder, for example Resources/Cases/NAME-sample")
    arguments = parser.parse_args()
    folder = write(make(), arguments.folder, compression=9)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{folder}: {size / 1e6:.2f} MB, simulated; not a patient")


if __name__ == "__main__":
    main()

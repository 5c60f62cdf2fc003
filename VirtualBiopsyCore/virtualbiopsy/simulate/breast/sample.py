"""Make the breast sample that ships: ``python -m virtualbiopsy.simulate.breast.sample FOLDER``.

A HER2-positive cancer with rim enhancement before therapy (`earlier`) and after the first cycle, on a coarse
grid with the air masked and few intensity levels, so that the whole case stays below 7 MB.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..sample import write_sample
from .biology import BreastBiology, draw_breast_biology
from .case import BreastSettings, SimulatedBreastCase, simulate_breast
from .write import write_breast

SEED = 2034
SETTINGS = BreastSettings(
    time_points=2,
    grid=(2.9, 1.4, 1.4),
    pixel=1.2,
    gland_level=16.0,
    mask_air=True,
    motion=0.5,
    noise=0.55,
)


def sample_biology() -> BreastBiology:
    """The sample cancer: the signs of a lecture case."""
    biology = draw_breast_biology(np.random.default_rng(SEED).spawn(1)[0])
    biology = replace(
        biology,
        her2=1.5,
        proliferation=0.8,
        hormone=-0.3,
        response=0.9,
        her2_class="positive",
        er_positive=True,
        pr_positive=False,
        histological_grade=3,
        pcr=True,
        age=52.0,
        menopausal_status="postmenopausal",
        side=1,
        quadrant=50.0,
        density=-0.25,
        background=-0.3,
        diameter_mm=31.0,
    )
    biology = biology.with_properties(
        size=0.6,
        spiculation=0.6,
        lobulation=0.3,
        ktrans=0.6,
        ve=-0.2,
        rim=1.4,
        texture=0.7,
        texture_scale=0.0,
        adc=-0.3,
        adc_texture=0.4,
        t2=0.5,
        oedema=0.9,
        necrosis=1.1,
        vessels=0.8,
    )
    return biology.with_changes(
        volume=-0.5,
        ktrans=-0.35,
        ve=-0.08,
        adc=0.18,
        t2=-0.05,
        necrosis=0.2,
        fragmentation=0.2,
        background=-0.2,
        oedema=-0.2,
    )


def sample_case() -> SimulatedBreastCase:
    """Simulate the sample case."""
    return simulate_breast(SEED, biology=sample_biology(), settings=SETTINGS)


def main() -> None:
    """Write the sample case to the folder given on the command line."""
    write_sample(__doc__, sample_case, write_breast)


if __name__ == "__main__":
    main()

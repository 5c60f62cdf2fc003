"""Tissue parameters at 1.5 T and 3 T.

Sources, rounded and reconciled: Stanisz et al., MRM 54:507 (2005); Wansapura et al., JMRI 9:531 (1999);
Bojorquez et al., Magn Reson Imaging 35:69 (2017) for head tissues; Peters et al., MRM 57:600 (2007) and
Wansapura for T2*; Le Bihan/Helenius, Radiology 222:... for normal ADC; Rohrer et al., Invest Radiol 40:715
(2005) for relaxivity. Meningioma: Just & Thelen, Radiology 169:779 (1988) for T1/T2; Nagar et al., AJNR
29:1147 (2008) and Surov et al., Transl Oncol 8:517 (2015) for ADC. See Docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tissue:
    """One tissue.

    Attributes
    ----------
    pd : proton density relative to water.
    t1 : T1 in ms at (1.5 T, 3 T).
    t2 : T2 in ms at (1.5 T, 3 T).
    t2star : T2* in ms at (1.5 T, 3 T).
    adc : apparent diffusion coefficient in 10⁻⁶ mm²/s.
    gadolinium : contrast agent concentration some minutes after 0.1 mmol/kg, mmol/l.
    dwi : share of the signal that survives the fat suppression and the echo-planar readout.
    """

    pd: float
    t1: tuple[float, float]
    t2: tuple[float, float]
    t2star: tuple[float, float]
    adc: float
    gadolinium: float = 0.0
    dwi: float = 1.0


TISSUES: dict[str, Tissue] = {
    "air": Tissue(0.0, (1000, 1000), (10, 10), (1, 1), 0, 0, 0),
    "grey": Tissue(0.82, (1080, 1450), (95, 88), (70, 55), 830, 0.012),
    "white": Tissue(0.70, (640, 860), (76, 70), (62, 48), 740, 0.006),
    "csf": Tissue(1.00, (4000, 4200), (1700, 1400), (600, 400), 3050),
    "dura": Tissue(0.60, (900, 1050), (45, 38), (20, 15), 900, 0.22, 0.3),
    "cortical_bone": Tissue(0.10, (300, 350), (1.5, 1.2), (0.8, 0.6), 0, 0, 0),
    "marrow": Tissue(0.62, (400, 480), (58, 50), (16, 11), 250, 0.03, 0.05),
    "fat": Tissue(0.92, (290, 375), (72, 66), (38, 28), 60, 0.01, 0.05),
    "muscle": Tissue(0.78, (1010, 1400), (44, 36), (32, 24), 1400, 0.06, 0.6),
    "skin": Tissue(0.70, (700, 900), (40, 34), (20, 15), 1100, 0.12, 0.3),
    "mucosa": Tissue(0.88, (1100, 1400), (120, 105), (50, 35), 1500, 0.45, 0.3),
    "vitreous": Tissue(1.00, (3600, 4000), (1400, 1100), (500, 350), 2900),
    "sclera": Tissue(0.50, (800, 950), (30, 25), (15, 10), 900, 0.08, 0.2),
    "lens": Tissue(0.60, (1000, 1200), (28, 24), (20, 15), 700),
    "blood": Tissue(0.90, (1440, 1900), (180, 110), (60, 40), 1800, 0.75, 0.3),
    "artery": Tissue(0.90, (1440, 1900), (180, 110), (60, 40), 1800, 0.70, 0.1),
    "choroid": Tissue(0.90, (1300, 1700), (140, 120), (70, 50), 1500, 0.50, 0.6),
    "pituitary": Tissue(0.82, (950, 1250), (90, 80), (50, 35), 900, 0.60, 0.5),
    "oedema": Tissue(0.88, (1350, 1650), (165, 150), (110, 90), 1450, 0.015),
    "tumour": Tissue(0.86, (1150, 1500), (98, 88), (75, 58), 880, 0.46),
    "necrosis": Tissue(0.97, (2100, 2500), (380, 330), (200, 150), 2100, 0.03),
    "calcification": Tissue(0.20, (900, 1000), (25, 20), (6, 4), 500, 0.08, 0.3),
    "capsule": Tissue(0.65, (1000, 1250), (48, 42), (30, 24), 850, 0.50, 0.8),
}

NAMES: tuple[str, ...] = tuple(TISSUES)

#: Longitudinal and transverse relaxivity of a macrocyclic gadolinium agent, l/(mmol s), at (1.5 T, 3 T).
R1 = (4.1, 3.7)
R2 = (5.0, 5.0)

#: Flow turns these into voids on spin-echo images (share of the signal that is left).
FLOW_VOID = {"artery": 0.05, "blood": 0.35}


@dataclass(frozen=True, eq=False)
class Parameters:
    """Tissue parameters as arrays in the order of the tissue table (times in ms, ADC in 10⁻⁶ mm²/s)."""

    pd: np.ndarray
    t1: np.ndarray
    t2: np.ndarray
    t2star: np.ndarray
    adc: np.ndarray
    gadolinium: np.ndarray
    dwi: np.ndarray
    flow: np.ndarray


def parameters(tesla: float, tissues: Mapping[str, Tissue] = TISSUES) -> Parameters:
    """Return the parameters of these tissues at 1.5 or 3 tesla, in their order.

    Raises
    ------
    ValueError : for another field strength.
    """
    if tesla not in (1.5, 3.0):
        raise ValueError(f"tissue parameters are known at 1.5 T and 3 T, not at {tesla} T")
    at = int(tesla == 3.0)
    values = list(tissues.values())
    return Parameters(
        np.array([t.pd for t in values]),
        np.array([t.t1[at] for t in values], dtype=float),
        np.array([t.t2[at] for t in values], dtype=float),
        np.array([t.t2star[at] for t in values], dtype=float),
        np.array([t.adc for t in values], dtype=float),
        np.array([t.gadolinium for t in values]),
        np.array([t.dwi for t in values], dtype=float),
        np.array([FLOW_VOID.get(name, 1.0) for name in tissues]),
    )

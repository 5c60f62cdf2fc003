"""Tissue parameters of the breast and the chest at 1.5 T and 3 T, and how tissues take up contrast agent.

Relaxation times: Rakow-Penner et al., JMRI 23:87 (2006) for gland and fat; Edden et al., JMRI 32:982 (2010)
for gland at 3 T; Stanisz et al., MRM 54:507 (2005) for muscle, blood and liver. ADC: Partridge et al., JMRI
45:337 (2017). Kinetics are round values of the order of published Tofts fits (Ah-See et al., Clin Cancer Res
14:6580 (2008)), chosen so that the order and speed of enhancement look right; they are not measurements. See
Docs/simulation-breast.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..tissues import Tissue

TISSUES: dict[str, Tissue] = {
    "air": Tissue(0.0, (1000, 1000), (10, 10), (1, 1), 0, dwi=0),
    "fat": Tissue(0.92, (300, 370), (60, 54), (38, 28), 60, dwi=0.06),
    "septum": Tissue(0.74, (900, 1100), (46, 40), (28, 20), 1100, dwi=0.5),
    "gland": Tissue(0.86, (1270, 1450), (62, 56), (45, 35), 1900),
    "active_gland": Tissue(0.88, (1300, 1480), (70, 64), (48, 38), 1950),
    "skin": Tissue(0.72, (800, 950), (40, 34), (20, 15), 1200, dwi=0.4),
    "nipple": Tissue(0.80, (1000, 1200), (52, 46), (30, 22), 1200, dwi=0.6),
    "muscle": Tissue(0.78, (1010, 1400), (44, 36), (32, 24), 1450, dwi=0.7),
    "bone": Tissue(0.10, (300, 350), (1.5, 1.2), (0.8, 0.6), 0, dwi=0),
    "marrow": Tissue(0.66, (430, 500), (58, 50), (16, 11), 300, dwi=0.08),
    "lung": Tissue(0.16, (1100, 1300), (30, 25), (1.6, 0.9), 1500, dwi=0.05),
    "blood": Tissue(0.90, (1440, 1900), (180, 110), (60, 40), 1800, dwi=0.1),
    "vein": Tissue(0.90, (1440, 1900), (150, 95), (45, 30), 1800, dwi=0.2),
    "heart": Tissue(0.82, (1030, 1300), (50, 44), (34, 26), 1600, dwi=0.15),
    "liver": Tissue(0.80, (600, 810), (46, 34), (28, 18), 1200, dwi=0.5),
    "node": Tissue(0.86, (1150, 1400), (90, 80), (50, 38), 950),
    "cyst": Tissue(0.98, (2600, 2900), (620, 520), (200, 150), 2500),
    "oedema": Tissue(0.92, (1500, 1700), (125, 112), (80, 60), 2150),
    "necrosis": Tissue(0.97, (1900, 2200), (260, 225), (130, 100), 2000),
    "tumour": Tissue(0.88, (1250, 1480), (80, 72), (52, 40), 1000),
}


@dataclass(frozen=True)
class Uptake:
    """Extended Tofts parameters.

    Attributes
    ----------
    ktrans : 1/min.  ve, vp : volume fractions.  delay_s : arrival after the arterial input.
    """

    ktrans: float = 0.0
    ve: float = 0.2
    vp: float = 0.0
    delay_s: float = 0.0


UPTAKE: dict[str, Uptake] = {
    "fat": Uptake(0.004, 0.05, 0.002, 4),
    "septum": Uptake(0.02, 0.15, 0.005, 4),
    "gland": Uptake(0.022, 0.14, 0.006, 4),
    "active_gland": Uptake(0.085, 0.42, 0.012, 5),
    "skin": Uptake(0.035, 0.20, 0.004, 5),
    "nipple": Uptake(0.13, 0.40, 0.015, 5),
    "muscle": Uptake(0.055, 0.13, 0.015, 4),
    "marrow": Uptake(0.04, 0.12, 0.02, 4),
    "lung": Uptake(0.10, 0.25, 0.10, 0),
    "blood": Uptake(vp=0.58),
    "vein": Uptake(ktrans=0.25, ve=0.35, vp=0.30, delay_s=9),
    "heart": Uptake(0.75, 0.28, 0.09, 1),
    "liver": Uptake(0.35, 0.30, 0.06, 9),
    "node": Uptake(0.28, 0.42, 0.04, 5),
    "oedema": Uptake(0.02, 0.35, 0.004, 5),
    "necrosis": Uptake(0.008, 0.45, 0.0, 6),
}

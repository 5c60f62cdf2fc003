"""A small breast with a lesion that takes up fast and washes out, and a toy model that looks at it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from support import oblique_grid, toy_model
from virtualbiopsy.case.dynamic import DynamicSeries, Phase
from virtualbiopsy.case.dynamic_series import with_dynamic
from virtualbiopsy.case.model import Case
from virtualbiopsy.prepare.model import Kinetics, Preparation

SHAPE, SPACING = (20, 64, 56), (3.0, 1.5, 1.5)
STARTS = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0)
PREPARATION = Preparation(
    reference="dce", spacing=(1.5, 1.5, 3.0), normalise="zscore_breast", kinetics=Kinetics()
)
PE = "pe:tumour:original:statistics:mean:3d:none:ibsi"
SER = "ser:tumour:original:statistics:mean:3d:none:ibsi"
KEYS = (PE, SER, "pe:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi", "clinical:er_positive")


def grid() -> sitk.Image:
    return oblique_grid(SHAPE, SPACING, (0.0, 0.0, 0.0))


def image_of(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid())
    return image


def lesion(radius_mm: float = 10.0) -> np.ndarray:
    k, j, i = np.indices(SHAPE)
    z, y, x = (k - 9.5) * SPACING[0], (j - 30) * SPACING[1], (i - 28) * SPACING[2]
    return z**2 + y**2 + x**2 <= radius_mm**2


def series(rise: float = 180.0, fall: float = 20.0, starts=STARTS, seed: int = 0) -> DynamicSeries:
    """Half an ellipsoid of tissue with a lesion that takes up fast and washes out."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(SHAPE)
    body = (((k - 9.5) / 10) ** 2 + ((j - 60) / 55) ** 2 + ((i - 28) / 26) ** 2 <= 1) & (j < 60)
    texture = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.5)
    texture = 1 + 0.25 * (texture - texture[lesion()].mean()) / texture.std()
    phases = []
    for n, start in enumerate(starts):
        percent = np.where(lesion(), texture * (rise - fall * (n - 1)), 12.0) * (n > 0)
        signal = np.where(body, 200.0 * (1 + percent / 100), 2.0)
        signal = np.hypot(signal + rng.normal(0, 3, SHAPE), rng.normal(0, 3, SHAPE))
        phases.append(Phase(f"phase {n + 1}", image_of(signal.astype(np.float32)), start, "given", n == 0))
    return DynamicSeries("dynamic", tuple(phases), "the first", 60.0, protocol={"FlipAngle": "12"})


def case(**changes) -> Case:
    return with_dynamic(Case("toy", ()), series(**changes))


def mask(radius_mm: float = 10.0) -> sitk.Image:
    return image_of(lesion(radius_mm).astype(np.uint8))


def model(keys=KEYS, **fields):
    given = {
        "model_id": "toy-breast",
        "task": "breast",
        "endpoint": "HER2",
        "positive": "HER2-positive",
        "preparation": PREPARATION,
        "required_sequences": ("dce", "pe", "ser"),
        "optional_sequences": ("adc", "ktrans"),
    }
    return toy_model("logistic", keys, **(given | fields))

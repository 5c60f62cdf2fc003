"""Phantoms for the tests of level 2: a prepared case, its outline as measured, a model on its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from support import SyntheticTumour, oblique_grid, synthetic_tumour, toy_background, toy_model
from virtualbiopsy.measure import Measured, Measuring
from virtualbiopsy.models.classifier import Classifier
from virtualbiopsy.models.radmodel import RadModel
from virtualbiopsy.prepare.model import PreparedCase
from virtualbiopsy.radiomics.vector import FeatureVector

HOT_KEYS = (
    "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:statistics:percentile_90:3d:none:ibsi",
    "clinical:age",
)


@dataclass(frozen=True, eq=False)
class Scene:
    """What `explain_regions` is given, but for the parts."""

    model: RadModel
    measuring: Measuring
    measured: Measured
    features: FeatureVector

    @property
    def first(self) -> tuple[RadModel, Measuring, Measured, FeatureVector]:
        return self.model, self.measuring, self.measured, self.features

    @property
    def mask(self) -> np.ndarray:
        return self.measured.masks["tumour"]


def scene(tumour: SyntheticTumour, model: RadModel, age: float | None = 61.0) -> Scene:
    """Measure the outline of a synthetic tumour, whose images count as prepared."""
    identity = {role: sitk.Transform() for role in tumour.images}
    images = {role: tumour.image(role) for role in tumour.images}
    prepared = PreparedCase(images, tumour.grid, identity, ())
    measuring = Measuring(prepared, model.measured_keys)
    measured = measuring.measure(tumour.mask())
    clinical = {} if age is None else {"clinical:age": age}
    features = replace(measured.vector, values={**measured.vector.values, **clinical})
    return Scene(model, measuring, measured, features)


def small(seed: int = 0, roles: Sequence[str] = ("t1c", "adc"), **changes) -> SyntheticTumour:
    """A tumour of about 1 000 voxels on an oblique, anisotropic grid."""
    options = {"shape": (16, 20, 18), "spacing": (1.5, 1.0, 1.2), "radius_mm": 7.0, **changes}
    return synthetic_tumour(seed=seed, roles=roles, **options)


ROUGH_KEYS = (
    "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
    "t1c:tumour:original:glcm:contrast:3d_average:fbw0.05:pyradiomics",
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbw0.05:pyradiomics",
    "clinical:age",
)


def hot_model(keys: Sequence[str] = HOT_KEYS) -> RadModel:
    """A logistic model whose score rises with every feature."""
    background = toy_background(keys, 40, 0)
    model = toy_model("logistic", keys, background=background)
    weights = {"coef": np.full(len(keys), 0.6), "intercept": np.array([-0.2])}
    return replace(model, classifier=Classifier("logistic", weights))


def tumour_of(images: Mapping[str, np.ndarray], mask: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> SyntheticTumour:
    """Arrays on an oblique grid, with one region."""
    return SyntheticTumour(dict(images), {"tumour": mask}, oblique_grid(mask.shape, spacing))

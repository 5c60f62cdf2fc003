"""What several tests need: a synthetic textured tumour, and toy models of every classifier kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import (
    NEEDS_CALIBRATION,
    SOFTMAX_KINDS,
    SURVIVAL_KINDS,
    Classifier,
)
from virtualbiopsy.models.radmodel import RadModel, Scaler
from virtualbiopsy.models.survival import Survival
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.radiomics.keys import is_clinical, is_delta, measured_key, measured_keys
from virtualbiopsy.radiomics.vector import FeatureVector

TOY_KEYS = (
    "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:statistics:skewness:3d:none:ibsi",
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi",
    "t1c:tumour:original:glcm:contrast:3d_average:fbn32:ibsi",
    "adc:tumour:original:statistics:mean:3d:none:ibsi",
    "clinical:age",
)
TOY_SCALE = {  # centre and spread of the toy background, by the name of the feature (adc: its own)
    "maximum_3d_diameter": (30.0, 6.0),
    "mean": (1.5, 0.4),
    "skewness": (0.0, 0.5),
    "joint_entropy": (7.5, 0.8),
    "contrast": (25.0, 10.0),
    "adc": (900.0, 150.0),
    "age": (58.0, 12.0),
}


@dataclass(frozen=True, eq=False)
class SyntheticTumour:
    """Images by role and masks by region, (k, j, i), on one grid; `spacing` is (dk, dj, di) mm."""

    images: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    grid: sitk.Image

    @property
    def spacing(self) -> tuple[float, float, float]:
        return self.grid.GetSpacing()[::-1]

    def image(self, role: str) -> sitk.Image:
        image = sitk.GetImageFromArray(self.images[role])
        image.CopyInformation(self.grid)
        return image

    def mask(self, region: str = "tumour") -> sitk.Image:
        image = sitk.GetImageFromArray(self.masks[region].astype(np.uint8))
        image.CopyInformation(self.grid)
        return image


def oblique_grid(shape: Sequence[int], spacing: Sequence[float], angles=(0.3, -0.2, 0.5)) -> sitk.Image:
    """An image of this (k, j, i) shape and (dk, dj, di) spacing, rotated, with an odd origin."""
    grid = sitk.Image([int(n) for n in reversed(shape)], sitk.sitkUInt8)
    grid.SetSpacing([float(s) for s in reversed(spacing)])
    transform = sitk.Euler3DTransform((0, 0, 0), *angles)
    grid.SetDirection(transform.GetMatrix())
    grid.SetOrigin((-37.5, 12.25, 81.0))
    return grid


def synthetic_tumour(
    *,
    shape: Sequence[int] = (24, 30, 28),
    spacing: Sequence[float] = (1.5, 1.0, 1.2),
    radius_mm: float = 11.0,
    oblique: bool = True,
    seed: int = 0,
    roles: Sequence[str] = ("t1c", "t2", "adc"),
) -> SyntheticTumour:
    """A lobed ball with smooth texture in a noisy surround: z-scored weighted images, ADC in 10⁻⁶ mm²/s.

    Regions: "tumour", "largest_slice" (largest in k) and "ring5".
    """
    rng = np.random.default_rng(seed)
    spacing = np.asarray(spacing, dtype=float)
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    lobes = 1.0 + 0.12 * np.sin(3 * np.arctan2(j, i)) * np.cos(0.3 * k)
    tumour = np.sqrt(k**2 + j**2 + i**2) <= radius_mm * lobes
    if not tumour.any():
        raise ValueError("the radius is smaller than a voxel")

    def texture(sigma_mm: float) -> np.ndarray:
        field = ndimage.gaussian_filter(rng.standard_normal(tuple(shape)), sigma_mm / spacing)
        return field / field.std()

    images = {}
    for role in roles:
        surround = 0.2 * rng.standard_normal(tuple(shape))
        if role == "adc":
            image = np.where(tumour, 880 + 110 * texture(2.0) + 40 * texture(0.7), 820 + 300 * surround)
        else:
            level = {"t1c": 1.6, "t2": 0.9}.get(role, 0.5)
            image = np.where(tumour, level + 0.3 * texture(2.5) + 0.12 * texture(0.7), surround)
        images[role] = image.astype(np.float64)

    areas = tumour.sum(axis=(1, 2))
    largest = np.zeros_like(tumour)
    largest[areas.argmax()] = tumour[areas.argmax()]
    distance = ndimage.distance_transform_edt(~tumour, sampling=spacing)
    masks = {"tumour": tumour, "largest_slice": largest, "ring5": (distance > 0) & (distance <= 5.0)}
    if oblique:
        grid = oblique_grid(shape, spacing)
    else:
        grid = oblique_grid(shape, spacing, (0.0, 0.0, 0.0))
    return SyntheticTumour(images, masks, grid)


def toy_background(keys: Sequence[str] = TOY_KEYS, n: int = 40, seed: int = 0) -> np.ndarray:
    """(n, p) plausible rows for these keys."""
    rng = np.random.default_rng(seed)
    columns = []
    for key in keys:
        centre, spread = _centre(key)
        columns.append(centre + spread * rng.standard_normal(n))
    return np.stack(columns, axis=1)


def toy_classifier(kind: str, p: int, seed: int = 0) -> Classifier:
    """A classifier of this kind on `p` scaled features with random, moderate numbers."""
    rng = np.random.default_rng(seed)
    one = np.ones(1)
    if kind in ("logistic", "linear_svm", "lda"):
        arrays = {"coef": rng.normal(0, 0.5, p), "intercept": np.array([-0.3])}
    elif kind == "rbf_svm":
        arrays = {
            "support": rng.standard_normal((12, p)),
            "dual": rng.normal(0, 1.0, 12),
            "gamma": one / p,
            "intercept": np.array([0.1]),
        }
    elif kind == "gaussian_nb":
        arrays = {
            "log_prior": np.log([0.6, 0.4]),
            "mean": rng.normal(0, 0.3, (2, p)),
            "variance": rng.uniform(0.7, 1.4, (2, p)),
        }
    elif kind == "cox":
        arrays = {"coef": rng.normal(0, 0.5, p)}
    elif kind == "cox_network":
        arrays = {
            "weights": rng.normal(0, 0.5, (4, p)),
            "bias": rng.normal(0, 0.5, 4),
            "output": rng.normal(0, 0.5, 4),
        }
    elif kind == "softmax":
        arrays = {"coef": rng.normal(0, 0.5, (3, p)), "intercept": rng.normal(0, 0.3, 3)}
    elif kind == "softmax_nb":
        arrays = {
            "log_prior": np.log([0.5, 0.3, 0.2]),
            "mean": rng.normal(0, 0.3, (3, p)),
            "variance": rng.uniform(0.7, 1.4, (3, p)),
        }
    else:
        arrays = _toy_trees({"decision_tree": 1, "softmax_boosting": 6}.get(kind, 7), p, rng)
        if kind in ("gradient_boosting", "xgboost", "softmax_boosting"):
            arrays["value"] = arrays["value"] - 0.5
            arrays["initial"] = np.array([-0.2, 0.1, 0.3][: 3 if kind == "softmax_boosting" else 1])
            if kind == "gradient_boosting":
                arrays["learning_rate"] = np.array([0.3])
        else:
            arrays["floor"] = np.array([0.01])
        if kind == "softmax_forest":
            arrays["value"] = rng.dirichlet([1.0, 1.0, 1.0], arrays["value"].size)
    if kind in SOFTMAX_KINDS:
        arrays["positive"] = np.array([1])
    return Classifier(kind, arrays)


def toy_model(
    kind: str = "logistic",
    keys: Sequence[str] = TOY_KEYS,
    *,
    seed: int = 0,
    n_background: int = 40,
    background: np.ndarray | None = None,
    **fields,
) -> RadModel:
    """A small valid RadModel without meaning. `fields` replace fields of the RadModel."""
    keys = tuple(keys)
    if background is None:
        background = toy_background(keys, n_background, seed)
    sequences = [key.sequence for key in measured_keys(keys)]
    sequences = [role for role in dict.fromkeys(sequences) if role not in ("mask", "t1c")]
    centre, spread = background.mean(0), np.maximum(background.std(0), 1e-6)
    calibrator, several = Calibrator(), {}
    if kind in NEEDS_CALIBRATION:
        calibrator = Calibrator("platt", 1.3, -0.2)
    elif kind in SOFTMAX_KINDS:
        several = {"nominal": ("glioblastoma", "metastasis", "lymphoma")}
    elif kind in SURVIVAL_KINDS:
        calibrator = Calibrator("cloglog", 1.0, math.log(0.4))
        several = {
            "survival": Survival(
                "death", 24.0, "months", (3.0, 12.0, 20.0), (0.1, 0.2, 0.4), ("low risk", "high risk"), (0.1,)
            )
        }
    model = RadModel(
        model_id=f"toy-{kind.replace('_', '-')}",
        title=f"Toy {kind} (simulated)",
        version="1.0.0",
        endpoint="Ki-67",
        positive="Ki-67 ≥ 5 %",
        simulated=True,
        preparation=Preparation(),
        feature_keys=keys,
        required_sequences=("t1c",),
        optional_sequences=tuple(sequences),
        imputer=dict(zip(keys, map(float, centre), strict=True)),
        scaler=Scaler(tuple(map(float, centre)), tuple(map(float, spread))),
        classifier=toy_classifier(kind, len(keys), seed),
        calibrator=calibrator,
        threshold=0.5,
        background=background,
        feature_ranges={
            key: (float(column.min()), float(column.max()))
            for key, column in zip(keys, background.T, strict=True)
        },
        metrics={"auc": {"value": 0.8, "low": 0.7, "high": 0.9}, "brier": {"value": 0.18}},
        validation="A toy; never validated.",
        protocol_ranges={"slice_thickness_mm": (1.0, 3.0)},
        data_statement="Random numbers.",
        intended_use="Tests.",
        limits="Means nothing.",
        licence="Apache-2.0",
        recipe="toy",
        card="# Toy model (simulated)\n\nFor tests.\n",
        **several,
    )
    return replace(model, **fields)


def toy_features(model: RadModel, seed: int = 1, *, without: Sequence[str] = ()) -> FeatureVector:
    """Plausible values for the model's keys; keys that begin with one of `without` are missing."""
    row = toy_background(model.feature_keys, 1, seed)[0]
    values = {
        key: float(value)
        for key, value in zip(model.feature_keys, row, strict=True)
        if not any(key.startswith(prefix) for prefix in without)
    }
    missing = {key: "left out" for key in model.feature_keys if key not in values}
    return FeatureVector(values=values, missing=missing)


def _centre(key: str) -> tuple[float, float]:
    if is_clinical(key):
        return TOY_SCALE.get(key.split(":")[1], (0.5, 0.5))
    if is_delta(key):
        return (0.0, 0.5)
    parsed = measured_key(key)
    if parsed.sequence == "adc" and parsed.family == "statistics":
        return TOY_SCALE["adc"] if parsed.name not in ("skewness", "kurtosis") else (0.0, 0.5)
    return TOY_SCALE.get(parsed.name, (1.0, 0.5))


def _toy_trees(count: int, p: int, rng: np.random.Generator, depth: int = 3) -> dict[str, np.ndarray]:
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    start = np.arange(count + 1) * nodes
    number = np.arange(nodes)
    is_inner = np.tile(number < inner, count)
    left = np.concatenate([np.where(number < inner, s + 2 * number + 1, -1) for s in start[:-1]])
    return {
        "tree_start": start.astype(np.int64),
        "feature": np.where(is_inner, rng.integers(0, p, count * nodes), -1),
        "threshold": np.where(is_inner, rng.normal(0, 0.7, count * nodes), 0.0),
        "left": left.astype(np.int64),
        "right": np.where(is_inner, left + 1, -1).astype(np.int64),
        "value": rng.uniform(0.05, 0.95, count * nodes),
    }


def close(a: float, b: float, tolerance: float = 1e-9) -> bool:
    """Whether two numbers agree to `tolerance`, relative to the larger of 1 and |b|."""
    return math.isclose(a, b, rel_tol=0.0, abs_tol=tolerance * max(1.0, abs(b)))

"""Sanity checks of the voxel map (Adebayo et al., NeurIPS 2018): what is random has a map of its own.

A map that stayed alike when the model is replaced by a random one, or by one trained on shuffled labels,
would show the image and not the model. One pair of maps may well be alike or opposite, since all of them are
made of few features; over many models the correlation is 0.
"""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_classifier, toy_model
from virtualbiopsy.explain.agreement import spearman
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.models.classifier import Classifier
from virtualbiopsy.models.radmodel import RadModel, Scaler
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.resources import resource

KEYS = tuple(
    f"{role}:tumour:original:{rest}:ibsi"
    for role in ("t1c", "t2", "adc")
    for rest in (
        "statistics:mean:3d:none",
        "statistics:variance:3d:none",
        "glcm:contrast:3d_average:fbn16",
        "glcm:joint_entropy:3d_average:fbn16",
    )
)
FAMILIES = ("logistic", "rbf_svm", "gaussian_nb", "decision_tree", "random_forest", "gradient_boosting")


class Explained:
    """A synthetic tumour, anisotropic and oblique, explained for one model after another."""

    def __init__(self, keys) -> None:
        self.case = synthetic_tumour(shape=(16, 30, 28), spacing=(2.0, 1.0, 1.1), radius_mm=9.0, seed=4)
        images, masks, spacing = self.case.images, self.case.masks, self.case.spacing
        radiomic = [key for key in keys if not is_clinical(key)]
        vector = extract(images, masks, spacing, [FeatureKey.parse(key) for key in radiomic])
        self.features = FeatureVector({**vector.values, **{k: 0.5 for k in keys if is_clinical(k)}})
        self.workspace = Workspace(images, masks, spacing)

    def map(self, model: RadModel) -> np.ndarray:
        """The map's values within the outline (n,)."""
        case = self.case
        found = explain(
            model, self.features, case.images, case.masks, case.grid, workspace=self.workspace
        ).total
        return sitk.GetArrayFromImage(found)[case.masks["tumour"][self._box(found)]]

    def _box(self, part: sitk.Image) -> tuple[slice, ...]:
        start = self.case.grid.TransformPhysicalPointToIndex(part.GetOrigin())[::-1]
        return tuple(slice(a, a + n) for a, n in zip(start, part.GetSize()[::-1], strict=True))


def mean_and_error(values: list[float]) -> tuple[float, float]:
    found = np.asarray(values)
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(found.size))


@pytest.fixture(scope="module")
def explained() -> Explained:
    return Explained(KEYS)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_random_model_has_another_map(explained, kind):
    """Over random models of the same kind the correlation with the map of the first one is 0 on average."""
    centre = np.array([explained.features.values[key] for key in KEYS])
    spread = 0.3 * np.maximum(np.abs(centre), 0.1)
    background = centre + spread * np.random.default_rng(8).standard_normal((12, len(KEYS)))
    model = toy_model(kind, KEYS, background=background)
    own = explained.map(model)
    assert spearman(own, explained.map(model)) == pytest.approx(1.0)
    found = []
    for seed in range(1, 41):
        other = explained.map(replace(model, classifier=toy_classifier(kind, len(KEYS), seed)))
        found.append(spearman(own, other) if np.ptp(other) > 0 else 0.0)
    mean, error = mean_and_error(found)
    assert abs(mean) <= 3 * error, (mean, error)
    assert abs(mean) <= 0.25, (mean, error)
    assert 0.25 <= np.mean(np.array(found) < 0) <= 0.75


def _cohort() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Keys, rows and labels of the simulated cohort behind the bundled Ki-67 model."""
    path = resource("Models/meningioma-demo-features.csv")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    table = list(csv.DictReader(lines))
    keys = tuple(key for key in table[0] if key.count(":") == 7 and not key.startswith("mask"))
    rows = np.array([[float(row[key] or "nan") for key in keys] for row in table])
    rows = np.where(np.isfinite(rows), rows, np.nanmean(rows, axis=0))
    return keys, rows, np.array([int(row["ki67_high"]) for row in table])


def _logistic(rows: np.ndarray, labels: np.ndarray, ridge: float = 1.0) -> Classifier:
    """Logistic regression with an L2 penalty on scaled rows, by Newton's method."""
    design = np.column_stack([rows, np.ones(len(rows))])
    penalty = ridge * np.diag([*np.ones(rows.shape[1]), 0.0])
    weights = np.zeros(design.shape[1])
    for _ in range(15):
        share = 1.0 / (1.0 + np.exp(-design @ weights))
        slope = design.T @ (share - labels) + penalty @ weights
        weights -= np.linalg.solve((design.T * (share * (1.0 - share))) @ design + penalty, slope)
    assert np.abs(slope).max() < 1e-6
    return Classifier("logistic", {"coef": weights[:-1], "intercept": weights[-1:]})


def test_a_model_trained_on_shuffled_labels_has_another_map():
    """Shuffled labels: correlation 0 on average; the true labels of half of them: much the same map."""
    keys, rows, labels = _cohort()
    explained = Explained(keys)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scaled = (rows - centre) / spread
    base = toy_model("logistic", keys, background=rows)
    base = replace(base, scaler=Scaler(tuple(centre), tuple(spread)))

    def trained(which: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return explained.map(replace(base, classifier=_logistic(scaled[which], truth)))

    rng = np.random.default_rng(11)
    everyone = np.arange(len(rows))
    own = trained(everyone, labels)
    shuffled = [spearman(own, trained(everyone, rng.permutation(labels))) for _ in range(60)]
    halves = []
    for _ in range(20):
        half = rng.permutation(everyone)[: len(rows) // 2]
        halves.append(spearman(own, trained(half, labels[half])))
    mean, error = mean_and_error(shuffled)
    assert abs(mean) <= 3 * error and abs(mean) <= 0.25, (mean, error)
    assert np.median(halves) >= 0.7
    assert np.median(halves) > np.quantile(shuffled, 0.85)

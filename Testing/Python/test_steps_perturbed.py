"""Repeated measurements on perturbed outlines, and what the ICC filter makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from steps_support import dataset, fitted
from support import synthetic_tumour
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.measure import Measuring
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.training.steps.icc import icc
from virtualbiopsy.training.steps.perturbed import SOURCE, perturbed_cases, perturbed_features
from virtualbiopsy.training.steps.repeats import with_repeats
from virtualbiopsy.trust.stability import variants
from virtualbiopsy.variants import Variants

VOLUME, LOWEST = (
    FeatureKey.parse(key)
    for key in (
        "mask:tumour:original:morphology:volume:3d:none:ibsi",
        "t1c:tumour:original:statistics:minimum:3d:none:ibsi",
    )
)
KEYS = (VOLUME, LOWEST)


def measured(seed: int, radius: float):
    tumour = synthetic_tumour(shape=(20, 28, 28), radius_mm=radius, seed=seed, roles=("t1c",))
    case = Case("synthetic", (Sequence("t1c", "t1c", tumour.image("t1c")),))
    prepared = prepare_case(case, Preparation(spacing=None, normalise="none", register=False))
    measuring = Measuring(prepared, KEYS)
    return measuring, measuring.measure(tumour.mask())


@pytest.fixture(scope="module")
def repeated():
    radii = (6.0, 7.0, 8.0, 9.0, 10.0, 11.0)
    values = {f"case{n}": perturbed_features(*measured(n, r), KEYS, 3, n) for n, r in enumerate(radii)}
    return perturbed_cases(values, KEYS)


def test_they_are_the_features_of_these_outlines(repeated):
    measuring, on = measured(2, 8.0)
    near = Variants(measuring, on, KEYS, 5.0)
    drawn = [one.mask for one in variants(near.tumour, near.spacing, 2) if one.kind == "boundary"][:3]
    for row, mask in zip(repeated.values[2], drawn, strict=True):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.CopyInformation(near.grid)
        anew = measuring.measure(
            sitk.Resample(image, measuring.prepared.grid, sitk.Transform(), sitk.sitkNearestNeighbor)
        )
        assert row == pytest.approx([anew.vector.values[str(key)] for key in KEYS], rel=1e-9)
    assert not np.array_equal(repeated.values[2, 0], repeated.values[2, 1])


def test_size_survives_a_new_outline_and_the_darkest_voxel_does_not(repeated):
    volume, lowest = icc(repeated.values, "1,1").value
    assert volume > 0.95
    assert lowest < 0.6
    data = dataset(np.zeros((6, 2)), columns=repeated.columns)
    found = fitted(with_repeats(data, repeated, SOURCE), ("icc", {"form": "1,1"}))
    assert found.columns == (str(VOLUME),)
    assert "perturbed outlines, 6 cases, 3 measurements" in found.told[0]


def test_the_number_of_outlines_is_limited():
    with pytest.raises(TrainingError, match="not 1"):
        perturbed_features(*measured(0, 8.0), KEYS, 1)

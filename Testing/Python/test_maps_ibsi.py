"""Profile "ibsi": a map has the features of each voxel's neighbourhood, with the levels of the region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maps_support import around, features_of, neighbourhood_features, textured
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.maps.compute import feature_maps

SPACING = (2.0, 1.0, 1.5)


def _agrees(image, mask, spec, radius, aggregation, voxels, families=None) -> int:
    features = features_of("ibsi") if families is None else features_of("ibsi", families)
    maps = feature_maps(
        image,
        mask,
        SPACING,
        features,
        radius=radius,
        discretisation=spec,
        profile="ibsi",
        aggregation=aggregation,
    )
    reach = (radius,) * 3 if isinstance(radius, int) else radius
    undefined = 0
    for centre in voxels:
        expected = neighbourhood_features(
            image, mask, SPACING, centre, reach, features, spec, "ibsi", aggregation
        )
        found = [maps[f"{family}:{name}"][tuple(centre)] for family, name in features]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=str((features, centre)))
        undefined += np.count_nonzero(np.isnan(expected))
    return undefined


@pytest.mark.parametrize(
    "spec, radius, aggregation",
    [
        ("fbn8", 1, "3d_average"),
        ("fbn32", 1, "3d_merged"),
        ("fbw60", 2, "3d_average"),
        ("fbn6", (0, 2, 1), "3d_average"),
    ],
)
@pytest.mark.parametrize("density", [1.0, 0.6])
def test_equals_the_features_of_each_neighbourhood(spec, radius, aggregation, density):
    image = textured()
    rng = np.random.default_rng(3)
    mask = np.zeros(image.shape, dtype=bool)
    mask[1:-1, 2:-1, 1:-2] = rng.random((7, 7, 8)) < density
    inside = np.argwhere(mask)
    voxels = np.concatenate((inside[:2], inside[rng.choice(len(inside), 6, replace=False)]))
    _agrees(image, mask, spec, radius, aggregation, voxels)


def test_lone_voxels_have_no_pairs_and_no_skewness():
    mask = np.zeros((9, 10, 11), dtype=bool)
    mask[1, 1, 1] = mask[5, 5, 5] = mask[7, 1, 8] = True
    assert _agrees(textured(), mask, "fbn8", 1, "3d_average", np.argwhere(mask)) > 3 * 25


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_equals_the_features_of_any_small_region(data):
    shape = data.draw(st.tuples(*(st.integers(1, 5),) * 3))
    count = int(np.prod(shape))
    image = np.array(data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), dtype=float)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    image, mask = image.reshape(shape), mask.reshape(shape)
    if not mask.any() or np.ptp(image[mask]) == 0:
        return
    voxels = [v for v in np.argwhere(mask)[:4] if _tones_differ(image, mask, v)]
    _agrees(image, mask, "fbw1", 1, "3d_average", voxels)


def _tones_differ(image, mask, centre) -> bool:
    """Whether levels times counts are not all the same: where they are, busyness is rounding noise."""
    levels, _ = discretise(image, mask, "fbw1", "ibsi")
    near = around(levels, centre, (1, 1, 1))
    found, counts = np.unique(near[near > 0], return_counts=True)
    return len(found) < 2 or np.ptp(found * counts) > 0


def test_a_feature_key_brings_its_own_choices():
    image = textured()
    mask = np.ones(image.shape, dtype=bool)
    key = "t1:tumour:original:glcm:contrast:3d_merged:fbn4:ibsi"
    maps = feature_maps(image, mask, SPACING, [key, ("glcm", "contrast")], discretisation="fbn16")
    merged = feature_maps(
        image, mask, SPACING, "glcm:contrast", discretisation="fbn4", aggregation="3d_merged"
    )
    np.testing.assert_array_equal(maps[key], merged["glcm:contrast"])
    assert not np.allclose(maps[key], maps["glcm:contrast"])

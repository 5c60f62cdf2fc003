"""What keys may say: aggregations, filtered images, regions, discretisations; lists of all keys."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy import errors
from virtualbiopsy.radiomics.aggregation import DIRECTIONAL
from virtualbiopsy.radiomics.definitions import DEFINITIONS, aggregations_of, all_keys, describe
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import PROFILES


@pytest.mark.parametrize(
    "key",
    [
        "ct:tumour:original:glcm:contrast:2.5d_merged:fbn32:ibsi",
        "ct:tumour:original:glcm:contrast:2d_average(distance=2;norm=manhattan):fbn32:ibsi",
        "ct:tumour:original:glcm:contrast:3d_merged(weight=euclidean):fbn32:pyradiomics",
        "ct:tumour:original:glrlm:run_entropy:3d_merged(weight=chebyshev):fbw0.5:pyradiomics",
        "ct:tumour:original:glszm:zone_percentage:2d:fbn32:ibsi",
        "ct:tumour:original:gldzm:zone_percentage:2.5d:fbn32:ibsi",
        "ct:tumour:original:ngtdm:coarseness:3d(distance=3;norm=euclidean):fbn32:ibsi",
        "ct:tumour:original:ngldm:dependence_count_entropy:2.5d(distance=2;alpha=1):fbn32:ibsi",
        "ct:tumour(range=-500..400;outlier=3):log(sigma=3):glcm:contrast:3d_average:fbn32:ibsi",
        "ct:tumour:wavelet(family=coif1;bands=LLH;level=1):statistics:mean:3d:none:pyradiomics",
        "ct:tumour(range=0..inf):original:morphology:morans_i:3d:none:ibsi",
        "ct:tumour:original:ivh:area_under_curve:3d:none:ibsi",
        "ct:tumour:original:ivh:area_under_curve:3d:fbn1000:ibsi",
        "mask:tumour:original:shape2d:perimeter:2d:none:pyradiomics",
    ],
)
def test_keys_that_can_be(key):
    assert describe(key).label


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("ct:tumour:original:glcm:contrast:2.5d:fbn32:ibsi", "no aggregation"),
        ("ct:tumour:original:glszm:zone_percentage:2d_average:fbn32:ibsi", "no aggregation"),
        ("ct:tumour:original:glcm:contrast:2d_average:fbn32:pyradiomics", "no aggregation"),
        ("ct:tumour:original:glszm:zone_percentage:2d:fbn32:pyradiomics", "no aggregation"),
        ("ct:tumour:original:statistics:mean:2d:none:ibsi", "no aggregation"),
        ("mask:tumour:original:shape2d:perimeter:3d:none:pyradiomics", "no aggregation"),
        ("ct:tumour:original:glrlm:run_entropy:3d_merged(distance=2):fbn32:ibsi", "changes nothing"),
        ("ct:tumour:original:glszm:zone_percentage:3d(norm=manhattan):fbn32:ibsi", "changes nothing"),
        ("ct:tumour:original:ngtdm:coarseness:3d(alpha=1):fbn32:ibsi", "changes nothing"),
        ("ct:tumour:original:glcm:contrast:3d_average(distance=1):fbn32:ibsi", "Write the aggregation"),
        ("ct:tumour:original:glcm:contrast:3d_average(weight=euclidean):fbn32:ibsi", "merged"),
        ("ct:tumour:original:glcm:contrast:3d_average(norm=manhattan):fbn32:pyradiomics", "chebyshev"),
        ("ct:tumour:original:glcm:contrast:3d_average:fbn032:ibsi", "Write the discretisation"),
        ("ct:tumour:original:glcm:contrast:3d_average:fbw25.0:ibsi", "Write the discretisation"),
        ("ct:tumour:log(sigma=3):morphology:integrated_intensity:3d:none:ibsi", "filtered"),
        ("mask:tumour:log(sigma=3):morphology:volume:3d:none:ibsi", "filtered"),
        ("ct:tumour:nonsense(sigma=3):statistics:mean:3d:none:ibsi", "nonsense"),
        ("ct:tumour:log:statistics:mean:3d:none:ibsi", "sigma"),
        ("ct:tumour:original:ivh:area_under_curve:3d:fbn1025:ibsi", "whole number of bins"),
        ("ct:tumour:original:local_intensity:local_intensity_peak:3d:none:pyradiomics", "profile"),
    ],
)
def test_keys_that_cannot_be(key, why):
    with pytest.raises(errors.FeatureError, match=why):
        describe(key)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("aggregation", [*DIRECTIONAL, "3d_average(distance=2)", "2.5d_merged(distance=3)"])
def test_all_keys_of_an_aggregation(aggregation, profile):
    keys = all_keys("ct", "tumour", "fbn32", profile, aggregation)
    features = {(key.family, key.name) for key in keys}
    assert len(features) == len(keys)
    assert features == {
        (d.family, d.name) for d in DEFINITIONS.values() if profile in d.profiles and d.needs_image
    }
    base = aggregation.partition("(")[0]
    for key in keys:
        choices = aggregations_of(DEFINITIONS[key.family, key.name], profile)
        found = key.aggregation.partition("(")[0]
        assert found in choices
        if base in choices:
            assert found == base
        elif base.partition("_")[0] in choices:
            assert found == base.partition("_")[0]
        knows_distance = key.family in ("glcm", "ngtdm", "ngldm")
        assert ("distance" in key.aggregation) == ("distance" in aggregation and knows_distance)


def test_all_keys_of_a_filtered_image():
    keys = all_keys("ct", "tumour", "fbn32", "ibsi", image="log(sigma=2)")
    assert {key.family for key in keys} == {d.family for d in DEFINITIONS.values()} - {
        "morphology",
        "shape2d",
    }
    flat = all_keys("mask", profile="pyradiomics", aggregation="2.5d_average")
    assert {key.family for key in flat} == {"morphology", "shape2d"}
    assert {key.family for key in all_keys("mask", profile="pyradiomics")} == {"morphology"}


@pytest.mark.parametrize("profile", PROFILES)
def test_features_of_filtered_images(profile):
    """Filters see the whole image; the intensity mask is that of the image before it is filtered."""
    image = np.random.default_rng(0).normal(100, 20, (20, 24, 22))
    mask = np.zeros(image.shape, dtype=bool)
    mask[6:14, 7:16, 5:15] = True
    region = "tumour(range=90..120)"
    keys = [
        *all_keys("ct", region, "fbn8", profile, image="square"),
        *all_keys("ct", region, "fbn8", profile, image="log(sigma=2)"),
        f"ct:{region}:original:statistics:maximum:3d:none:{profile}",
    ]
    result = extract({"ct": image}, {"tumour": mask}, (1.0, 1.0, 1.0), keys)
    assert not result.missing
    inside = mask & (image >= 90) & (image <= 120)
    assert result.values[str(keys[-1])] == image[inside].max()
    maximum = f"ct:{region}:square:statistics:maximum:3d:none:{profile}"
    assert result.values[maximum] == pytest.approx(image[inside].max() ** 2 / image.max(), rel=1e-6)
    assert result.bins[f"ct:{region}:square:fbn8"] == 8
    assert any(step == "Filtered ct: log(sigma=2)." for step in result.provenance)


def test_unit_of_intensities_of_an_ivh():
    key = "ct:tumour:original:ivh:intensity_at_volume_fraction_10:3d:{}:ibsi"
    units = [describe(key.format(rule)).unit for rule in ("none", "fbw2.5", "fbn1000")]
    assert units == ["image units", "image units", "grey levels"]

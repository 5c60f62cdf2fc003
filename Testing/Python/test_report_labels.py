"""Features that differ in image type, region or slices are told apart by their labels."""

from __future__ import annotations

import pytest
from virtualbiopsy.report.labels import feature_label

KEY = "{sequence}:{region}:{image}:{family}:{name}:{aggregation}:{spec}:ibsi"


def label(
    sequence="t1c",
    region="tumour",
    image="original",
    feature="glcm.contrast",
    aggregation="3d_average",
    spec="fbn32",
):
    family, name = feature.split(".")
    return feature_label(
        KEY.format(
            sequence=sequence,
            region=region,
            image=image,
            family=family,
            name=name,
            aggregation=aggregation,
            spec=spec,
        )
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, "T1c"),
        ({"image": "log(sigma=3)"}, "T1c, LoG σ 3 mm"),
        (
            {"image": "wavelet(family=coif1;bands=LLH;level=1)", "region": "ring5"},
            "T1c, wavelet coif1 LLH level 1, ring 5 mm",
        ),
        (
            {"image": "riesz(order=1-0-0;of=simoncelli(level=2))"},
            "T1c, Riesz order 1-0-0 of Simoncelli wavelet level 2",
        ),
        ({"region": "tumour(range=0..inf)"}, "T1c, tumour ≥ 0"),
        ({"region": "tumour(range=-500..400;outlier=3)"}, "T1c, tumour -500–400 within 3 SD"),
        ({"aggregation": "2.5d_merged"}, "T1c, in slices"),
    ],
)
def test_the_place_of_a_feature_says_what_it_was_measured_on(changes, where):
    assert label(**changes).where == where


def test_a_filter_response_has_no_unit_of_the_image():
    mean = {"feature": "statistics.mean", "aggregation": "3d", "spec": "none", "sequence": "adc"}
    assert label(**mean).unit == "×10⁻⁶ mm²/s"
    assert label(**mean, image="log(sigma=3)").unit == "filter response"


def test_an_unknown_key_is_shown_as_it_is():
    assert (
        feature_label("t1c:tumour:log(tau=3):x:y:3d:none:ibsi").full
        == "t1c:tumour:log(tau=3):x:y:3d:none:ibsi"
    )

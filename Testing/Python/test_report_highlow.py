"""Pictures of low and high: for every feature, well-formed, drawable by Qt, and different from each other."""

import re
import xml.etree.ElementTree as ET

import pytest
from virtualbiopsy.case.clinical import encode_clinical
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.radiomics.definitions import DEFINITIONS
from virtualbiopsy.radiomics.keys import is_radiomic
from virtualbiopsy.report.highlow import high_low_svg, high_low_words, look_of
from virtualbiopsy.report.theme import DARK

TINY = {"svg", "g", "rect", "line", "path", "circle", "text", "tspan", "title"}
KEYS = [
    f"{'mask' if family == 'morphology' else 't1c'}:tumour:original:{family}:{name}:3d:none:ibsi"
    for family, name in DEFINITIONS
    if family != "shape2d"
]


@pytest.mark.parametrize("key", [*KEYS, *encode_clinical({}), "clinical:age", "no key at all"])
def test_the_picture_is_well_formed_and_says_low_and_high(key):
    figure = ET.fromstring(high_low_svg(key))
    assert {element.tag.split("}")[1] for element in figure.iter()} <= TINY
    words = [e.text for e in figure.iter() if e.tag.endswith("text")]
    assert words[0] == "low" and "high" in words
    low, high = high_low_words(key)
    assert low != high
    assert low in figure.attrib["aria-label"] and high in figure.attrib["aria-label"]


@pytest.mark.parametrize("key", KEYS)
def test_low_and_high_are_drawn_differently(key):
    look = look_of(key)
    assert (look.draw_low is None) == (look.draw_high is None)
    if look.draw_low is not None:
        assert look.draw_low(DARK) != look.draw_high(DARK)


def test_every_radiomic_feature_of_the_bundled_models_has_a_drawing():
    for model in builtin_models():
        for key in model.feature_keys:
            if is_radiomic(key):
                assert look_of(key).draw_low is not None, key


def test_opposite_features_are_opposite_pictures():
    def tiles(name, family="glcm"):
        return re.findall(
            r"<g transform.*?</g>", high_low_svg(f"t1c:tumour:original:{family}:{name}:3d:none:ibsi")
        )

    assert len(tiles("contrast")) == 2
    contrast, likeness = tiles("contrast"), tiles("inverse_difference")
    strip = re.compile(r"translate\([^)]*\)")
    assert strip.sub("", contrast[0]) == strip.sub("", likeness[1])
    assert strip.sub("", contrast[1]) == strip.sub("", likeness[0])

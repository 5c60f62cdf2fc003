"""Linear filters as matrices: the response of the engine, and a true adjoint."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.radiomics.filters.apply import apply_filters
from virtualbiopsy.radiomics.filters.linear import axis_operator, linear_filter
from virtualbiopsy.radiomics.filters.spec import parse_filter

SPACING = (2.0, 1.0, 1.1)
WANTED = ((3, 13), (5, 14), (0, 15))
OURS = (
    "mean(support=3)",
    "mean(support=5;dims=2;boundary=zero)",
    "log(sigma=2.5)",
    "log(sigma=2.5;dims=2;boundary=periodic)",
    "laws(kernels=L5E5S5)",
    "laws(kernels=L5S5;rotation=average;boundary=nearest)",
    "wavelet(family=coif1;bands=LLH;level=1)",
    "wavelet(family=db2;bands=LHL;level=2)",
    "wavelet(family=db2;bands=HLH;level=2;rotation=average;boundary=periodic)",
    "wavelet(family=haar;bands=HL;level=1)",
)
THEIRS = (
    "log(sigma=2.5)",
    "wavelet(family=coif1;bands=LLH;level=1)",
    "wavelet(family=db2;bands=LHL;level=2)",
    "wavelet(family=db2;bands=LH;level=2)",
)
NOT_LINEAR = (
    "square",
    "gradient",
    "lbp2d",
    "laws(kernels=L5E5S5;rotation=max)",
    "laws(kernels=L5E5S5;energy=7)",
    "wavelet(family=haar;bands=LLH;level=1;rotation=max)",
    "simoncelli(level=1)",
)
CASES = [(text, False) for text in OURS] + [(text, True) for text in THEIRS]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(2.0, 1.0, (13, 18, 15))


@pytest.mark.parametrize(("text", "parity"), CASES)
def test_the_matrices_give_the_engines_response(image, text, parity):
    spec = parse_filter(text)
    linear = linear_filter(spec, SPACING, image.shape, WANTED, parity=parity)
    box = tuple(slice(*span) for span in WANTED)
    expected = apply_filters(image, SPACING, [spec], parity=parity)[text][box]
    tolerance = 1e-6 if parity and spec.name == "log" else 1e-13  # pyradiomics rounds it to float32
    assert np.abs(linear.response(image) - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize(("text", "parity"), CASES)
def test_the_adjoint_is_one(image, text, parity):
    linear = linear_filter(parse_filter(text), SPACING, image.shape, WANTED, parity=parity)
    rng = np.random.default_rng(1)
    other = rng.normal(size=[b - a for a, b in WANTED])
    source = image[tuple(slice(*span) for span in linear.source)]
    left, right = (linear.response(image) * other).sum(), (source * linear.adjoint(other)).sum()
    assert left == pytest.approx(right, abs=1e-12 * np.abs(other).sum() * np.abs(image).max())


def test_the_source_is_no_larger_than_the_reach(image):
    linear = linear_filter(parse_filter("mean(support=3;dims=2)"), SPACING, image.shape, WANTED)
    assert linear.source == ((3, 13), (4, 15), (0, 15))


@pytest.mark.parametrize("text", NOT_LINEAR)
def test_other_filters_are_refused(image, text):
    assert linear_filter(parse_filter(text), SPACING, image.shape, WANTED) is None


def test_what_pyradiomics_does_not_have_is_refused(image):
    spec = parse_filter("mean(support=3)")
    assert linear_filter(spec, SPACING, image.shape, WANTED, parity=True) is None


def test_an_operator_is_a_convolution_with_its_boundary():
    taps = np.array([1.0, 2.0, 4.0])
    line = np.array([1.0, 10.0, 100.0])
    outer = {"zero": (0, 0), "nearest": (1, 100), "mirror": (1, 100), "periodic": (100, 1)}
    for boundary, (before, after) in outer.items():
        expected = np.convolve([before, *line, after], taps, "valid")
        assert (axis_operator(3, taps, boundary) @ line).tolist() == expected.tolist()

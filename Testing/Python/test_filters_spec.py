"""The grammar of filters, and the taps of wavelets."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.radiomics.filters.coefficients import wavelet_taps
from virtualbiopsy.radiomics.filters.spec import GRAMMAR, make_filter, parse_filter, wavelet_length

WRITTEN = (
    "original",
    "mean(support=5)",
    "mean(support=5;dims=2;boundary=zero)",
    "log(sigma=3)",
    "log(sigma=1.5;truncate=6;dims=2;boundary=periodic)",
    "laws(kernels=L5E5)",
    "laws(kernels=E3W5R5;rotation=max;energy=7;boundary=nearest)",
    "gabor(sigma=5;lambda=2;gamma=1.5;step=22.5;planes=3)",
    "gabor(sigma=5;lambda=2;theta=30;response=real)",
    "wavelet(family=coif1;bands=LLH;level=1)",
    "wavelet(family=db3;bands=HH;level=2;rotation=average;boundary=periodic)",
    "simoncelli(level=2)",
    "simoncelli(level=1;dims=2)",
    "riesz(order=1-0-0;of=log(sigma=3;boundary=zero))",
    "riesz(order=0-2;of=simoncelli(level=1;dims=2))",
    "gradient",
    "gradient(spacing=voxel)",
    "square",
    "squareroot",
    "logarithm",
    "exponential",
    "lbp2d",
    "lbp2d(radius=2;samples=12;method=ror;axis=1)",
    "lbp3d(output=m1)",
    "lbp3d(output=k;radius=2;subdivision=2)",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_written_as_read(text):
    spec = parse_filter(text)
    assert str(spec) == text
    assert make_filter(spec.name, **dict(spec.parameters)) == spec
    assert {name for name, _ in spec.parameters} == {p.name for p in GRAMMAR[spec.name]}


@pytest.mark.parametrize(
    "text",
    [
        "blur(sigma=1)",
        "log",
        "log(sigma=0)",
        "log(sigma=-1)",
        "log(sigma=nan)",
        "log(sigma=inf)",
        "log(sigma=three)",
        "log(sigma=3;mode=mirror)",
        "log(sigma=3;dims=1)",
        "mean(support=4)",
        "mean(support=5;boundary=reflect)",
        "laws(kernels=L5E5X5)",
        "laws(kernels=L5)",
        "wavelet(family=sym2;bands=LL;level=1)",
        "wavelet(family=db21;bands=LL;level=1)",
        "wavelet(family=coif6;bands=LL;level=1)",
        "wavelet(family=haar;bands=LLLL;level=1)",
        "wavelet(family=haar;bands=LLL;level=0)",
        "gabor(sigma=5;lambda=2;planes=2)",
        "gabor(sigma=5;lambda=2;step=50)",
        "gabor(sigma=5;lambda=2;pooling=max)",
        "riesz(order=0-0-0;of=log(sigma=3))",
        "riesz(order=1-0;of=log(sigma=3))",
        "riesz(order=1-0-0;of=mean(support=3))",
        "lbp3d(output=m0)",
        "square(scale=2)",
    ],
)
def test_refused(text):
    with pytest.raises(FeatureError):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("log(sigma=3.0)", "log(sigma=3)"),
        ("log(sigma=3;dims=3)", "log(sigma=3)"),
        ("log(sigma=3;boundary=zero;dims=2)", "log(sigma=3;dims=2;boundary=zero)"),
        ("wavelet(bands=LLH;family=haar;level=1)", "wavelet(family=haar;bands=LLH;level=1)"),
    ],
)
def test_one_way_of_writing(text, shortest):
    with pytest.raises(FeatureError, match="Write the filter") as error:
        parse_filter(text)
    assert repr(shortest) in str(error.value)


@settings(max_examples=60, deadline=None)
@given(
    sigma=st.floats(0.01, 900, allow_nan=False),
    truncate=st.floats(1, 10),
    dims=st.sampled_from([2, 3]),
    boundary=st.sampled_from(["mirror", "nearest", "zero", "periodic"]),
)
def test_numbers_survive_writing(sigma, truncate, dims, boundary):
    """To 12 digits; written again they stay."""
    spec = make_filter("log", sigma=sigma, truncate=truncate, dims=dims, boundary=boundary)
    assert parse_filter(str(spec)) == spec
    assert np.isclose(spec["sigma"], sigma, rtol=1e-11)


def test_reach():
    spacing = (3.0, 1.0, 0.5)
    assert parse_filter("log(sigma=3)").reach(spacing) == (4, 12, 24)
    assert parse_filter("log(sigma=3;dims=2)").reach(spacing) == (0, 12, 24)
    assert parse_filter("mean(support=5)").reach(spacing) == (2, 2, 2)
    assert parse_filter("laws(kernels=L3E5E5;energy=3)").reach(spacing) == (5, 5, 4)
    assert parse_filter("laws(kernels=L3E5;rotation=max;energy=3)").reach(spacing) == (0, 5, 5)
    assert parse_filter("wavelet(family=coif1;bands=LLH;level=1)").reach(spacing) == (3, 3, 3)
    assert parse_filter("wavelet(family=db3;bands=HH;level=2)").reach(spacing) == (0, 9, 9)
    assert parse_filter("lbp2d(radius=1.5;axis=1)").reach(spacing) == (3, 0, 3)
    for text in ("square", "simoncelli(level=1)", "gabor(sigma=5;lambda=2)", "lbp3d(output=m1)"):
        assert parse_filter(text).reach(spacing) is None


FAMILIES = ["haar", *(f"db{n}" for n in range(1, 21)), *(f"coif{n}" for n in range(1, 6))]


@pytest.mark.parametrize("family", FAMILIES)
def test_taps_fulfil_their_definition(family):
    """Orthonormal to their even shifts; N (Daubechies) or 2N (Coiflets) vanishing moments."""
    low, high = wavelet_taps(family)
    n = len(low)
    assert n == wavelet_length(family)
    assert low.sum() == pytest.approx(2**0.5, abs=1e-14)
    for shift in range(0, n, 2):
        expected = 1.0 if shift == 0 else 0.0
        assert low[: n - shift] @ low[shift:] == pytest.approx(expected, abs=1e-14)
        assert high[: n - shift] @ high[shift:] == pytest.approx(expected, abs=1e-14)
        assert low[: n - shift] @ high[shift:] == pytest.approx(0, abs=1e-14)
    moments = n // 3 if family.startswith("coif") else n // 2
    position = (np.arange(n) - n / 2) / n
    for power in range(moments):
        assert high @ position**power == pytest.approx(0, abs=1e-13)
    if family.startswith("coif"):  # the scaling function has vanishing moments as well
        centre = low @ np.arange(n) / low.sum()
        assert centre == pytest.approx(round(centre), abs=1e-12)
        for power in range(1, moments):
            assert low @ ((np.arange(n) - centre) / n) ** power == pytest.approx(0, abs=1e-13)


@pytest.mark.oracle
def test_taps_equal_pywavelets(oracle_python):
    code = (
        "import json, pywt; print(json.dumps({n: [pywt.Wavelet(n).dec_lo, pywt.Wavelet(n).dec_hi] for n in "
        + repr(FAMILIES)
        + "}))"
    )
    done = subprocess.run([oracle_python, "-c", code], capture_output=True, text=True, check=True)
    for family, taps in json.loads(done.stdout).items():
        assert np.abs(np.array(taps) - wavelet_taps(family)).max() < 1e-16 * 2

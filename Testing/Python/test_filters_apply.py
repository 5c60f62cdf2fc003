"""Filters on boxes, at boundaries, on bad input; against convolutions by definition."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from virtualbiopsy.errors import DimensionError, FeatureError, GeometryError, NonFiniteError
from virtualbiopsy.radiomics.filters.apply import apply_filter, apply_filters, memory_needed
from virtualbiopsy.radiomics.filters.coefficients import wavelet_taps
from virtualbiopsy.radiomics.filters.rotations import rotations
from virtualbiopsy.radiomics.filters.spec import parse_filter

SHAPE, SPACING = (13, 18, 15), (1.5, 1.0, 1.2)
NUMPY_MODES = {"mirror": "symmetric", "nearest": "edge", "periodic": "wrap", "zero": "constant"}
SPATIAL = (
    "original",
    "mean(support=5)",
    "mean(support=3;dims=2;boundary=periodic)",
    "log(sigma=2)",
    "log(sigma=1.6;dims=2;boundary=nearest)",
    "log(sigma=1.5;truncate=3;boundary=periodic)",
    "laws(kernels=E3W5R5;rotation=max;energy=2)",
    "laws(kernels=L5S5;rotation=average;energy=3;boundary=periodic)",
    "laws(kernels=L3E5S3;boundary=zero)",
    "wavelet(family=coif1;bands=LLH;level=1)",
    "wavelet(family=coif1;bands=HLH;level=1)",
    "wavelet(family=db2;bands=HH;level=2;boundary=nearest)",
    "wavelet(family=haar;bands=LHH;level=2;rotation=average;boundary=periodic)",
    "gradient",
    "lbp2d",
    "lbp2d(radius=1.5;samples=6;method=ror;axis=2)",
)
WHOLE = (
    "gabor(sigma=2;lambda=3;gamma=1.5;step=45;planes=3)",
    "gabor(sigma=2;lambda=4;theta=30;response=real;boundary=zero)",
    "simoncelli(level=1)",
    "simoncelli(level=2;dims=2)",
    "riesz(order=1-1-0;of=simoncelli(level=1))",
    "riesz(order=0-1;of=log(sigma=1.5;dims=2))",
    "square",
    "squareroot",
    "logarithm",
    "exponential",
    "lbp3d(output=m2)",
    "lbp3d(output=k)",
)
IMAGE = np.random.default_rng(5).normal(100, 30, SHAPE)


@st.composite
def boxes(draw):
    spans = []
    for n in SHAPE:
        start = draw(st.integers(0, n - 1))
        spans.append(slice(start, draw(st.integers(start + 1, n))))
    return tuple(spans)


EVERYWHERE = apply_filters(IMAGE, SPACING, [*SPATIAL, *WHOLE])


@settings(max_examples=40, deadline=None)
@given(box=boxes())
def test_the_same_bits_whatever_the_box(box):
    found = apply_filters(IMAGE, SPACING, [*SPATIAL, *WHOLE], box)
    for text, response in found.items():
        assert response.dtype == np.float64 and response.flags.c_contiguous
        assert np.array_equal(response, EVERYWHERE[text][box]), text


def test_the_same_bits_whatever_the_threads_and_company():
    for text in (*SPATIAL, *WHOLE):
        alone = apply_filters(IMAGE, SPACING, [text], threads=1)[text]
        assert np.array_equal(alone, EVERYWHERE[text]), text


@pytest.mark.parametrize("text", [t for t in SPATIAL if "periodic" not in t])
def test_only_voxels_within_reach_matter(text):
    """Voxels outside the reach may hold anything, NaN included; one at its very end matters or is NaN."""
    box = (slice(6, 7), slice(8, 10), slice(7, 9))
    reach = parse_filter(text).reach(SPACING)
    spoilt = np.full(SHAPE, np.nan)
    near = tuple(slice(max(0, s.start - r), s.stop + r) for s, r in zip(box, reach, strict=True))
    spoilt[near] = IMAGE[near]
    try:
        found = apply_filters(spoilt, SPACING, [text], box)[text]
    except NonFiniteError:
        # planar patterns read the whole slice
        assert text.startswith("lbp2d")
        return
    assert np.array_equal(found, EVERYWHERE[text][box])


def _convolved(image: np.ndarray, kernel: np.ndarray, boundary: str) -> np.ndarray:
    """Convolution by definition; the middle of an odd kernel on the voxel."""
    radii = [n // 2 for n in kernel.shape]
    padded = np.pad(image, [(r, r) for r in radii], NUMPY_MODES[boundary])
    found = np.zeros(image.shape)
    for index in itertools.product(*(range(n) for n in kernel.shape)):
        weight = kernel[index]
        if weight:
            shifted = tuple(
                slice(2 * r - a, 2 * r - a + n) for a, r, n in zip(index, radii, image.shape, strict=True)
            )
            found += weight * padded[shifted]
    return found


def _outer(*lines) -> np.ndarray:
    k, j, i = (np.asarray(line, dtype=float) for line in lines)
    return k[:, None, None] * j[:, None] * i


@pytest.mark.parametrize("boundary", NUMPY_MODES)
def test_against_convolution_by_definition(boundary):
    """Letters stand for i, j, k; the Laplacian is the sampled formula of the IBSI."""
    e5, l3, s5 = np.array([-1, -2, 0, 2, 1]), np.array([1, 2, 1]), np.array([-1, 0, 2, 0, -1])
    e5, l3, s5 = (line / np.linalg.norm(line) for line in (e5, l3, s5))
    low, high = (np.append(taps, 0) for taps in wavelet_taps("db2"))
    sigma, spacing = 1.5, (1.0, 1.0, 1.0)
    k, j, i = np.mgrid[-6:7, -6:7, -6:7]
    square = k**2 + j**2 + i**2
    laplacian = -1 / sigma**2 * (2 * np.pi * sigma**2) ** -1.5 * (3 - square / sigma**2)
    laplacian = laplacian * np.exp(-square / (2 * sigma**2))
    kernels = {
        f"mean(support=3;boundary={boundary})": np.full((3, 3, 3), 1 / 27),
        f"laws(kernels=E5L3S5;boundary={boundary})": _outer(s5, l3, e5),
        f"laws(kernels=E5L3;boundary={boundary})": _outer([1], l3, e5),
        f"wavelet(family=db2;bands=HLL;level=1;boundary={boundary})": _outer(low, low, high),
        f"wavelet(family=db2;bands=LH;level=1;boundary={boundary})": _outer([1], high, low),
        f"log(sigma=1.5;boundary={boundary})": laplacian,
    }
    for text, kernel in kernels.items():
        text = text.replace(";boundary=mirror", "")
        wanted = _convolved(IMAGE, kernel, boundary)
        assert np.allclose(apply_filter(IMAGE, spacing, text), wanted, rtol=0, atol=1e-10), text


@pytest.mark.parametrize("boundary", NUMPY_MODES)
def test_second_level_spreads_the_taps(boundary):
    """Each level extends its own input; the low-pass of the first comes before."""
    low, high = (np.append(taps, 0) for taps in wavelet_taps("haar"))
    wide = np.zeros((2, 5))
    wide[:, ::2] = low, high
    first = _convolved(IMAGE, _outer(low, low, low), boundary)
    wanted = _convolved(first, _outer(wide[0], wide[1], wide[1]), boundary)
    text = f"wavelet(family=haar;bands=HHL;level=2;boundary={boundary})".replace(";boundary=mirror", "")
    assert np.allclose(apply_filter(IMAGE, SPACING, text), wanted, rtol=0, atol=1e-10)


def test_gabor_against_its_definition():
    """Unequal steps; theta turns clockwise; rows down, columns to the right."""
    text = "gabor(sigma=2;lambda=5;gamma=0.8;theta=30;response={};boundary=zero)"
    sigma, wave, gamma, theta = 2.0, 5.0, 0.8, np.deg2rad(30)
    rj, ri = (int(np.floor(4 * sigma / gamma / step + 0.5)) for step in SPACING[1:])
    down, right = np.mgrid[-rj : rj + 1, -ri : ri + 1].astype(float)
    down, right = down * SPACING[1], right * SPACING[2]
    x = np.cos(theta) * right + np.sin(theta) * down
    y = np.sin(theta) * right - np.cos(theta) * down
    kernel = np.exp(-(x**2 + gamma**2 * y**2) / (2 * sigma**2)) * np.exp(2j * np.pi * x / wave)
    parts = {
        name: _convolved(IMAGE, part(kernel)[None], "zero")
        for name, part in {"real": np.real, "imaginary": np.imag}.items()
    }
    parts["modulus"] = np.hypot(parts["real"], parts["imaginary"])
    for name, wanted in parts.items():
        written = text.format(name).replace(";response=modulus", "")
        assert np.allclose(apply_filter(IMAGE, SPACING, written), wanted, rtol=0, atol=1e-9), name


def test_pooled_orientations_of_gabor():
    angles = [f"gabor(sigma=2;lambda=4;theta={a})" for a in (45, 90, 135, 180, 225, 270, 315)]
    one = [apply_filter(IMAGE, SPACING, t) for t in ("gabor(sigma=2;lambda=4)", *angles)]
    average = apply_filter(IMAGE, SPACING, "gabor(sigma=2;lambda=4;step=45)")
    assert np.allclose(average, np.mean(one, axis=0), rtol=1e-12)
    largest = apply_filter(IMAGE, SPACING, "gabor(sigma=2;lambda=4;step=45;pooling=max)")
    assert np.allclose(largest, np.max(one, axis=0), rtol=1e-12)


def test_riesz_transforms_complete_each_other():
    """The transforms of one order have together the energy of the image (odd sizes); those of order 2 along
    the axes add up to minus the image."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(9, 11, 15))
    base = apply_filter(image, (1, 1, 1), "simoncelli(level=1)")
    parts = [
        apply_filter(image, (1, 1, 1), f"riesz(order={order};of=simoncelli(level=1))")
        for order in ("1-0-0", "0-1-0", "0-0-1")
    ]
    assert np.sum(np.square(parts)) == pytest.approx(np.sum(base**2), rel=1e-12)
    seconds = ("2-0-0", "0-2-0", "0-0-2", "1-1-0", "1-0-1", "0-1-1")
    parts = [
        apply_filter(image, (1, 1, 1), f"riesz(order={order};of=simoncelli(level=1))") for order in seconds
    ]
    assert np.sum(np.square(parts)) == pytest.approx(np.sum(base**2), rel=1e-12)
    assert np.allclose(sum(parts[:3]), -base, atol=1e-12)


@pytest.mark.parametrize("text", [t for t in (*SPATIAL, *WHOLE) if parse_filter(t).linear])
def test_linear(text):
    other = np.random.default_rng(6).normal(0, 50, SHAPE)
    both = apply_filter(2 * IMAGE - 3 * other, SPACING, text)
    wanted = 2 * EVERYWHERE[text] - 3 * apply_filter(other, SPACING, text)
    assert np.allclose(both, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


@settings(max_examples=10, deadline=None)
@given(shift=st.tuples(*(st.integers(-4, 4) for _ in range(3))))
def test_moves_with_a_periodic_image(shift):
    for text in (
        "mean(support=5;boundary=periodic)",
        "log(sigma=1.6;boundary=periodic)",
        "laws(kernels=L5E5S5;rotation=max;energy=2;boundary=periodic)",
        "wavelet(family=coif1;bands=LHH;level=2;boundary=periodic)",
        "simoncelli(level=2)",
        "riesz(order=0-0-1;of=simoncelli(level=1))",
    ):
        moved = apply_filter(np.roll(IMAGE, shift, (0, 1, 2)), SPACING, text)
        still = np.roll(apply_filter(IMAGE, SPACING, text), shift, (0, 1, 2))
        assert np.allclose(moved, still, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "laws(kernels=L5E5S5;rotation=max;energy=3)",
        "laws(kernels=E3W5L3;rotation=min)",
        "wavelet(family=db3;bands=LLH;level=1;rotation=average)",
        "wavelet(family=haar;bands=LHH;level=2;rotation=max)",
    ],
)
@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (0, 2)])
def test_pooling_makes_the_response_turn_with_the_image(text, axes):
    turned = apply_filter(np.rot90(IMAGE, axes=axes), (1, 1, 1), text)
    assert np.allclose(turned, np.rot90(apply_filter(IMAGE, (1, 1, 1), text), axes=axes), atol=1e-9)
    fixed = text.replace(";rotation=max", "").replace(";rotation=min", "").replace(";rotation=average", "")
    turned = apply_filter(np.rot90(IMAGE, axes=axes), (1, 1, 1), fixed)
    assert not np.allclose(turned, np.rot90(apply_filter(IMAGE, (1, 1, 1), fixed), axes=axes), atol=1e-2)


@pytest.mark.parametrize("count", [2, 3])
def test_rotations_are_proper(count):
    """As matrices: determinant 1, all different, all there are, the identity among them."""
    found = rotations(range(count))
    matrices = []
    for turn in found:
        matrix = np.zeros((count, count))
        for axis, (letter, flipped) in enumerate(turn):
            matrix[axis, letter] = -1 if flipped else 1
        matrices.append(matrix)
    assert len(found) == {2: 4, 3: 24}[count]
    assert len({matrix.tobytes() for matrix in matrices}) == len(found)
    assert all(np.linalg.det(matrix) == pytest.approx(1) for matrix in matrices)
    assert any(np.array_equal(matrix, np.eye(count)) for matrix in matrices)


def test_transforms_of_intensities():
    """Closed forms; m is the largest absolute value of the whole image, also for a box."""
    image = np.array([[[-8.0, -2.0, 0.0, 1.0, 4.0]]])
    m = 8.0
    wanted = {
        "square": image**2 / m,
        "squareroot": np.sign(image) * np.sqrt(np.abs(image) * m),
        "logarithm": np.sign(image) * np.log(np.abs(image) + 1) * m / np.log(m + 1),
        "exponential": m ** (image / m),
    }
    for text, values in wanted.items():
        assert np.allclose(apply_filter(image, (1, 1, 1), text), values, rtol=1e-14)
        box = (slice(0, 1), slice(0, 1), slice(2, 4))
        assert np.allclose(apply_filters(image, (1, 1, 1), [text], box)[text], values[box], rtol=1e-14)


def test_patterns_in_a_slice_by_hand():
    """The first sample lies to the right, the next one anticlockwise (up); 0 outside the image."""
    image = np.array([[[5.0, 1.0, 9.0], [2.0, 4.0, 6.0], [3.0, 8.0, 7.0]]])
    four = apply_filter(image, (1, 1, 1), "lbp2d(samples=4;method=default)")
    # centre 4: right 6, up 1, left 2, down 8 -> bits 1 0 0 1; corner 5: right 1, others 0, 0, 2
    assert four[0, 1, 1] == 0b1001 and four[0, 0, 0] == 0
    assert apply_filter(image, (1, 1, 1), "lbp2d(samples=4;method=ror)")[0, 1, 1] == 0b0011
    assert apply_filter(image, (1, 1, 1), "lbp2d(samples=4)")[0, 1, 1] == 2
    crossed = np.array([[[0.0, 1.0, 0.0], [9.0, 4.0, 9.0], [0.0, 1.0, 0.0]]])
    assert apply_filter(crossed, (1, 1, 1), "lbp2d(samples=4)")[0, 1, 1] == 5
    assert apply_filter(crossed, (1, 1, 1), "lbp2d(samples=4;method=default)")[0, 1, 1] == 0b0101


def test_patterns_in_space():
    """Below all its samples a voxel has the largest response of degree 0."""
    image = np.full((9, 9, 9), 3.0)
    image[4, 4, 4] = 3.0 - 1e-3
    inside = (slice(4, 5),) * 3
    values = {
        name: apply_filters(image, (1, 1, 1), [f"lbp3d(output={name})"], inside)
        for name in ("m1", "m2", "m3")
    }
    zero, first, second = (float(next(iter(found.values())).item()) for found in values.values())
    # c = 42 Y with Y = 1/sqrt(4 pi); the response is sqrt(42 (c Y)^2)
    assert zero == pytest.approx(42**1.5 / (4 * np.pi), rel=1e-12)
    assert np.isfinite([first, second]).all()


def test_gradient_equals_itk():
    volume = sitk.GetImageFromArray(IMAGE)
    volume.SetSpacing(SPACING[::-1])
    for text, use in (("gradient", True), ("gradient(spacing=voxel)", False)):
        wanted = sitk.GetArrayFromImage(sitk.GradientMagnitude(volume, use))
        assert np.allclose(apply_filter(IMAGE, SPACING, text), wanted, rtol=1e-6)


def test_laplacian_in_mm_does_not_depend_on_the_grid():
    """The same Gaussian blob sampled with unequal steps: the closed form, per squared mean step."""
    spacing, sigma, blob = (1.0, 0.5, 0.8), 2.0, 3.0
    axes = [(np.arange(n) - n // 2) * s for n, s in zip((41, 81, 51), spacing, strict=True)]
    square = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    image = np.exp(-square / (2 * blob**2))
    found = apply_filter(image, spacing, "log(sigma=2;truncate=6)")
    wide = blob**2 + sigma**2
    wanted = (blob**2 / wide) ** 1.5 * (square / wide**2 - 3 / wide) * np.exp(-square / (2 * wide))
    inner = (slice(13, 28), slice(26, 55), slice(16, 35))
    step = np.prod(spacing) ** (1 / 3)
    assert np.allclose(found[inner], wanted[inner] * step**2, rtol=0, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "text", ["log(sigma=2)", "square", "simoncelli(level=1)", "original", "lbp3d(output=k)"]
)
def test_voxels_that_are_not_finite(value, text):
    image = IMAGE.copy()
    image[2, 3, 4] = value
    with pytest.raises(NonFiniteError, match="in 1 voxels"):
        apply_filter(image, SPACING, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("log(sigma=1.4)", "below the voxel spacing of 1.5 mm"),
        ("log(sigma=1.1;dims=2)", "below the voxel spacing of 1.2 mm"),
        ("riesz(order=1-0-0;of=log(sigma=1))", "below the voxel spacing"),
        ("gabor(sigma=1;lambda=4)", "below the voxel spacing"),
        ("gabor(sigma=3;lambda=2)", "wavelength is below two voxels"),
        ("log(sigma=8)", "reaches 21 voxels along k; the image has only 13"),
        ("mean(support=33)", "reaches 16 voxels along k"),
        ("laws(kernels=L5E5S5;energy=16)", "reaches 16 voxels along k"),
        ("wavelet(family=coif1;bands=LLL;level=4)", "reaches 24 voxels along k"),
        ("gabor(sigma=6;lambda=4)", "reaches 24 voxels along j"),
    ],
)
def test_filters_that_do_not_fit_the_image(text, reason):
    with pytest.raises(FeatureError, match=reason):
        apply_filter(IMAGE, SPACING, text)


@pytest.mark.parametrize("threads", [1, 3])
def test_filters_that_fail_are_listed_and_the_others_applied(threads):
    texts = [
        "log(sigma=2)",
        "log(sigma=1)",
        "wavelet(family=coif1;bands=LLH;level=1)",
        "wavelet(family=coif1;bands=LHH;level=4)",
        "mean(support=33)",
        "square",
    ]
    bad = {"log(sigma=1)", "mean(support=33)", texts[3]}
    failed: dict = {}
    found = apply_filters(IMAGE, SPACING, texts, threads=threads, failed=failed)
    assert list(found) == [text for text in texts if text not in bad]
    assert set(failed) == bad and all(text in failed[text].message for text in bad)
    assert np.array_equal(found["log(sigma=2)"], EVERYWHERE["log(sigma=2)"])
    failed = {}
    assert list(apply_filters(IMAGE, SPACING, texts, parity=True, failed=failed)) == [*texts[:4], "square"]
    assert list(failed) == ["mean(support=33)"]


def test_other_bad_input():
    with pytest.raises(DimensionError):
        apply_filter(IMAGE[0], SPACING, "square")
    with pytest.raises(GeometryError):
        apply_filter(IMAGE, (1.0, 0.0, 1.0), "square")
    with pytest.raises(GeometryError):
        apply_filters(IMAGE, SPACING, ["square"], (slice(4, 4), slice(0, 3), slice(0, 3)))
    for text in ("square", "squareroot", "logarithm", "exponential"):
        with pytest.raises(FeatureError, match="0 everywhere"):
            apply_filter(np.zeros(SHAPE), SPACING, text)
    assert np.allclose(apply_filter(np.full(SHAPE, 7.0), SPACING, "mean(support=3)"), 7.0, rtol=1e-14)


def test_whole_numbers_are_filtered_as_floats():
    """The same as float64, also where int16 would overflow."""
    image = (IMAGE * 200).astype(np.int16)
    for text in ("log(sigma=2)", "square", "mean(support=3)", "lbp2d"):
        found = apply_filter(image, SPACING, text)
        assert found.dtype == np.float64
        assert np.array_equal(found, apply_filter(image.astype(np.float64), SPACING, text))


@pytest.mark.parametrize(
    "texts",
    [
        ["log(sigma=2)", "log(sigma=3)"],
        [f"wavelet(family=coif1;bands={a}{b}{c};level=1)" for a in "LH" for b in "LH" for c in "LH"],
        ["wavelet(family=coif1;bands=LLH;level=2;rotation=average)"],
        ["laws(kernels=L5E5S5;rotation=max;energy=7)"],
        ["gabor(sigma=3;lambda=4;step=45;planes=3)"],
        ["riesz(order=1-1-0;of=log(sigma=2))"],
        ["square", "lbp2d", "gradient"],
        ["lbp3d(output=m2)"],
    ],
)
def test_memory_stays_within_what_is_stated(texts):
    image = np.random.default_rng(0).normal(size=(50, 50, 50))
    apply_filters(image[:30, :30, :30], (1, 1, 1), texts)
    tracemalloc.start()
    apply_filters(image, (1, 1, 1), texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    box = (slice(20, 30), slice(15, 27), slice(22, 30))
    apply_filters(image, (1, 1, 1), texts, box)
    inside = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= memory_needed(image.shape, texts)
    assert inside <= memory_needed((10, 12, 8), texts, image_shape=image.shape)

"""Figures measured on images: against brute force, closed forms and known truth."""

from __future__ import annotations

import time

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.stats import spearmanr
from trust_support import FAST, GLIOMAS, ball, codes, facts, glioma, sample, with_image
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.trust.images import (
    ASYMMETRY,
    ASYMMETRY_AROUND,
    OUTLINE_CONTRAST,
    REFERENCE_CORRELATION,
    SNR,
    SPREAD,
    CaseImages,
    _sampled,
    image_facts,
    is_stripped,
    signal_to_noise,
    spanned,
)
from virtualbiopsy.trust.mirror import mid_plane, mirror_similarity, mirrored


@pytest.fixture(scope="module")
def case():
    return sample()


@pytest.fixture(scope="module")
def known(case):
    return CaseImages(case, prepare_case(case, FAST))


def test_mirroring_at_a_central_plane_is_a_flip():
    array = np.random.default_rng(0).standard_normal((5, 6, 9)).astype(np.float32)
    assert np.allclose(mirrored(array, (4.0, 0.0, 0.0)), array[:, :, ::-1], atol=1e-6)


def test_mirroring_twice_at_an_oblique_plane_gives_the_image_back():
    k, j, i = np.indices((30, 32, 34)).astype(np.float64)
    array = np.exp(-((k - 14) ** 2 + (j - 17) ** 2 + (i - 20) ** 2) / 24)
    plane = (15.0, 0.06, -0.04)
    once = mirrored(array, plane)
    assert np.abs(mirrored(once, plane) - array)[4:-4, 4:-4, 6:-6].max() < 0.1
    # The centre of the blob goes to its reflection: p − 2 ((p − p0)·n) n.
    normal = np.array([0.04, -0.06, 1.0]) / np.linalg.norm([0.04, -0.06, 1.0])
    centre = np.array([14.0, 17.0, 20.0])
    expected = centre - 2 * ((centre - [0, 0, 15.0]) @ normal) * normal
    found = [(once * axis).sum() / once.sum() for axis in (k, j, i)]
    assert np.allclose(found, expected, atol=0.1)


def test_mid_plane_of_a_tilted_body_with_a_bump():
    k, j, i = np.indices((40, 50, 44))
    middle = 20.0 + 0.08 * (j - 25) - 0.05 * (k - 20)
    body = ((k - 20) / 15) ** 2 + ((j - 25) / 20) ** 2 + ((i - middle) / 14) ** 2 <= 1
    body[18:22, 20:24, 30:40] = True  # an ear
    a, b, c = mid_plane(body)
    assert b == pytest.approx(0.08, abs=0.01) and c == pytest.approx(-0.05, abs=0.01)
    assert a + 25 * b + 20 * c == pytest.approx(20.0, abs=0.2)


def test_mirror_similarity_tells_an_image_from_its_mirror_whatever_the_contrast():
    rng = np.random.default_rng(3)
    field = ndimage.gaussian_filter(rng.standard_normal((24, 26, 28)), 2.0).astype(np.float32)
    field /= field.std()
    head = np.ones(field.shape, dtype=bool)
    other = np.cos(2 * field).astype(np.float32)  # neither rising nor falling with the first
    found = mirror_similarity(
        {"t1c": field, "same": other, "turned": np.ascontiguousarray(other[:, :, ::-1])}, "t1c", head, head
    )
    assert found["same"] < 0.5 and found["turned"] > 2
    assert found["turned"] == pytest.approx(1 / found["same"], rel=0.15)
    assert set(mirror_similarity({"t1c": field}, "t1c", head, head)) == set()


@pytest.mark.parametrize("sigma", [5.0, 20.0])
def test_signal_to_noise_of_known_noise(sigma):
    rng = np.random.default_rng(1)
    slices = (600 + sigma * rng.standard_normal((6, 160, 160))).astype(np.float32)
    # The quiet tenth of the blocks lies a fifth below the mean.
    assert signal_to_noise(slices) == pytest.approx(1.25 * 600 / sigma, rel=0.05)
    assert signal_to_noise(3 * slices) == pytest.approx(signal_to_noise(slices), rel=1e-4)
    assert np.isnan(signal_to_noise(np.ones((3, 10, 10), dtype=np.float32)))
    assert np.isnan(signal_to_noise(np.zeros((3, 40, 40), dtype=np.float32)))


def test_sampling_against_a_loop():
    array = np.random.default_rng(2).standard_normal((11, 9, 13))
    first, step = (1, 0, 1), (4, 1, 3)
    found = _sampled(array, first, step)
    assert found.shape == (3, 9, 4)
    for k, j, i in np.ndindex(found.shape):
        a, b, c = 1 + 4 * k, j, 1 + 3 * i
        assert found[k, j, i] == pytest.approx(array[a : a + 2, b, c : c + 2].mean(), abs=1e-6)


def test_hollows_are_inside():
    shell = np.zeros((9, 9, 9), dtype=bool)
    shell[1:8, 1:8, 1:8] = True
    shell[3:6, 3:6, 3:6] = False
    filled = shell.copy()
    filled[3:6, 3:6, 3:6] = True
    assert np.array_equal(spanned(shell), filled)


def test_figures_against_their_definition(known):
    """Percentiles and Spearman's correlation by scipy, on the same voxels."""
    coarse = known.coarse
    t2, t1c = coarse.arrays["t2"][coarse.brain], coarse.arrays["t1c"][coarse.brain]
    row = known.facts.figures["t2"]
    low, first, median, third, high = np.percentile(t2, (5, 25, 50, 75, 95))
    assert row[ASYMMETRY] == pytest.approx((high + low - 2 * median) / (high - low), abs=1e-6)
    assert row[SPREAD] == pytest.approx((third - first) / (high - low), abs=1e-6)
    assert row[REFERENCE_CORRELATION] == pytest.approx(spearmanr(t2, t1c).statistic, abs=1e-3)
    assert 900 < coarse.brain.sum() * np.prod(coarse.spacing) / 1000 < 1500  # ml


def test_figures_do_not_depend_on_scale_and_offset(case, known):
    changed = with_image(case, "t2", lambda a: 3.0 * a.astype(np.float64))
    other = facts(changed).figures["t2"]
    own = image_facts(case, known.prepared, None, case.regions["tumour"], known).figures["t2"]
    for name, value in own.items():
        assert other[name] == pytest.approx(value, abs=1e-3, rel=1e-3), name


def test_the_outline_adds_its_figures_only(case, known):
    own = known.outline(case.regions["tumour"])
    assert own["t1c"][OUTLINE_CONTRAST] > 1 > own["t2"][OUTLINE_CONTRAST]
    inside = known.inside(case.regions["tumour"])
    volume = inside.sum() * np.prod(known.coarse.spacing)
    truth = (sitk.GetArrayFromImage(case.regions["tumour"]) > 0).sum() * 2.0
    assert volume == pytest.approx(truth, rel=0.1)
    assert SNR in known.facts.figures["t1c"] and OUTLINE_CONTRAST not in known.facts.figures["t1c"]


def test_a_tiny_outline_is_still_somewhere(case, known):
    reference = case.regions["tumour"]
    centre = np.argwhere(sitk.GetArrayFromImage(reference) > 0).mean(axis=0)[::-1]
    assert known.inside(ball(reference, list(centre), 1.5)).sum() >= 1


def test_a_large_enhancing_tumour_is_no_bright_fluid(case):
    image = case.sequence("t1c").image
    centre = np.argwhere(sitk.GetArrayFromImage(case.regions["tumour"]) > 0).mean(axis=0)[::-1]
    mask = ball(image, list(centre), 32.0)
    inside = sitk.GetArrayFromImage(mask) > 0
    bright = 2 * np.percentile(sitk.GetArrayFromImage(image), 99)
    found = facts(with_image(case, "t1c", lambda a: np.where(inside, bright, a).astype(np.float32)), mask)
    assert found.figures["t1c"][ASYMMETRY] > 0.3 > found.figures["t1c"][ASYMMETRY_AROUND]
    assert ("wrong_sequence", "t1c") not in codes(found)


def test_masked_air_is_not_a_stripped_head(case):
    assert (sitk.GetArrayFromImage(case.sequence("t1c").image)[0, 0] == 0).all()
    assert not any(is_stripped(s.image) for s in case.sequences if s.role != "adc")


@pytest.mark.parametrize("name", list(GLIOMAS))
def test_real_stripped_heads(data_dir, name):
    assert all(is_stripped(sequence.image) for sequence in glioma(data_dir, name).sequences)


@pytest.mark.parametrize("name", ["brain1", "brain2"])
def test_real_whole_heads(data_dir, name):
    image = sitk.ReadImage(str(data_dir / "volumes" / "pyradiomics" / f"{name}_image.nrrd"))
    assert not is_stripped(image)


def test_it_is_cheap(case):
    """All images and the outline of the sample case, on the grid that the bundled models use."""
    prepared = prepare_case(case, FAST)
    times = []
    for _ in range(3):
        start = time.process_time()
        image_facts(case, prepared, None, case.regions["tumour"])
        times.append(time.process_time() - start)
    assert min(times) < 0.15

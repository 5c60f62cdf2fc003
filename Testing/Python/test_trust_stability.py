"""Perturbed outlines and images, and what follows from them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage
from support import synthetic_tumour
from virtualbiopsy.errors import RegionTooSmallError
from virtualbiopsy.models.prediction import Prediction
from virtualbiopsy.trust.stability import (
    SHIFT,
    UNSTEADY,
    image_noise,
    noise_level,
    outline_stability,
    outline_variants,
    variants,
)

SPACING = (1.0, 1.0, 1.0)


def ball(radius: float = 9.0, n: int = 31) -> np.ndarray:
    axis = np.arange(n) - n // 2
    k, j, i = np.meshgrid(axis, axis, axis, indexing="ij")
    return k**2 + j**2 + i**2 <= radius**2


def prediction(probability: float, threshold: float = 0.5) -> Prediction:
    log_odds = math.log(probability / (1 - probability))
    return Prediction("m", "Ki-67", "Ki-67 ≥ 5 %", log_odds, 0.0, probability, threshold)


def test_at_least_twenty_of_every_kind():
    kinds = Counter(variant.kind for variant in variants(ball(), SPACING))
    assert kinds == {"own": 1, "grown": 1, "shrunk": 1, "shifted": 6, "boundary": 9, "noise": 4}
    assert sum(kinds.values()) >= 20
    without = Counter(variant.kind for variant in variants(ball(), SPACING, noise=0))
    assert without.total() == kinds.total() and "noise" not in without
    first = next(iter(outline_variants(ball())))
    assert np.array_equal(first, ball())


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    first, again, other = (
        [(v.kind, v.mask.tobytes(), v.noise) for v in variants(ball(), SPACING, seed)] for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other
    assert image_noise((3, 4, 5), 2.0, 1, "t2").tobytes() == image_noise((3, 4, 5), 2.0, 1, "t2").tobytes()
    assert not np.array_equal(image_noise((3, 4, 5), 2.0, 1, "t2"), image_noise((3, 4, 5), 2.0, 1, "adc"))


def test_grown_and_shrunk_by_a_voxel():
    mask = ball()
    by = {variant.kind: variant.mask for variant in variants(mask, SPACING)}
    near = ndimage.distance_transform_cdt(~mask, "taxicab")
    deep = ndimage.distance_transform_cdt(mask, "taxicab")
    assert np.array_equal(by["grown"], near <= 1)
    assert np.array_equal(by["shrunk"], deep > 1)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 1.0, 0.8)])
def test_shifts_are_smaller_than_a_voxel_and_keep_the_volume(spacing):
    mask = ball()
    centre = np.argwhere(mask).mean(axis=0)
    moves = [
        np.argwhere(v.mask).mean(axis=0) - centre for v in variants(mask, spacing) if v.kind == "shifted"
    ]
    expected = [sign * SHIFT * np.eye(3)[axis] for axis in range(3) for sign in (-1, 1)]
    assert np.abs(np.array(moves) - expected).max() < 0.15
    for variant in variants(mask, spacing):
        if variant.kind == "shifted":
            assert variant.mask.sum() == pytest.approx(mask.sum(), rel=0.06)


def test_boundary_noise_moves_the_surface_by_less_than_two_voxels():
    mask = ball()
    radius = np.sqrt(sum((a - 15.0) ** 2 for a in np.indices(mask.shape)))
    drawn = [v.mask for v in variants(mask, SPACING) if v.kind == "boundary"]
    assert len({m.tobytes() for m in drawn}) == len(drawn)
    for other in drawn:
        changed = radius[other != mask]
        assert changed.size > 50
        assert np.abs(changed - 9.0).max() < 4 * UNSTEADY + 0.5
        share = changed.size / ((radius > 8) & (radius < 10)).sum()
        assert 0.1 < share < 0.8
    # Drawn too large as often as too small.
    assert np.mean([m.sum() for m in drawn]) == pytest.approx(mask.sum(), rel=0.08)


def test_a_sheet_that_would_vanish_is_left_out():
    sheet = np.zeros((9, 12, 12), dtype=bool)
    sheet[4, 2:10, 2:10] = True
    found = list(variants(sheet, SPACING))
    assert "shrunk" not in {variant.kind for variant in found}
    assert all(variant.mask.any() for variant in found)


@pytest.mark.parametrize("sigma", [0.5, 12.0])
def test_noise_level_recovers_the_noise(sigma):
    rng = np.random.default_rng(0)
    k, j, i = np.indices((24, 40, 40))
    smooth = 3.0 * k + 50 * np.sin(j / 9) + 40 * np.cos(i / 11)
    noisy = smooth + sigma * rng.standard_normal(smooth.shape)
    inside = ball(14, 40)[8:32]
    assert noise_level(noisy, inside) == pytest.approx(sigma, rel=0.05)


def test_figures_by_hand():
    """Probability falls with the volume: every figure follows from the list of volumes."""
    mask = ball()

    def probability(outline: np.ndarray, seed: int = 0) -> float:
        return float(np.clip(0.5 + (mask.sum() - outline.sum()) / mask.sum() + 0.01 * (seed % 3), 0.01, 0.99))

    (found,) = outline_stability(
        mask,
        lambda outline: {"m": prediction(probability(outline))},
        spacing=SPACING,
        predict_noisy=lambda outline, seed: {"m": prediction(probability(outline, seed))},
    )
    values = sorted(probability(v.mask, v.noise or 0) for v in variants(mask, SPACING))
    assert found.variants == len(values) == 22
    assert (found.low, found.high) == (pytest.approx(values[0]), pytest.approx(values[-1]))
    assert found.median == pytest.approx((values[10] + values[11]) / 2)
    # 5 % of 21 steps: 1.05 steps from the lowest.
    assert found.p5 == pytest.approx(values[1] + 0.05 * (values[2] - values[1]))
    assert found.p95 == pytest.approx(values[20] - 0.05 * (values[20] - values[19]))
    assert found.flips == sum(value < 0.5 for value in values)
    assert found.flip_rate == pytest.approx(found.flips / 22)


def test_variants_that_cannot_be_measured_are_not_counted_but_the_outline_must_be():
    mask = ball()

    def small_only(outline: np.ndarray):
        if outline.sum() > mask.sum():
            raise RegionTooSmallError("no")
        return {"m": prediction(0.4)}

    (found,) = outline_stability(mask, small_only, spacing=SPACING)
    assert 2 < found.variants < 22

    def never(outline: np.ndarray):
        raise RegionTooSmallError("no")

    with pytest.raises(RegionTooSmallError):
        outline_stability(mask, never, spacing=SPACING)


def test_oblique_tumour_without_margin():
    """Variants at the border of the array stay in it."""
    mask = synthetic_tumour().masks["tumour"]
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    for variant in variants(mask[box], (1.5, 1.0, 1.2)):
        assert variant.mask.shape == mask[box].shape and variant.mask.dtype == bool

"""ADC and IVIM from diffusion-weighted images: closed forms, noise, other solvers, bad input."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from kinetics_maps_support import image_of
from scipy.optimize import curve_fit
from support import oblique_grid
from virtualbiopsy.case.diffusion import DiffusionSeries
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import (
    Cancelled,
    DiffusionSeriesError,
    DimensionError,
    GeometryError,
    MemoryLimitError,
)
from virtualbiopsy.prepare.diffusion.adc import fit_adc, with_adc
from virtualbiopsy.prepare.diffusion.ivim import fit_ivim
from virtualbiopsy.prepare.geometry import same_grid
from virtualbiopsy.prepare.units import ADC_UNIT, convert_adc
from virtualbiopsy.progress import CancelToken

SHAPE = (8, 40, 44)
GRID = oblique_grid(SHAPE, (4.0, 1.8, 1.8))
BODY = np.zeros(SHAPE, dtype=bool)
BODY[1:7, 5:35, 6:38] = True
ADC = 600.0 + 1600.0 * np.indices(SHAPE)[2] / SHAPE[2]
"""From left to right, 10⁻⁶ mm²/s: dense tumour to almost fluid."""
S0 = 900.0


def series(b_values=(0.0, 800.0), *, noise=0.0, adc=ADC, averaged=(), seed=0, model=None):
    rng = np.random.default_rng(seed)
    model = model or (lambda b: S0 * np.exp(-b * adc * 1e-6))
    images = []
    for b, count in zip(b_values, averaged or [1] * len(b_values), strict=True):
        signal = np.where(BODY, model(b), 0.0)
        if noise:
            repeated = [
                np.hypot(signal + rng.normal(0, noise, SHAPE), rng.normal(0, noise, SHAPE))
                for _ in range(count)
            ]
            signal = np.mean(repeated, axis=0)
        images.append(image_of(signal.astype(np.float32), GRID))
    return DiffusionSeries("dwi", tuple(b_values), tuple(images), tuple(averaged))


def values(image):
    return sitk.GetArrayFromImage(image).astype(float)


@pytest.mark.parametrize("b_values", [(0.0, 800.0), (50.0, 400.0), (0.0, 200.0, 600.0, 1000.0)])
def test_mono_exponential_signals_give_their_coefficient(b_values):
    """Exact but for the float32 images: 6e-8 of the signal is at most 0.01 ·10⁻⁶ mm²/s here, map 6e-8."""
    fit = fit_adc(series(b_values))
    assert values(fit.adc)[BODY] == pytest.approx(ADC[BODY], rel=2e-5)
    assert values(fit.s0)[BODY] == pytest.approx(S0, rel=2e-5)
    assert not values(fit.adc)[~BODY].any() and fit.failed == 0 and fit.fitted == BODY.sum()
    assert same_grid(fit.adc, GRID)


def test_order_of_the_images_does_not_matter():
    ordered = series((0.0, 200.0, 800.0))
    mixed = replace(ordered, b_values=(800.0, 0.0, 200.0), images=tuple(ordered.images[n] for n in (2, 0, 1)))
    assert np.array_equal(values(fit_adc(mixed).adc), values(fit_adc(ordered).adc))


def test_weights_make_it_as_good_as_a_nonlinear_fit():
    """Beside scipy's curve_fit of the signal, with noise: what differs is a twentieth of the standard error.

    One pass, with the weights of the noisy signals, differs by a tenth.
    """
    b_values = (0.0, 300.0, 600.0, 900.0)
    noisy = series(b_values, noise=25.0, seed=4)
    fit = values(fit_adc(noisy).adc)
    signals = np.stack([values(i) for i in noisy.images])
    rng = np.random.default_rng(0)
    sample = np.argwhere(BODY)[rng.permutation(BODY.sum())[:150]]
    reference = []
    for k, j, i in sample:
        (_, coefficient), _ = curve_fit(
            lambda b, s0, d: s0 * np.exp(-b * d * 1e-6), b_values, signals[:, k, j, i], (900.0, 1000.0)
        )
        reference.append(coefficient)
    found, truth = fit[tuple(sample.T)], ADC[tuple(sample.T)]
    spread = np.std(np.array(reference) - truth)
    assert np.abs(found - reference).mean() < 0.05 * spread
    assert abs(np.mean(found - truth)) < 3 * spread / np.sqrt(len(sample))


def test_noise_is_no_signal():
    """Fluid at b = 3000 has sunk into the noise: with it, its coefficient would come out far too small."""
    fluid = np.full(SHAPE, 2500.0)
    noisy = series((0.0, 500.0, 3000.0), noise=20.0, adc=fluid)
    fit = fit_adc(noisy)
    assert np.median(values(fit.adc)[BODY]) == pytest.approx(2500.0, rel=0.02)
    naive = np.log(values(noisy.images[0])[BODY] / values(noisy.images[2])[BODY]) / 3000.0 * 1e6
    assert np.median(naive) < 1600
    assert any("standard deviations" in step for step in fit.steps)
    alone = fit_adc(series((0.0, 3000.0), noise=20.0, adc=fluid))
    assert alone.fitted < 0.05 * BODY.sum() and alone.failed > 0.95 * BODY.sum()


def test_averages_have_a_lower_floor_than_single_images():
    """b = 0 once, b = 1500 sixteen times: the floor at b = 0 is four times that at b = 1500."""
    from virtualbiopsy.prepare.diffusion.series import diffusion_signals

    data = diffusion_signals(series((0.0, 1500.0), noise=20.0, averaged=(1, 16)))
    assert data.floors[0] == pytest.approx(4 * data.floors[1])


def test_lowest_b_leaves_perfusion_out():
    def model(b):
        return S0 * (0.2 * np.exp(-b * 0.03) + 0.8 * np.exp(-b * ADC * 1e-6))

    b_values = (0.0, 200.0, 500.0, 800.0)
    with_perfusion, without = (
        series(b_values, model=model),
        fit_adc(series(b_values, model=model), lowest_b=200),
    )
    # What is left of the fast part at b = 200 s/mm²: 0.25·exp(−6) = 0.06 % of the signal.
    assert values(without.adc)[BODY] == pytest.approx(ADC[BODY], rel=0.01)
    assert (values(fit_adc(with_perfusion).adc) > values(without.adc))[BODY].all()
    with pytest.raises(DiffusionSeriesError, match="fewer than two b-values from 600"):
        fit_adc(with_perfusion, lowest_b=600)


def test_the_map_is_in_the_unit_that_it_says():
    case, why, steps = with_adc(Case("a case", (), diffusion=series()))
    sequence = case.sequence("adc")
    assert sequence.unit == ADC_UNIT and not why and steps
    converted, note = convert_adc(sequence.image, sequence.unit)
    assert "not changed" in note and converted is sequence.image


def test_the_map_of_the_scanner_stays():
    own = Sequence("adc", "ADC", image_of(ADC, GRID))
    case = Case("a case", (own,), diffusion=series())
    assert with_adc(case) == (case, "", ())
    bare = Case("a case", ())
    assert with_adc(bare) == (bare, "", ())


def test_what_cannot_be_computed_is_said_and_nothing_is_lost():
    case = Case("a case", (), diffusion=replace(series(), b_values=(800.0, 800.0)))
    same, why, _ = with_adc(case)
    assert same is case and "b = 800 s/mm² more than once" in why


@pytest.mark.parametrize(
    "b_values, message",
    [
        ((800.0, 800.0), "more than once"),
        ((None, 800.0), "does not tell the b-value of image 1"),
        ((float("nan"), 800.0), "does not tell"),
        ((-50.0, 800.0), "b-value -50"),
        ((0.0, 400.0, 800.0), "2 images but 3 b-values"),
    ],
)
def test_b_values_that_cannot_be_used(b_values, message):
    with pytest.raises(DiffusionSeriesError, match=message):
        fit_adc(replace(series(), b_values=b_values))


def test_one_b_value():
    one = series((800.0, 900.0))
    with pytest.raises(DiffusionSeriesError, match="one b-value only"):
        fit_adc(replace(one, b_values=(800.0,), images=one.images[:1]))


def test_an_adc_map_among_the_images_or_swapped_images():
    """An ADC map of 600…2200 beside a b = 0 image of 900 at most rises in nearly all tissue."""
    good = series()
    adc_map = image_of(np.where(BODY, ADC + 700, 0.0).astype(np.float32), GRID)
    with pytest.raises(DiffusionSeriesError, match="the signal rises from b = 0 to 800"):
        fit_adc(replace(good, images=(good.images[0], adc_map)))
    with pytest.raises(DiffusionSeriesError, match="swapped"):
        fit_adc(replace(good, images=good.images[::-1]))


def test_images_on_different_grids_or_not_3d():
    good = series()
    moved = sitk.Image(good.images[1])
    moved.SetOrigin((0.0, 0.0, 0.0))
    with pytest.raises(GeometryError):
        fit_adc(replace(good, images=(good.images[0], moved)))
    two = sitk.Compose(good.images[1], good.images[1])
    with pytest.raises(DimensionError):
        fit_adc(replace(good, images=(good.images[0], two)))


def test_empty_images():
    good = series()
    with pytest.raises(DiffusionSeriesError, match="no signal above the noise"):
        fit_adc(replace(good, images=tuple(i * 0 for i in good.images)))


def test_memory_and_cancelling(monkeypatch):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fit_adc(series(), progress=token.watch())
    with pytest.raises(Cancelled):
        fit_ivim(series(IVIM_B), progress=token.watch())
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", "100000")
    with pytest.raises(MemoryLimitError):
        fit_adc(series())


# --- IVIM --------------------------------------------------------------------------------------------------

IVIM_B = (0.0, 10.0, 20.0, 40.0, 80.0, 120.0, 200.0, 400.0, 600.0, 800.0)
FAST = 0.04


def perfused(b):
    fraction = 0.08 + 0.1 * np.indices(SHAPE)[1] / SHAPE[1]
    return S0 * (fraction * np.exp(-b * FAST) + (1 - fraction) * np.exp(-b * ADC * 1e-6))


def test_ivim_without_noise():
    """At b = 200 s/mm² exp(−200·0.04) = 0.03 % of the fast part is left: D to 0.1 %, f 0.5 %, D* 2 %."""
    fit = fit_ivim(series(IVIM_B, model=perfused))
    fraction = 0.08 + 0.1 * np.indices(SHAPE)[1] / SHAPE[1]
    assert values(fit.diffusion)[BODY] == pytest.approx(ADC[BODY], rel=1e-3)
    assert values(fit.fraction)[BODY] == pytest.approx(fraction[BODY], rel=5e-3)
    assert values(fit.pseudo_diffusion)[BODY] == pytest.approx(FAST * 1e6, rel=0.02)
    assert fit.failed == 0 and not values(fit.fraction)[~BODY].any()


def test_ivim_agrees_with_a_segmented_fit_by_scipy():
    noisy = series(IVIM_B, model=perfused, noise=6.0, seed=9)
    fit = fit_ivim(noisy)
    b = np.array(IVIM_B)
    high = b >= 200
    for k, j, i in np.argwhere(BODY)[::700]:
        signal = np.array([values(image)[k, j, i] for image in noisy.images])
        slope, intercept = np.polyfit(b[high], np.log(signal[high]), 1, w=signal[high])
        fraction = max(0.0, 1 - np.exp(intercept) / signal[0])
        assert values(fit.diffusion)[k, j, i] == pytest.approx(-slope * 1e6, rel=1e-3)
        assert values(fit.fraction)[k, j, i] == pytest.approx(fraction, abs=1e-3)
        if fraction > 0.05:
            # The misfit of D* found here is not above that of any point of a fine grid.
            def misfit(fast, f=fraction, d=-slope, s=signal):
                return np.sum((s / s[0] - (1 - f) * np.exp(-b * d) - f * np.exp(-b * fast)) ** 2)

            found = values(fit.pseudo_diffusion)[k, j, i] * 1e-6
            assert misfit(found) <= min(misfit(x) for x in np.geomspace(3e-3, 0.1, 400)) + 1e-7


def test_ivim_needs_enough_b_values():
    with pytest.raises(DiffusionSeriesError, match="IVIM needs b = 0"):
        fit_ivim(series((0.0, 50.0, 400.0, 800.0)))
    with pytest.raises(DiffusionSeriesError, match="IVIM needs b = 0"):
        fit_ivim(series(IVIM_B[1:]))


def test_without_perfusion_there_is_no_fraction():
    fit = fit_ivim(series(IVIM_B))
    assert values(fit.fraction)[BODY].max() < 1e-5

"""Semi-quantitative maps: closed forms on a synthetic series, noise, missing times, a real study's maps."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from kinetics_maps_support import KINDS, STUDIES, curves, image_of, ucsf_study
from virtualbiopsy.case.dynamic import Phase
from virtualbiopsy.case.model import DYNAMIC_MAPS, ROLES, Case, Sequence
from virtualbiopsy.errors import Cancelled, MemoryLimitError
from virtualbiopsy.prepare.geometry import same_grid
from virtualbiopsy.prepare.kinetics.derive import derive_maps
from virtualbiopsy.prepare.kinetics.noise import noise_of
from virtualbiopsy.prepare.kinetics.semiquantitative import (
    FORMULAS,
    Signals,
    curve_types,
    semiquantitative,
)
from virtualbiopsy.prepare.kinetics.timing import choose_phases
from virtualbiopsy.prepare.model import Kinetics
from virtualbiopsy.progress import CancelToken

SIMPLE = ("pe", "ser", "washin", "washout", "ttp", "maxslope", "curvetype")


def case_of(series, *sequences):
    return Case("a case", tuple(sequences), dynamic=series)


def values(derived, role):
    return sitk.GetArrayFromImage(derived.case.sequence(role).image)


@pytest.fixture(scope="module")
def course():
    return curves()


@pytest.fixture(scope="module")
def derived(course):
    return derive_maps(case_of(course.series), Kinetics(), SIMPLE)


def test_every_role_has_a_formula_and_a_name():
    assert set(FORMULAS) == set(SIMPLE) and set(SIMPLE) < set(ROLES)
    assert set(SIMPLE) - {"curvetype"} < set(DYNAMIC_MAPS)


def test_maps_equal_the_closed_forms(course, derived):
    """Injection is assumed at the start of phase 2 (60 s), so the centres lie at -30, 30, 90, …, 330 s.

    Early is the phase at 90 s (120 lies between 90 and 150; of two equal
    distances the earlier counts), late that at 330 s.
    """
    assert not derived.left_out
    times = (-30.0, 30.0, 90.0, 150.0, 210.0, 270.0, 330.0)
    assert choose_phases(course.series, Kinetics()).times_s == times
    early, late = 2, 6
    for kind, where in course.where.items():
        pe = course.enhancement[kind]
        rises = [pe[1] / 30, *((b - a) / 60 for a, b in zip(pe[1:], pe[2:], strict=False))]
        enhancing = kind != "none"
        expected = {
            "pe": pe[early],
            "ser": pe[early] / pe[late] if enhancing else 0.0,
            "washin": pe[early] / 1.5,
            "washout": (pe[late] - pe[early]) / 4.0,
            "ttp": times[int(np.argmax(pe))] if enhancing else 0.0,
            "maxslope": 60 * max(rises),
            "curvetype": KINDS.index(kind),
        }
        for role, value in expected.items():
            # float32 phases and maps: 6e-8 relative to a signal of at most 5 times the base
            assert values(derived, role)[where] == pytest.approx(value, rel=1e-5, abs=1e-4), (kind, role)


def test_maps_are_zero_in_air(course, derived):
    air = ~np.logical_or.reduce(list(course.where.values()))
    for role in SIMPLE:
        assert (values(derived, role)[air] == 0).all()


def test_maps_lie_on_the_grid_of_the_phases_and_say_what_they_are(course, derived):
    for role in SIMPLE:
        sequence = derived.case.sequence(role)
        assert same_grid(sequence.image, course.series.phases[0].image)
        assert sequence.image.GetPixelID() == sitk.sitkFloat32
        assert sequence.frame_of_reference == "1.2.3" and sequence.protocol["FlipAngle"] == "12"
        assert FORMULAS[role] in sequence.reason and sequence.unit and "computed" in sequence.name
    text = " ".join(derived.steps)
    assert "phase 3, centre 90 s after the injection" in text and "phase 7, centre 330 s" in text


@pytest.mark.parametrize("late, kind", [(89.9, 3), (90.1, 2), (109.9, 2), (110.1, 1)])
def test_curve_types_change_at_ten_percent_of_the_early_signal(late, kind):
    """S_early = 2 S_pre, so ±10 % of it are ±20 points of percent enhancement."""
    early = np.array([100.0, 100.0])
    found = curve_types(early, np.array([2 * late - 100, 0.0]), np.array([True, False]))
    assert found.tolist() == [kind, 0]


def test_several_precontrast_phases_are_averaged():
    course = curves(precontrast=2, noise=2.0, base=100.0)
    phases = course.series.phases
    found = derive_maps(case_of(course.series), Kinetics(), ("pe",))
    pre, early = (
        np.mean([sitk.GetArrayFromImage(phases[n].image) for n in indices], axis=0, dtype=np.float64)
        for indices in ((0, 1), (3,))
    )
    with np.errstate(divide="ignore"):
        expected = 100 * (early - pre) / pre
    inside = values(found, "pe") != 0
    assert inside.mean() > 0.2
    assert values(found, "pe")[inside] == pytest.approx(expected[inside], rel=1e-4, abs=1e-3)
    assert any("mean of 2 phases" in step for step in found.steps)


def test_steepest_rise_may_come_late():
    phases = [np.full((1, 1, 1), s) for s in (100.0, 104.0, 110.0, 200.0, 190.0)]
    signals = Signals(phases, (0,), 1, 4, (-30.0, 20.0, 50.0, 90.0, 150.0))
    maps = semiquantitative(signals, ("maxslope", "ttp")).maps
    assert maps["maxslope"].item() == pytest.approx(90 / 40 * 60) and maps["ttp"].item() == 90.0


def test_ratio_is_limited_where_everything_washes_out():
    shape = (1, 1, 4)
    phases = [np.full(shape, 100.0), np.array([[[200.0, 200, 200, 90]]]), np.array([[[120.0, 100, 50, 150]]])]
    signals = Signals(phases, (0,), 1, 2, (-30.0, 60.0, 300.0))
    found = semiquantitative(signals, ("ser",)).maps["ser"]
    assert found[0, 0] == pytest.approx([3.0, 3.0, 3.0, 0.0])


def test_what_is_asked_of_too_few_phases_is_refused():
    phases = [np.ones((1, 1, 2))] * 2
    with pytest.raises(ValueError, match="late phase"):
        semiquantitative(Signals(phases, (0,), 1, None, (-30.0, 60.0)), ("ser",))
    with pytest.raises(ValueError, match="times"):
        semiquantitative(Signals(phases, (0,), 1, None, None), ("ttp",))
    with pytest.raises(ValueError, match="no semi-quantitative map"):
        semiquantitative(Signals(phases, (0,), 1, None, None), ("adc",))


# --- noise ------------------------------------------------------------


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_noise_is_found_in_air(channels, rounded):
    """Quartiles of chi distributions: 0.907 sd (1 channel) to 0.952 (16), taken as 0.93, and sampling."""
    rng = np.random.default_rng(channels)
    signal = sitk.GetArrayFromImage(curves().series.phases[0].image).astype(float)
    squares = sum(rng.normal(0, 6.0, signal.shape) ** 2 for _ in range(2 * channels - 1))
    values = np.sqrt((signal + rng.normal(0, 6.0, signal.shape)) ** 2 + squares)
    noise = noise_of(image_of(np.round(values) if rounded else values, curves().series.phases[0].image))
    assert noise.sd == pytest.approx(6.0, rel=0.05) and "air" in noise.source
    assert noise.floor == pytest.approx(5 * np.sqrt(2) * noise.sd)


def test_more_precontrast_phases_lower_the_floor():
    image = curves(noise=6.0).series.phases[0].image
    assert noise_of(image, 4).floor == pytest.approx(5 * np.sqrt(1.25) * noise_of(image).sd)


def test_noise_is_found_in_tissue_where_air_was_set_to_zero():
    course = curves(noise=4.0)
    image = course.series.phases[0].image
    body = np.logical_or.reduce(list(course.where.values()))
    stripped = image_of(np.where(body, sitk.GetArrayFromImage(image), 0), image)
    noise = noise_of(stripped)
    assert noise.sd == pytest.approx(4.0, rel=0.1) and "tissue" in noise.source


def test_rounding_is_noise_too():
    image = sitk.Cast(curves().series.phases[0].image, sitk.sitkInt16)
    noise = noise_of(image)
    assert noise.sd == pytest.approx(np.sqrt(1 / 12)) and "rounding" in noise.source


def test_percent_enhancement_at_the_floor_has_a_standard_deviation_of_twenty_percent():
    rng = np.random.default_rng(3)
    sd, shape = 5.0, (20, 60, 60)
    floor = 5 * np.sqrt(2) * sd
    phases = [np.hypot(floor + rng.normal(0, sd, shape), rng.normal(0, sd, shape)) for _ in range(2)]
    pe = semiquantitative(Signals(phases, (0,), 1, None, None), ("pe",)).maps["pe"]
    # The formula is to first order in sd/S, which is 0.14; the next order gives some percent.
    assert np.std(pe) == pytest.approx(20.0, rel=0.1)


def test_signal_below_the_floor_and_noise_are_no_enhancement():
    course = curves(noise=6.0, base=200.0)
    found = derive_maps(case_of(course.series), Kinetics(), SIMPLE)
    air = ~np.logical_or.reduce(list(course.where.values()))
    assert (values(found, "pe")[air] == 0).mean() > 0.999
    quiet, loud = course.where["none"], course.where["plateau"]
    # One-sided 3 sd, and two chances (early, late): 0.27 % of a normal distribution.
    assert (values(found, "curvetype")[quiet] == 0).mean() > 0.99
    assert (values(found, "curvetype")[loud] == KINDS.index("plateau")).mean() > 0.9


def test_voxels_that_are_not_finite_become_zero(course):
    phases = list(course.series.phases)
    array = sitk.GetArrayFromImage(phases[2].image)
    array[5, 30, 25] = np.nan
    phases[2] = replace(phases[2], image=image_of(array, phases[2].image))
    found = derive_maps(case_of(replace(course.series, phases=tuple(phases))), Kinetics(), ("pe", "maxslope"))
    assert values(found, "pe")[5, 30, 25] == 0 and values(found, "maxslope")[5, 30, 25] == 0
    assert any("1 voxels without a finite value" in step for step in found.steps)


# --- what cannot be computed ------------------------------------------------------------


def test_maps_of_the_scanner_stay(course):
    scanner = Sequence("pe", "PE1", course.series.phases[0].image)
    found = derive_maps(case_of(course.series, scanner), Kinetics(), ("pe", "ser"))
    assert found.case.sequence("pe") is scanner and found.case.has("ser") and not found.left_out


def test_names_stay_unique(course):
    other = Sequence("other", "pe (computed)", course.series.phases[0].image)
    found = derive_maps(case_of(course.series, other), Kinetics(), ("pe",))
    names = [sequence.name for sequence in found.case.sequences]
    assert len(set(names)) == 2


def test_nothing_asked_nothing_done(course):
    case = case_of(course.series)
    assert derive_maps(case, Kinetics(), ("dce", "t2")).case is case


def test_without_a_series_everything_is_left_out():
    found = derive_maps(Case("a case", ()), Kinetics(), SIMPLE)
    assert set(found.left_out) == set(SIMPLE) and "no dynamic series" in found.left_out["pe"]


def untimed(series):
    return replace(series, phases=tuple(replace(p, start_s=None) for p in series.phases))


def test_without_times_the_first_and_the_last_phase_are_compared(course):
    found = derive_maps(case_of(untimed(course.series)), Kinetics(), SIMPLE)
    assert set(found.left_out) == {"washin", "washout", "ttp", "maxslope"}
    assert all("does not tell the time" in why for why in found.left_out.values())
    where = course.where["washout"]
    assert values(found, "pe")[where] == pytest.approx(200.0, rel=1e-5)
    assert values(found, "ser")[where] == pytest.approx(200 / 75, rel=1e-5)
    assert any("the first after the contrast agent" in step for step in found.steps)


@pytest.mark.parametrize("starts", [(0.0, 60.0, 60.0), (0.0, 120.0, 60.0), (0.0, float("nan"), 60.0)])
def test_unusable_times_leave_slopes_out(course, starts):
    phases = tuple(replace(p, start_s=t) for p, t in zip(course.series.phases[:3], starts, strict=True))
    found = derive_maps(case_of(replace(course.series, phases=phases)), Kinetics(), ("pe", "washin"))
    assert found.case.has("pe") and "time" in found.left_out["washin"]


def test_post_contrast_phase_before_the_injection(course):
    series = replace(course.series, injection_s=200.0)
    found = derive_maps(case_of(series), Kinetics(), ("pe", "ttp"))
    assert "before the injection" in found.left_out["ttp"] and found.case.has("pe")


def test_one_post_contrast_phase_gives_no_ratio(course):
    series = replace(course.series, phases=course.series.phases[:2])
    found = derive_maps(case_of(series), Kinetics(), SIMPLE)
    assert set(found.left_out) == {"ser", "washout", "curvetype"}
    assert found.case.has("pe") and found.case.has("washin")


@pytest.mark.parametrize("marks", [(False,) * 7, (True,) * 7])
def test_precontrast_phases_missing_or_all(course, marks):
    phases = tuple(replace(p, precontrast=m) for p, m in zip(course.series.phases, marks, strict=True))
    found = derive_maps(case_of(replace(course.series, phases=phases)), Kinetics(), ("pe", "ser"))
    assert set(found.left_out) == {"pe", "ser"} and "contrast" in found.left_out["pe"]


def test_one_phase(course):
    found = derive_maps(case_of(replace(course.series, phases=course.series.phases[:1])), Kinetics(), ("pe",))
    assert "one phase only" in found.left_out["pe"]


def test_phases_of_another_size_or_with_several_components(course):
    phases = course.series.phases
    small = replace(phases[1], image=phases[1].image[:-1, :, :])
    found = derive_maps(case_of(replace(course.series, phases=(phases[0], small))), Kinetics(), ("pe",))
    assert "40×48×10" in found.left_out["pe"]
    two = Phase("two", sitk.Compose(phases[1].image, phases[1].image), 60.0)
    found = derive_maps(case_of(replace(course.series, phases=(phases[0], two))), Kinetics(), ("pe",))
    assert "one value per voxel" in found.left_out["pe"]


def test_nothing_enhances(course):
    still = tuple(replace(p, image=course.series.phases[0].image) for p in course.series.phases)
    found = derive_maps(case_of(replace(course.series, phases=still)), Kinetics(), ("ser", "pe"))
    assert set(found.left_out) == {"ser", "pe"} and "nothing enhances" in found.left_out["ser"]
    assert found.case.sequences == ()


def test_memory_is_asked_for_first(course, monkeypatch):
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", "100000")
    with pytest.raises(MemoryLimitError, match="of the dynamic series"):
        derive_maps(case_of(course.series), Kinetics(), ("pe",))


def test_cancelling(course):
    token = CancelToken()

    def stop(fraction, message):
        if fraction > 0.5:
            token.cancel()

    with pytest.raises(Cancelled):
        derive_maps(case_of(course.series), Kinetics(), SIMPLE, token.watch(stop))


# --- the real study ------------------------------------------------------------


@pytest.fixture(scope="module", params=STUDIES)
def real(request, data_dir):
    return ucsf_study(data_dir, request.param)


@pytest.fixture(scope="module")
def real_maps(real):
    return derive_maps(case_of(real.series), Kinetics(), ("pe", "ser"))


def arrays(real):
    return tuple(sitk.GetArrayFromImage(phase.image) for phase in real.series.phases)


def test_effective_times_are_those_of_the_scanner(real):
    """The private attribute (0117,1034) of its maps; whole seconds are what ContentTime gives."""
    assert choose_phases(real.series, Kinetics()).times_s == pytest.approx(real.times_s, abs=0.06)


def test_percent_enhancement_is_the_scanners_map(real):
    """PE1 holds whole numbers: what is behind the point was cut off. Where it is not 0 every voxel agrees."""
    pre, early, _ = arrays(real)
    signals = Signals((pre, early), (0,), 1, None, None, floor=float(pre[real.pe > 0].min()))
    mine = np.floor(np.maximum(semiquantitative(signals, ("pe",)).maps["pe"], 0) + 1e-4)
    shown = real.pe > 0
    assert np.count_nonzero(shown) > 100_000
    assert np.array_equal(mine[shown], real.pe[shown])
    # And hardly a voxel above the scanner's threshold is 0 there that is not here.
    assert np.count_nonzero(mine[~shown]) < 0.001 * np.count_nonzero(shown)


def test_enhancement_ratio_is_the_scanners_map(real):
    """SER is kept in steps of 0.001 and limited to 3; it is 0 where PE1 is below 70 %, and in lone voxels."""
    phases = arrays(real)
    mine = semiquantitative(Signals(phases, (0,), 1, 2, None), ("ser",)).maps["ser"]
    shown = real.ser > 0
    assert np.count_nonzero(shown) > 40_000 and real.ser.max() == pytest.approx(3.0)
    assert np.abs(mine - real.ser)[shown].max() <= 0.000501
    assert real.pe[shown].min() >= 70


def test_own_floor_is_close_to_the_scanners_background(real, real_maps):
    """The scanner's own threshold is a signal of 35 and 40 in these studies; ours follows from the noise."""
    mine, theirs = values(real_maps, "pe") > 0, real.pe > 0
    threshold = arrays(real)[0][theirs].min()
    assert noise_of(real.series.phases[0].image).floor == pytest.approx(threshold, rel=0.2)
    assert 2 * np.count_nonzero(mine & theirs) / (mine.sum() + theirs.sum()) > 0.88
    both = mine & theirs
    assert np.corrcoef(values(real_maps, "pe")[both], real.pe[both])[0, 1] > 0.9999

"""Whole simulated breast cases: truth, determinism, kinetics, time points, scanners, files; coarse grids."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.integrate import trapezoid
from virtualbiopsy.case.phase_times import check_series, effective_times
from virtualbiopsy.case.read import read_case
from virtualbiopsy.cli import main
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.prepare.kinetics.aif import population_input
from virtualbiopsy.prepare.kinetics.fit import fit_volume
from virtualbiopsy.prepare.kinetics.signal import concentration_from_signal
from virtualbiopsy.prepare.kinetics.tofts import tofts_concentration
from virtualbiopsy.prepare.model import Kinetics
from virtualbiopsy.progress import CancelToken
from virtualbiopsy.resources import resource
from virtualbiopsy.simulate.breast import (
    BreastSettings,
    draw_breast_biology,
    simulate_breast,
    simulate_breast_cohort,
    write_breast,
    write_breast_cohort,
)
from virtualbiopsy.simulate.breast.biology import CHANGES
from virtualbiopsy.simulate.breast.scanner import draw_breast_scanner
from virtualbiopsy.simulate.breast.uptake import HAEMATOCRIT, PatientUptake
from virtualbiopsy.simulate.cohort import case_seed

COARSE = BreastSettings(grid=(4.0, 2.4, 2.4), pixel=2.4, motion=0.0)
SEED = 12


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image).astype(float)


def biology(**changes):
    drawn = draw_breast_biology(np.random.default_rng(3))
    neutral = dict.fromkeys(drawn.properties, 0.0) | {"necrosis": -1.0, "oedema": -1.0}
    own = {k: v for k, v in changes.items() if k not in neutral}
    properties = {k: v for k, v in changes.items() if k in neutral}
    return replace(drawn, **{"diameter_mm": 36.0, "side": 1, **own}).with_properties(
        **{**neutral, **properties}
    )


@pytest.fixture(scope="module")
def case():
    return simulate_breast(
        SEED, settings=replace(COARSE, time_points=2), biology=biology(necrosis=1.2, oedema=1.5)
    )


def test_same_seed_same_bytes(case):
    again = simulate_breast(SEED, settings=replace(COARSE, time_points=2), biology=case.biology)
    for ours, theirs in zip(case.examinations, again.examinations, strict=True):
        assert [sitk.Hash(p) for p in ours.phases] == [sitk.Hash(p) for p in theirs.phases]
        for kind in ("images", "masks", "maps"):
            ours_, theirs_ = getattr(ours, kind), getattr(theirs, kind)
            assert {k: sitk.Hash(v) for k, v in ours_.items()} == {
                k: sitk.Hash(v) for k, v in theirs_.items()
            }
    assert again.truth == case.truth and again.clinical == case.clinical


def test_another_seed_is_another_person(case):
    other = simulate_breast(SEED + 1, settings=replace(COARSE, sequences=("dce",)), biology=case.biology)
    assert np.abs(array(other.earlier.phases[0]) - array(case.earlier.phases[0])).mean() > 20


def test_one_time_point_and_one_sequence_change_nothing_else(case):
    only = simulate_breast(SEED, settings=replace(COARSE, sequences=("dwi",)), biology=case.biology)
    assert only.later is None and only.earlier.phases == () and only.as_case().dynamic is None
    for role in ("dwi", "dwi_b0", "adc"):
        assert sitk.Hash(only.earlier.images[role]) == sitk.Hash(case.earlier.images[role])
    with pytest.raises(ValueError, match="no time point 'later'"):
        only.as_case("later")


def test_truth_is_consistent(case):
    truth = case.truth
    assert truth["simulated"] is True and truth["her2_positive"] == (truth["her2_class"] == "positive")
    for found in case.examinations:
        reference = found.phases[0]
        masks = {name: array(mask) > 0 for name, mask in found.masks.items()}
        assert all(mask.GetSize() == reference.GetSize() for mask in found.masks.values())
        assert not (masks["necrosis"] & ~masks["tumour"]).any() and masks["necrosis"].any()
        assert masks["oedema"].any() and not (masks["oedema"] & masks["tumour"]).any()
        assert not (masks["tumour"] & ~masks["breast"]).any()
        for name, mask in masks.items():
            volume = mask.sum() * np.prod(reference.GetSpacing()) / 1000
            assert truth["volumes_ml"][found.time_point][name] == pytest.approx(volume, abs=1e-3)
        for values in found.maps.values():
            assert (array(values)[masks["tumour"]] > 0).all() and not array(values)[~masks["tumour"]].any()
    # Left is +x in LPS.
    where = np.argwhere(array(case.earlier.masks["tumour"]) > 0).mean(axis=0)[::-1]
    assert reference.TransformContinuousIndexToPhysicalPoint([float(v) for v in where])[0] > 25


def test_what_a_reader_sees(case):
    seen = case.as_case()
    check_series(seen.dynamic)
    times = effective_times(seen.dynamic)
    assert {s.role for s in seen.sequences} == {"dce", "t2", "dwi", "adc"}
    assert 10 <= len(times) <= 14 and times[0] < 0 < times[1]
    fast = [t for t in times if 0 < t < 135]
    assert max(np.diff(fast)) <= 15 and times[-1] > 300
    assert sitk.Hash(seen.sequence("dce").image) == sitk.Hash(seen.dynamic.phases[len(fast)].image)
    assert seen.diffusion.b_values == (0.0, 800.0)
    assert not any("her2" in key or "pcr" in key for key in seen.clinical)
    # Enhancement: the cancer takes up more and faster than gland, air nothing.
    pre, early = (array(seen.dynamic.phases[n].image) for n in (0, len(fast)))
    tumour, gland = (array(case.earlier.masks[name]) > 0 for name in ("tumour", "gland"))
    rise = {
        name: early[m].mean() / pre[m].mean() for name, m in (("tumour", tumour), ("gland", gland & ~tumour))
    }
    assert rise["tumour"] > 1.9 > 1.5 > rise["gland"] > 1.0
    adc = array(seen.sequence("adc").image)
    moved = sitk.Resample(case.earlier.masks["tumour"], seen.sequence("adc").image, sitk.Transform(), 1)
    assert 750 < np.median(adc[(sitk.GetArrayFromImage(moved) > 0) & (adc > 0)]) < 1500


def test_uptake_is_the_tofts_integral():
    """Against trapezoidal quadrature in steps of 20 ms, and against the kinetics of the package."""
    times = np.array([-8.0, 4.0, 20.0, 61.0, 180.0, 340.0])
    ktrans, ve, vp = np.array([0.05, 0.3, 0.9]), np.array([0.2, 0.4, 0.35]), np.array([0.0, 0.03, 0.1])
    ours = PatientUptake(times, scale=1.1, late_s=1.5).concentration(ktrans, ve, vp, delay_s=2.0)
    arterial = population_input("parker", haematocrit=HAEMATOCRIT)
    theirs = 1.1 * tofts_concentration(arterial, times, ktrans, ve, vp, delay_s=3.5)
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-9)
    for number, time in enumerate(times):
        grid = np.arange(0.0, max(time - 3.5, 0.0) + 1e-9, 0.02)
        for voxel in range(3):
            kernel = np.exp(-(ktrans[voxel] / ve[voxel]) * (time - 3.5 - grid) / 60)
            integral = trapezoid(arterial.at(grid) * kernel, grid) / 60 if len(grid) > 1 else 0.0
            wanted = 1.1 * (vp[voxel] * arterial.at(time - 3.5) + ktrans[voxel] * integral)
            assert ours[number, voxel] == pytest.approx(wanted, rel=3e-3, abs=2e-4)


@pytest.fixture(scope="module")
def clean():
    settings = replace(COARSE, sequences=("dce",), noise=1e-4, input_spread=0.0, gland_level=2500.0)
    return simulate_breast(SEED, settings=settings, biology=biology()).earlier


def test_the_series_holds_the_true_concentrations(clean):
    """Signal back to concentration (spoiled gradient echo), then the Tofts curve of the true maps: 1 %."""
    inside = array(clean.masks["tumour"]) > 0
    inside = sitk.GetArrayFromImage(sitk.BinaryErode(clean.masks["tumour"], [1, 1, 1])) > 0
    signal = np.array([array(p)[inside] for p in clean.phases])
    maps = {name: array(values)[inside] for name, values in clean.maps.items()}
    timing = clean.scanner.protocols["dce"].timing
    found = concentration_from_signal(
        signal,
        signal[0],
        maps["t1"],
        tr_ms=timing["tr"],
        flip_degrees=timing["flip"],
        relaxivity=clean.scanner.relaxivity,
    )
    arterial = population_input("parker", haematocrit=HAEMATOCRIT)
    wanted = tofts_concentration(
        arterial, clean.scanner.effective_s, maps["ktrans"], maps["ve"], maps["vp"], delay_s=3.0
    )
    assert inside.sum() > 100
    assert np.median(np.abs(found - wanted)[2:] / wanted[2:]) < 0.01
    assert found[0] == pytest.approx(0, abs=1e-9)


def test_a_fit_finds_the_true_kinetics(clean):
    inside = sitk.GetArrayFromImage(sitk.BinaryErode(clean.masks["tumour"], [1, 1, 1])) > 0
    timing = clean.scanner.protocols["dce"].timing
    fit = fit_volume(
        np.array([array(p) for p in clean.phases]),
        clean.scanner.effective_s,
        inside,
        np.arange(len(clean.phases)) < 1,
        tr_ms=timing["tr"],
        flip_degrees=timing["flip"],
        settings=Kinetics(
            model="extended_tofts", relaxivity=clean.scanner.relaxivity, haematocrit=HAEMATOCRIT
        ),
        t1_ms=array(clean.maps["t1"]),
    )
    true = array(clean.maps["ktrans"])[inside]
    found = fit.maps["ktrans"][inside]
    ok = np.isfinite(found)
    assert ok.mean() > 0.9
    assert np.corrcoef(true[ok], found[ok])[0, 1] > 0.9
    assert np.median(found[ok] / true[ok]) == pytest.approx(1.0, abs=0.10)


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("ktrans", lambda e, m: array(e.phases[4])[m].mean() / array(e.phases[0])[m].mean()),
        ("texture", lambda e, m: array(e.phases[3])[m].std() / array(e.phases[3])[m].mean()),
        ("adc", lambda e, m: array(e.maps["adc"])[m].mean()),
        ("oedema", lambda e, m: array(e.masks["oedema"]).sum() + 1),
        ("necrosis", lambda e, m: array(e.masks["necrosis"]).sum() + 1),
    ],
)
def test_properties_reach_the_picture(name, measure):
    values = []
    for level in (-1.5, 2.0):
        one = simulate_breast(
            4, settings=replace(COARSE, sequences=("dce",)), biology=biology(**{name: level})
        )
        core = sitk.GetArrayFromImage(sitk.BinaryErode(one.earlier.masks["tumour"], [1, 1, 1])) > 0
        values.append(measure(one.earlier, core))
    assert values[1] > 1.05 * values[0]


def test_no_change_is_no_change():
    still = biology(oedema=1.5, necrosis=1.2).with_changes(**dict.fromkeys(CHANGES, 0.0))
    case = simulate_breast(SEED, settings=replace(COARSE, time_points=2, sequences=()), biology=still)
    for kind in ("masks", "maps"):
        for name, image in getattr(case.earlier, kind).items():
            assert sitk.Hash(image) == sitk.Hash(getattr(case.later, kind)[name]), name


def test_therapy_shrinks_and_loosens_the_cancer():
    treated = biology().with_changes(volume=-0.9, ktrans=-0.5, adc=0.2, fragmentation=0.0)
    case = simulate_breast(SEED, settings=replace(COARSE, time_points=2, sequences=()), biology=treated)
    volumes = [case.truth["volumes_ml"][t]["tumour"] for t in ("earlier", "later")]
    # exp(-0.9) = 0.41, less for a body that is no sphere.
    assert 0.2 < volumes[1] / volumes[0] < 0.6
    means = [
        {name: array(e.maps[name])[array(e.masks["tumour"]) > 0].mean() for name in ("ktrans", "adc")}
        for e in case.examinations
    ]
    assert means[1]["ktrans"] < 0.8 * means[0]["ktrans"] and means[1]["adc"] > 1.15 * means[0]["adc"]


def test_scanner_b_differs_in_protocol_and_picture_not_in_the_patient(case):
    settings = replace(COARSE, scanner="B", time_points=2)
    other = simulate_breast(SEED, settings=settings, biology=case.biology)
    assert other.name == case.name + "-B" and other.truth["scanner"] == "B"
    assert sitk.Hash(other.earlier.masks["tumour"]) == sitk.Hash(case.earlier.masks["tumour"])
    ours, theirs = case.earlier.scanner, other.earlier.scanner
    assert theirs.protocols["dce"].timing["flip"] > 14 > ours.protocols["dce"].timing["flip"]
    assert theirs.duration_s > ours.duration_s and len(theirs.starts_s) < len(ours.starts_s)
    assert other.earlier.images["t2"].GetSpacing()[2] > case.earlier.images["t2"].GetSpacing()[2]
    body = array(case.earlier.phases[0]) > 30
    assert array(other.earlier.phases[0])[body].mean() < 0.8 * array(case.earlier.phases[0])[body].mean()
    # Fat is less suppressed.
    tumour, breast, gland = (array(case.earlier.masks[n]) > 0 for n in ("tumour", "breast", "gland"))
    fat = breast & ~gland & ~tumour
    ratio = [
        np.median(array(c.earlier.phases[0])[fat]) / np.median(array(c.earlier.phases[0])[gland])
        for c in (case, other)
    ]
    assert ratio[1] > 1.3 * ratio[0]
    tesla = [draw_breast_scanner(np.random.default_rng(n), name).tesla for name in "AB" for n in range(30)]
    assert np.mean(tesla[:30]) > 2.2 > 2.0 > np.mean(tesla[30:])
    with pytest.raises(ValueError, match="no simulated scanner 'C'"):
        simulate_breast(SEED, settings=replace(COARSE, scanner="C"))


def test_files_read_back_as_they_were(case, tmp_path):
    folder = write_breast(case, tmp_path / "one")
    for found, where in ((case.later, folder), (case.earlier, folder / "earlier")):
        assert "Simulated; not a patient" in (where / "README.txt").read_text(encoding="utf-8")
        back, seen = read_case(where), case.as_case(found.time_point)
        assert back.clinical == seen.clinical and set(back.regions) >= {"tumour", "breast"}
        assert {s.role for s in back.sequences} == {s.role for s in seen.sequences}
        assert len(back.dynamic.phases) == len(seen.dynamic.phases)
        for ours, theirs in zip(seen.dynamic.phases, back.dynamic.phases, strict=True):
            assert np.array_equal(array(ours.image), array(theirs.image))
            assert theirs.start_s == pytest.approx(ours.start_s, abs=0.05)
            assert theirs.precontrast == ours.precontrast
            assert theirs.image.GetOrigin() == pytest.approx(ours.image.GetOrigin(), abs=1e-4)
            assert theirs.image.GetSpacing() == pytest.approx(ours.image.GetSpacing(), abs=1e-5)
        assert effective_times(back.dynamic) == pytest.approx(effective_times(seen.dynamic), abs=0.05)
        assert np.array_equal(array(back.regions["tumour"]), array(found.masks["tumour"]))
        assert np.array_equal(array(back.sequence("dce").image), array(seen.sequence("dce").image))
        assert back.diffusion.b_values == seen.diffusion.b_values
        header = found.scanner.header("dce")
        for keyword in ("RepetitionTime", "FlipAngle", "MagneticFieldStrength"):
            assert float(back.dynamic.protocol[keyword]) == pytest.approx(float(header[keyword]), rel=1e-4)
    assert json.loads((folder / "truth.json").read_text())["simulated"] is True
    with pytest.raises(FileExistsError):
        write_breast(case, folder)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert main(["simulate", "breast", str(tmp_path), "--n", "1", "--seed", "3", "--scanner", "B"]) == 0
    listing = json.loads((tmp_path / "cohort.json").read_text())
    assert listing["simulated"] is True and listing["scanner"] == "B"
    assert listing["cases"] == [f"breast-{case_seed(3, 0)}-B"]
    assert (tmp_path / listing["cases"][0] / "dce.seq.nrrd").is_file()
    assert not (tmp_path / listing["cases"][0] / "earlier").exists()


def test_cohort(tmp_path):
    settings = replace(COARSE, sequences=("dwi",))
    cases = list(simulate_breast_cohort(2, 7, settings=settings, processes=1))
    assert [c.seed for c in cases] == [case_seed(7, 0), case_seed(7, 1)]
    folders = write_breast_cohort(tmp_path, 2, 7, settings=settings, processes=1)
    before = (folders[0] / "adc.nii.gz").stat().st_mtime_ns
    assert write_breast_cohort(tmp_path, 2, 7, settings=settings, processes=1) == folders
    assert (folders[0] / "adc.nii.gz").stat().st_mtime_ns == before


def test_cancelling_leaves_nothing(tmp_path):
    token = CancelToken()

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.4:
            token.cancel()

    with pytest.raises(Cancelled):
        simulate_breast(2, tmp_path / "case", settings=COARSE, progress=token.watch(stop))
    assert list(tmp_path.iterdir()) == []


def test_three_time_points_are_too_many():
    with pytest.raises(ValueError, match="1 or 2 time points"):
        simulate_breast(1, settings=replace(COARSE, time_points=3))


def test_the_sample_that_ships():
    folder = resource("Cases/breast-sample")
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) < 7e6
    assert json.loads((folder / "truth.json").read_text())["simulated"] is True
    later, earlier = read_case(folder), read_case(folder / "earlier")
    for seen in (later, earlier):
        check_series(seen.dynamic)
        assert {s.role for s in seen.sequences} == {"dce", "t2", "dwi", "adc"}
        assert "tumour" in seen.regions and seen.warnings == ()
    assert array(later.regions["tumour"]).sum() < array(earlier.regions["tumour"]).sum()

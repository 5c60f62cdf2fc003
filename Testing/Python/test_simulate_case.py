"""Whole simulated cases: determinism, geometry, truth, contrasts, files, cohorts; on coarse grids."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.read import read_case
from virtualbiopsy.errors import Cancelled, UnreadableFileError
from virtualbiopsy.progress import CancelToken
from virtualbiopsy.simulate import (
    SimulationSettings,
    TemplateMissingError,
    simulate_cohort,
    simulate_meningioma,
    template,
    write_case,
    write_cohort,
)
from virtualbiopsy.simulate.biology import draw_biology
from virtualbiopsy.simulate.cohort import case_seed
from virtualbiopsy.simulate.imaging import smoothed
from virtualbiopsy.simulate.scanner import Protocol

needs_template = pytest.mark.skipif(
    importlib.util.find_spec("nilearn") is None, reason="the template comes with nilearn (extra: simulate)"
)
COARSE = SimulationSettings(grid=(2.0, 2.0, 2.0), motion=0.0)
SEED = 21


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image).astype(float)


def biology_at(seed: int = SEED, **changes):
    properties = {k: v for k, v in changes.items() if k not in ("location", "diameter_mm", "side")}
    own = {k: v for k, v in changes.items() if k not in properties}
    biology = replace(
        draw_biology(np.random.default_rng(seed)), **{"location": "convexity", "side": 1, **own}
    )
    neutral = dict.fromkeys(biology.properties, 0.0)
    return biology.with_properties(**{**neutral, "necrosis": -1.0, "calcification": -1.0, **properties})


@pytest.fixture(scope="module")
def case():
    return simulate_meningioma(
        SEED, settings=COARSE, biology=biology_at(diameter_mm=42.0, oedema=1.2, tail=1.0)
    )


@needs_template
def test_same_seed_same_voxels(case):
    again = simulate_meningioma(SEED, settings=COARSE, biology=case.biology)
    assert set(again.images) == {"t1", "t1c", "t2", "flair", "adc"}
    for role, image in again.images.items():
        assert sitk.Hash(image) == sitk.Hash(case.images[role]), role
    assert again.truth == case.truth and again.clinical == case.clinical


@needs_template
def test_another_seed_is_another_person(case):
    settings = replace(COARSE, sequences=("t1c",))
    other = simulate_meningioma(SEED + 1, settings=settings, biology=case.biology)
    difference = np.abs(array(other.images["t1c"]) - array(case.images["t1c"]))
    assert difference.mean() > 30


@needs_template
def test_leaving_out_sequences_changes_nothing_else(case):
    only = simulate_meningioma(SEED, settings=replace(COARSE, sequences=("adc",)), biology=case.biology)
    assert set(only.images) == {"adc"}
    assert sitk.Hash(only.images["adc"]) == sitk.Hash(case.images["adc"])


@needs_template
def test_geometry(case):
    reference = case.images["t1c"]
    for mask in case.masks.values():
        assert mask.GetSize() == reference.GetSize() and mask.GetSpacing() == reference.GetSpacing()
        assert mask.GetOrigin() == reference.GetOrigin() and mask.GetDirection() == reference.GetDirection()
    voxels = np.argwhere(array(case.masks["tumour"]) > 0)
    centre = reference.TransformContinuousIndexToPhysicalPoint([float(x) for x in voxels.mean(axis=0)[::-1]])
    for role, image in case.images.items():
        assert image.GetDimension() == 3 and image.GetPixelID() == sitk.sitkInt16
        index = image.TransformPhysicalPointToContinuousIndex(centre)
        assert all(0 < i < n - 1 for i, n in zip(index, image.GetSize(), strict=True)), role
        if role != "t1c":
            assert image.GetSpacing()[2] >= 4.0
            assert np.linalg.det(np.array(image.GetDirection()).reshape(3, 3)) == pytest.approx(1, abs=1e-6)
    # Left is +x in LPS: side 1 is left.
    assert centre[0] > 15


@needs_template
def test_truth_agrees_with_masks(case):
    assert case.truth["simulated"] is True
    spacing = case.masks["tumour"].GetSpacing()
    for name, mask in case.masks.items():
        volume = array(mask).sum() * np.prod(spacing) / 1000
        assert case.truth["volumes_ml"][name] == pytest.approx(volume, abs=1e-3)
    tumour = array(case.masks["tumour"]) > 0
    for name in ("oedema", "dural_tail"):
        other = array(case.masks[name]) > 0
        assert other.any() and not (other & tumour).any()
    assert case.truth["ki67_high"] == (case.truth["ki67_percent"] >= 5)
    assert case.truth["pr_positive"] == (case.truth["pr_percent"] >= 10)
    points = np.argwhere(tumour)[::7] * np.array(spacing[::-1])
    diameter = max(np.linalg.norm(points - p, axis=1).max() for p in points[::11])
    assert 0.75 * 42 < diameter < 1.3 * 42


@needs_template
def test_the_tumour_is_one_piece_at_the_dura(case):
    tumour = sitk.GetArrayFromImage(case.masks["tumour"]) > 0
    labels = sitk.ConnectedComponent(case.masks["tumour"], True)
    sizes = np.bincount(sitk.GetArrayFromImage(labels).ravel())[1:]
    assert sizes.max() > 0.99 * sizes.sum()
    # Bone or fluid-dark skull lies beside a good part of its surface: on T1c the inner table is dark.
    image = array(case.images["t1c"])
    white = np.median(image[image > 350])
    grown = sitk.GetArrayFromImage(sitk.BinaryDilate(case.masks["tumour"], [2, 2, 2])) > 0
    shell = grown & ~tumour
    assert (image[shell] < 0.45 * white).mean() > 0.10


@needs_template
def test_contrasts(case):
    tumour = case.masks["tumour"]
    inside = sitk.GetArrayFromImage(sitk.BinaryErode(tumour, [2, 2, 2])) > 0
    image = array(case.images["t1c"])
    brain = np.median(image[(image > 300) & (image < 900)])
    assert image[inside].mean() > 1.4 * brain
    # Native T1: the tumour is close to grey matter; oedema is bright on FLAIR; ADC is in 10⁻⁶ mm²/s.

    def on(role: str, mask: sitk.Image) -> np.ndarray:
        moved = sitk.Resample(mask, case.images[role], sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        return array(case.images[role])[sitk.GetArrayFromImage(moved) > 0]

    flair = array(case.images["flair"])
    assert np.median(on("flair", case.masks["oedema"])) > 1.15 * np.median(flair[flair > 300])
    assert 600 < np.median(on("adc", sitk.BinaryErode(tumour, [2, 2, 2]))) < 1300
    adc = array(case.images["adc"])
    assert 650 < np.median(adc[adc > 0]) < 1100


@needs_template
@pytest.mark.parametrize(
    ("role", "low", "high", "measure"),
    [
        ("adc", {"adc": -1.5}, {"adc": 1.5}, np.mean),
        ("adc", {"adc_tail": -1.0}, {"adc_tail": 2.5}, lambda x: np.percentile(x, 95) - np.median(x)),
        ("t1c", {"texture": -1.5}, {"texture": 2.0}, lambda x: x.std() / x.mean()),
    ],
)
def test_properties_reach_the_image(role, low, high, measure):
    values = []
    for change in (low, high):
        biology = biology_at(diameter_mm=44.0, **change)
        one = simulate_meningioma(3, settings=replace(COARSE, sequences=(role,)), biology=biology)
        core = sitk.BinaryErode(one.masks["tumour"], [3, 3, 3])
        core = sitk.Resample(core, one.images[role], sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        values.append(measure(array(one.images[role])[sitk.GetArrayFromImage(core) > 0]))
    assert values[1] > 1.1 * values[0]


@needs_template
@pytest.mark.parametrize(
    "location", ["parasagittal", "falx", "skull_base", "medial_skull_base", "posterior_fossa"]
)
def test_every_location_gives_a_tumour(location):
    biology = biology_at(location=location, side=-1, diameter_mm=30.0)
    one = simulate_meningioma(8, settings=replace(COARSE, sequences=()), biology=biology)
    assert 2.0 < one.truth["volumes_ml"]["tumour"] < 25.0
    voxels = np.argwhere(array(one.masks["tumour"]) > 0).mean(axis=0)[::-1]
    centre = one.masks["tumour"].TransformContinuousIndexToPhysicalPoint([float(v) for v in voxels])
    assert centre[0] < 6
    assert one.clinical["location"] == location


@needs_template
def test_files(case, tmp_path):
    folder = write_case(case, tmp_path / "one")
    names = {p.name for p in folder.iterdir()}
    assert names == {
        *(f"{role}.nii.gz" for role in case.images),
        *(f"{role}.json" for role in case.images),
        "tumour_mask.nii.gz",
        "clinical.json",
        "truth.json",
        "truth",
        "README.txt",
    }
    assert json.loads((folder / "truth.json").read_text())["simulated"] is True
    assert "Simulated; not a patient" in (folder / "README.txt").read_text()
    assert "Louis Collins" in (folder / "README.txt").read_text()
    read = {s.role: s.protocol for s in read_case(folder).sequences}
    for sequence in case.as_case().sequences:
        assert read[sequence.role].keys() == sequence.protocol.keys()
        for keyword, value in sequence.protocol.items():
            assert float(read[sequence.role][keyword]) == pytest.approx(float(value), rel=1e-5)
    back = sitk.ReadImage(str(folder / "t1c.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(case.images["t1c"]))
    assert np.allclose(back.GetOrigin(), case.images["t1c"].GetOrigin(), atol=1e-4)
    with pytest.raises(FileExistsError):
        write_case(case, folder)
    seen = case.as_case()
    assert seen.has("t1c") and not any("ki67" in key for key in seen.clinical)


@needs_template
def test_cancelling_leaves_nothing(tmp_path):
    token = CancelToken()

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.3:
            token.cancel()

    with pytest.raises(Cancelled):
        simulate_meningioma(2, tmp_path / "case", settings=COARSE, progress=token.watch(stop))
    assert list(tmp_path.iterdir()) == []


@needs_template
def test_cohort(tmp_path):
    settings = replace(COARSE, sequences=("adc",))
    cases = list(simulate_cohort(2, 7, settings=settings, processes=1))
    assert [c.seed for c in cases] == [case_seed(7, 0), case_seed(7, 1)]
    alone = simulate_meningioma(case_seed(7, 1), settings=settings)
    assert sitk.Hash(alone.images["adc"]) == sitk.Hash(cases[1].images["adc"])
    folders = write_cohort(tmp_path, 2, 7, settings=settings, processes=1)
    before = (folders[0] / "adc.nii.gz").stat().st_mtime_ns
    assert write_cohort(tmp_path, 2, 7, settings=settings, processes=1) == folders
    assert (folders[0] / "adc.nii.gz").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "cohort.json").read_text())["simulated"] is True


def test_without_the_template(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TemplateMissingError, match=r"virtualbiopsy\[simulate\]"):
        template.read_template()
    with pytest.raises(TemplateMissingError):
        next(simulate_cohort(1, 0))


def test_damaged_template(tmp_path):
    for name in ("t1", "gm", "wm"):
        (tmp_path / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz").write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match="template file"):
        template.read_template(tmp_path)


@needs_template
def test_scanner_b_differs_in_protocol_and_picture_not_in_the_patient(case):
    settings = replace(COARSE, scanner="B")
    other = simulate_meningioma(SEED, settings=settings, biology=case.biology)
    assert other.name == case.name + "-B" and other.truth["scanner"] == "B"
    assert sitk.Hash(other.masks["tumour"]) == sitk.Hash(case.masks["tumour"])
    assert other.clinical == case.clinical
    headers = {s.role: s.protocol for s in other.as_case().sequences}
    own = {s.role: s.protocol for s in case.as_case().sequences}
    assert float(headers["t2"]["EchoTime"]) > 110 > float(own["t2"]["EchoTime"])
    assert headers["adc"]["DiffusionBValue"] == "800" and own["adc"]["DiffusionBValue"] == "1000"
    assert float(headers["t1c"]["FlipAngle"]) > 9.5 and headers["t1c"]["SliceThickness"] == "2"
    assert other.images["t2"].GetSpacing()[2] > 6.5 > case.images["t2"].GetSpacing()[2]
    # Another scale of intensity, in every weighted image; the unit of the ADC stays.
    for role in ("t1", "t1c", "t2", "flair"):
        assert np.percentile(array(other.images[role]), 99) < 0.7 * np.percentile(
            array(case.images[role]), 99
        )
    head = array(case.images["adc"]) > 0
    assert np.median(array(case.images["adc"])[head]) == pytest.approx(
        np.median(array(other.images["adc"])[array(other.images["adc"]) > 0]), rel=0.15
    )


@needs_template
def test_unknown_scanner():
    with pytest.raises(ValueError, match="no simulated scanner 'C'"):
        simulate_meningioma(SEED, settings=replace(COARSE, scanner="C", sequences=("adc",)))


def test_kernel_smooths_signal_and_noise():
    noise = np.random.default_rng(0).standard_normal((4, 64, 64)).astype(np.float32)
    protocol = Protocol("spin_echo", {}, 1.0, 5.0, 0.0, 30.0, kernel_mm=np.sqrt(8 * np.log(2)) * 1.5)
    smooth = smoothed(noise, protocol)
    # White noise through a Gaussian of sigma s pixels: variance falls by 4 pi s² in the plane, none across.
    assert noise.var() / smooth.var() == pytest.approx(4 * np.pi * 1.5**2, rel=0.15)
    assert abs(np.corrcoef(smooth[0].ravel(), smooth[1].ravel())[0, 1]) < 0.2
    assert smoothed(noise, replace(protocol, kernel_mm=0.0)) is noise

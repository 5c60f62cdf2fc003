"""The real study UCSF-BR-06 (Breast-MRI-NACT-Pilot, TCIA): mixed phases, vendor maps, a VOI.

Needs VIRTUALBIOPSY_DATA.
"""

import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.phase_times import (
    INJECTION_ASSUMED,
    early_phase,
    effective_times,
    late_phase,
    phase_rows,
)
from virtualbiopsy.case.read import read_case
from virtualbiopsy.errors import Cancelled


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data_dir):
    archive = data_dir / "volumes" / "breast_dce_dicom" / "UCSF-BR-06.zip"
    target = tmp_path_factory.mktemp("ucsf")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)
    return target / "UCSF-BR-06"


@pytest.fixture(scope="module")
def study(folder):
    return read_case(folder)


def test_phases_and_their_times(study):
    rows = phase_rows(study.dynamic)
    assert [row.start_s for row in rows] == [0.0, 407.0, 761.0]
    assert {row.time_source for row in rows} == {"ContentTime (0008,0033)"}
    assert [row.precontrast for row in rows] == [True, False, False]
    assert "Phase 1 is pre-contrast" in study.dynamic.precontrast_reason
    assert study.dynamic.duration_s == 354.0 and "post-contrast" in study.dynamic.duration_source
    assert (study.dynamic.injection_s, study.dynamic.injection_source) == (407.0, INJECTION_ASSUMED)
    assert (early_phase(study.dynamic, 120.0), late_phase(study.dynamic, 360.0)) == (1, 2)


def test_effective_times_are_those_of_the_vendor(folder, study):
    """The PE1 objects state them in the private element (0117,1034)."""
    vendor = pydicom.dcmread(next((folder / "image_dce_pe1").iterdir()), stop_before_pixels=True)
    assert effective_times(study.dynamic) == tuple(float(v) for v in vendor[0x0117, 0x1034].value)
    assert study.dynamic.duration_s == float(vendor[0x0117, 0x1031].value)


def test_phases_hold_the_slices_of_their_time(folder, study):
    for row, phase in zip(("102551", "103238", "103832"), study.dynamic.phases, strict=True):
        files = [pydicom.dcmread(p) for p in (folder / "image_dce_3dfgre_orig").iterdir()]
        planes = sorted(
            (d for d in files if d.ContentTime == row), key=lambda d: -float(d.ImagePositionPatient[0])
        )
        array = sitk.GetArrayFromImage(phase.image)
        np.testing.assert_array_equal(array[[0, 30, 59]], [planes[k].pixel_array for k in (0, 30, 59)])
        assert phase.image.GetOrigin() == pytest.approx(
            tuple(map(float, planes[0].ImagePositionPatient)), abs=1e-4
        )
        assert phase.image.GetSpacing() == pytest.approx((0.703125, 0.703125, 2.0), abs=1e-5)


def test_roles_of_the_early_phase_and_the_vendor_maps(folder, study):
    assert sorted(s.role for s in study.sequences) == ["dce", "pe", "ser"]
    early = study.sequence("dce")
    assert early.image is study.dynamic.phases[1].image and "Phase 2 of 3" in early.reason
    ratio = sitk.GetArrayFromImage(study.sequence("ser").image)
    stored = max(
        int(pydicom.dcmread(p).pixel_array.max()) for p in sorted((folder / "image_dce_ser").iterdir())[20:40]
    )
    assert ratio.max() >= stored * 0.001 - 1e-6 and ratio.max() < 10, "the rescale slope is applied"
    assert study.sequence("pe").unit == "%"
    assert (
        "100*(Signal(post)-Signal(pre))/Signal(pre)" in study.sequence("pe").protocol["DerivationDescription"]
    )


def test_field_strength_in_gauss_is_told_once(study):
    assert {s.protocol["MagneticFieldStrength"] for s in study.sequences} == {"1.5"}
    assert study.dynamic.protocol["MagneticFieldStrength"] == "1.5"
    told = [w for w in study.warnings if "field strength" in w]
    assert len(told) == 1 and "15000" in told[0] and "1.5 T" in told[0]


def test_the_segmentation_is_the_breast(folder, study):
    assert set(study.regions) == {"breast"}
    mask = study.regions["breast"]
    assert mask.GetSize() == study.sequence("dce").image.GetSize()
    stored = pydicom.dcmread(next((folder / "mask").iterdir()))
    assert int(sitk.GetArrayViewFromImage(mask).sum()) == int((stored.pixel_array >= 127.5).sum())
    first = next(n for n, plane in enumerate(stored.pixel_array) if plane.any())
    group = stored.PerFrameFunctionalGroupsSequence[first]
    point = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
    k = mask.TransformPhysicalPointToIndex(point)[2]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mask)[k], stored.pixel_array[first] >= 127.5)
    assert any("fractional" in w and "half" in w for w in study.warnings)


def test_nothing_of_the_patient_is_kept(study):
    texts = [str(study.dynamic.protocol), *map(str, study.warnings)]
    texts += [str(s.protocol) + s.name + s.reason for s in study.sequences]
    for secret in ("UCSF_PILOT", "19910808", "102551", "071Y", "L BREAST"):
        assert not any(secret in text for text in texts)


def test_cancelling_leaves_nothing(folder):
    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled()

    with pytest.raises(Cancelled):
        read_case(folder, progress=stop)


def test_a_second_study_of_the_same_collection(data_dir, tmp_path):
    """UCSF-BR-08 states the duration of a phase in GE's element, shorter than the distance of the phases."""
    archive = data_dir / "volumes" / "breast_dce_dicom" / "UCSF-BR-08.zip"
    if not archive.is_file():
        pytest.skip("UCSF-BR-08.zip is not among the test data.")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    case = read_case(tmp_path)
    maps = next(folder for folder in tmp_path.rglob("*") if folder.is_dir() and "pe1" in folder.name.lower())
    vendor = pydicom.dcmread(next(maps.rglob("*.dcm")), stop_before_pixels=True)
    assert effective_times(case.dynamic) == pytest.approx(
        tuple(float(v) for v in vendor[0x0117, 0x1034].value), abs=1e-3
    )
    assert case.dynamic.duration_s == pytest.approx(float(vendor[0x0117, 0x1031].value), abs=1e-3)
    assert sorted(s.role for s in case.sequences) == ["dce", "pe", "ser"] and set(case.regions) == {"breast"}
    assert case.regions["breast"].GetSize() == case.sequence("dce").image.GetSize()
    assert "DiffusionBValue" not in case.dynamic.protocol

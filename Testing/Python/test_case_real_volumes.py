"""Every real volume of the private test data is read, recognised where it can be, and prepared."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.__main__ import main
from virtualbiopsy.case.model import Case
from virtualbiopsy.case.read import read_case
from virtualbiopsy.errors import UnitError, UnreadableFileError
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case, prepare_mask
from virtualbiopsy.prepare.units import check_adc
from virtualbiopsy.regions.facts import region_facts


@pytest.fixture(scope="module")
def volumes(data_dir):
    return data_dir / "volumes"


@pytest.fixture(scope="module")
def native(volumes) -> Case:
    return read_case(volumes / "tcga_lgg" / "TCGA-DU-7294" / "native")


EXPECTED = {
    "brats18_glioma/Brats18_2013_2_1": ({"t1", "t1c", "t2", "flair"}, {"tumour"}),
    "brats2013_glioma/brats_2013_pat0001_1": ({"t1c", "flair"}, {"tumour", "brain"}),
    "brats2013_glioma/brats_2013_pat0005_1": ({"t1c", "flair"}, {"tumour", "brain"}),
    "brats_met": ({"t1", "t1c", "t2", "flair"}, set()),
    "tcga_lgg/TCGA-DU-7294": ({"t1", "t1c", "t2", "flair"}, {"tumour"}),
    "tcga_lgg/TCGA-DU-7294/native": ({"t1", "t1c", "t2", "flair"}, set()),
    "pyradiomics/brain1_image.nrrd": (set(), set()),
    "pyradiomics/brain1_label.nrrd": (set(), {"tumour"}),
    "pyradiomics/breast1_image.nrrd": (set(), set()),
    "slicer_meningioma_roi/TG_scan1_Segment.nhdr": (set(), {"tumour"}),
    "slicer_meningioma_roi/TG_scan1_SuperSampled.nhdr": (set(), set()),
    "sts_mr_t1/STS_004": ({"t1"}, {"tumour"}),
    "sts_mr_t1/STS_050": ({"t1"}, {"tumour"}),
    "adc_dicom/QIN-PROSTATE-001_ADC_SEG.zip": (
        {"adc"},
        {"normal", "peripheral zone of the prostate", "tumour", "prostate"},
    ),
    "breast_dce_dicom/UCSF-BR-06.zip": ({"dce", "pe", "ser"}, {"breast"}),
    "dicom_vendors/ge_anatomical_001.zip": ({"t1"}, set()),
    "dicom_vendors/ge_dti_002.zip": (set(), set()),
    "dicom_vendors/generic_compressed_jpegls_001.zip": ({"flair"}, set()),
    "dicom_vendors/hitachi_anatomical_001.zip": (set(), set()),
    "dicom_vendors/hyperfine_anatomical_001.zip": ({"flair"}, set()),
    "dicom_vendors/philips_anatomical_001.zip": ({"flair"}, set()),
    "dicom_vendors/philips_enhanced_anatomical_001.zip": ({"t1"}, set()),
    "dicom_vendors/siemens_anatomical_001.zip": ({"flair"}, set()),
    "rtstruct_dicom/STS_008_MR_T1.zip": ({"t1"}, set()),
}


@pytest.mark.parametrize("path", EXPECTED)
def test_roles_and_regions(volumes, path):
    roles, regions = EXPECTED[path]
    case = read_case(volumes / path)
    assert {s.role for s in case.sequences} - {"other"} == roles
    assert set(case.regions) == regions
    assert all(s.reason for s in case.sequences)


def test_every_volume_is_read(volumes, capsys):
    skipped = ("slices.zip", "slices.csv")
    paths = [p for p in sorted(volumes.rglob("*")) if p.is_file() and p.name not in skipped]
    images = [p for p in paths if p.name.endswith((".nii.gz", ".nrrd", ".nhdr", ".zip"))]
    assert len(images) > 60
    assert main([str(p) for p in images if "sts_mr_t1" not in str(p)][:60]) == 0
    printed = capsys.readouterr().out
    assert "role" in printed and "reason" in printed and "Error" not in printed


def test_pictures_are_refused(volumes):
    with pytest.raises(UnreadableFileError):
        read_case(volumes / "breast_2d_dce" / "slices.zip")


@pytest.mark.parametrize(
    "archive", ["philips_enhanced_anatomical_001", "hitachi_anatomical_001", "generic_compressed_jpegls_001"]
)
def test_geometry_and_values_equal_the_tags(volumes, archive, tmp_path):
    import zipfile

    path = volumes / "dicom_vendors" / f"{archive}.zip"
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path)
    image = read_case(path).sequences[0].image
    for file in (p for p in tmp_path.rglob("*") if p.is_file()):
        data = pydicom.dcmread(file)
        groups = data.get("PerFrameFunctionalGroupsSequence") or [None]
        for frame, group in enumerate(groups):
            at = (
                data.ImagePositionPatient
                if group is None
                else group.PlanePositionSequence[0].ImagePositionPatient
            )
            index = image.TransformPhysicalPointToContinuousIndex([float(v) for v in at])
            np.testing.assert_allclose(index[:2], (0, 0), atol=0.02)
            k = round(index[2])
            assert abs(index[2] - k) < 0.02
            if data.file_meta.TransferSyntaxUID.is_compressed:
                continue
            stored = np.frombuffer(data.PixelData, "<u2" if data.PixelRepresentation == 0 else "<i2")
            stored = stored.reshape(-1, data.Rows, data.Columns)[frame].astype(float)
            item = None if group is None else group.get("PixelValueTransformationSequence")
            holder = item[0] if item else data
            real = stored * float(holder.get("RescaleSlope", 1)) + float(holder.get("RescaleIntercept", 0))
            np.testing.assert_allclose(sitk.GetArrayFromImage(image)[k], real, rtol=1e-5, atol=1e-4)


def test_native_volumes_of_different_grids_come_together(native, volumes):
    prepared = prepare_case(native, Preparation())
    assert set(prepared.images) == {"t1", "t1c", "t2", "flair"}
    assert len({image.GetSize() for image in prepared.images.values()}) == 1
    # All three were acquired before the contrast T1, so the head moved by the same rotation of about 1.8°.
    for role in ("t1", "t2", "flair"):
        step = next(s for s in prepared.steps if s.startswith(f"{role}: rigid"))
        assert "kept" not in step
        matrix = np.reshape(sitk.Euler3DTransform(prepared.transforms[role]).GetMatrix(), (3, 3))
        angle = np.degrees(np.arccos((np.trace(matrix) - 1) / 2))
        assert angle == pytest.approx(1.8, abs=0.3)
    arrays = {role: sitk.GetArrayFromImage(image) for role, image in prepared.images.items()}
    inside = arrays["t1"] > arrays["t1"].min() + 0.5
    assert np.corrcoef(arrays["t1"][inside], arrays["t1c"][inside])[0, 1] > 0.8
    unregistered = prepare_case(native, Preparation(register=False))
    before = sitk.GetArrayFromImage(unregistered.images["t1"])
    assert (
        np.corrcoef(arrays["t1"][inside], arrays["t1c"][inside])[0, 1]
        > np.corrcoef(before[inside], arrays["t1c"][inside])[0, 1]
    )


def test_a_real_outline_keeps_its_volume(volumes):
    case = read_case(volumes / "brats18_glioma" / "Brats18_2013_2_1")
    prepared = prepare_case(case, Preparation(spacing=(1.5, 1.5, 1.5), interpolator="linear"))
    mask = case.regions["tumour"]
    facts, after = region_facts(mask), region_facts(prepare_mask(mask, prepared))
    assert after.volume_ml == pytest.approx(facts.volume_ml, rel=0.02)
    assert after.diameter_mm == pytest.approx(facts.diameter_mm, abs=3.0)


def test_an_image_that_is_called_adc_but_is_none_is_refused(volumes):
    """The series is described as ADC, but its values are those of a coil-weighted image."""
    image = read_case(volumes / "adc_dicom" / "QIN-PROSTATE-001_ADC_SEG.zip").sequence("adc").image
    with pytest.raises(UnitError):
        check_adc(image)

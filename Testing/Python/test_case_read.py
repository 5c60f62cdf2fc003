"""Reading cases: NIfTI, NRRD, DICOM, zip, masks, clinical values, and what can be wrong with them."""

import gzip
import json
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writer import write_enhanced, write_series
from virtualbiopsy.case import archive
from virtualbiopsy.case.dicom import read_dicom
from virtualbiopsy.case.files import read_labels
from virtualbiopsy.case.read import read_case, read_image, read_mask
from virtualbiopsy.errors import (
    Cancelled,
    DimensionError,
    EmptyRegionError,
    GeometryError,
    NonFiniteError,
    OversizedFileError,
    UnreadableFileError,
)

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5).GetMatrix()
SAGITTAL = (0, 0, 1, 1, 0, 0, 0, 1, 0)


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 2000, (9, 12, 14)).astype(np.uint16)


def nifti(path, array, spacing=(1.0, 1.0, 2.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.asarray(array))
    image.SetSpacing(spacing[: image.GetDimension()])
    sitk.WriteImage(image, str(path))
    return image


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_image_files_keep_values_and_geometry(tmp_path, values, suffix):
    image = sitk.GetImageFromArray(values.astype(np.int16))
    image.SetSpacing((0.7, 0.9, 3.3))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(OBLIQUE)
    sitk.WriteImage(image, str(tmp_path / f"t1c{suffix}"))
    case = read_case(tmp_path)
    (sequence,) = case.sequences
    assert (sequence.role, sequence.name, case.name) == ("t1c", "t1c", tmp_path.name)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sequence.image), values)
    np.testing.assert_allclose(sequence.image.GetSpacing(), image.GetSpacing(), rtol=1e-5)
    np.testing.assert_allclose(sequence.image.GetOrigin(), image.GetOrigin(), rtol=1e-4)
    np.testing.assert_allclose(sequence.image.GetDirection(), image.GetDirection(), atol=1e-5)


def test_a_case_folder_whole(tmp_path, values):
    for name in ("t1", "t1c", "sub/t2", "sub/flair", "adc"):
        nifti(tmp_path / f"{name}.nii.gz", values.astype(np.int16))
    labels = np.zeros(values.shape, np.uint8)
    labels[3:5, 4:7, 5:8] = 1
    labels[5, 5, 5] = 4
    nifti(tmp_path / "tumour_mask.nii.gz", labels)
    nifti(tmp_path / "oedema_mask.nrrd", labels)
    nifti(tmp_path / "truth" / "secret_mask.nii.gz", labels)
    nifti(tmp_path / ".hidden" / "dwi.nii.gz", values.astype(np.int16))
    (tmp_path / "clinical.json").write_text(json.dumps({"age": 61, "sex": "f", "who_grade": None, "x": 1}))
    (tmp_path / "truth.json").write_text("{}")
    (tmp_path / "README.txt").write_text("text")
    sidecar = {"RepetitionTime": 0.5, "EchoTime": 0.01, "MagneticFieldStrength": 3, "PatientName": "Secret"}
    (tmp_path / "t1.json").write_text(json.dumps(sidecar))
    case = read_case(tmp_path)
    assert {s.role: s.name for s in case.sequences} == {
        "t1": "t1", "t1c": "t1c", "t2": "t2", "flair": "flair", "adc": "adc",
    }  # fmt: skip
    assert set(case.regions) == {"tumour", "oedema"}
    tumour = sitk.GetArrayFromImage(case.regions["tumour"])
    np.testing.assert_array_equal(tumour, labels > 0)
    assert case.regions["tumour"].GetPixelID() == sitk.sitkUInt8
    assert dict(case.clinical) == {"age": 61.0, "sex": "female"}
    assert any("labels 1, 4" in w for w in case.warnings) and any("'x'" in w for w in case.warnings)
    protocol = case.sequence("t1").protocol
    assert protocol == {"RepetitionTime": "500", "EchoTime": "10", "MagneticFieldStrength": "3"}


def test_clinical_toml_and_broken_clinical_files(tmp_path, values):
    nifti(tmp_path / "a" / "t1.nii", values.astype(np.int16))
    (tmp_path / "a" / "clinical.toml").write_text('age = 50\nlocation = "falx"\nsex = "unknown"\n')
    case = read_case(tmp_path / "a")
    assert dict(case.clinical) == {"age": 50.0, "location": "falx"}
    assert any("Sex cannot be 'unknown'" in w for w in case.warnings)
    nifti(tmp_path / "b" / "t1.nii", values.astype(np.int16))
    (tmp_path / "b" / "clinical.json").write_text("{broken")
    assert any("cannot be read" in w for w in read_case(tmp_path / "b").warnings)


def test_single_files_and_several_files(tmp_path, values):
    nifti(tmp_path / "brain_t2.nii.gz", values.astype(np.int16))
    nifti(tmp_path / "gd_t1.nrrd", values.astype(np.int16))
    nifti(tmp_path / "lesion.nrrd", (values > 1000).astype(np.uint8))
    case = read_case(tmp_path / "brain_t2.nii.gz")
    assert case.name == "brain_t2" and case.sequences[0].role == "t2"
    case = read_case([tmp_path / "brain_t2.nii.gz", tmp_path / "gd_t1.nrrd", tmp_path / "lesion.nrrd"])
    assert [s.role for s in case.sequences] == ["t2", "t1c"] and set(case.regions) == {"tumour"}
    only_mask = read_case(tmp_path / "lesion.nrrd")
    assert only_mask.sequences == () and set(only_mask.regions) == {"tumour"}


def test_masks(tmp_path, values):
    labels = np.zeros(values.shape, np.float32)
    labels[2:4, 3:5, 3:6] = 2
    labels[5, 5, 5] = 7
    nifti(tmp_path / "seg.nii.gz", labels)
    mask, found = read_labels(tmp_path / "seg.nii.gz")
    assert found == (2, 7) and mask.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_mask(tmp_path / "seg.nii.gz")), labels > 0)
    nifti(tmp_path / "empty_mask.nii.gz", labels * 0)
    with pytest.raises(EmptyRegionError):
        read_mask(tmp_path / "empty_mask.nii.gz")
    nifti(tmp_path / "image.nii.gz", values.astype(np.int16))
    with pytest.raises(UnreadableFileError, match="not a mask"):
        read_mask(tmp_path / "image.nii.gz")


def test_a_mask_on_another_grid_is_reported(tmp_path, values):
    nifti(tmp_path / "t1.nii.gz", values.astype(np.int16))
    nifti(tmp_path / "seg.nii.gz", (values[:, :, ::2] > 1500).astype(np.uint8))
    assert any("none of the sequences" in w for w in read_case(tmp_path).warnings)


def test_an_image_of_few_values_with_a_clear_name_stays_an_image(tmp_path, values):
    nifti(tmp_path / "t1c.nii.gz", (values > 1000).astype(np.int16) * 100)
    assert read_case(tmp_path).sequence("t1c").name == "t1c"


# --- bad files ---------------------------------------------------------------------------------------------


def test_four_and_two_dimensional_images(tmp_path, values):
    sitk.WriteImage(sitk.JoinSeries([nifti(tmp_path / "x.nii", values)] * 5), str(tmp_path / "dce.nii.gz"))
    with pytest.raises(DimensionError, match="5 volumes"):
        read_image(tmp_path / "dce.nii.gz")
    sitk.WriteImage(sitk.GetImageFromArray(values[0]), str(tmp_path / "flat.nrrd"))
    with pytest.raises(DimensionError, match="two-dimensional"):
        read_image(tmp_path / "flat.nrrd")
    sitk.WriteImage(sitk.JoinSeries([sitk.ReadImage(str(tmp_path / "x.nii"))]), str(tmp_path / "one.nii.gz"))
    image = read_image(tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), values)


@pytest.mark.parametrize("components, dtype, word", [(3, np.uint8, "colour"), (6, np.float32, "6 volumes")])
def test_vector_images(tmp_path, components, dtype, word):
    array = np.zeros((4, 5, 6, components), dtype)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "v.nrrd"))
    with pytest.raises(DimensionError, match=word):
        read_image(tmp_path / "v.nrrd")


def test_missing_empty_foreign_and_truncated_files(tmp_path, values):
    with pytest.raises(UnreadableFileError, match="no file"):
        read_image(tmp_path / "nothing.nii.gz")
    with pytest.raises(UnreadableFileError):
        read_case(tmp_path / "nothing")
    with pytest.raises(UnreadableFileError):
        read_case([])
    with pytest.raises(UnreadableFileError, match="folder"):
        read_image(tmp_path)
    (tmp_path / "empty.nii").write_bytes(b"")
    (tmp_path / "text.nii.gz").write_bytes(b"this is not an image" * 30)
    (tmp_path / "model.nrrd").write_bytes(b"\x80\x04\x95pickle" * 30)
    for name in ("empty.nii", "text.nii.gz", "model.nrrd"):
        with pytest.raises(UnreadableFileError):
            read_image(tmp_path / name)
    with pytest.raises(UnreadableFileError):
        read_case(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UnreadableFileError):
        read_case(tmp_path / "notes.txt")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_truncated_files(tmp_path, values, suffix):
    big = np.random.default_rng(1).integers(0, 2000, (30, 40, 50)).astype(np.int16)
    nifti(tmp_path / f"t1{suffix}", big)
    whole = (tmp_path / f"t1{suffix}").read_bytes()
    (tmp_path / f"t1{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFileError, match="truncated"):
        read_image(tmp_path / f"t1{suffix}")


def test_a_bad_file_beside_good_ones_is_left_out_with_a_warning(tmp_path, values):
    nifti(tmp_path / "t1.nii.gz", values.astype(np.int16))
    (tmp_path / "t2.nii.gz").write_bytes(gzip.compress(b"x" * 100))
    case = read_case(tmp_path)
    assert [s.role for s in case.sequences] == ["t1"]
    assert any("t2.nii.gz" in w and "left out" in w for w in case.warnings)


def test_size_is_checked_before_anything_is_allocated(tmp_path, values):
    nifti(tmp_path / "t1.nii.gz", values.astype(np.int16))
    with pytest.raises(OversizedFileError):
        read_image(tmp_path / "t1.nii.gz", max_bytes=1000)
    with pytest.raises(OversizedFileError):
        read_case(tmp_path, max_bytes=1000)
    header = (
        "NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: 90000 90000 9000\n"
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\n"
        "encoding: gzip\nspace origin: (0,0,0)\n\n"
    )
    (tmp_path / "huge.nrrd").write_bytes(header.encode() + gzip.compress(b"\0" * 1000))
    with pytest.raises(OversizedFileError, match="GB"):
        read_image(tmp_path / "huge.nrrd")


def test_not_a_number(tmp_path, values):
    array = values.astype(np.float32)
    array[0, 0, 0] = np.nan
    nifti(tmp_path / "t1.nii.gz", array)
    assert read_case(tmp_path).has("t1")  # what lies outside the head is dealt with in the preparation
    image = read_image(tmp_path / "t1.nii.gz")
    # The NIfTI library of ITK sets such voxels to zero; here they stay visible.
    np.testing.assert_array_equal(np.isnan(sitk.GetArrayFromImage(image)), np.isnan(array))
    for suffix in (".nii", ".nii.gz", ".nrrd", ".mha"):
        nifti(tmp_path / f"t2{suffix}", array * np.nan)
        with pytest.raises(NonFiniteError):
            read_image(tmp_path / f"t2{suffix}")


# --- DICOM -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE, SAGITTAL])
@pytest.mark.parametrize("slope", [None, 0.25])
def test_dicom_geometry_order_and_values(tmp_path, values, direction, slope):
    order = np.random.default_rng(4).permutation(len(values))
    write_series(
        tmp_path, values, spacing=(0.7, 0.9, 3.3), origin=(10.0, -20.0, 30.0), direction=direction,
        order=order, slope=slope, intercept=-100.0,
        ScanningSequence="SE", RepetitionTime="500", EchoTime="10", MagneticFieldStrength="15000",
    )  # fmt: skip
    (sequence,) = read_case(tmp_path).sequences
    image = sequence.image
    expected = values if slope is None else values * slope - 100.0
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), expected, rtol=1e-6)
    np.testing.assert_allclose(image.GetSpacing(), (0.7, 0.9, 3.3), rtol=1e-5)
    np.testing.assert_allclose(image.GetOrigin(), (10, -20, 30), atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), direction, atol=1e-6)
    assert sequence.role == "t1c" and sequence.frame_of_reference == "1.2.3.4"
    assert (
        sequence.protocol["RepetitionTime"] == "500" and sequence.protocol["MagneticFieldStrength"] == "1.5"
    )


def test_stored_against_the_normal_is_the_same_volume(tmp_path, values):
    """A series whose files run from high to low is sorted; GDCM's own reader gives the same image."""
    write_series(tmp_path, values, order=range(len(values))[::-1], direction=OBLIQUE)
    ours = read_case(tmp_path).sequences[0].image
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    theirs = sitk.ReadImage(names)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-5)


def test_several_series_in_one_folder_with_mixed_names(tmp_path, values):
    write_series(tmp_path, values, description="AX T1 MPRAGE GD", prefix="x", SeriesNumber=5)
    write_series(tmp_path, values[:, ::2], description="AX T2 TSE", prefix="y", SeriesNumber=3)
    write_series(
        tmp_path, values, description="ADC", prefix="z", SeriesNumber=7, ImageType=["DERIVED", "ADC"]
    )
    write_series(tmp_path, values[:1], description="LOCALIZER", prefix="w")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    case = read_case(tmp_path)
    assert [(s.role, s.name) for s in case.sequences] == [
        ("t2", "AX T2 TSE"), ("t1c", "AX T1 MPRAGE GD"), ("adc", "ADC"),
    ]  # fmt: skip
    assert any("single slice" in w for w in case.warnings)


def test_nothing_about_the_patient_is_kept(tmp_path, values):
    write_series(tmp_path / "study", values)
    case = read_case(tmp_path / "study")
    kept = repr(
        [(s.name, s.role, s.reason, s.unit, s.frame_of_reference, dict(s.protocol)) for s in case.sequences]
    )
    for secret in ("SECRET", "Secret", "Somebody", "1950", "2020"):
        assert secret not in kept and secret not in repr(case.warnings)


def test_two_orientations_under_one_series_uid_are_two_volumes(tmp_path, values):
    uid = write_series(tmp_path, values, prefix="a")
    write_series(tmp_path, values, direction=SAGITTAL, series=uid, prefix="b")
    assert len(read_case(tmp_path).sequences) == 2


def test_repeated_positions_become_volumes(tmp_path, values):
    uid = None
    for echo in range(3):
        uid = write_series(
            tmp_path, values + 100 * echo, description="T2 map", prefix=f"p{echo}", series=uid,
            first_instance=1 + 20 * echo, EchoTime=15 * (echo + 1), RepetitionTime=2000,
        )  # fmt: skip
    case = read_case(tmp_path)
    assert [s.name for s in case.sequences] == ["T2 map (1 of 3)", "T2 map (2 of 3)", "T2 map (3 of 3)"]
    assert [s.role for s in case.sequences] == ["t2", "other", "other"] and case.dynamic is None
    for echo, sequence in enumerate(case.sequences):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sequence.image), values + 100 * echo)


def test_missing_slices(tmp_path, values):
    write_series(tmp_path / "only", values, leave_out=(4, 5))
    with pytest.raises(UnreadableFileError, match="lacks 2 of 9 slices, first after slice 4"):
        read_case(tmp_path / "only")
    write_series(tmp_path / "both", values, leave_out=(4,), prefix="a")
    write_series(tmp_path / "both", values, description="T2", prefix="b")
    case = read_case(tmp_path / "both")
    assert [s.role for s in case.sequences] == ["t2"] and any("lacks 1 of 9" in w for w in case.warnings)


def test_incomplete_phase_uneven_slices_and_tilted_gantry(tmp_path, values):
    uid = write_series(tmp_path / "phase", values, prefix="a")
    write_series(tmp_path / "phase", values, prefix="b", series=uid, leave_out=(8,))
    with pytest.raises(UnreadableFileError, match="incomplete"):
        read_case(tmp_path / "phase")

    def moved(name, offsets, lateral=0.0):
        uid = None
        for k, z in enumerate(offsets):
            uid = write_series(
                tmp_path / name, values[k : k + 1], origin=(lateral * k, 0.0, z), series=uid, prefix=f"{k}"
            )
        return tmp_path / name

    with pytest.raises(GeometryError, match="uneven"):
        read_case(moved("uneven", [0.0, 2.0, 4.0, 5.2, 7.9, 9.5]))
    with pytest.raises(GeometryError, match="tilted"):
        read_case(moved("tilted", [0.0, 2.0, 4.0, 6.0, 8.0], lateral=0.8))
    case = read_case(moved("slightly", [0.0, 2.0, 4.1, 6.0, 8.0]))
    assert any("slightly uneven" in w for w in case.warnings)
    assert case.sequences[0].image.GetSpacing()[2] == pytest.approx(2.0)


def test_truncated_and_damaged_dicom(tmp_path, values):
    write_series(tmp_path / "cut", values)
    victim = sorted((tmp_path / "cut").iterdir())[3]
    victim.write_bytes(victim.read_bytes()[:-200])
    with pytest.raises(UnreadableFileError, match="decoded"):
        read_case(tmp_path / "cut")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "a.dcm").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(UnreadableFileError):
        read_case(tmp_path / "noise")


def test_oversized_dicom(tmp_path, values):
    write_series(tmp_path, values)
    with pytest.raises(OversizedFileError):
        read_case(tmp_path, max_bytes=1000)


def test_enhanced_multi_frame_in_any_frame_order(tmp_path, values):
    frames = [(k, None) for k in range(len(values))]
    order = np.random.default_rng(2).permutation(len(values))
    write_enhanced(
        tmp_path / "e.dcm", values[order], [frames[k] for k in order], spacing=(0.7, 0.9, 3.3),
        direction=OBLIQUE, origin=(1.0, 2.0, 3.0), description="AX FLAIR",
    )  # fmt: skip
    (sequence,) = read_case(tmp_path).sequences
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sequence.image), values)
    np.testing.assert_allclose(sequence.image.GetSpacing(), (0.7, 0.9, 3.3), rtol=1e-5)
    np.testing.assert_allclose(sequence.image.GetDirection(), OBLIQUE, atol=1e-5)
    np.testing.assert_allclose(sequence.image.GetOrigin(), (1, 2, 3), atol=1e-4)
    assert sequence.role == "flair"


def test_enhanced_multi_frame_with_two_b_values(tmp_path, values):
    both = np.concatenate([values + 500, values])
    frames = [(k, 1000) for k in range(len(values))] + [(k, 0) for k in range(len(values))]
    write_enhanced(
        tmp_path / "e.dcm", both, frames, spacing=(1.0, 1.0, 3.0), direction=OBLIQUE, origin=(0, 0, 0),
        description="DWI",
    )  # fmt: skip
    case = read_case(tmp_path)
    assert case.diffusion.b_values == (0.0, 1000.0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.diffusion.images[0]), values)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.diffusion.images[1]), values + 500)
    (highest,) = case.sequences
    assert (highest.role, highest.protocol["DiffusionBValue"]) == ("dwi", "1000")
    assert highest.image is case.diffusion.images[1]


def test_reading_can_be_cancelled(tmp_path, values):
    write_series(tmp_path, values)
    nifti(tmp_path / "t2.nii.gz", values.astype(np.int16))
    for wanted in ("Reading t2", "Reading DICOM headers", "Reading DICOM series"):

        def stop(_, message, wanted=wanted):
            if message.startswith(wanted):
                raise Cancelled()

        with pytest.raises(Cancelled):
            read_case(tmp_path, progress=stop)


# --- zip ---------------------------------------------------------------------------------------------------


def test_zip_archives(tmp_path, values):
    write_series(tmp_path / "s", values, description="T2 TSE")
    nifti(tmp_path / "s" / "t1c.nii.gz", values.astype(np.int16))
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for path in (tmp_path / "s").iterdir():
            opened.write(path, f"study/{path.name}")
    case = read_case(tmp_path / "study.zip")
    assert {s.role for s in case.sequences} == {"t1c", "t2"} and case.name == "study"
    assert {s.source for s in case.sequences} == {str(tmp_path / "study.zip")}
    with pytest.raises(OversizedFileError):
        read_case(tmp_path / "study.zip", max_bytes=2000)


@pytest.mark.parametrize(
    "name", ["../../evil.nii", "/abs/evil.nii", "a/../../evil.nii", "..\\evil.nii", "C:/x.nii"]
)
def test_zip_entries_that_lead_out_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as opened:
        opened.writestr(name, b"x")
    with pytest.raises(UnreadableFileError, match="leads out"):
        archive.unpack(tmp_path / "bad.zip", tmp_path / "out")
    assert not list(tmp_path.rglob("evil*"))


def test_damaged_zip_and_zip_that_lies_about_its_size(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(UnreadableFileError):
        read_case(tmp_path / "bad.zip")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("t1.nii", b"\0" * 5_000_000)
    with pytest.raises(OversizedFileError):
        archive.unpack(tmp_path / "bomb.zip", tmp_path / "out", max_bytes=1_000_000)


def test_read_dicom_reports_progress(tmp_path, values):
    write_series(tmp_path, values)
    seen = []
    read_dicom(sorted(tmp_path.iterdir()), progress=lambda f, m: seen.append(f))
    assert seen and seen == sorted(seen)

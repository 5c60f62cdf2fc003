"""DICOM segmentations as regions: binary, fractional, sparse, overlapping, flipped, damaged."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_writer import write_segmentation, write_series
from virtualbiopsy.case.read import read_case
from virtualbiopsy.case.segmentation import read_segmentation
from virtualbiopsy.errors import EmptyRegionError, GeometryError, OversizedFileError, UnreadableFileError

SHAPE = (9, 12, 14)
SPACING = (0.8, 0.7, 2.5)
OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5).GetMatrix()


def block(*spans, shape=SHAPE, value=1):
    mask = np.zeros(shape, dtype=np.uint8)
    mask[tuple(slice(*s) for s in spans)] = value
    return mask


@pytest.fixture
def geometry():
    return {"spacing": SPACING, "direction": OBLIQUE, "origin": (5.0, -4.0, 3.0)}


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 2000, SHAPE).astype(np.uint16)


def test_sparse_frames_land_on_the_images_grid(tmp_path, values, geometry):
    write_series(tmp_path, values, description="T1 post", **geometry)
    mask = block((2, 4), (3, 8), (4, 9)) | block((6, 7), (5, 6), (5, 9))
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": mask}, **geometry)
    case = read_case(tmp_path)
    assert set(case.regions) == {"tumour"} and not case.warnings
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["tumour"]), mask)
    assert case.regions["tumour"].GetOrigin() == pytest.approx(case.sequences[0].image.GetOrigin())


def test_axes_that_point_the_other_way(tmp_path, values, geometry):
    write_series(tmp_path, values, description="T1 post", **geometry)
    mask = block((2, 4), (3, 8), (4, 9))
    matrix = np.reshape(OBLIQUE, (3, 3))
    turned = np.stack([-matrix[:, 0], matrix[:, 1], -matrix[:, 2]], axis=1)
    corner = (
        np.array(geometry["origin"])
        + matrix[:, 0] * SPACING[0] * (SHAPE[2] - 1)
        + matrix[:, 2] * SPACING[2] * (SHAPE[0] - 1)
    )
    write_segmentation(
        tmp_path / "seg.dcm", {"Lesion": mask[::-1, :, ::-1]}, spacing=SPACING, direction=turned.ravel(),
        origin=corner,
    )  # fmt: skip
    case = read_case(tmp_path)
    assert not case.warnings, "placed voxel by voxel, not resampled"
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["tumour"]), mask)


def test_overlapping_segments_stay_separate(tmp_path, values, geometry):
    write_series(tmp_path, values, description="T1 post", **geometry)
    one, two = block((2, 5), (3, 8), (4, 9)), block((4, 7), (5, 10), (6, 12))
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": one, "Edema": two, "Tumour 2": two}, **geometry)
    case = read_case(tmp_path)
    assert set(case.regions) == {"tumour", "edema", "tumour [2]"}
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["tumour"]), one)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["edema"]), two)
    shared = int((one & two).sum())
    assert any(f"tumour and edema overlap in {shared} voxels" in w for w in case.warnings)


@pytest.mark.parametrize("largest", [255, 100])
def test_fractional_segments_are_cut_at_half(tmp_path, values, geometry, largest):
    write_series(tmp_path, values, description="T1 post", **geometry)
    half = -(-largest // 2)
    mask = block((2, 6), (3, 8), (4, 9), value=largest)
    mask[3] = np.where(mask[3] > 0, half, 0)
    mask[4] = np.where(mask[4] > 0, half - 1, 0)
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": mask}, fractional=largest, **geometry)
    case = read_case(tmp_path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["tumour"]), mask >= half)
    assert any("fractional (occupancy)" in w and "half" in w for w in case.warnings)


@pytest.mark.parametrize(
    ("label", "description", "name"),
    [
        ("Segment 1", "VOI Breast Tissue Segmentation", "breast"),
        ("Breast", "Segmentation", "breast"),
        ("Breast tumor", "Segmentation", "tumour"),
        ("Fibroglandular tissue", "", "breast"),
        ("FTV", "", "tumour"),
        ("Liver", "", "liver"),
    ],
)
def test_names(tmp_path, geometry, label, description, name):
    write_segmentation(
        tmp_path / "seg.dcm", {label: block((2, 4), (3, 8), (4, 9))}, description=description, **geometry
    )
    segments, _ = read_segmentation(tmp_path / "seg.dcm")
    assert [s.name for s in segments] == [name]


def test_a_segmentation_of_another_frame_of_reference(tmp_path, values, geometry):
    write_series(tmp_path, values, description="T1 post", **geometry)
    mask = block((2, 4), (3, 8), (4, 9))
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": mask}, frame="9.9", **geometry)
    case = read_case(tmp_path)
    assert any("grid of none of the sequences" in w for w in case.warnings)
    assert int(sitk.GetArrayViewFromImage(case.regions["tumour"]).sum()) == int(mask.sum())


def test_a_grid_half_a_voxel_off_is_resampled(tmp_path, values, geometry):
    """As the VOI of UCSF-BR-08, whose corner lies half a pixel from that of its images."""
    write_series(tmp_path, values, description="T1 post", **geometry)
    mask = block((2, 5), (3, 9), (4, 11))
    matrix = np.reshape(OBLIQUE, (3, 3))
    corner = (
        np.array(geometry["origin"]) + 0.45 * SPACING[0] * matrix[:, 0] + 0.45 * SPACING[1] * matrix[:, 1]
    )
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": mask}, **{**geometry, "origin": corner})
    case = read_case(tmp_path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.regions["tumour"]), mask)
    assert case.regions["tumour"].GetOrigin() == pytest.approx(case.sequences[0].image.GetOrigin())
    assert any("between the voxels" in w for w in case.warnings)


def test_a_segmentation_alone(tmp_path, geometry):
    write_segmentation(tmp_path / "seg.dcm", {"Tumor": block((2, 4), (3, 8), (4, 9))}, **geometry)
    case = read_case(tmp_path)
    assert case.sequences == () and set(case.regions) == {"tumour"}


def test_damaged_segmentations(tmp_path, values, geometry):
    mask = block((2, 4), (3, 8), (4, 9))
    path = tmp_path / "seg.dcm"
    write_segmentation(path, {"Tumor": mask}, **geometry)
    with pytest.raises(OversizedFileError):
        read_segmentation(path, max_bytes=10)

    def changed(change):
        data = pydicom.dcmread(path)
        change(data)
        data.save_as(tmp_path / "bad.dcm", enforce_file_format=True)
        return tmp_path / "bad.dcm"

    with pytest.raises(UnreadableFileError):
        read_segmentation(changed(lambda d: setattr(d, "PixelData", d.PixelData[:10])))
    with pytest.raises(EmptyRegionError):
        read_segmentation(changed(lambda d: setattr(d, "PixelData", bytes(len(d.PixelData)))))
    with pytest.raises(GeometryError, match="where they lie"):
        read_segmentation(changed(lambda d: delattr(d, "PerFrameFunctionalGroupsSequence")))
    write_series(tmp_path / "image", values)
    with pytest.raises(UnreadableFileError):
        read_segmentation(next((tmp_path / "image").iterdir()))


def test_a_damaged_segmentation_leaves_the_images(tmp_path, values, geometry):
    write_series(tmp_path, values, description="T1 post", **geometry)
    path = tmp_path / "seg.dcm"
    write_segmentation(path, {"Tumor": block((2, 4), (3, 8), (4, 9))}, **geometry)
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[:10]
    data.save_as(path, enforce_file_format=True)
    case = read_case(tmp_path)
    assert case.sequences[0].role == "t1c" and not case.regions
    assert any("left out" in w for w in case.warnings)


def test_samples_of_dcmqi(data_dir):
    folder = data_dir / "volumes" / "dicom_seg_small"
    (liver,), _ = read_segmentation(folder / "liver.dcm")
    stored = pydicom.dcmread(folder / "liver.dcm")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(liver.mask), stored.pixel_array)
    assert liver.name == "liver" and liver.mask.GetSpacing() == pytest.approx((0.810547, 0.810547, 1.0))
    segments, notes = read_segmentation(folder / "partial_overlaps.dcm")
    assert [s.name for s in segments] == ["green", "orange", "purple", "light_blue", "dark_blue"]
    stored = pydicom.dcmread(folder / "partial_overlaps.dcm")
    for number, segment in enumerate(segments, start=1):
        own = [
            plane
            for plane, group in zip(stored.pixel_array, stored.PerFrameFunctionalGroupsSequence, strict=True)
            if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
        ]
        assert int(sitk.GetArrayViewFromImage(segment.mask).sum()) == sum(int(plane.sum()) for plane in own)
    assert len(notes) == 3 and notes[0] == "The segments green and orange overlap in 3017 voxels."


def test_prostate_segments_lie_on_the_adc_map(data_dir):
    case = read_case(data_dir / "volumes" / "adc_dicom" / "QIN-PROSTATE-001_ADC_SEG.zip")
    adc = case.sequence("adc").image
    for mask in case.regions.values():
        assert mask.GetSize() == adc.GetSize() and mask.GetOrigin() == pytest.approx(adc.GetOrigin())
    tumour, prostate = (sitk.GetArrayFromImage(case.regions[n]) for n in ("tumour", "prostate"))
    assert 0 < tumour.sum() < prostate.sum() and (tumour & prostate).sum() > 0.9 * tumour.sum()

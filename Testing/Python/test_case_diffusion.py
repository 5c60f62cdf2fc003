"""Diffusion-weighted images by b-value: DICOM with standard and vendor elements, 4D files, single files."""

import json
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writer import write_series
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from virtualbiopsy.case.b_values import b_value_of
from virtualbiopsy.case.read import read_case

SHAPE = (5, 10, 12)


def values(scale, seed=0):
    return (np.random.default_rng(seed).uniform(500, 1500, SHAPE) * scale).astype(np.uint16)


def test_one_series_with_several_b_values_and_directions(tmp_path):
    uid = generate_uid()
    images = {0: [values(1.0)], 50: [values(0.9)], 800: [values(0.5, 1), values(0.4, 2), values(0.45, 3)]}
    order = np.random.default_rng(3).permutation(5 * SHAPE[0])
    n = 0
    for b_value, same in images.items():
        for image in same:
            write_series(
                tmp_path, image, series=uid, description="ep2d_diff", prefix=f"s{n}", DiffusionBValue=b_value,
                order=order[n * SHAPE[0] : (n + 1) * SHAPE[0]], EchoTime=80, RepetitionTime=4000,
            )  # fmt: skip
            n += 1
    case = read_case(tmp_path)
    series = case.diffusion
    assert series.b_values == (0.0, 50.0, 800.0) and series.averaged == (1, 1, 3)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(series.images[0]), images[0][0])
    product = np.prod([i.astype(np.float64) for i in images[800]], axis=0) ** (1 / 3)
    np.testing.assert_allclose(sitk.GetArrayFromImage(series.images[2]), product, rtol=1e-5)
    (dwi,) = case.sequences
    assert dwi.role == "dwi" and dwi.protocol["DiffusionBValue"] == "800" and "0, 50, 800" in dwi.reason


def test_trace_images_are_preferred_to_their_directions(tmp_path):
    for b_value, kind, image in (
        (0, "ORIGINAL", values(1.0)), (800, "ORIGINAL", values(0.6)), (800, "TRACEW", values(0.5)),
    ):  # fmt: skip
        write_series(
            tmp_path / f"{b_value}{kind}", image, description="diffusion", DiffusionBValue=b_value,
            ImageType=["DERIVED", "PRIMARY", "DIFFUSION", kind], EchoTime=80, RepetitionTime=4000,
        )  # fmt: skip
    series = read_case(tmp_path).diffusion
    assert series.averaged == (1, 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(series.images[1]), values(0.5))


@pytest.mark.parametrize("equal", [True, False])
def test_missing_and_equal_b_values_are_told(tmp_path, equal):
    for n in range(2):
        more = {"DiffusionBValue": 800} if equal else {}
        write_series(tmp_path / str(n), values(1 - 0.3 * n), description="dwi", EchoTime=80, **more)
    case = read_case(tmp_path)
    assert case.diffusion is None and case.has("dwi") and len(case.sequences) == 2
    words = "b = 800 s/mm² only" if equal else "does not state its b-values"
    assert any(words in w and "two different b-values" in w for w in case.warnings)


@pytest.mark.parametrize("where", ["names", "sidecars"])
def test_single_files(tmp_path, where):
    for b_value, scale in ((0, 1.0), (800, 0.5)):
        stem = f"dwi_b{b_value}" if where == "names" else f"dwi_{'ab'[b_value > 0]}"
        sitk.WriteImage(sitk.GetImageFromArray(values(scale)), str(tmp_path / f"{stem}.nii.gz"))
        if where == "sidecars":
            (tmp_path / f"{stem}.json").write_text(json.dumps({"DiffusionBValue": b_value}))
    sitk.WriteImage(sitk.GetImageFromArray(values(1.0)), str(tmp_path / "adc.nii.gz"))
    case = read_case(tmp_path)
    assert case.diffusion.b_values == (0.0, 800.0)
    assert sorted(s.role for s in case.sequences) == ["adc", "dwi"]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.sequence("dwi").image), values(0.5))


@pytest.mark.parametrize("where", ["bval", "json"])
def test_four_dimensional_file(tmp_path, where):
    image = sitk.JoinSeries([sitk.GetImageFromArray(values(s).astype(np.int16)) for s in (1.0, 0.6, 0.4)])
    sitk.WriteImage(image, str(tmp_path / "dwi.nii.gz"))
    if where == "bval":
        (tmp_path / "dwi.bval").write_text("0 400 800\n")
    else:
        (tmp_path / "dwi.json").write_text(json.dumps({"DiffusionBValue": [0, 400, 800]}))
    case = read_case(tmp_path)
    assert case.diffusion.b_values == (0.0, 400.0, 800.0) and case.dynamic is None
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.diffusion.images[1]), values(0.6))


@pytest.mark.parametrize(
    ("maker", "tag", "value", "expected"),
    [
        ("SIEMENS", (0x0019, 0x100C), "800", 800.0),
        ("SIEMENS", (0x0019, 0x100C), b"800 ", 800.0),
        ("GE MEDICAL SYSTEMS", (0x0043, 0x1039), ["1000000600", "8", "0", "0"], 600.0),
        ("GE MEDICAL SYSTEMS", (0x0043, 0x1039), b"1000000600\\8\\0\\0", 600.0),
        ("Philips Medical Systems", (0x2001, 0x1003), 900.0, 900.0),
        ("Philips Medical Systems", (0x2001, 0x1003), b"\x00\x00\x61\x44", 900.0),
        ("UIH", (0x0065, 0x1009), 700.0, 700.0),
        ("SIEMENS", (0x0043, 0x1039), ["600", "8", "0", "0"], None),
        ("SIEMENS", (0x0019, 0x100C), "-5", None),
    ],
)
def test_elements_of_vendors(maker, tag, value, expected):
    data = Dataset()
    data.Manufacturer = maker
    kind = "UN" if isinstance(value, bytes) else {0x2001: "FL", 0x0065: "FD"}.get(tag[0], "IS")
    data.add_new(tag, kind, value)
    assert b_value_of(data) == expected
    data.DiffusionBValue = 50
    assert b_value_of(data) == 50.0, "the standard element wins"


def test_zero_of_ge_counts_in_echo_planar_images_only():
    data = Dataset()
    data.Manufacturer = "GE MEDICAL SYSTEMS"
    data.add_new((0x0043, 0x1039), "IS", ["0", "8", "0", "0"])
    assert b_value_of(data) is None
    data.ScanningSequence = ["EP", "SE"]
    assert b_value_of(data) == 0.0


def test_the_real_sample_of_ge(data_dir, tmp_path):
    """ge_dti_002: four volumes; GE writes the b-value into its own element."""
    with zipfile.ZipFile(data_dir / "volumes" / "dicom_vendors" / "ge_dti_002.zip") as opened:
        opened.extractall(tmp_path)
    case = read_case(tmp_path)
    assert [s.protocol["DiffusionBValue"] for s in case.sequences] == ["0"] * 4
    assert case.diffusion is None


def test_b_zero_of_a_series_without_a_name(tmp_path):
    uid = generate_uid()
    for b_value, scale in ((0, 1.0), (800, 0.5)):
        write_series(
            tmp_path / "7", values(scale), series=uid, description="7", prefix=f"s{b_value}", EchoTime=80,
            DiffusionBValue=b_value, ScanningSequence="EP", RepetitionTime=4000,
        )  # fmt: skip
    assert read_case(tmp_path).diffusion.b_values == (0.0, 800.0)

"""Dynamic series in files: 4D NIfTI and NRRD, Slicer sequences and multivolumes, folders of phases."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from dynamic_support import SHAPE, phase_values
from virtualbiopsy.case.files import read_image
from virtualbiopsy.case.phase_times import check_times, effective_times
from virtualbiopsy.case.read import read_case
from virtualbiopsy.case.volume_files import read_volumes, volumes_in
from virtualbiopsy.errors import DimensionError, OversizedFileError, PhaseTimeError, UnreadableFileError
from virtualbiopsy.resources import resource

SPACING = (0.9, 0.8, 2.5)
TURNED = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def as_image(values, dimension=3, step=1.0):
    image = sitk.GetImageFromArray(np.asarray(values))
    image.SetSpacing((*SPACING, step)[:dimension])
    return image


def write_4d(path, phases, step=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.JoinSeries([as_image(p.astype(np.int16)) for p in phases], 0.0, step)
    sitk.WriteImage(image, str(path))


def write_nrrd(path, phases, keys, *, first=True, labels="", units=""):
    """A NRRD file as Slicer writes volume sequences: the list axis first, or last."""
    values = np.stack(phases, axis=-1 if first else 0).astype("<i2")  # (k, j, i, n) or (n, k, j, i)
    none, vectors = "none", "(0,0.8,0) (0,0,2.5) (0.9,0,0)"
    count, size = len(phases), " ".join(map(str, SHAPE[::-1]))
    kinds = "domain domain domain"
    lines = [
        "NRRD0005", "type: short", "dimension: 4", "space: left-posterior-superior", "endian: little",
        "encoding: raw", "space origin: (1,2,3)",
        f"sizes: {count} {size}" if first else f"sizes: {size} {count}",
        f"space directions: {none} {vectors}" if first else f"space directions: {vectors} {none}",
        f"kinds: list {kinds}" if first else f"kinds: {kinds} list",
    ]  # fmt: skip
    for name, text in (("labels", labels), ("units", units)):
        if text:
            parts = [text, "", "", ""] if first else ["", "", "", text]
            lines.append(f"{name}: " + " ".join(f'"{part}"' for part in parts))
    lines += [f"{key}:={value}" for key, value in keys.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + values.tobytes())


def assert_phases(series, phases):
    assert len(series.phases) == len(phases)
    for phase, values in zip(series.phases, phases, strict=True):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(phase.image), values)


def starts(series):
    return [phase.start_s for phase in series.phases]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
def test_four_dimensional_file_with_a_sidecar(tmp_path, suffix):
    phases = phase_values(4, before=2)
    write_4d(tmp_path / f"dce{suffix}", phases)
    sidecar = {
        "VolumeTiming": [0, 30, 70, 100.5], "AcquisitionDuration": 28.0, "InjectionStart": 55,
        "PreContrastVolumes": 2, "RepetitionTime": 0.005, "EchoTime": 0.0023, "FlipAngle": 12,
    }  # fmt: skip
    (tmp_path / "dce.json").write_text(json.dumps(sidecar))
    case = read_case(tmp_path)
    series = case.dynamic
    assert_phases(series, phases)
    assert starts(series) == [0.0, 30.0, 70.0, 100.5] and series.duration_s == 28.0
    assert series.phases[0].time_source == "VolumeTiming in dce.json"
    assert (series.injection_s, series.injection_source) == (55.0, "InjectionStart in dce.json.")
    assert effective_times(series)[2] == 70 + 14 - 55
    assert [p.precontrast for p in series.phases] == [True, True, False, False]
    assert series.precontrast_reason == "PreContrastVolumes in dce.json."
    assert series.protocol["RepetitionTime"] == "5" and series.protocol["FlipAngle"] == "12"
    assert series.phases[0].image.GetSpacing() == pytest.approx(SPACING)
    assert [s.role for s in case.sequences] == ["dce"]


@pytest.mark.parametrize("first", [True, False])
def test_slicer_sequence_file(tmp_path, first):
    phases = phase_values(3)
    axis = 0 if first else 3
    keys = {f"axis {axis} index type": "numeric", f"axis {axis} index values": "0 12.5 25"}
    write_nrrd(tmp_path / "study.seq.nrrd", phases, keys, first=first, labels="time", units="s")
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert starts(case.dynamic) == [0.0, 12.5, 25.0] and case.dynamic.name == "study"
    assert f"axis {axis} index values" in case.dynamic.phases[0].time_source
    image = case.dynamic.phases[1].image
    assert image.GetOrigin() == (1.0, 2.0, 3.0)
    assert image.GetSpacing() == pytest.approx((0.8, 2.5, 0.9)) and image.GetDirection() == TURNED


def test_units_of_the_axis(tmp_path):
    phases = phase_values(3)
    keys = {"axis 0 index type": "numeric", "axis 0 index values": "0 12500 25000"}
    write_nrrd(tmp_path / "a.seq.nrrd", phases, keys, labels="TriggerTime", units="ms")
    assert starts(read_case(tmp_path).dynamic) == [0.0, 12.5, 25.0]


def test_numbers_of_frames_are_no_times(tmp_path):
    phases = phase_values(3)
    keys = {"axis 0 index type": "numeric", "axis 0 index values": "0 1 2"}
    write_nrrd(tmp_path / "a" / "scan.seq.nrrd", phases, keys, labels="frame")
    with pytest.raises(DimensionError, match="stack of 3 volumes"):
        read_case(tmp_path / "a")
    write_nrrd(tmp_path / "b" / "dce.seq.nrrd", phases, keys, labels="frame")
    case = read_case(tmp_path / "b")
    assert starts(case.dynamic) == [None] * 3 and any("times" in w for w in case.warnings)
    with pytest.raises(PhaseTimeError, match="does not tell"):
        check_times(case.dynamic)


def test_slicer_multivolume(tmp_path):
    phases = phase_values(3)
    keys = {
        "MultiVolume.FrameIdentifyingDICOMTagName": "TriggerTime",
        "MultiVolume.FrameIdentifyingDICOMTagUnits": "ms",
        "MultiVolume.FrameLabels": "0,5000,10000",
        "MultiVolume.NumberOfFrames": "3",
        "MultiVolume.DICOM.FlipAngle": "15",
        "MultiVolume.DICOM.RepetitionTime": "5",
        "MultiVolume.DICOM.EchoTime": "1",
    }
    write_nrrd(tmp_path / "multivolume.nrrd", phases, keys)
    series = read_case(tmp_path).dynamic
    assert_phases(series, phases)
    assert starts(series) == [0.0, 5.0, 10.0] and "MultiVolume" in series.phases[0].time_source
    assert {k: series.protocol[k] for k in ("FlipAngle", "RepetitionTime", "EchoTime")} == {
        "FlipAngle": "15", "RepetitionTime": "5", "EchoTime": "1",
    }  # fmt: skip


def test_flip_angles_of_a_multivolume(tmp_path):
    phases = phase_values(3)
    timing = {"MultiVolume.DICOM.RepetitionTime": "5", "MultiVolume.DICOM.EchoTime": "1"}
    angles = {
        "MultiVolume.FrameIdentifyingDICOMTagName": "FlipAngle",
        "MultiVolume.FrameLabels": "2,5,10", **timing,
    }  # fmt: skip
    write_nrrd(tmp_path / "vfa.nrrd", [p // 2 for p in phases], angles)
    keys = {
        "MultiVolume.FrameIdentifyingDICOMTagName": "TriggerTime", "MultiVolume.FrameLabels": "0,5000,10000",
        "MultiVolume.DICOM.FlipAngle": "15", **timing,
    }  # fmt: skip
    write_nrrd(tmp_path / "dce.nrrd", phases, keys)
    series = read_case(tmp_path).dynamic
    assert_phases(series, phases)
    assert sorted(series.flip_angles) == [2.0, 5.0, 10.0]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(series.flip_angles[5.0]), phases[1] // 2)


def test_the_reference_object_of_pkmodeling(data_dir):
    path = data_dir / "dce" / "pkmodeling_dro" / "DRO3min5secinf.nrrd"
    file = read_volumes(path)
    assert len(file.images) == 36 and file.protocol["FlipAngle"] == "15"
    (source,) = file.images[0].times
    assert [image.times[source] for image in file.images] == [5.0 * n for n in range(36)]
    whole = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(file.images[7].image), whole[..., 7])
    series = read_case(path).dynamic
    assert starts(series)[:3] == [0.0, 5.0, 10.0] and series.phases[0].precontrast


def test_regular_times_of_a_header(tmp_path):
    phases = phase_values(3)
    write_4d(tmp_path / "dce.nii.gz", phases, step=60.0)
    series = read_case(tmp_path).dynamic
    assert starts(series) == [0.0, 60.0, 120.0] and "pixdim[4]" in series.phases[0].time_source


@pytest.mark.parametrize(
    ("times", "words"),
    [([0, 60, 60], "have the same time"), ([0, 120, 60], "not sorted"), ([0, 60], "no element tells")],
)
def test_bad_tables_are_told_and_refused_on_use(tmp_path, times, words):
    phases = phase_values(3)
    write_4d(tmp_path / "dce.nii.gz", phases)
    (tmp_path / "dce.json").write_text(json.dumps({"VolumeTiming": times}))
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert any(words in warning for warning in case.warnings)
    with pytest.raises(PhaseTimeError):
        check_times(case.dynamic)
    assert case.has("dce"), "nothing is lost"


def test_four_dimensional_files_that_are_no_dynamic_series_stay_refused(tmp_path):
    phases = phase_values(3)
    write_4d(tmp_path / "bold.nii.gz", phases, step=2.0)
    with pytest.raises(DimensionError, match="four-dimensional: it holds 3 volumes"):
        read_case(tmp_path)
    with pytest.raises(DimensionError):
        read_image(tmp_path / "bold.nii.gz")
    assert volumes_in(tmp_path / "bold.nii.gz") == 3 and read_volumes(tmp_path / "bold.nii.gz") is None


def test_not_finite_values_stay_not_finite(tmp_path):
    phases = [p.astype(np.float32) for p in phase_values(3)]
    phases[1][2, 3, 4] = np.nan
    image = sitk.JoinSeries([sitk.GetImageFromArray(p) for p in phases])
    sitk.WriteImage(image, str(tmp_path / "dce.nii.gz"))
    read = read_case(tmp_path).dynamic
    values = [sitk.GetArrayFromImage(p.image) for p in read.phases]
    assert [int(np.isnan(v).sum()) for v in values] == [0, 1, 0] and np.isnan(values[1][2, 3, 4])


def test_damaged_and_large_files(tmp_path):
    phases = phase_values(3)
    write_4d(tmp_path / "dce.nii", phases)
    with pytest.raises(OversizedFileError, match="3 volumes"):
        read_volumes(tmp_path / "dce.nii", dynamic=True, max_bytes=1000)
    content = (tmp_path / "dce.nii").read_bytes()
    (tmp_path / "dce.nii").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableFileError, match="damaged or truncated"):
        read_case(tmp_path)
    write_4d(tmp_path / "one" / "t1.nii", phases[:1])
    with pytest.raises(UnreadableFileError, match="one volume"):
        read_volumes(tmp_path / "one" / "t1.nii")


NAMES = {
    "numbers": [f"dce_{n}.nii.gz" for n in range(11)],
    "phases": [f"phase{n}.nii.gz" for n in range(11)],
    "before and after": ["t1_pre.nii.gz", *(f"t1_post{n}.nii.gz" for n in range(1, 11))],
}


@pytest.mark.parametrize("kind", NAMES)
def test_folder_of_phase_files(tmp_path, kind):
    phases = phase_values(11)
    folder = tmp_path / "dce"
    folder.mkdir()
    for n, name in enumerate(NAMES[kind]):
        sitk.WriteImage(as_image(phases[n]), str(folder / name))
        (folder / name.replace(".nii.gz", ".json")).write_text(
            json.dumps({"AcquisitionTime": f"10:{n:02d}:00.000", "RepetitionTime": 0.005, "EchoTime": 0.002})
        )
    sitk.WriteImage(as_image(phases[0]), str(tmp_path / "t2.nii.gz"))
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert starts(case.dynamic) == [60.0 * n for n in range(11)]
    assert sorted(s.role for s in case.sequences) == ["dce", "t2"]


def test_folder_of_phase_files_without_times_and_with_a_table(tmp_path):
    phases = phase_values(11)
    for n, values in enumerate(phases):
        sitk.WriteImage(as_image(values), str(tmp_path / f"dce_{n}.nii.gz"))
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert starts(case.dynamic) == [None] * 11 and any("Enter their times" in w for w in case.warnings)
    table = {"VolumeTiming": [20.0 * n for n in range(11)], "InjectionStart": 15.0}
    (tmp_path / "dce.json").write_text(json.dumps(table))
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert starts(case.dynamic)[-1] == 200.0 and case.dynamic.injection_s == 15.0


def test_phase_files_of_different_size_or_place_are_told_and_kept(tmp_path):
    phases = phase_values(3)
    phases[2] = phases[2][:-1]
    for n, values in enumerate(phases):
        sitk.WriteImage(as_image(values), str(tmp_path / f"dce_{n}.nii.gz"))
    case = read_case(tmp_path)
    assert case.dynamic is None and len(case.sequences) == 3
    assert any("phase 3 has 24×20×7 voxels" in w for w in case.warnings)
    moved = as_image(phase_values(3)[2])
    moved.SetOrigin((4.0, 0.0, 0.0))
    sitk.WriteImage(moved, str(tmp_path / "dce_2.nii.gz"))
    case = read_case(tmp_path)
    assert case.dynamic is None and any("lies on another grid" in w for w in case.warnings)


def test_another_time_point_is_a_case_of_its_own(tmp_path):
    write_4d(tmp_path / "dce.nii.gz", phase_values(3), step=60.0)
    write_4d(tmp_path / "earlier" / "dce.nii.gz", phase_values(4), step=60.0)
    assert len(read_case(tmp_path).dynamic.phases) == 3
    assert len(read_case(tmp_path / "earlier").dynamic.phases) == 4


def test_vendor_maps_by_file_name(tmp_path):
    write_4d(tmp_path / "dce.nii.gz", phase_values(3), step=60.0)
    for name in ("pe1", "SER", "Ktrans", "ve", "washin"):
        sitk.WriteImage(
            as_image(np.random.default_rng(0).normal(size=SHAPE)), str(tmp_path / f"{name}.nii.gz")
        )
    roles = {s.name: s.role for s in read_case(tmp_path).sequences}
    assert roles == {
        "dce phase 3": "dce", "pe1": "pe", "SER": "ser", "Ktrans": "ktrans", "ve": "ve", "washin": "washin",
    }  # fmt: skip


def test_a_plain_image_of_the_same_grid_does_not_join_a_file_of_volumes(tmp_path):
    phases = phase_values(3)
    write_4d(tmp_path / "dce.nii.gz", phases, step=60.0)
    sitk.WriteImage(as_image(phases[0]), str(tmp_path / "t1_pre.nii.gz"))
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert sorted(s.role for s in case.sequences) == ["dce", "t1"]


def test_one_phase(tmp_path):
    sitk.WriteImage(as_image(phase_values(1)[0]), str(tmp_path / "dce.nii.gz"))
    case = read_case(tmp_path)
    assert case.dynamic is None and case.has("dce")
    assert any("one phase of a dynamic series" in w for w in case.warnings)


def test_the_simulated_sample_case():
    for folder in (resource("Cases") / "breast-sample", resource("Cases") / "breast-sample" / "earlier"):
        case = read_case(folder)
        assert {s.role for s in case.sequences} == {"dce", "t2", "dwi", "adc"} and not case.warnings
        assert set(case.regions) == {"tumour", "breast"} and case.diffusion.b_values == (0.0, 800.0)
        check_times(case.dynamic)
        assert case.dynamic.phases[0].time_source == "VolumeTiming in dce.json"


def test_two_dynamic_series(tmp_path):
    write_4d(tmp_path / "left" / "dce.nii.gz", phase_values(3), step=60.0)
    write_4d(tmp_path / "right" / "dce.nii.gz", phase_values(5), step=60.0)
    case = read_case(tmp_path)
    assert len(case.dynamic.phases) == 5 and any("second dynamic series" in w for w in case.warnings)
    assert case.sequence("dce").image is case.dynamic.phases[2].image
    assert len([s for s in case.sequences if s.role == "other"]) == 3

"""Dynamic series in DICOM: mixed phases, single series, enhanced multi-frame, what can be wrong."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_writer import write_enhanced, write_series
from dynamic_support import SHAPE, phase_values
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from virtualbiopsy.case.acquired import ACQUISITION, BOTH, OFFSET, TRIGGER, times_of
from virtualbiopsy.case.phase_times import check_times, effective_times, phase_rows
from virtualbiopsy.case.read import read_case
from virtualbiopsy.errors import PhaseTimeError

FAST = {"RepetitionTime": 5, "EchoTime": 2.3, "FlipAngle": 12, "ScanningSequence": "GR"}
ALONG = (1, 0, 0, 0, 1, 0, 0, 0, 1)


def write_phases(folder, phases, *, one_series=True, description="t1 dynamic", tags=lambda n: {}, **more):
    """One file per slice and phase, names and instance numbers shuffled over all phases."""
    uid = generate_uid()
    order = np.random.default_rng(5).permutation(len(phases) * SHAPE[0])
    for n, values in enumerate(phases):
        text = description if isinstance(description, str) else description[n]
        write_series(
            folder, values, description=text, series=uid if one_series else generate_uid(),
            order=order[n * SHAPE[0] : (n + 1) * SHAPE[0]], first_instance=1,
            **{**FAST, "SeriesNumber": 1 if one_series else n + 1, **more, **tags(n)},
        )  # fmt: skip


def assert_phases(series, phases):
    assert [p.name for p in series.phases] == [f"phase {n}" for n in range(1, len(phases) + 1)]
    for phase, values in zip(series.phases, phases, strict=True):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(phase.image), values)


SOURCES = {
    "AcquisitionTime": (
        lambda n: {"AcquisitionTime": f"1000{10 + 15 * n:02d}.5"}, "AcquisitionTime (0008,0032)", 15.0,
    ),
    "AcquisitionDateTime": (
        lambda n: {"AcquisitionDateTime": f"2020010110{n:02d}00.25+0100"},
        "AcquisitionDateTime (0008,002A)", 60.0,
    ),
    "TriggerTime": (
        lambda n: {"AcquisitionTime": "100000", "TriggerTime": 9500 * n},
        "AcquisitionTime (0008,0032) + TriggerTime (0018,1060)", 9.5,
    ),
    "TriggerTime alone": (lambda n: {"TriggerTime": 9500 * n}, "TriggerTime (0018,1060)", 9.5),
    "TemporalPosition": (
        lambda n: {"TemporalPositionIdentifier": n + 1, "TemporalResolution": 8000},
        "TemporalPositionIdentifier (0020,0100) × TemporalResolution (0020,0110)", 8.0,
    ),
    "ContentTime": (lambda n: {"ContentTime": f"10{10 + n:02d}00"}, "ContentTime (0008,0033)", 60.0),
    "past midnight": (
        lambda n: {"AcquisitionTime": ["235950", "000005", "000020", "000035"][n]},
        "AcquisitionTime (0008,0032)", 15.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
def test_one_series_with_all_phases_mixed(tmp_path, kind):
    tags, source, step = SOURCES[kind]
    phases = phase_values(4)
    write_phases(tmp_path, phases, tags=tags)
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert [p.start_s for p in case.dynamic.phases] == pytest.approx([0, step, 2 * step, 3 * step])
    assert {p.time_source for p in case.dynamic.phases} == {source}
    assert case.dynamic.duration_s == pytest.approx(step) and case.dynamic.injection_s == pytest.approx(step)
    assert [p.precontrast for p in case.dynamic.phases] == [True, False, False, False]
    assert [s.role for s in case.sequences] == ["dce"]


def test_one_series_per_phase(tmp_path):
    phases = phase_values(4, before=2)
    names = ["t1 fl3d pre", "t1 fl3d pre 2", "t1 fl3d post 1", "t1 fl3d post 2"]
    write_phases(
        tmp_path, phases, one_series=False, description=names,
        tags=lambda n: {"AcquisitionTime": f"10{n:02d}30"},
    )  # fmt: skip
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert [p.precontrast for p in case.dynamic.phases] == [True, True, False, False]
    assert "names" in case.dynamic.precontrast_reason
    assert effective_times(case.dynamic) == (-90.0, -30.0, 30.0, 90.0)
    assert [s.role for s in case.sequences] == ["dce"]


def test_a_series_before_the_contrast_agent_and_one_of_several_phases(tmp_path):
    phases = phase_values(4)
    write_phases(
        tmp_path / "pre", phases[:1], tags=lambda n: {"AcquisitionTime": "095500"}, description="t1 pre"
    )
    write_phases(
        tmp_path / "post", phases[1:], description="t1 dyn",
        tags=lambda n: {"AcquisitionTime": "100000", "TriggerTime": 60000 * n},
    )  # fmt: skip
    write_series(tmp_path / "t2", phases[0], description="T2 TSE", RepetitionTime=4000, EchoTime=90)
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert sorted(s.role for s in case.sequences) == ["dce", "t2"]
    starts = [p.start_s for p in case.dynamic.phases]
    assert starts[0] is None or starts == [0.0, 300.0, 360.0, 420.0]


def test_enhanced_multi_frame(tmp_path):
    phases = phase_values(3)
    frames = [(k, None) for _ in phases for k in range(SHAPE[0])]
    times = [
        (n + 1, f"202001011000{10 + 20 * n:02d}.000", 18000.0) for n in range(3) for _ in range(SHAPE[0])
    ]
    order = np.random.default_rng(1).permutation(len(frames))
    write_enhanced(
        tmp_path / "e.dcm", np.concatenate(phases)[order], [frames[n] for n in order],
        times=[times[n] for n in order], spacing=(1, 1, 2), direction=ALONG, origin=(0, 0, 0),
        description="dyn vibe", **FAST,
    )  # fmt: skip
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert [p.start_s for p in case.dynamic.phases] == [0.0, 20.0, 40.0]
    assert case.dynamic.phases[0].time_source == "FrameAcquisitionDateTime (0018,9074)"
    assert (case.dynamic.duration_s, case.dynamic.duration_source) == (18.0, "The data state it.")


def test_the_injection_is_taken_from_the_data_where_they_give_it(tmp_path):
    write_phases(
        tmp_path, phase_values(4),
        tags=lambda n: {"AcquisitionTime": f"10{n:02d}00", "ContrastBolusStartTime": "100045"},
    )  # fmt: skip
    series = read_case(tmp_path).dynamic
    assert series.injection_s == 45.0 and "ContrastBolusStartTime" in series.injection_source
    assert effective_times(series)[1] == 60 + 30 - 45


def test_a_phase_that_lacks_slices_is_left_out_with_a_warning(tmp_path):
    phases = phase_values(4)
    write_phases(tmp_path, phases[:3], tags=lambda n: {"AcquisitionTime": f"10{n:02d}00"})
    uid = read_uid(tmp_path)
    write_series(
        tmp_path, phases[3], series=uid, description="t1 dynamic", prefix="last", leave_out=(7,),
        AcquisitionTime="100300", **FAST,
    )  # fmt: skip
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases[:3])
    assert any("7 images belong to phases that lack slices" in w for w in case.warnings)


def read_uid(folder):
    return pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True).SeriesInstanceUID


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (lambda n: {"TemporalPositionIdentifier": n + 1}, "no element tells when"),
        (
            lambda n: {"TemporalPositionIdentifier": n + 1, "AcquisitionTime": "100000"},
            "is the same for phases",
        ),
        (
            lambda n: {"TemporalPositionIdentifier": n + 1, "ContentTime": f"100000.{n}"},
            "is the same for phases",
        ),
    ],
)
def test_missing_and_equal_times_are_told_and_the_phases_stay(tmp_path, tags, words):
    phases = phase_values(3)
    write_phases(tmp_path, phases, tags=tags)
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert any(words in w for w in case.warnings)
    assert [row.start_s for row in phase_rows(case.dynamic)] == [None] * 3
    with pytest.raises(PhaseTimeError):
        check_times(case.dynamic)
    early = case.sequence("dce")
    assert early.image is case.dynamic.phases[1].image and "not all times are known" in early.reason


def test_nothing_enhances(tmp_path):
    write_phases(tmp_path, phase_values(3, rise=0.0), tags=lambda n: {"AcquisitionTime": f"10{n:02d}00"})
    case = read_case(tmp_path)
    assert not any(p.precontrast for p in case.dynamic.phases)
    assert any("mark the pre-contrast phases" in w for w in case.warnings)
    assert case.has("dce")


def test_phases_of_different_matrix_do_not_become_one_series(tmp_path):
    phases = phase_values(3)
    names = ["dyn 1", "dyn 2", "dyn 3"]
    small = [phases[0], phases[1], phases[2][:, :, :-2]]
    write_phases(
        tmp_path,
        small,
        one_series=False,
        description=names,
        tags=lambda n: {"AcquisitionTime": f"10{n:02d}00"},
    )
    case = read_case(tmp_path)
    assert len(case.dynamic.phases) == 2 and len(case.sequences) == 2, "the odd one stands for itself"


def test_two_images_before_and_after_contrast_agent_in_the_brain_are_no_series(tmp_path):
    phases = phase_values(3)
    for n, name in enumerate(["T1 pre", "T1 post gd"]):
        write_series(tmp_path / name, phases[n], description=name, AcquisitionTime=f"10{n:02d}00", **FAST)
    case = read_case(tmp_path)
    assert case.dynamic is None and sorted(s.role for s in case.sequences) == ["t1", "t1c"]
    write_series(
        tmp_path / "third", phases[2], description="T1 post gd late", AcquisitionTime="101000",
        BodyPartExamined="BRAIN", **FAST,
    )  # fmt: skip
    assert read_case(tmp_path).dynamic is None


def test_flip_angles_go_along_with_the_series(tmp_path):
    phases = phase_values(3)
    write_phases(tmp_path / "dyn", phases, tags=lambda n: {"AcquisitionTime": f"10{n:02d}00"})
    for angle in (2, 5, 10):
        write_series(
            tmp_path / f"fa{angle}",
            phases[0] // 2,
            description=f"vfa {angle} deg",
            **{**FAST, "FlipAngle": angle},
        )
    write_series(
        tmp_path / "other", phases[0], description="t1 vibe", **{**FAST, "FlipAngle": 7, "EchoTime": 4.9}
    )
    case = read_case(tmp_path)
    assert sorted(case.dynamic.flip_angles) == [2.0, 5.0, 10.0] and len(case.dynamic.phases) == 3
    told = [s.reason for s in case.sequences if s.name.startswith("vfa")]
    assert len(told) == 3 and all("flip angles" in reason for reason in told)


def test_slices_thicker_than_their_distance(tmp_path):
    write_series(
        tmp_path, phase_values(1)[0], spacing=(1, 1, 1.5), SliceThickness=3, description="t1 vibe", **FAST
    )
    assert any("1.50 mm apart" in w and "3 mm" in w for w in read_case(tmp_path).warnings)


def test_a_motion_corrected_copy_is_not_mixed_in(tmp_path):
    phases = phase_values(3)
    tags = lambda n: {"AcquisitionTime": f"10{n:02d}00"}  # noqa: E731
    write_phases(tmp_path / "a", phases, tags=tags, description="t1 dyn")
    write_phases(
        tmp_path / "b", [p // 2 for p in phases], tags=tags, description="t1 dyn MOCO", SeriesNumber=2
    )
    case = read_case(tmp_path)
    assert_phases(case.dynamic, phases)
    assert any("second dynamic series" in w for w in case.warnings)


@pytest.mark.parametrize(("microseconds", "expected"), [(45e6, 45.0), (240e6, 60.0)])
def test_duration_of_ge(tmp_path, microseconds, expected):
    """One phase, or by some scanners the whole series, which is longer than the distance of two phases."""
    write_phases(tmp_path, phase_values(4), tags=lambda n: {"AcquisitionTime": f"10{n:02d}00"})
    for path in tmp_path.iterdir():
        data = pydicom.dcmread(path)
        data.Manufacturer = "GE MEDICAL SYSTEMS"
        data.add_new((0x0019, 0x0010), "LO", "GEMS_ACQU_01")
        data.add_new((0x0019, 0x105A), "FL", microseconds)
        data.save_as(path)
    series = read_case(tmp_path).dynamic
    assert series.duration_s == expected


def test_times_in_functional_groups():
    """Enhanced objects: offset of the temporal position (s), delay after the trigger (ms)."""
    group, offset, trigger = Dataset(), Dataset(), Dataset()
    offset.TemporalPositionTimeOffset = 12.5
    trigger.NominalCardiacTriggerDelayTime = 9500.0
    group.TemporalPositionSequence, group.CardiacSynchronizationSequence = [offset], [trigger]
    assert times_of(Dataset(), [group]) == {OFFSET: 12.5, TRIGGER: 9.5}
    data = Dataset()
    data.AcquisitionDate, data.AcquisitionTime = "20200101", "100001"
    found = times_of(data, [group])
    assert found[BOTH] - found[ACQUISITION] == 9.5 and found[ACQUISITION] % 86400 == 36001.0

"""DICOM objects of a result: parametric map and structured report, read back with pydicom."""

import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_writer import write_series
from support import synthetic_tumour, toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.case.model import Case
from virtualbiopsy.case.read import read_case
from virtualbiopsy.cli import main
from virtualbiopsy.errors import (
    Cancelled,
    ExistingFileError,
    MissingPackageError,
    NotDicomError,
)
from virtualbiopsy.report.dicom.headers import source_headers
from virtualbiopsy.report.dicom.identity import LOG_ODDS_PER_VOXEL, SCHEME, short
from virtualbiopsy.report.dicom.measurements import map_sum
from virtualbiopsy.report.dicom.parametric_map import parametric_map
from virtualbiopsy.report.dicom.write import write_dicom
from virtualbiopsy.report.export import write_map
from virtualbiopsy.report.tree import tree_svg
from virtualbiopsy.session import Session
from virtualbiopsy.trust.model import Reason, TrustCard

hd = pytest.importorskip("highdicom")

ANGLE = math.radians(17)
DIRECTION = (math.cos(ANGLE), -math.sin(ANGLE), 0, math.sin(ANGLE), math.cos(ANGLE), 0, 0, 0, 1)
SPACING, ORIGIN = (0.9, 1.1, 2.0), (-31.0, 12.5, 40.0)
COMPREHENSIVE_3D, PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.30"


def stored(tumour):
    return np.clip(300 + 100 * tumour.images["t1c"], 0, 4000).astype(np.uint16)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """An oblique anisotropic contrast T1 from DICOM, predicted with two models."""
    folder = tmp_path_factory.mktemp("dicom") / "T1 post"
    tumour = synthetic_tumour(oblique=False, spacing=SPACING[::-1], shape=(18, 30, 32))
    write_series(
        folder, stored(tumour), spacing=SPACING, origin=ORIGIN, direction=DIRECTION,
        description="t1 mprage post Gd", ImageType=["ORIGINAL", "PRIMARY", "M"],
        order=np.random.default_rng(3).permutation(18),
    )  # fmt: skip
    case = read_case(folder)
    case = case.with_role(case.sequences[0].name, "t1c").with_clinical({"age": 61.0})
    mask = sitk.GetImageFromArray(tumour.masks["tumour"].astype(np.uint8))
    mask.CopyInformation(case.sequence("t1c").image)
    models = (toy_model(), toy_model("random_forest", seed=3, model_id="toy-forest", positive="PR ≥ 10 %"))
    result = Session(case, models).set_region(mask)
    card = TrustCard(models[0].model_id, "red", (Reason("red", "spacing", "Slices are 6 mm thick; " * 5),))
    return case, replace(result, trust=(card,)), models, folder


@pytest.fixture(scope="module")
def written(given, tmp_path_factory):
    case, result, models, _ = given
    return write_dicom(tmp_path_factory.mktemp("out") / "dicom", case, result, models)


def items(dataset, name):
    """Values of the content items with this concept, at any depth."""
    found = []
    for item in getattr(dataset, "ContentSequence", []):
        if item.ConceptNameCodeSequence[0].CodeValue == name:
            found.append(item)
        found += items(item, name)
    return found


def number(item):
    value = item.MeasuredValueSequence[0]
    return float(getattr(value, "FloatingPointValue", value.NumericValue))


def groups(report):
    return items(report, "125007")  # Measurement Group


def test_sum_of_the_map_is_that_of_the_report_and_of_the_panel(given, written):
    """D4 test 15."""
    _, result, _, _ = given
    report = pydicom.dcmread(written["report"])
    assert len(groups(report)) == len(result.explanations) == 2
    for explanation, prediction, group in zip(
        result.explanations, result.predictions, groups(report), strict=True
    ):
        image = pydicom.dcmread(written[f"map:{explanation.model_id}"])
        mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        raw = np.frombuffer(image.FloatPixelData, dtype="<f4").astype(np.float64)
        pixels = math.fsum(raw * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept)
        scale = max(1.0, float(np.abs(raw).sum()))
        (in_map,), (rest,) = items(group, "VB-MAPSUM"), items(group, "VB-REST")
        (baseline,), (total,) = items(group, "VB-BASELINE"), items(group, "VB-LOGODDS")
        assert abs(pixels - number(in_map)) <= 1e-6 * scale
        assert number(in_map) == pytest.approx(map_sum(explanation), abs=1e-12)
        balanced = number(baseline) + number(in_map) + number(rest)
        assert balanced == pytest.approx(number(total), abs=1e-9)
        assert abs(number(baseline) + pixels + number(rest) - number(total)) <= 1e-6 * scale
        parts = [
            number(item)
            for item in group.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeValue.startswith("VBC-")
        ]
        assert len(parts) == len(explanation.contributions)
        assert number(baseline) + math.fsum(parts) == pytest.approx(number(total), abs=1e-9)
        (chance,) = items(group, "VB-PROBABILITY")
        assert number(chance) == prediction.probability
        root = ET.fromstring(tree_svg(explanation, prediction))
        panel = next(g for g in root.iter() if g.get("data-role") == "total")
        assert float(panel.get("data-phi")) == number(total)


def test_contributions_are_tracked_by_feature_key(given, written):
    _, result, _, _ = given
    for explanation, group in zip(
        result.explanations, groups(pydicom.dcmread(written["report"])), strict=True
    ):
        found = {}
        for item in group.ContentSequence:
            concept = item.ConceptNameCodeSequence[0]
            if concept.CodeValue.startswith("VBC-"):
                (key,) = items(item, "112039")  # Tracking Identifier
                found[key.TextValue] = number(item)
                assert concept.CodingSchemeDesignator == SCHEME and len(concept.CodeValue) <= 16
                assert concept.CodeMeaning.startswith("Contribution: ") and len(concept.CodeMeaning) <= 64
        assert found == {c.key: pytest.approx(c.phi, abs=1e-15) for c in explanation.contributions}


def test_the_map_lies_where_the_voxels_lie(given, written):
    _, result, _, _ = given
    for explanation in result.explanations:
        image = pydicom.dcmread(written[f"map:{explanation.model_id}"])
        total = explanation.total
        shared = image.SharedFunctionalGroupsSequence[0]
        rows, columns, frames = image.Rows, image.Columns, int(image.NumberOfFrames)
        assert (columns, rows, frames) == total.GetSize()
        spacing = [float(x) for x in shared.PixelMeasuresSequence[0].PixelSpacing]
        axes = np.array([float(x) for x in shared.PlaneOrientationSequence[0].ImageOrientationPatient])
        values = np.frombuffer(image.FloatPixelData, "<f4").reshape(frames, rows, columns)
        found = np.argwhere(values != 0)
        assert len(found) == (sitk.GetArrayViewFromImage(total).astype(np.float32) != 0).sum() > 100
        for frame, row, column in found[:: max(1, len(found) // 50)]:
            plane = image.PerFrameFunctionalGroupsSequence[int(frame)].PlanePositionSequence[0]
            corner = np.array([float(x) for x in plane.ImagePositionPatient])
            point = corner + axes[:3] * spacing[1] * column + axes[3:] * spacing[0] * row
            index = total.TransformPhysicalPointToIndex(point)
            assert total.GetPixel(index) == pytest.approx(float(values[frame, row, column]), rel=1e-6)


def test_slicer_readable_kind_unit_and_window(written):
    for name, path in written.items():
        image = pydicom.dcmread(path)
        if name == "report":
            continue
        assert image.SOPClassUID == PARAMETRIC_MAP and image.Modality == "OT"
        mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        unit = mapping.MeasurementUnitsCodeSequence[0]
        assert (unit.CodeValue, unit.CodeMeaning) == (LOG_ODDS_PER_VOXEL.value, "log-odds per voxel")
        assert (
            mapping.DoubleFloatRealWorldValueFirstValueMapped
            == -mapping.DoubleFloatRealWorldValueLastValueMapped
        )
        window = image.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
        assert float(np.atleast_1d(window.WindowCenter)[0]) == 0.0
        assert image.ContentQualification == "RESEARCH"


def test_research_use_only_on_both(written):
    report = pydicom.dcmread(written["report"])
    assert report.SOPClassUID == COMPREHENSIVE_3D
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.SeriesDescription == RESEARCH_USE_ONLY
    assert report.VerificationFlag == "UNVERIFIED"
    for group in groups(report):
        notices = [item.ConceptCodeSequence[0].CodeMeaning for item in items(group, "VB-NOTICE")]
        assert RESEARCH_USE_ONLY in notices and "The map explains the model, not the biology" in notices
        assert [item.ConceptCodeSequence[0].CodeMeaning for item in items(group, "VB-TRAINING")] == [
            "simulated"
        ]
    for name, path in written.items():
        if name != "report":
            image = pydicom.dcmread(path)
            assert image.ContentDescription == RESEARCH_USE_ONLY
            assert image.ImageComments.startswith(RESEARCH_USE_ONLY)


def test_trust_and_endpoint_are_told(written):
    first, second = groups(pydicom.dcmread(written["report"]))
    (light,) = items(first, "VB-TRUST")
    assert light.ConceptCodeSequence[0].CodeMeaning.startswith("Trust: red")
    (reason,) = items(first, "VB-REASON")
    assert reason.ConceptCodeSequence[0].CodeMeaning == short("Slices are 6 mm thick; " * 5)
    assert not items(second, "VB-TRUST")
    (endpoint,) = items(second, "VB-ENDPOINT")
    assert endpoint.ConceptCodeSequence[0].CodeMeaning == "PR ≥ 10 %"


def test_same_patient_study_and_place_as_the_source(given, written):
    source = pydicom.dcmread(next(given[3].glob("*.dcm")))
    maps = [pydicom.dcmread(path) for name, path in written.items() if name != "report"]
    report = pydicom.dcmread(written["report"])
    for made in (*maps, report):
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert (made.PatientName, made.PatientID) == (source.PatientName, source.PatientID)
        assert made.SeriesInstanceUID != source.SeriesInstanceUID
    for image in maps:
        assert image.FrameOfReferenceUID == source.FrameOfReferenceUID
    evidence = {
        entry.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for entry in series.ReferencedSOPSequence
    } | {
        entry.ReferencedSOPInstanceUID
        for study in getattr(report, "PertinentOtherEvidenceSequence", [])
        for series in study.ReferencedSeriesSequence
        for entry in series.ReferencedSOPSequence
    }
    assert {image.SOPInstanceUID for image in maps} <= evidence
    assert len({made.SOPInstanceUID for made in (*maps, report)}) == 3


def test_the_same_result_gives_the_same_identifiers_and_another_outline_others(given, written, tmp_path):
    case, result, models, _ = given
    again = write_dicom(tmp_path / "again", case, result, models)
    other = write_dicom(tmp_path / "other", case, replace(result, region_digest="cd" * 32), models)
    for name in written:
        uids = [pydicom.dcmread(files[name]).SOPInstanceUID for files in (written, again, other)]
        assert uids[0] == uids[1] != uids[2]


def test_highdicom_reads_the_report_back(written):
    report = hd.sr.srread(str(written["report"]))
    measured = report.content.get_image_measurement_groups()
    assert len(measured) == 2


def test_a_score_before_calibration_is_not_called_log_odds(given, tmp_path):
    """A survival model: shares of the log hazard, probability of the event by the horizon."""
    case, _, _, _ = given
    model = toy_model("cox", model_id="toy-cox")
    mask = sitk.GetImageFromArray(
        synthetic_tumour(oblique=False, spacing=SPACING[::-1], shape=(18, 30, 32))
        .masks["tumour"]
        .astype(np.uint8)
    )
    mask.CopyInformation(case.sequence("t1c").image)
    result = Session(case, (model,)).set_region(mask)
    written = write_dicom(tmp_path / "dicom", case, result, (model,))
    (explanation,), (prediction,) = result.explanations, result.predictions
    report = pydicom.dcmread(written["report"])
    assert not items(report, "VB-LOGODDS") and not items(report, "VB-BASELINE")
    (total,), (probability,) = items(report, "VB-SCORE"), items(report, "VB-PROBABILITY")
    assert number(total) == pytest.approx(explanation.log_odds) == pytest.approx(prediction.survival.score)
    assert number(probability) == pytest.approx(prediction.probability)
    (path,) = (path for name, path in written.items() if name != "report")
    mapping = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.LUTExplanation == "uncalibrated log hazard per voxel" and mapping.LUTLabel == "SCORE"
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    write_map(explanation, tmp_path / "map.nrrd")
    unit = sitk.ReadImage(str(tmp_path / "map.nrrd")).GetMetaData("virtualbiopsy_unit")
    assert unit == "uncalibrated log hazard per voxel"


def test_a_case_without_dicom_is_refused(given, tmp_path):
    case, result, models, folder = given
    bare = Case(case.name, tuple(replace(s, source="") for s in case.sequences))
    with pytest.raises(NotDicomError, match="not read from DICOM"):
        write_dicom(tmp_path / "out", bare, result, models)
    assert not (tmp_path / "out").exists()
    moved = Case(case.name, tuple(replace(s, source="/nowhere/at/all") for s in case.sequences))
    with pytest.raises(NotDicomError):
        write_dicom(tmp_path / "out", moved, result, models)
    found = write_dicom(tmp_path / "out", moved, result, models, files=folder.glob("*.dcm"))
    assert len(found) == 3


def test_the_right_series_of_a_mixed_folder(given, tmp_path):
    """Two series on one grid in one folder: the values tell them apart; a third lies elsewhere."""
    case, _, _, folder = given
    sequence = case.sequence("t1c")
    tumour = synthetic_tumour(oblique=False, spacing=SPACING[::-1], shape=(18, 30, 32))
    here = {"spacing": SPACING, "origin": ORIGIN, "direction": DIRECTION}
    mixed = tmp_path / "mixed"
    write_series(mixed, stored(tumour) // 2, prefix="a", **here)
    uid = write_series(mixed, stored(tumour), prefix="b", **here)
    write_series(mixed, stored(tumour), prefix="c", **{**here, "origin": (0, 0, 0)})
    (mixed / "notes.txt").write_text("no image")
    headers = source_headers(replace(sequence, source=str(mixed)))
    assert {str(h.SeriesInstanceUID) for h in headers} == {uid}
    positions = np.array([[float(x) for x in h.ImagePositionPatient] for h in headers])
    normal = np.reshape(sequence.image.GetDirection(), (3, 3))[:, 2]
    assert (np.diff(positions @ normal) > 0).all()


def test_nothing_is_overwritten_unasked_and_nothing_half_written(given, tmp_path):
    case, result, models, _ = given
    target = tmp_path / "out"
    first = write_dicom(target, case, result, models)
    before = first["report"].read_bytes()
    with pytest.raises(ExistingFileError, match=r"map-toy-forest.dcm"):
        write_dicom(target, case, result, models)
    assert first["report"].read_bytes() == before
    write_dicom(target, case, result, models, overwrite=True)

    def stop(fraction, message):
        if "report" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_dicom(tmp_path / "cancelled", case, result, models, progress=stop)
    assert not list((tmp_path / "cancelled").iterdir())


def test_without_highdicom_the_error_says_what_to_do(given, tmp_path, monkeypatch):
    case, result, models, _ = given
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingPackageError, match=r"5\.12"):
        write_dicom(tmp_path / "out", case, result, models)


def test_importing_the_package_does_not_import_highdicom():
    code = (
        "import sys, virtualbiopsy.report.dicom.write, virtualbiopsy.session; "
        "sys.exit(any(name.split('.')[0] == 'highdicom' for name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_anisotropic_pixels_keep_their_places(given):
    """Row spacing comes first in DICOM; maps pushed back to a native grid are not isotropic."""
    case, result, _, _ = given
    explanation = result.explanations[0]
    rng = np.random.default_rng(1)
    total = sitk.GetImageFromArray(rng.normal(size=(4, 5, 6)))
    total.SetSpacing((0.7, 1.3, 4.0))
    total.SetOrigin((3.0, -2.0, 1.0))
    total.SetDirection(DIRECTION)
    image = parametric_map(replace(explanation, total=total), source_headers(case.sequence("t1c")), "ab" * 32)
    shared = image.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    assert [float(x) for x in measures.PixelSpacing] == [1.3, 0.7]
    assert float(measures.SpacingBetweenSlices) == 4.0
    axes = np.array([float(x) for x in shared.PlaneOrientationSequence[0].ImageOrientationPatient])
    values = np.frombuffer(image.FloatPixelData, "<f4").reshape(4, 5, 6)
    for frame, row, column in ((0, 0, 0), (3, 4, 5), (1, 2, 4)):
        plane = image.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0]
        corner = np.array([float(x) for x in plane.ImagePositionPatient])
        point = corner + axes[:3] * 0.7 * column + axes[3:] * 1.3 * row
        index = total.TransformPhysicalPointToIndex(point)  # frames may stand in any order
        assert index[:2] == (column, row)
        np.testing.assert_allclose(point, total.TransformIndexToPhysicalPoint(index), atol=1e-6)
        assert total.GetPixel(index) == pytest.approx(float(values[frame, row, column]), rel=1e-6)


def test_command_line_writes_them_too(given, tmp_path, capsys):
    _, _, _, folder = given
    case = read_case(folder)
    tumour = synthetic_tumour(oblique=False, spacing=SPACING[::-1], shape=(18, 30, 32))
    mask = sitk.GetImageFromArray(tumour.masks["tumour"].astype(np.uint8))
    mask.CopyInformation(case.sequences[0].image)
    sitk.WriteImage(mask, str(tmp_path / "mask.nrrd"))
    options = ["--region", str(tmp_path / "mask.nrrd"), "--role", f"{case.sequences[0].name}=t1c"]
    options += ["--model", "ki67-meningioma-demo", "--no-stability", "--quiet", "--dicom"]
    assert main(["predict", str(folder), *options, "--out", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out" / "dicom").iterdir()}
    assert names == {"map-ki67-meningioma-demo.dcm", "report.dcm"}
    sitk.WriteImage(case.sequences[0].image, str(tmp_path / "t1c.nrrd"))
    options[3] = "t1c=t1c"
    code = main(["predict", str(tmp_path / "t1c.nrrd"), *options, "--out", str(tmp_path / "none")])
    assert code != 0 and "not read from DICOM" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()

"""Cohorts from cohort.csv and cohort.xlsx: what is read, and all faults at once."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from cohort_support import SIZE, image, labels, plain_cohort, put, workbook
from virtualbiopsy.cohort.dataset import to_dataset
from virtualbiopsy.cohort.endpoints import Definition
from virtualbiopsy.cohort.layouts import table as table_layout
from virtualbiopsy.cohort.load import box_mask, load_case
from virtualbiopsy.cohort.model import Box
from virtualbiopsy.cohort.read import examine_cohort, read_cohort, write_sheet
from virtualbiopsy.cohort.tables import read_text_table
from virtualbiopsy.errors import CohortError, GeometryError, UnreadableFileError
from virtualbiopsy.training.validation.subgroups import members


def faults_of(path, **options):
    return [str(fault) for fault in examine_cohort(path, **options).faults if fault.kind == "fault"]


def test_a_plain_cohort_is_read(tmp_path):
    cohort = read_cohort(plain_cohort(tmp_path))
    assert [case.name for case in cohort.cases] == ["P1", "P2", "P3", "P4"]
    case = cohort.cases[1]
    assert case.images["t1c"] == (tmp_path / "P2" / "P2_t1c.nii.gz",)
    assert case.clinical == {"age": 52.0, "sex": "female", "who_grade": 1}
    assert (case.site, case.split, case.acquired) == ("A", "test", 1.0)
    endpoint = cohort.endpoint("Ki-67")
    assert endpoint.kind == "binary" and endpoint.classes == ("not Ki-67", "Ki-67")
    outcome = cohort.outcome("Ki-67")
    assert outcome.labels.tolist() == [1, 0, 1, 0] and outcome.time is None


def test_a_case_is_loaded_with_its_roles_outline_and_clinical_values(tmp_path):
    cohort = read_cohort(plain_cohort(tmp_path))
    case = load_case(cohort.cases[0])
    assert {s.role for s in case.sequences} == {"t1c", "flair"}
    expected = sitk.GetArrayFromImage(image(10))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.sequence("t1c").image), expected)
    assert sitk.GetArrayFromImage(case.regions["tumour"]).sum() == 2 * 3 * 4
    assert case.clinical["age"] == 51.0 and case.name == "P1"


def test_only_the_stated_labels_belong_to_an_outline(tmp_path):
    plain_cohort(tmp_path)
    text = (tmp_path / "cohort.csv").read_text().replace("seg.nii.gz", "seg.nii.gz#2")
    (tmp_path / "cohort.csv").write_text(text)
    mask = load_case(read_cohort(tmp_path).cases[0]).regions["tumour"]
    values = sitk.GetArrayFromImage(mask)
    assert values[2].sum() == 12 and values.sum() == 12


def test_all_faults_are_listed_at_once(tmp_path):
    plain_cohort(tmp_path)
    (tmp_path / "P3" / "seg.nii.gz").unlink()
    put(tmp_path / "P2" / "P2_extra_t1c.nii.gz", image(3))
    put(tmp_path / "P4" / "seg.nii.gz", labels())
    (tmp_path / "P1" / "P1_flair.nii.gz").write_bytes(b"\0" * 400)
    text = (tmp_path / "cohort.csv").read_text()
    text = text.replace(",51,", ",510,").replace("2020-01-04", "4.1.20").replace("P1,B,train", "P1,B,maybe")
    (tmp_path / "cohort.csv").write_text(text)
    found = faults_of(tmp_path)
    for expected in (
        "row 2 (P1), column age: Age 510 years is out of range.",
        "row 2 (P1), column split: 'maybe' is neither train nor test.",
        "row 2 (P1), column flair: P1_flair.nii.gz cannot be read",
        "row 3 (P2), column t1c: 2 files fit: P2_extra_t1c.nii.gz, P2_t1c.nii.gz.",
        "row 4 (P3), column mask: There is no file P3/seg.nii.gz.",
        "row 5 (P4), column date: '4.1.20' is no date.",
        "row 5 (P4), column mask: The mask seg.nii.gz holds no voxel",
    ):
        assert any(fault.startswith(expected) for fault in found), expected
    with pytest.raises(CohortError) as error:
        read_cohort(tmp_path)
    assert f"The cohort has {len(found)} faults:" in str(error.value)
    assert all(fault in str(error.value) for fault in found)


def test_a_patient_on_both_sides_and_a_shared_file_are_leaks(tmp_path):
    plain_cohort(tmp_path)
    lines = (tmp_path / "cohort.csv").read_text().splitlines()
    head = lines[0].replace("patient,", "patient,time_point,")
    rows = [line.replace(",", ",T0,", 1) for line in lines[1:]]
    again = rows[0].replace("T0", "T1").replace("train", "test")
    (tmp_path / "cohort.csv").write_text("\n".join([head, *rows, again]))
    found = faults_of(tmp_path)
    assert any("one patient are on several sides of the split: P1" in fault for fault in found)
    assert any("P1_t1c.nii.gz belongs to several cases: P1 T0, P1 T1" in fault for fault in found)
    assert [c.name for c in examine_cohort(tmp_path).cohort.cases] == ["P1 T0", "P2", "P3", "P4", "P1 T1"]


def test_the_same_case_twice_is_a_fault(tmp_path):
    plain_cohort(tmp_path)
    with (tmp_path / "cohort.csv").open("a") as file:
        file.write((tmp_path / "cohort.csv").read_text().splitlines()[1] + "\n")
    assert any("P1 is there twice, first in row 2" in fault for fault in faults_of(tmp_path))


def test_a_misspelt_column_is_a_fault_and_a_foreign_one_a_warning(tmp_path):
    plain_cohort(tmp_path)
    text = (tmp_path / "cohort.csv").read_text().replace("who_grade", "who_grad").replace("site,", "ward,")
    (tmp_path / "cohort.csv").write_text(text)
    examined = examine_cohort(tmp_path)
    assert any("Did you mean who_grade?" in str(f) for f in examined.faults if f.kind == "fault")
    assert any("not used: ward" in warning for warning in examined.warnings)


def test_missing_sequences_and_outlines_on_other_grids_are_told(tmp_path):
    plain_cohort(tmp_path)
    put(tmp_path / "P1" / "seg.nii.gz", labels(1, spacing=2.0))
    examined = examine_cohort(tmp_path, roles=("t1c", "adc"))
    assert sum("The sequence adc is missing" in str(f) for f in examined.faults) == 4
    assert any("seg.nii.gz lies on the grid of none" in warning for warning in examined.warnings)


def test_an_outline_outside_of_the_images_is_a_fault(tmp_path):
    plain_cohort(tmp_path)
    turned = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    for name, shift in (("P1", 400.0), ("P2", 0.0), ("P3", -2.0)):
        outline = labels(1, 2)
        outline.SetOrigin((shift, 0.0, 0.0))
        if name == "P2":  # rotated by 90 degrees about a corner: beside the image, if its axes are minded
            outline.SetDirection(turned)
        put(tmp_path / name / "seg.nii.gz", outline)
    turned_image, turned_mask = image(1), labels(1)
    for found, origin in ((turned_image, 0.0), (turned_mask, 0.5)):
        found.SetDirection(turned)
        found.SetOrigin((origin, 0.0, 0.0))
    put(tmp_path / "P4" / "P4_t1c.nii.gz", turned_image)
    put(tmp_path / "P4" / "seg.nii.gz", turned_mask)
    faults = faults_of(tmp_path)
    assert [fault.split(":")[0] for fault in faults] == ["row 2 (P1), column mask", "row 3 (P2), column mask"]
    assert all("100 % of seg.nii.gz lies outside all sequences" in fault for fault in faults)
    assert not faults_of(tmp_path, deep=False)
    assert sum("lies on the grid of none" in w for w in examine_cohort(tmp_path).warnings) == 4


def test_a_workbook_with_statements_in_cohort_toml(tmp_path):
    plain_cohort(tmp_path)
    (tmp_path / "cohort.csv").unlink()
    rows = [
        ["ID", "ki", "grade"],
        ["P1", 3.5, "G1"],
        ["P2", 5, "G2"],
        ["P3", "12 %", "G3"],
        ["P4", None, "G1"],
    ]
    workbook(tmp_path / "patients.xlsx", {"notes": [["x"]], "data": rows})
    (tmp_path / "cohort.toml").write_text(
        'table = "patients.xlsx"\nsheet = "data"\n[columns]\npatient = "ID"\n'
        '[paths]\nt1c = "{patient}/*t1c*"\nmask = "{patient}/seg.nii.gz"\nmask_labels = "1"\n'
        '[endpoints."Ki-67"]\ncolumn = "ki"\ncuts = [5.0]\n'
        '[endpoints.grade]\ncolumn = "grade"\nkind = "ordinal"\nclasses = ["G1", "G2", "G3"]\n'
    )
    cohort = read_cohort(tmp_path)
    assert cohort.endpoint("Ki-67").classes == ("Ki-67 < 5", "Ki-67 ≥ 5")
    assert [case.labels.get("Ki-67") for case in cohort.cases] == [0, 1, 1, None]
    assert cohort.endpoint("grade").kind == "ordinal"
    assert [case.labels["grade"] for case in cohort.cases] == [0, 1, 2, 0]
    assert cohort.cases[0].masks["tumour"].labels == (1,)
    assert len(cohort.with_endpoint("Ki-67")) == 3


def test_rows_above_the_names_of_columns_are_told(tmp_path):
    merged = ["Patients", None, None, "Images", None, "Result"]
    names = ["patient", "date", "age", "t1c", "mask", "site", "endpoint:PR"]
    for top in (merged, ["Study of 2024"]):
        path = workbook(tmp_path / "cohort.xlsx", {"data": [top, names, ["P1", None, 5, "a", "b", "A", 1]]})
        told = f"row 1 names {len(top)} columns, and row 2 has more: it seems to be a title"
        with pytest.raises(UnreadableFileError, match=told):
            read_text_table(path)


def test_damaged_cohort_toml_lists_what_is_wrong(tmp_path):
    plain_cohort(tmp_path)
    (tmp_path / "cohort.toml").write_text('[endpoints.x]\ncuts = "5"\ncolour = 1\n[path]\n')
    with pytest.raises(CohortError, match=r"path is unknown; .*colour is unknown; .*cuts is not a list"):
        read_cohort(tmp_path)


def test_whole_numbers_as_tables_of_floats_write_them(tmp_path):
    put(tmp_path / "A" / "t1c.nii.gz", image(1))
    (tmp_path / "cohort.csv").write_text(
        "patient,age,er_positive,histological_grade,folder,endpoint:x\nA,40.0,1.0,2.0,A,0.0\n"
    )
    case = read_cohort(tmp_path).cases[0]
    assert case.clinical == {"age": 40.0, "er_positive": True, "histological_grade": 2}
    assert case.labels == {"x": 0}


def test_survival_columns(tmp_path):
    (tmp_path / "cohort.csv").write_text(
        "patient;event:OS;time:OS (months);folder\nA;1;12,5;A\nB;0;40;B\nC;;;C\nD;1;;D\nE;2;3;E\n"
        "F;1;0;E\nG;1;-3;E\n"
    )
    for n, name in enumerate("ABCDE"):
        put(tmp_path / name / "t1c.nii.gz", image(n))
    examined = examine_cohort(tmp_path)
    cohort = examined.cohort
    assert cohort.endpoint("OS").unit == "months"
    outcome = cohort.outcome("OS")
    assert outcome.labels.tolist() == [1, 0] and outcome.time.tolist() == [12.5, 40.0]
    found = [str(f) for f in examined.faults if f.kind == "fault"]
    assert any(f.startswith("row 5 (D), column time:OS (months): The event is known") for f in found)
    assert any(f.startswith("row 6 (E), column event:OS: '2' is neither 1") for f in found)
    assert any(
        f.startswith("row 8 (G), column time:OS (months): '-3' is not a time in months") for f in found
    )
    assert any("row 7 (F), column time:OS (months): The time is 0" in text for text in examined.warnings)


def test_two_words_need_a_statement_which_one_is_positive(tmp_path):
    text = "patient,folder,endpoint:IDH\n" + "".join(f"P{n},P{n},{'ab'[n % 2]}\n" for n in range(4))
    (tmp_path / "cohort.csv").write_text(text)
    for n in range(4):
        put(tmp_path / f"P{n}" / "t1c.nii.gz", image(n))
    assert any("nothing says which one is class 1" in fault for fault in faults_of(tmp_path))
    stated = {"IDH": Definition("IDH", classes=("wildtype", "mutant"), values={"a": 0, "b": 1})}
    assert not faults_of(tmp_path, endpoints=stated)
    assert read_cohort(tmp_path, endpoints=stated).outcome("IDH").labels.tolist() == [0, 1, 0, 1]


def test_a_third_word_beside_yes_and_no_is_a_fault_of_its_row(tmp_path):
    plain_cohort(tmp_path)
    lines = (tmp_path / "cohort.csv").read_text().splitlines()
    words = ("yes", "No ", "perhaps", "1.0")
    rows = [f"{line.rpartition(',')[0]},{word}" for line, word in zip(lines[1:], words, strict=True)]
    (tmp_path / "cohort.csv").write_text("\n".join([lines[0], *rows]))
    assert any("row 4 (P3), column endpoint:Ki-67: 'perhaps' is neither" in f for f in faults_of(tmp_path))
    text = (tmp_path / "cohort.csv").read_text()
    (tmp_path / "cohort.csv").write_text(text.replace("perhaps", "positive "))
    assert read_cohort(tmp_path).outcome("Ki-67").labels.tolist() == [1, 0, 1, 1]
    for old, new in (("yes", "low"), ("No ", "medium"), ("positive ", "high"), ("1.0", "high")):
        text = text.replace("perhaps", "positive ").replace(f",{old}", f",{new}")
    (tmp_path / "cohort.csv").write_text(text)
    assert read_cohort(tmp_path).endpoint("Ki-67").classes == ("high", "low", "medium")


def test_an_endpoint_that_is_always_the_same_is_a_fault_only_if_it_is_asked_for(tmp_path):
    plain_cohort(tmp_path)
    lines = (tmp_path / "cohort.csv").read_text().splitlines()
    rows = [f"{line},yes,0,{n}" for n, line in enumerate(lines[1:], 1)]
    (tmp_path / "cohort.csv").write_text("\n".join([f"{lines[0]},endpoint:PR,event:OS,time:OS", *rows]))
    assert examine_cohort(tmp_path, endpoint="Ki-67").usable
    for name, told in (("PR", "only one class"), ("OS", "no event was seen")):
        faults = [str(f) for f in examine_cohort(tmp_path, endpoint=name).faults if f.kind == "fault"]
        assert len(faults) == 1 and told in faults[0]


def test_labels_from_another_table(tmp_path):
    plain_cohort(tmp_path)
    (tmp_path / "pr.csv").write_text("patient,endpoint:PR,site\nP1,1,Z\nP2,0,Z\nP9,1,Z\n")
    examined = examine_cohort(tmp_path, labels=tmp_path / "pr.csv")
    assert [case.labels.get("PR") for case in examined.cohort.cases] == [1, 0, None, None]
    assert examined.cohort.cases[0].site == "B"
    assert any("1 rows without a case: P9" in warning for warning in examined.warnings)
    assert any("no row for 2 cases" in warning for warning in examined.warnings)


def test_boxes(tmp_path):
    plain_cohort(tmp_path)
    mask = sitk.GetArrayFromImage(box_mask(Box((2, 3), (1, 4), (6, 6)), image()))
    assert mask.sum() == 2 * 4 * 1 and mask[5, 1:3, 0:4].all()
    with pytest.raises(GeometryError, match="ends at 8 of 7 rows"):
        box_mask(Box((2, 8), (1, 4), (6, 6)), image())
    text = (
        (tmp_path / "cohort.csv").read_text().replace("mask", "box").replace("P1/seg.nii.gz", '"1:9,1:2,1:2"')
    )
    (tmp_path / "cohort.csv").write_text(text)
    found = faults_of(tmp_path)
    assert any(fault.startswith("row 2 (P1), column box: The box ends at 9 of 7 rows") for fault in found)
    assert any("'P2/seg.nii.gz' is no box" in fault for fault in found)


def test_phases_from_single_files_become_a_dynamic_series(tmp_path):
    base = sitk.GetArrayFromImage(image(1, size=(24, 22, 12)))
    for n, rise in enumerate((0.0, 80.0, 60.0)):
        values = base.copy()
        values[3:9, 6:14, 6:14] += rise
        put(tmp_path / "A" / f"a_{n:04d}.nii.gz", sitk.GetImageFromArray(values))
    put(tmp_path / "A" / "mask.nii.gz", labels(1, size=(24, 22, 12)))
    (tmp_path / "cohort.csv").write_text(
        "patient,dce,dce_times,mask,endpoint:pCR\nA,A/a_*.nii.gz,0;120;360,A/mask.nii.gz,1\n"
    )
    cohort = read_cohort(tmp_path)
    assert [path.name for path in cohort.cases[0].images["dce"]] == [f"a_{n:04d}.nii.gz" for n in range(3)]
    case = load_case(cohort.cases[0])
    assert [phase.start_s for phase in case.dynamic.phases] == [0.0, 120.0, 360.0]
    assert case.has("dce")
    text = (tmp_path / "cohort.csv").read_text().replace("0;120;360", "0;120")
    (tmp_path / "cohort.csv").write_text(text)
    assert any("There are 2 times for 3 phases" in fault for fault in faults_of(tmp_path))


def test_folders_are_read_as_cases(tmp_path):
    put(tmp_path / "x" / "P1" / "t1_gd.nii.gz", image(1))
    put(tmp_path / "x" / "P1" / "tumour_mask.nii.gz", labels(1))
    (tmp_path / "cohort.csv").write_text("patient,folder,endpoint:PR\nP1,x/{patient},1\n")
    cohort = read_cohort(tmp_path)
    case = load_case(cohort.cases[0])
    assert case.has("t1c") and "tumour" in case.regions and case.name == "P1"


def test_an_edited_copy_of_the_table_reads_alike(tmp_path):
    cohort = read_cohort(plain_cohort(tmp_path))
    write_sheet(table_layout.read(tmp_path), tmp_path / "copy.csv")
    again = read_cohort(tmp_path / "copy.csv", layout="table")
    for one, other in zip(cohort.cases, again.cases, strict=True):
        assert (one.images, one.masks, one.labels, one.clinical) == (
            other.images,
            other.masks,
            other.labels,
            other.clinical,
        )


def test_separators_encodings_and_damaged_tables(tmp_path):
    (tmp_path / "a.csv").write_bytes("# note\nName;Größe\nx;1,5\n\n".encode("cp1252"))
    table = read_text_table(tmp_path / "a.csv")
    assert table.columns == ("Name", "Größe") and table.rows == ((3, {"Name": "x", "Größe": "1,5"}),)
    (tmp_path / "b.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(UnreadableFileError, match="row 2 has more cells"):
        read_text_table(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("a,a\n1,2\n")
    with pytest.raises(UnreadableFileError, match="'a' twice"):
        read_text_table(tmp_path / "c.csv")
    (tmp_path / "d.xlsx").write_bytes(b"PK nothing")
    with pytest.raises(UnreadableFileError, match="cannot be read as a workbook"):
        read_text_table(tmp_path / "d.xlsx")


def test_features_and_cohort_become_a_data_set(tmp_path):
    cohort = read_cohort(plain_cohort(tmp_path))
    rows = [
        ("P3", {"f1": 3.0, "image:t1c:snr": 9.0, "clinical:age": np.nan}),
        ("P1", {"f1": 1.0, "f2": 5.0}),
        ("P2", {"f1": 2.0, "f2": 6.0}),
    ]
    data = to_dataset(rows, cohort, "Ki-67", notes=("Made in a test.",))
    assert data.cases == ("P1", "P2", "P3") and data.patients.tolist() == ["P1", "P2", "P3"]
    assert data.columns == ("f1", "clinical:age", "f2", "clinical:sex", "clinical:who_grade")
    np.testing.assert_array_equal(data.values[:, 0], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(data.values[:, 1], [51.0, 52.0, 53.0])
    assert np.isnan(data.values[2, 2]) and data.values[0, 2] == 5.0
    assert data.outcome.labels.tolist() == [1, 0, 1]
    assert data.site.tolist() == ["B", "A", "B"] and data.split.tolist() == ["train", "test", "train"]
    assert data.acquired.tolist() == [0.0, 1.0, 2.0] and data.scanner is None
    assert data.subgroups["sex"].tolist() == ["male", "female", "male"]
    assert data.subgroups["age"].tolist() == data.values[:, data.columns.index("clinical:age")].tolist()
    assert list(members(data.subgroups["age"])), "age is halved at its median in tables of subgroups"
    assert "1 cases left out because they have no features: P4." in data.provenance
    assert "Made in a test." in data.provenance
    chosen = to_dataset(rows, cohort, "Ki-67", columns=("clinical:age", "f1"), clinical=False)
    assert chosen.columns == ("clinical:age", "f1") and np.isnan(chosen.values[:, 0]).all()


def test_features_that_do_not_fit_are_refused(tmp_path):
    cohort = read_cohort(plain_cohort(tmp_path))
    rows = [("P1", {"f": 1.0}), ("P1", {"f": 2.0}), ("X", {"f": 2.0})]
    with pytest.raises(CohortError, match=r"P1 has two rows.*no case: X.*no column g"):
        to_dataset(rows, cohort, "Ki-67", columns=("f", "g"))
    with pytest.raises(CohortError, match="no endpoint 'PR'"):
        to_dataset(rows[:1], cohort, "PR")


def test_an_unknown_folder_names_the_layouts(tmp_path):
    with pytest.raises(CohortError, match=r"none of the known layouts.*MAMA-MIA"):
        read_cohort(tmp_path)
    assert SIZE == (8, 7, 6)

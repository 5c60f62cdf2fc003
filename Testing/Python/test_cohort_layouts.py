"""Layouts of public collections, each on a tiny replica that the test writes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from cohort_support import image, labels, put, workbook
from dicom_writer import write_series
from virtualbiopsy.cohort.load import load_case
from virtualbiopsy.cohort.read import examine_cohort, read_cohort


def brats_case(root, name, *, old=False, mask=(1, 2, 3)):
    names = ("_t1", "_t1ce", "_t2", "_flair") if old else ("-t1n", "-t1c", "-t2w", "-t2f")
    for n, end in enumerate(names):
        put(root / name / f"{name}{end}.nii.gz", image(n))
    if mask:
        put(root / name / f"{name}{'_' if old else '-'}seg.nii.gz", labels(*mask))


@pytest.mark.parametrize("kind", ["GLI", "MEN", "MET"])
def test_brats_of_2023(tmp_path, kind):
    root = tmp_path / f"ASNR-MICCAI-BraTS2023-{kind}-Challenge-TrainingData"
    for name in (f"BraTS-{kind}-00001-000", f"BraTS-{kind}-00001-001", f"BraTS-{kind}-00007-000"):
        brats_case(root, name)
    examined = examine_cohort(tmp_path)
    assert examined.layout == "brats" and examined.usable
    cohort = examined.cohort
    assert [case.name for case in cohort.cases] == [
        f"BraTS-{kind}-00001 000",
        f"BraTS-{kind}-00001 001",
        f"BraTS-{kind}-00007",
    ]
    assert set(cohort.cases[0].images) == {"t1", "t1c", "t2", "flair"}
    case = load_case(cohort.cases[2])
    core, oedema = (sitk.GetArrayFromImage(case.regions[name]) for name in ("tumour", "oedema"))
    assert core.sum() == 24 and oedema.sum() == 12 and not (core & oedema).any()
    assert core[1].any() and core[3].any()
    assert cohort.cases[0].subgroups == {"challenge": kind}


def test_brats_of_earlier_years_with_survival(tmp_path):
    for n in range(1, 5):
        brats_case(tmp_path / "HGG", f"BraTS19_2013_{n}_1", old=True, mask=(1, 2, 4))
    (tmp_path / "survival_data.csv").write_text(
        "BraTS19ID,Age,Survival,ResectionStatus\nBraTS19_2013_1_1,60.5,300,GTR\n"
        "BraTS19_2013_2_1,50,ALIVE (361 days later),NA\nBraTS19_2013_9_1,50,9,NA\n"
        "BraTS19_2013_4_1,71,42,STR\n"
    )
    examined = examine_cohort(tmp_path)
    assert examined.layout == "brats" and examined.usable
    outcome = examined.cohort.outcome("OS")
    assert outcome.labels.tolist() == [1, 0, 1] and outcome.time.tolist() == [300.0, 361.0, 42.0]
    assert examined.cohort.cases[0].clinical["age"] == 60.5
    assert any("no row for 1 cases: BraTS19_2013_3_1" in warning for warning in examined.warnings)
    assert any("1 rows without images: BraTS19_2013_9_1" in warning for warning in examined.warnings)
    assert sitk.GetArrayFromImage(load_case(examined.cohort.cases[0]).regions["tumour"])[3].any()


def test_brats_without_outline_and_sequence(tmp_path):
    brats_case(tmp_path, "BraTS-GLI-00001-000", mask=())
    (tmp_path / "BraTS-GLI-00001-000" / "BraTS-GLI-00001-000-t2w.nii.gz").unlink()
    faults = [str(fault) for fault in examine_cohort(tmp_path, roles=("t2",)).faults]
    assert any("no outline" in fault for fault in faults) and any("t2 is missing" in f for f in faults)


def test_upenn(tmp_path):
    base = tmp_path / "UPENN-GBM" / "NIfTI-files"
    for name in ("UPENN-GBM-00001_11", "UPENN-GBM-00001_21", "UPENN-GBM-00002_11"):
        for n, end in enumerate(("T1", "T1GD", "T2", "FLAIR")):
            put(base / "images_structural" / name / f"{name}_{end}.nii.gz", image(n))
        put(base / "automated_segm" / f"{name}_automated_approx_segm.nii.gz", labels(1, 2, 4))
    put(base / "images_segm" / "UPENN-GBM-00002_11_segm.nii.gz", labels(2, 4))
    (tmp_path / "UPENN-GBM_clinical_info_v2.1.csv").write_text(
        "ID,Gender,Age_at_scan_years,Survival_from_surgery_days_UPDATED,Survival_Status,IDH1,MGMT,GTR_over90percent\n"
        "UPENN-GBM-00001_11,M,62.1,320,Deceased,Wildtype,Methylated,Y\n"
        "UPENN-GBM-00001_21,M,62.9,,,Wildtype,Indeterminate,N\n"
        "UPENN-GBM-00002_11,F,>89,900,Alive,NOS/NEC,Unmethylated,Not Available\n"
    )
    examined = examine_cohort(tmp_path)
    assert examined.layout == "upenn" and examined.usable, examined.faults
    cohort = examined.cohort
    first, later, second = cohort.cases
    assert first.name == "UPENN-GBM-00001 before surgery" and later.time_point == "follow-up"
    assert first.masks["tumour"].labels == (1, 4) and "automated_segm" in str(first.masks["tumour"].path)
    assert second.masks["tumour"].path.parent.name == "images_segm"
    assert second.subgroups["outline"] == "by hand" and second.clinical == {"age": 89.0, "sex": "female"}
    assert cohort.outcome("OS").labels.tolist() == [1, 0]
    assert cohort.outcome("OS").time.tolist() == [320.0, 900.0]
    assert [case.labels.get("IDH") for case in cohort.cases] == [0, 0, None]
    assert [case.labels.get("MGMT") for case in cohort.cases] == [1, None, 0]
    assert load_case(first).has("t1c")


def test_mamamia(tmp_path):
    rows = [["patient_id", "dataset", "age", "menopause", "nottingham_grade", "er", "pr", "hr", "her2", "pcr",
             "tumor_subtype", "site", "manufacturer", "days_to_recurrence", "days_to_metastasis",
             "days_to_death", "days_to_follow_up", "acquisition_times"],
            ["DUKE_001", "DUKE", 51, "post", "high", 1, 0, 1, 0, 1, "luminal", "Duke", "GE", 400, 300, None,
             900, "[0, 130, 250]"],
            ["ISPY2_100899", "ISPY2", 44, "pre", None, 0, 0, 0, 1, 0, "her2_enriched", None, "SIEMENS", None,
             None, None, 1200, None],
            ["NACT_05", "NACT", 60, None, 2, 1, 1, 1, 0, None, "luminal_a", None, None, None, None, None,
             None, None]]  # fmt: skip
    workbook(tmp_path / "clinical_and_imaging_info.xlsx", {"dataset_info": rows})
    size = (24, 22, 12)
    for name in ("DUKE_001", "ISPY2_100899"):
        for n in range(3):
            found = image(n, size=size) + 40.0 * min(n, 1)
            put(tmp_path / "images" / name / f"{name.lower()}_{n:04d}.nii.gz", found)
        put(tmp_path / "segmentations" / "expert" / f"{name.lower()}.nii.gz", labels(1, size=size))
    info = tmp_path / "patient_info_files" / "ispy2_100899.json"
    info.parent.mkdir()
    info.write_text(json.dumps({"imaging_data": {"acquisition_times": [10.0, 90.0, 400.0]}}))
    (tmp_path / "train_test_splits.csv").write_text(
        "train_split,test_split\nDUKE_001,ISPY2_100899\nNACT_05,\n"
    )
    examined = examine_cohort(tmp_path)
    assert examined.layout == "mamamia" and examined.usable, examined.faults
    duke, ispy = examined.cohort.cases
    assert [path.name for path in duke.images["dce"]] == [f"duke_001_{n:04d}.nii.gz" for n in range(3)]
    assert duke.phase_times == (0.0, 130.0, 250.0) and ispy.phase_times == (0.0, 80.0, 390.0)
    assert (duke.split, ispy.split, duke.site) == ("train", "test", "Duke")
    assert duke.clinical == {
        "age": 51.0,
        "menopausal_status": "postmenopausal",
        "er_positive": True,
        "pr_positive": False,
        "histological_grade": 3,
    }
    cohort = examined.cohort
    assert cohort.outcome("pCR").labels.tolist() == [1, 0]
    assert cohort.outcome("HER2").classes == ("HER2-negative", "HER2-positive")
    assert cohort.outcome("subtype").classes == ("luminal", "her2_enriched")
    assert cohort.outcome("RFS").labels.tolist() == [1, 0]
    assert cohort.outcome("RFS").time.tolist() == [300.0, 1200.0]
    assert any("1 patients without images: NACT_05" in warning for warning in examined.warnings)
    case = load_case(ispy)
    assert [phase.start_s for phase in case.dynamic.phases] == [0.0, 80.0, 390.0]
    assert "tumour" in case.regions


def duke_tables(root):
    top = ["Patient Information"] + [None] * 15
    names = ["Patient ID", "Days to MRI (From the Date of Diagnosis)", "Manufacturer",
             "Manufacturer Model Name", "Date of Birth (Days)", "Menopause (at diagnosis)", "ER", "PR",
             "HER2", "Mol Subtype",
             "Nottingham grade", "Pathologic Response to Neoadjuvant Therapy", "Recurrence event(s)",
             "Days to local recurrence (from the date of diagnosis) ",
             "Days to distant recurrence(from the date of diagnosis) ",
             "Days to last local recurrence free assessment (from the date of diagnosis) ",
             "Days to last distant recurrence free assemssment(from the date of diagnosis) "]  # fmt: skip
    meaning = [None, None, "GE MEDICAL SYSTEMS=0", None, None, "{0 = pre,\n1 = post}"] + [None] * 11
    rows = [
        ["Breast_MRI_001", 10, 2, 7, -18262.5, 1, 1, 0, 0, 0, 3, 2, 0, None, None, 900, 800],
        ["Breast_MRI_002", 5, 0, 4, -20000, 0, 0, 0, 1, 2, 2, 1, 1, 500, 450, None, None],
        ["Breast_MRI_003", 5, 0, 4, "NA", 0, 0, 0, 2, 0, "NA", "NA", 0, None, None, None, 100],
    ]
    workbook(root / "Clinical_and_Other_Features.xlsx", {"Data": [top, names, meaning, *rows]})
    boxes = [["Patient ID", "Start Row", "End Row", "Start Column", "End Column", "Start Slice", "End Slice"],
             ["Breast_MRI_001", 3, 6, 2, 9, 2, 4], ["Breast_MRI_002", 3, 6, 2, 9, 2, 4]]  # fmt: skip
    workbook(root / "Annotation_Boxes.xlsx", {"Sheet1": boxes})


def test_duke(tmp_path):
    duke_tables(tmp_path)
    rng = np.random.default_rng(0)
    base = rng.integers(80, 120, (6, 12, 14)).astype(np.uint16)
    for patient in ("Breast_MRI_001", "Breast_MRI_002"):
        study = tmp_path / "Duke-Breast-Cancer-MRI" / patient / "01-01-1990-NA-MRI BREAST-51972"
        for n, name in enumerate(("ax dyn pre", "ax dyn 1st pass", "ax dyn 2nd pass")):
            values = base.copy()
            values[2:4, 3:6, 2:9] += 70 * min(n, 1)
            write_series(
                study / f"{n + 3}.000000-{name}-93877",
                values,
                description=name,
                AcquisitionTime=f"1000{20 * n:02d}",
                RepetitionTime=5.0,
                EchoTime=2.0,
                ScanningSequence="GR",
            )
        write_series(study / "9.000000-ax t1-1234", base, description="ax t1", RepetitionTime=500.0)
    study = tmp_path / "Duke-Breast-Cancer-MRI" / "Breast_MRI_003" / "01-01-1990-NA-MRI BREAST-5"
    write_series(study / "1.000000-unknown-1", base, description="unknown")
    put(tmp_path / "segmentations" / "duke_002.nii.gz", labels(1, size=(14, 12, 6), spacing=1.0))
    examined = examine_cohort(tmp_path)
    assert examined.layout == "duke" and examined.usable, examined.faults
    first, second, third = examined.cohort.cases
    assert third.folder.name == "Breast_MRI_003" and not third.images and "age" not in third.clinical
    assert [path.name[:9] for path in first.images["dce"]] == ["3.000000-", "4.000000-", "5.000000-"]
    assert first.clinical["age"] == pytest.approx(50.0, abs=0.06) and first.scanner == "SIEMENS TrioTim"
    assert first.clinical["histological_grade"] == 3 and first.clinical["er_positive"] is True
    cohort = examined.cohort
    assert [case.labels.get("HER2") for case in cohort.cases] == [0, 1, None]
    assert [case.labels.get("pCR") for case in cohort.cases] == [0, 1, None]
    assert cohort.outcome("RFS").labels.tolist() == [0, 1, 0]
    assert cohort.outcome("RFS").time.tolist() == [800.0, 450.0, 100.0]
    assert cohort.outcome("subtype").labels.tolist() == [0, 2, 0]
    assert "tumour" in second.masks and "tumour" not in first.masks
    case = load_case(first)
    assert len(case.dynamic.phases) == 3
    values = sitk.GetArrayFromImage(case.regions["box"])
    assert values[1:4, 2:6, 1:9].all() and values.sum() == 3 * 4 * 8


def test_ispy1(tmp_path):
    clinical = [["SUBJECTID", "DataExtractDt", "age", "race_id", "ERpos", "PgRpos", "Her2MostPos",
                 "HR_HER2_STATUS"],
                [1001, "x", 38.7, 1, 1, 2, 0, "HRposHER2neg"],
                [1002, "x", 50, 1, 0, 0, 1, "HER2pos"]]  # fmt: skip
    outcomes = [["SUBJECTID", "DataExtractDt", "sstat", "RFS", "rfs_ind", "PCR"],
                [1001, "x", 7, 1751, 1, 0], [1002, "x", 7, 2000, 0, 1]]  # fmt: skip
    workbook(
        tmp_path / "I-SPY 1 All Patient Clinical and Outcome Data.xlsx",
        {"Info": [["x"]], "TCIA Patient Clinical Subset": clinical, "TCIA Outcomes Subset": outcomes},
    )
    for study in ("02-10-1986-x", "11-25-1985-x"):
        folder = tmp_path / "ISPY1" / "ISPY1_1001" / study / "1.000000-Dynamic-3dfgre-1"
        write_series(folder, np.full((4, 6, 6), 90, np.uint16), description="T2")
    write_series(tmp_path / "ISPY1" / "ISPY1_1002" / "01-01-1986-a" / "s", np.full((4, 6, 6), 9, np.uint16))
    put(tmp_path / "STV" / "ISPY1_1001_stv.nii.gz", labels(1))
    examined = examine_cohort(tmp_path)
    assert examined.layout == "ispy1"
    cohort = examined.cohort
    assert [case.name for case in cohort.cases] == ["ISPY1_1001 MRI1", "ISPY1_1001 MRI2", "ISPY1_1002"]
    assert cohort.cases[0].folder.name == "11-25-1985-x" and "tumour" in cohort.cases[0].masks
    assert cohort.cases[1].masks == {}
    assert cohort.cases[0].clinical == {"age": 38.7, "er_positive": True}
    assert [case.labels.get("pCR") for case in cohort.cases] == [0, 0, 1]
    assert [case.labels.get("PR") for case in cohort.cases] == [None, None, 0]
    assert cohort.outcome("RFS").time.tolist() == [1751.0, 1751.0, 2000.0]
    assert cohort.outcome("RFS").labels.tolist() == [1, 1, 0]
    assert load_case(cohort.cases[0]).has("t2")


def test_ispy2(tmp_path):
    rows = [["Patient_ID", "Arm (short name)", "HR", "HER2", "MP", "pCR", "Age at Screening",
             "Menopausal Status"],
            [100899, "Ctl", 1, 0, 1, 0, 48, "Premenopausal (<6 months since LMP)"],
            [102011, "MK", 0, 1, 0, 1, 61, "Postmenopausal"]]  # fmt: skip
    workbook(tmp_path / "ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx", {"Sheet1": rows})
    for patient, study in (
        ("ISPY2-100899", "10-07-2001-100899T1-ACRIN6698ISPY2MRIT1-1"),
        ("ISPY2-100899", "09-07-2001-100899T0-ACRIN6698ISPY2MRIT0-2"),
        ("ISPY2-102011", "09-07-2001-102011T0-ISPY2MRIT0-9"),
    ):
        write_series(tmp_path / "ISPY2" / patient / study / "s", np.full((4, 6, 6), 9, np.uint16))
    examined = examine_cohort(tmp_path)
    assert examined.layout == "ispy2"
    cohort = examined.cohort
    assert [case.name for case in cohort.cases] == ["ISPY2-100899 T0", "ISPY2-100899 T1", "ISPY2-102011"]
    assert "MRIT0" in cohort.cases[0].folder.name
    assert cohort.outcome("pCR").labels.tolist() == [0, 0, 1]
    assert cohort.cases[0].clinical == {"age": 48.0, "menopausal_status": "premenopausal"}
    assert cohort.cases[2].subgroups["arm"] == "MK" and set(cohort.endpoints) == {"pCR", "HER2", "HR"}


def test_a_feature_table_with_usual_names(tmp_path):
    lines = ["ID,image_path,diagnostics_Versions,T1_Mean,T1_SD,T2_Max,comment,Target"]
    lines += [f"S{n},/x/{n},1.0,{n}.5,{2 * n},{'' if n == 3 else n},word,{n % 2}" for n in range(1, 7)]
    (tmp_path / "features.csv").write_text("\n".join(lines))
    cohort = read_cohort(tmp_path / "features.csv")
    assert cohort.layout == "features" and cohort.features.columns == ("T1_Mean", "T1_SD", "T2_Max")
    from virtualbiopsy.cohort.dataset import to_dataset

    data = to_dataset(None, cohort, "Target")
    assert data.columns == ("T1_Mean", "T1_SD", "T2_Max") and data.cases == tuple(
        f"S{n}" for n in range(1, 7)
    )
    assert data.outcome.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert data.values[0].tolist() == [1.5, 2.0, 1.0] and np.isnan(data.values[2, 2])
    assert any("Columns of text" in note for note in cohort.notes)


def test_a_table_of_our_own_features_is_no_cohort_of_images(tmp_path):
    names = ["mask:tumour:original:morphology:sphericity:3d:none:ibsi"]
    names += [f"t1c:tumour:original:statistics:{name}:3d:none:ibsi" for name in ("mean", "skewness")]
    lines = ["patient,endpoint:Ki-67," + ",".join(names)]
    lines += [f"P{n},{n % 2},0.{n},{n}.5,{n * n}" for n in range(1, 7)]
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    cohort = read_cohort(tmp_path)
    assert cohort.layout == "features" and cohort.features.columns == tuple(names)
    assert cohort.outcome("Ki-67").labels.tolist() == [1, 0, 1, 0, 1, 0]
    wavelet = "t1c:tumour:wavelet(family=coif1;level=1;bands=LLH;pool=mean):statistics:{}:3d:none:ibsi"
    filtered = [names[0], wavelet.format("mean"), wavelet.format("skewness")]
    text = "\n".join(lines)
    for one, other in zip(names, filtered, strict=True):
        text = text.replace(one, other)
    (tmp_path / "cohort.csv").write_text(text)
    assert read_cohort(tmp_path).features.columns == tuple(filtered), "; in a name is no separator"
    rows = [",".join(line.split(",")[:3]) for line in lines]
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    assert read_cohort(tmp_path).features.columns == (names[0],), "one feature is enough"


def test_a_feature_table_with_cohort_toml(tmp_path):
    (tmp_path / "table.csv").write_text(
        "SUBJECTID,age,PCR,RFS,rfs_ind,Her2MostPos,F_1,F_2\n"
        + "".join(
            f"{1000 + n},{40 + n},{n % 2},{100 * n},{(n + 1) % 2},{n // 4},{n}.25,{-n}\n" for n in range(8)
        )
    )
    (tmp_path / "cohort.toml").write_text(
        'table = "table.csv"\nleave_out = ["Her2*"]\n[columns]\npatient = "SUBJECTID"\n'
        '[endpoints.pCR]\ncolumn = "PCR"\n'
        '[endpoints.RFS]\nkind = "survival"\ncolumn = "rfs_ind"\ntime = "RFS"\n'
    )
    cohort = read_cohort(tmp_path)
    assert cohort.layout == "features" and cohort.features.columns == ("F_1", "F_2")
    assert cohort.outcome("RFS").time.tolist() == [100.0 * n for n in range(1, 8)], "0 is left out"
    assert cohort.cases[3].clinical == {"age": 43.0}
    (tmp_path / "cohort.toml").write_text('table = "table.csv"\n[endpoints.pCR]\ncolumn = "pcr"\n')
    with pytest.raises(Exception, match="no column 'pcr'"):
        read_cohort(tmp_path)


def test_a_number_that_is_none_is_a_fault_of_its_cell(tmp_path):
    (tmp_path / "f.csv").write_text("id,a,b,c,label\n1,1,2,3,0\n2,1,2,3,1\n3,1,x,3,0\n4,1,2,3,1\n")
    faults = [str(fault) for fault in examine_cohort(tmp_path / "f.csv").faults]
    assert "row 4, column b: 'x' is not a number. Correct it, or leave the column out." in faults


def test_a_column_called_like_an_outcome_is_no_feature_unawares(tmp_path):
    head = "id,wavelet_Mean,Survival_days,rfs_ind,PCR,shape_Compactness,label"
    (tmp_path / "f.csv").write_text("\n".join([head, "1,1,2,1,1,4,0", "2,1,2,0,0,4,1"]))
    examined = examine_cohort(tmp_path / "f.csv")
    told = [fault.column for fault in examined.faults if "would leak" in fault.what]
    assert told == ["Survival_days", "rfs_ind", "PCR"]
    assert examined.cohort.features.columns == ("wavelet_Mean", "shape_Compactness")
    (tmp_path / "cohort.toml").write_text('table = "f.csv"\nkeep = ["PCR"]\nleave_out = ["rfs*", "Surv*"]\n')
    assert read_cohort(tmp_path / "f.csv").features.columns == ("wavelet_Mean", "PCR", "shape_Compactness")


def test_simulated_cohorts(tmp_path):
    listing = {"simulated": True, "cases": ["sim-1", "sim-2"], "scanner": "A"}
    for n, name in enumerate(listing["cases"]):
        truth = {
            "simulated": True,
            "her2_class": ["zero", "positive"][n],
            "her2_positive": bool(n),
            "pcr": n == 0,
        }
        for folder in (tmp_path / name, tmp_path / name / "earlier"):
            put(folder / "t1c.nii.gz", image(n))
            put(folder / "tumour_mask.nii.gz", labels(1))
            (folder / "clinical.json").write_text(json.dumps({"age": 40 + n}))
        (tmp_path / name / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "cohort.json").write_text(json.dumps(listing))
    examined = examine_cohort(tmp_path)
    assert examined.layout == "simulated" and examined.usable, examined.faults
    cohort = examined.cohort
    assert cohort.simulated and cohort.cases[0].name == "sim-1 before therapy"
    assert set(cohort.endpoints) == {"HER2", "HER2 level", "pCR"}
    assert [case.labels["HER2 level"] for case in cohort.cases] == [0, 0, 2, 2]
    pairs = cohort.with_earlier().cases
    assert [(c.time_point, c.earlier.time_point) for c in pairs] == [
        ("after the first cycle", "before therapy")
    ] * 2
    case = load_case(pairs[1])
    assert case.clinical == {"age": 41.0} and len(case.sequences) == 1 and "tumour" in case.regions

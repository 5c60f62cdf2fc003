"""Cohorts on the real tables and volumes, where they are there."""

from __future__ import annotations

from collections import Counter

import pytest
from virtualbiopsy.cohort.load import load_case
from virtualbiopsy.cohort.read import examine_cohort, read_cohort


def test_the_clinical_workbook_of_duke_is_understood(tmp_path, data_dir):
    """The counts are those of the cells of the workbook, by its own legend."""
    pytest.importorskip("openpyxl")
    for n in range(1, 923):
        (tmp_path / f"Breast_MRI_{n:03d}").mkdir()
    source = data_dir / "tables" / "duke_breast_clinical.xlsx"
    (tmp_path / "Clinical_and_Other_Features.xlsx").symlink_to(source)
    cohort = examine_cohort(tmp_path).cohort
    assert len(cohort.cases) == 922
    for name, positive in (("ER", 686), ("PR", 598), ("HER2", 163)):
        assert cohort.outcome(name).labels.sum() == positive
    assert Counter(cohort.outcome("subtype").labels.tolist()) == {0: 595, 1: 104, 2: 59, 3: 164}
    outcome = cohort.outcome("RFS")
    assert outcome.time.min() >= 0 and 80 <= outcome.labels.sum() <= 92
    assert all("age" in case.clinical for case in cohort.cases)


@pytest.mark.parametrize(
    ("name", "shape", "endpoint"),
    [
        ("GvM_undersampled.csv", (83, 558), "Label"),
        ("MEN_undersampled.csv", (129, 186), "Label"),
        ("radmlbench_Arita2018_glioma_IDH.csv.gz", (168, 683), "Target"),
    ],
)
def test_real_feature_tables_are_read_without_statements(data_dir, name, shape, endpoint):
    cohort = read_cohort(data_dir / "tables" / name)
    assert cohort.features.values.shape == shape and endpoint not in cohort.features.columns
    assert set(cohort.outcome(endpoint).labels.tolist()) == {0, 1}


def test_outcomes_in_the_table_of_ispy1_are_not_taken_for_features(data_dir):
    examined = examine_cohort(data_dir / "tables" / "ispy1_dce_radiomics_clinical.csv")
    told = {fault.column for fault in examined.faults if "would leak" in fault.what}
    assert {"RFS", "rfs_ind", "PCR", "RCBClass", "survDtD2 (tx)"} <= told
    assert not told & set(examined.cohort.features.columns)


def test_a_real_brats_case_is_loaded(data_dir):
    root = data_dir / "volumes" / "brats18_glioma"
    if not root.is_dir():
        pytest.skip("the volume is not there")
    cohort = read_cohort(root, deep=False)
    case = load_case(cohort.cases[0])
    assert {s.role for s in case.sequences} == {"t1", "t1c", "t2", "flair"}
    assert set(case.regions) == {"tumour", "oedema"}

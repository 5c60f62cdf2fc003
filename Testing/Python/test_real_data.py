"""The page of real data: what a fresh run gives stands in it, and nothing of the data."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from real_page import row, study_result
from real_studies import ISPY1, STUDIES
from virtualbiopsy.training.reports.markdown import md

PAGE = Path(__file__).resolve().parents[2] / "Docs" / "real-data.md"
BY_KEY = {study.key: study for study in STUDIES}


@pytest.mark.parametrize("key", ["ispy1_rfs", "brats_os"])
def test_a_fresh_run_gives_what_the_page_says(data_dir, key):
    result = study_result(BY_KEY[key], data_dir / "tables")
    assert f"| {' | '.join(md(cell) for cell in row(result))} |" in PAGE.read_text(encoding="utf-8")


def test_all_tables_are_read_with_their_outcomes(data_dir):
    found = {key: study.dataset(data_dir / "tables") for key, study in BY_KEY.items()}
    events = {key: int((data.outcome.labels == 1).sum()) for key, data in found.items()}
    assert events == {
        "gvm": 29,
        "men": 48,
        "ispy1_her2": 32,
        "ispy1_pr": 43,
        "ispy1_pcr": 30,
        "ispy1_rfs": 24,
        "arita_idh": 111,
        "brats_os": 210,
    }


def test_no_outcome_and_nothing_later_is_a_feature(data_dir):
    for key, study in BY_KEY.items():
        columns = study.dataset(data_dir / "tables").columns
        if study.file == ISPY1:
            assert all(c.startswith(("T1_E_", "clinical:")) for c in columns), key
        assert study.endpoint.column not in columns and study.endpoint.time not in columns


def test_no_patient_is_on_the_page(data_dir):
    text = PAGE.read_text(encoding="utf-8")
    with (data_dir / "tables" / ISPY1).open(encoding="utf-8") as stream:
        names = {line["SUBJECTID"] for line in csv.DictReader(stream)}
    assert not any(name in text for name in names if name != "1000")
    assert "BraTS19_" not in text and "STS_0" not in text


def test_the_page_states_every_study():
    text = PAGE.read_text(encoding="utf-8")
    for study in STUDIES:
        assert f"| {study.title} |" in text
    assert "Sarcoma" in text and "95 % CI" in text

"""What people state about a study, from a TOML file."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_support import full_record
from virtualbiopsy.errors import TrainingError, UnreadableFileError
from virtualbiopsy.training.reports.clear import clear_items
from virtualbiopsy.training.reports.quality import quality
from virtualbiopsy.training.reports.statement import ANSWERS, read_stated

TEXT = """
[design]
objective = "To see whether it can be done"
prospective = true
registration = "NCT00000000"
guidelines = ["CLEAR"]

[data]
sites = 3
interval = "two weeks"
clinical = { "clinical:age" = "years" }

[answers."clear:8"]
evidence = "Waived by the board"

[answers."rqs:utility"]
met = false
evidence = "not asked for"
"""


def stated(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_stated(path)


def test_statements_go_over_a_record(tmp_path):
    found = stated(tmp_path, TEXT)
    record = full_record()
    record = replace(
        record,
        design=found.over("design", record.design),
        data=found.over("data", record.data),
        sharing=found.over("sharing", record.sharing),
        answers=found.answers,
    )
    assert record.design.objective == "To see whether it can be done" and record.design.recipe == "M11"
    assert record.data.sites == 3 and record.sharing == full_record().sharing
    items = {item.number: item.text for item in clear_items(record)}
    assert items[8] == "Waived by the board" and "NCT00000000" in items[10]
    points = {found.item.number: found.points for found in quality(record).rqs.items}
    assert points[11] == 7 and points[14] == 0


def test_all_faults_are_listed(tmp_path):
    text = '[design]\nobjectiv = "x"\nprospective = "yes"\n[data]\nsites = true\ncases = 5\n[more]\n'
    text += 'x = 1\n[answers."clear:59"]\nevidence = "x"\n[answers."metrics:5"]\nmet = true\n'
    with pytest.raises(TrainingError) as error:
        stated(tmp_path, text)
    for told in (
        "no field 'objectiv'",
        "prospective is not true or false",
        "sites is not a whole number",
        "no field 'cases'",
        "[more] is unknown",
        "'clear:59' is no item",
        "metrics:5 needs evidence",
    ):
        assert told in error.value.message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UnreadableFileError):
        stated(tmp_path, "[design")
    with pytest.raises(UnreadableFileError):
        read_stated(tmp_path / "none.toml")


def test_every_item_can_be_answered():
    assert sum(key.startswith("clear:") for key in ANSWERS) == 58
    assert sum(key.startswith("metrics:") for key in ANSWERS) == 30
    assert sum(key.startswith("rqs:") for key in ANSWERS) == 28
    assert {"tripod:3c", "tripod:27c"} <= ANSWERS

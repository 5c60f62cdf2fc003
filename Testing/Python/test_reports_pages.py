"""The card in the order of TRIPOD+AI, the HTML report, and the files."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from reports_support import HOSTILE, full_record
from support import toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import ExistingFileError
from virtualbiopsy.training.reports.card import study_card
from virtualbiopsy.training.reports.clear import clear_markdown
from virtualbiopsy.training.reports.html import study_report
from virtualbiopsy.training.reports.markdown import md
from virtualbiopsy.training.reports.quality import quality_markdown
from virtualbiopsy.training.reports.record import Design, StudyRecord
from virtualbiopsy.training.reports.tripod import tripod_items
from virtualbiopsy.training.reports.write import write_reports

EMPTY = StudyRecord(Design("a study", "Ki-67"))


class Elements(HTMLParser):
    """Names and attributes of all elements; raises where one is closed that was not opened."""

    VOID = ("meta", "img", "br", "rect", "line", "circle", "path")

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.open = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_card_follows_tripod_and_names_the_clear_items():
    record = full_record()
    card = study_card(record)
    keys = re.findall(r"\(TRIPOD\+AI (\d+[a-g]?)", card)
    assert keys == [item.key for item in tripod_items(record)]
    numbers = [int(key.rstrip("abcdefg")) for key in keys]
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, 28))
    clear = [int(n) for text in re.findall(r"; CLEAR ([\d, ]+)\)", card) for n in text.split(",")]
    assert sorted(clear) == sorted(set(range(1, 59)) - {3, 7})


def test_the_card_says_what_must_be_said():
    card = study_card(full_record())
    assert card.startswith("# SIMULATED — ") and RESEARCH_USE_ONLY in card
    tables = [line for line in card.splitlines() if line.startswith("| Figure")]
    assert tables and all("SIMULATED" in line for line in tables)
    assert "| AUC | 0.810 | 0.740 – 0.870 |" in card
    assert "RQS 1.0: 18 points (−8 … 36), 50 %" in card and "1 of 9 (the lowest)" in card
    assert "diagnos" not in card.replace(RESEARCH_USE_ONLY, "").lower()
    assert "fold 3 held one class only" in card and "Not a figure of this model" in card
    assert "SIMULATED" not in study_card(full_record(simulated=False))


def test_the_card_of_a_model_tells_what_a_case_is_compared_with():
    model = toy_model()
    card = study_card(full_record(), model)
    assert "Mahalanobis distance" in card and f"`{model.feature_keys[0]}`" in card
    assert f"`{model.model_id}`" in card


@pytest.mark.parametrize(("fewest", "told"), [(8, False), (9, False), (10, True)])
def test_few_conformal_scores_do_not_stop_the_card(fewest, told):
    labels = np.arange(40) < 40 - fewest
    scores = (np.where(labels, 2.0, -2.0), labels.astype(np.uint8))
    card = study_card(full_record(), replace(toy_model(), conformal_scores=scores))
    assert ("Conformal answers" in card) == (fewest > 8)
    assert ("Of the held-out cases themselves" in card) == told


def test_a_card_of_nothing_invents_nothing():
    card = study_card(EMPTY)
    items = [line for line in card.splitlines() if "(TRIPOD+AI" in line]
    assert sum(line.endswith(": not available") for line in items) >= len(items) - 2
    assert "RQS 1.0: 0 points" in card and "METRICS: 0.0 %" in card


def test_the_report_is_one_page_that_loads_nothing():
    page = study_report(full_record())
    found = Elements(page)
    assert not {"script", "link", "iframe", "object", "embed", "form", "img"} & set(found.names)
    assert not {"src", "href", "style"} & set(found.attributes)
    assert not [name for name in found.attributes if name.startswith("on")]
    assert "default-src 'none'" in page and not re.search(r"url\(|@import", page)
    assert found.names.count("svg") == 7
    assert page.count(f'role="note">{RESEARCH_USE_ONLY}') == 2


def test_the_report_holds_figures_warnings_scores_and_checklists():
    page = study_report(full_record())
    assert "12 events per candidate predictor" in page and "fold 3 held one class only" in page
    assert "0.740 – 0.870" in page and "p = 0.012 (DeLong)" in page
    assert "CLEAR: " in page and "of 58 items filled" in page and "LASSO kept 4 of 34 features" in page
    assert "SIMULATED" in page and "SIMULATED" not in study_report(full_record(simulated=False))


def test_all_text_is_escaped_everywhere():
    record = full_record(words=HOSTILE)
    page = study_report(record)
    assert "<script" not in page and "script" not in Elements(page).names
    assert "&lt;script&gt;" in page
    for text in (study_card(record), clear_markdown(record), quality_markdown(record)):
        assert "<script" not in text and "&lt;script&gt;" in text


def test_markdown_cells_keep_their_line_and_column():
    hostile = "a|b\n# c `d` <e> [f](g) *h* _i_\x00"
    assert md(hostile) == r"a\|b \# c \`d\` &lt;e&gt; \[f\](g) \*h\* \_i\_"
    record = replace(full_record(words="|\n# x"), answers={})
    lines = clear_markdown(record).splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    rows = [line for line in lines if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == 58 and all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)


def test_files_are_written_and_not_replaced_against_the_will(tmp_path):
    paths = write_reports(tmp_path, full_record(), toy_model())
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names[:4] == ["report.html", "card.md", "CLEAR.md", "quality.md"]
    assert "figures/test1-roc.svg" in names and "figures/test3-survival.svg" in names
    assert all(path.stat().st_size > 200 for path in paths) and not list(tmp_path.rglob("*.part"))
    assert write_reports(tmp_path, full_record(), toy_model()) == paths
    with pytest.raises(ExistingFileError):
        write_reports(tmp_path, full_record(), overwrite=False)

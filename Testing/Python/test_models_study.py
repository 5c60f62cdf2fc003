"""Published studies as data: what they state, what they leave out, ultrasound apart from MRI."""

from __future__ import annotations

import re

import pytest
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.evidence.rules import load_rules
from virtualbiopsy.models.recipe import builtin_recipes
from virtualbiopsy.models.study import (
    DEEP,
    MODALITIES,
    MRI,
    NO_EXTERNAL,
    NOT_RUN,
    RULE,
    RUNS,
    find_study,
    load_studies,
    mri_studies,
    read_study,
)
from virtualbiopsy.resources import resource
from virtualbiopsy.tasks import TASKS, TOPICS

ROWS = (("M", 1, 27), ("G", 0, 26), ("H", 1, 14), ("P", 1, 18), ("C", 1, 24))
STUDIES = {study.study_id: study for study in load_studies()}


def test_every_row_of_the_reviews_is_there_once_and_in_order():
    assert list(STUDIES) == [f"{letter}{n}" for letter, first, last in ROWS for n in range(first, last + 1)]
    files = sorted(path.stem for path in (resource("Recipes") / "published").iterdir())
    assert files == sorted(STUDIES), "a file is named after its study"
    for study in STUDIES.values():
        assert study.cites.startswith(("[", "section")) and study.source.startswith("source review")
        assert ", section " in study.source or "introduction" in study.source
        assert all(caveat.endswith((".", ".”")) for caveat in study.caveats.values()), study.study_id
    assert {s.task for s in STUDIES.values()} == set(TOPICS)
    assert {s.task for i, s in STUDIES.items() if i[0] in "MH"} == set(TASKS)
    assert all(STUDIES[f"M{n}"].task == "meningioma" for n in range(1, 28))


def test_every_study_runs_or_says_in_one_line_why_not():
    states = {study_id: study.state for study_id, study in STUDIES.items()}
    assert {i for i, state in states.items() if state == DEEP} == {
        *("M14", "M15", "M26", "M27", "G1", "G24", "H11", "P1", "C3")
    }
    assert {i for i, state in states.items() if state == RULE} == {
        *("M5", "M6", "M9", "M16", "M17", "M18", "M19", "M20", "M22", "H12", "H13", "H14")
    }
    assert list(states.values()).count(RUNS) == 42 and list(states.values()).count(NOT_RUN) == 47
    for study in STUDIES.values():
        why = study.why_not
        assert bool(why) == (study.state != RUNS)
        assert "\n" not in why and (not why or why.endswith("."))
        assert study.state != DEEP or "needs the deep extra" in why


def test_rules_that_are_named_exist():
    known = {rule.rule_id for rule in load_rules()}
    for study in STUDIES.values():
        assert set(study.rules) <= known, study.study_id


def test_only_mri_is_listed_as_mri():
    assert STUDIES["H8"].modality == "ultrasound" and STUDIES["H8"].sequences == ()
    others = {i for i, study in STUDIES.items() if study.modality != MRI}
    assert others == {
        *("H8", "P6", "P7", "P8", "P9", "P11", "P13", "P15", "P16", "P17"),
        *("C1", "C2", "C8", "C14", "C16", "C21", "C22", "C23", "C24"),
    }
    for study_id in others:
        assert STUDIES[study_id].modality in MODALITIES and STUDIES[study_id].state == NOT_RUN
    listed = mri_studies("breast")
    assert [s.study_id for s in listed] == [f"H{n}" for n in range(1, 15) if n != 8]
    assert len(mri_studies("meningioma")) == 29
    for task in TOPICS:
        for study in mri_studies(task):
            told = f"{study.title} {study.features} {study.figures}"
            for word in ("ultrasound", "DenseNet", "CT ", "CT.", "CT angiography", "SPECT"):
                assert word not in told, (study.study_id, word)


def test_defects_of_the_reviews_are_not_repeated():
    assert STUDIES["M14"].figures[0].external == "0.591" and "0.905" in STUDIES["M14"].figures[0].internal
    assert "Not a diagnostic cut-off" in STUDIES["M9"].caveats["cut_off"] and "0.667" in repr(STUDIES["M9"])
    assert "no difference was significant" in STUDIES["M24"].caveats["classifier"]
    for study_id in ("C1", "P6", "P10"):  # another paper than the one that the review cites
        assert "cit" in STUDIES[study_id].caveats["citation"]
    assert not any("40108073" in repr(study) for study in STUDIES.values())
    for study_id in ("M7", "M6", "G18"):  # a direction only
        assert "cut-off" in STUDIES[study_id].caveats["figures"] and not STUDIES[study_id].figures
    for study in STUDIES.values():
        assert "HGB" not in repr(study)
    assert "sets no rules of acquisition" in STUDIES["H13"].caveats["ibsi"]


def test_a_study_is_found_by_its_id():
    assert find_study("m11") is not None and find_study("M11").classifier.startswith("naive Bayes")
    with pytest.raises(ModelFormatError, match="X1"):
        find_study("X1")


def test_an_internal_figure_stands_beside_what_is_known_from_outside():
    for study in STUDIES.values():
        for figure in study.figures:
            assert "internal" in figure.words and f"external: {figure.external}" in figure.words
    auc = STUDIES["H1"].figures[0]
    assert (
        auc.words
        == "AUC, radiomics: 0.875 on training cases, 0.845 (test set) internal, external: none reported"
    )
    assert auc.external == NO_EXTERNAL


FIGURES = {
    "M5": ("82 %",),
    "M8": ("0.864", "0.730"),
    "M9": ("0.817", "0.667"),
    "M10": ("0.873",),
    "M11": ("0.798", "0.752"),
    "M12": ("0.80", "0.84"),
    "M13": ("0.83",),
    "M14": ("0.905", "0.591"),
    "M15": ("0.797", "0.808"),
    "M20": ("0.65",),
    "M23": ("0.849",),
    "M24": ("0.75", "20–80 %"),
    "M25": ("0.827", "0.846"),
    "M26": ("0.771", "0.703"),
    "M27": ("0.842", "0.736–0.949", "15–90 %"),
    "G0": ("84 %",),
    "G17": ("90 %", "91 %"),
    "G19": ("92 %", "71 %"),
    "G26": ("80–90 %",),
    "H1": ("0.875", "0.845", "0.691", "0.672"),
    "H2": ("0.78",),
    "H3": ("0.80", "75 %"),
    "H4": ("0.70", "0.85"),
    "H6": ("0.754", "0.775", "0.843"),
    "H8": ("0.87", "0.84", "0.78", "0.74", "0.55", "0.51"),
    "H9": ("97.4", "83.9"),
    "C1": ("80 %",),
    "C10": ("84.3 %", "0.87"),
    "C14": ("0.90",),
}
CASES = {
    **{"M4": 576, "M9": 79, "M12": 343, "M15": 1008, "M17": 210, "M24": 157, "M27": 307, "G16": 1143},
    **{"H1": 118, "H8": 144, "H9": 311, "C17": 1214, "P1": 112, "P2": 114, "P3": 142, "P4": 93, "P15": 64},
}
NUMBER = re.compile(r"\d\.\d|\d %")


def test_what_the_reviews_state_is_what_the_files_state():
    """The figures of the reviews, row by row; a row without a number there has none here."""
    told = {key: " ".join(f.words for f in study.figures) for key, study in STUDIES.items()}
    for key, values in FIGURES.items():
        assert all(value in told[key] for value in values), key
    values = {
        key: " ".join(f"{f.training} {f.internal} {f.external}" for f in study.figures)
        for key, study in STUDIES.items()
    }
    assert {key for key, text in values.items() if NUMBER.search(text)} == set(FIGURES)
    assert {key: study.cases for key, study in STUDIES.items() if study.cases} == CASES


def test_external_figures_are_those_that_were_reported():
    found = {
        (study_id, figure.external)
        for study_id, study in STUDIES.items()
        for figure in study.figures
        if NUMBER.search(figure.external)
    }
    assert found == {("M14", "0.591"), ("M15", "0.808"), ("M25", "0.846"), ("M26", "0.703")}


def test_the_figure_that_is_not_in_the_paper_is_no_result():
    assert not any("68" in figure.words for figure in STUDIES["H9"].figures)
    assert "not repeated as a result" in STUDIES["H9"].caveats["response"]


def test_what_is_not_stated_is_listed():
    assert "discretisation" in STUDIES["H2"].missing and "classifier" in STUDIES["H2"].missing
    assert "classifier" not in STUDIES["H1"].missing and "number of centres" in STUDIES["H1"].missing
    assert "sequences" in STUDIES["H11"].missing and STUDIES["H11"].time_points
    for study in STUDIES.values():  # none of them can be repeated from what is stated
        assert {"spacing after resampling", "discretisation"} <= set(study.missing)


def test_studies_are_not_recipes():
    assert not {recipe.recipe_id for recipe in builtin_recipes()} & set(STUDIES)


GOOD = """
format = 1
id = "X1"
task = "breast"
title = "t"
study = "s"
cites = "[1]"
source = "r"
modality = "MRI"
endpoint = "HER2"
sequences = ["dce"]
cases = 3
not_run = "b"
[[features]]
words = "entropy"
sequence = "dce"
family = "glcm"
names = ["joint_entropy"]
[[figures]]
name = "AUC"
internal = "0.8"
[caveats]
a = "b."
"""


def write(folder, text, name="X1.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_study_is_read(tmp_path):
    study = read_study(write(tmp_path, GOOD))
    assert study.features[0].names == ("joint_entropy",) and study.cases == 3
    write(tmp_path, GOOD, "again.toml")
    with pytest.raises(ModelFormatError, match="same id"):
        load_studies(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        ("format = 1", "format = 2"),
        ('task = "breast"', 'task = "bones"'),
        ('title = "t"', 'title = ""'),
        ('cites = "[1]"', ""),
        ('modality = "MRI"', 'modality = "ultrasound"'),
        ('sequences = ["dce"]', 'sequences = ["dce9"]'),
        ('sequences = ["dce"]', "sequences = []"),
        ("cases = 3", "cases = true"),
        ("cases = 3", "cases = 3\nauc = 0.9"),
        ('family = "glcm"', 'family = "glcn"'),
        ('"joint_entropy"', '"entropy"'),
        ('internal = "0.8"', ""),
        ('internal = "0.8"', "internal = 0.8"),
        ('a = "b."', ""),
        ("[caveats]", "[caveats"),
        ('modality = "MRI"', 'modality = "X-ray"'),
        ('not_run = "b"', ""),
        ('not_run = "b"', 'not_run = "b"\ndeep = true'),
        ('not_run = "b"', 'not_run = "b\\nc"'),
        ('not_run = "b"', "deep = 1"),
        ("[caveats]", "[run]\noutcome = 'binary'\n[caveats]"),
    ],
)
def test_incomplete_studies_are_refused(tmp_path, change):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(ModelFormatError):
        read_study(write(tmp_path, text))

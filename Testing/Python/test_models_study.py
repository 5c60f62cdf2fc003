"""Published studies as data: what they state, what they leave out, ultrasound apart from MRI."""

from __future__ import annotations

import pytest
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.recipe import builtin_recipes
from virtualbiopsy.models.study import NO_EXTERNAL, load_studies, mri_studies, read_study

STUDIES = {study.study_id: study for study in load_studies()}


def test_all_rows_of_the_review_are_there_in_order():
    assert list(STUDIES) == [f"H{n}" for n in range(1, 12)]
    assert {s.task for s in STUDIES.values()} == {"breast"}
    for study in STUDIES.values():
        assert study.cites.startswith("[") and study.source.startswith("source review, section")
        assert all(caveat.endswith(".") for caveat in study.caveats.values())


def test_the_ultrasound_study_is_never_listed_as_mri():
    assert STUDIES["H8"].modality == "ultrasound" and STUDIES["H8"].sequences == ()
    listed = mri_studies("breast")
    assert [s.study_id for s in listed] == [f"H{n}" for n in range(1, 12) if n != 8]
    for study in listed:
        text = repr(study)
        assert "DenseNet" not in text and "ultrasound" not in text.lower() and '0.87"' not in text
    assert mri_studies("meningioma") == ()


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


def test_what_the_review_states_is_what_the_files_state():
    """The figures of the review, row by row."""
    figures = {key: " ".join(f.words for f in study.figures) for key, study in STUDIES.items()}
    for key, values in {
        "H1": ("0.875", "0.845", "0.691", "0.672"),
        "H2": ("0.78",),
        "H3": ("0.80", "75 %"),
        "H4": ("0.70", "0.85"),
        "H6": ("0.754", "0.775", "0.843"),
        "H8": ("0.87", "0.84", "0.78", "0.74", "0.55", "0.51"),
        "H9": ("97.4", "83.9"),
    }.items():
        assert all(value in figures[key] for value in values), key
    assert {key for key, text in figures.items() if not text} == {"H5", "H10"}
    assert {key: study.cases for key, study in STUDIES.items() if study.cases} == {
        "H1": 118,
        "H8": 144,
        "H9": 311,
    }


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
    ],
)
def test_incomplete_studies_are_refused(tmp_path, change):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(ModelFormatError):
        read_study(write(tmp_path, text))

"""The command ``virtualbiopsy recipes``."""

from __future__ import annotations

import pytest
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.models.study import load_studies


def printed(capsys, *arguments: str) -> str:
    assert main(["recipes", *arguments]) == 0
    return capsys.readouterr().out


def test_all_studies_are_listed_with_their_state(capsys):
    lines = printed(capsys).splitlines()
    assert lines[0] == RESEARCH_USE_ONLY
    studies = load_studies()
    for line, study in zip(lines[1:], studies, strict=False):
        assert line.split()[0] == study.study_id and study.title in line and study.state in line
    text = "\n".join(lines[len(studies) + 1 :])
    assert (
        "42 runs" in text and "9 needs the deep extra" in text and "12 rule" in text and "47 not run" in text
    )


def test_only_one_task(capsys):
    lines = printed(capsys, "--task", "breast").splitlines()
    ids = [line.split()[0] for line in lines if line[:1] in "HMGPC" and line[1:2].isdigit()]
    assert ids == [*(f"H{n}" for n in range(1, 15)), "P8"]
    with pytest.raises(SystemExit):
        main(["recipes", "--task", "bones"])


def test_one_study_tells_figures_gaps_and_what_is_ours(capsys):
    text = printed(capsys, "m14")
    assert "0.905 (internal test set) internal, external: 0.591" in text and "needs the deep extra" in text
    text = printed(capsys, "M11")
    assert RESEARCH_USE_ONLY in text and "naive Bayes" in text and "Not stated:" in text
    assert "Ours, since the study does not state it:" in text and "gaussian_nb" in text
    assert "0.752 (validation set) internal, external: none reported" in text
    assert "Trial run on simulated cases" in text
    assert "An ultrasound study" in printed(capsys, "H8")
    assert "only cases with clinical:who_grade of at most 1" in printed(capsys, "M13")
    assert "t1 in the place of t1map" in printed(capsys, "M8")


def test_every_study_can_be_shown(capsys):
    for study in load_studies():
        assert study.title in printed(capsys, study.study_id)


def test_an_unknown_study_is_refused(capsys):
    assert main(["recipes", "Z1"]) == 2
    assert "ModelFormatError" in capsys.readouterr().err

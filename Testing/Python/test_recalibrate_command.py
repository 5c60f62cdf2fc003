"""`virtualbiopsy recalibrate`: tables in, a new model file out, all faults at once."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from support import toy_background, toy_model
from virtualbiopsy.cli import main
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.inference import log_odds
from virtualbiopsy.models.radmodel import load_radmodel, save_radmodel

MODEL = toy_model()
KEYS = MODEL.feature_keys


def tables(folder: Path, n: int = 120, *, slope: float = 0.5, intercept: float = 1.2) -> tuple[Path, Path]:
    """Features and labels in two files, the labels in another order and without one of the cases."""
    rows = toy_background(KEYS, n, 3)
    chance = sigmoid(intercept + slope * log_odds(MODEL, rows))
    labels = (np.random.default_rng(0).random(n) < chance).astype(int)
    features, answers = folder / "features.csv", folder / "labels.csv"
    with features.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", *KEYS, "provenance"])
        writer.writerows([f"c{i}", *map(repr, map(float, row)), "{}"] for i, row in enumerate(rows))
    with answers.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "ki67"])
        writer.writerows([f"c{i}", ("no", "yes")[labels[i]]] for i in reversed(range(1, n)))
    return features, answers


@pytest.fixture
def site(tmp_path):
    save_radmodel(MODEL, tmp_path / "toy.radmodel")
    return tmp_path, *tables(tmp_path)


def call(folder: Path, features: Path, answers: Path, *more: str) -> int:
    command = ["recalibrate", str(folder / "toy.radmodel"), str(features), "--labels", str(answers)]
    return main([*command, "--out", str(folder / "new.radmodel"), *more])


def test_a_model_for_the_site_is_written(site, capsys):
    assert call(*site, "--label", "ki67", "--site", "Site B") == 0
    told = capsys.readouterr().out
    assert "Recalibrated on 119 labelled cases of Site B" in told and "Research use only" in told
    assert "brier" in told and "each case by the others" in told
    new = load_radmodel(site[0] / "new.radmodel")
    assert new.model_id == "toy-logistic-site-b" and new.metrics["site_cases"]["value"] == 119
    rows = toy_background(KEYS, 200, 5)
    assert log_odds(new, rows).mean() > log_odds(MODEL, rows).mean() + 0.5


def test_a_file_is_neither_replaced_nor_written_without_need(site, capsys):
    folder, features, _ = site
    answers = tables(folder, slope=1.0, intercept=0.0)[1]
    assert call(folder, features, answers, "--label", "ki67") == 0
    assert "No file was written" in capsys.readouterr().out and not (folder / "new.radmodel").exists()
    (folder / "new.radmodel").write_text("mine")
    assert call(folder, features, answers, "--label", "ki67") != 0
    assert (folder / "new.radmodel").read_text() == "mine"


def test_all_faults_are_listed_at_once(site, capsys):
    folder, features, answers = site
    text = features.read_text().splitlines()
    cells = text[5].split(",")
    features.write_text("\n".join([*text[:5], ",".join([cells[0], "wide", *cells[2:]]), *text[6:]]) + "\n")
    answers.write_text(answers.read_text().replace("c7,no", "c7,maybe").replace("c7,yes", "c7,maybe"))
    assert call(folder, features, answers, "--label", "ki67") != 0
    told = capsys.readouterr().err
    assert "c4, " in told and "'wide' is not a number" in told and "c7, ki67: 'maybe' is neither" in told
    answers.write_text(answers.read_text() + "c9,yes\n")
    assert call(folder, features, answers, "--label", "ki67") != 0
    assert "the case c9 is there twice" in capsys.readouterr().err
    assert call(folder, features, answers, "--label", "grade") != 0
    assert "no column 'grade'" in capsys.readouterr().err
    assert call(folder, answers, answers, "--label", "ki67") != 0
    assert "none of the features" in capsys.readouterr().err
    assert call(folder, features, answers, "--label", "ki67", "--time", "months") != 0
    assert "not a survival model" in capsys.readouterr().err
    assert not (folder / "new.radmodel").exists()


def test_a_survival_model_needs_times(tmp_path, capsys):
    model = toy_model("cox")
    save_radmodel(model, tmp_path / "toy.radmodel")
    rows = toy_background(KEYS, 90, 3)
    rng = np.random.default_rng(1)
    life, end = rng.exponential(8, 90), rng.uniform(4, 20, 90)
    path = tmp_path / "site.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", *KEYS, "months", "dead"])
        for i, row in enumerate(rows):
            writer.writerow([f"c{i}", *row, min(life[i], end[i]), int(life[i] <= end[i])])
    out = tmp_path / "new.radmodel"
    command = ["recalibrate", str(tmp_path / "toy.radmodel"), str(path), "--label", "dead", "--out", str(out)]
    assert main(command) != 0 and "--time" in capsys.readouterr().err
    assert main([*command, "--time", "months", "--change", "intercept"]) == 0
    assert load_radmodel(out).survival.hazard[-1] > model.survival.hazard[-1]

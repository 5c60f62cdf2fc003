"""Rows and words of the page for ledger, trust card and delta ledger: they balance and say what they must."""

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from report_support import reported
from virtualbiopsy.explain.delta import Delta, DeltaTerm
from virtualbiopsy.explain.groups import bars
from virtualbiopsy.explain.model import Contribution, Explanation
from virtualbiopsy.models.prediction import Prediction
from virtualbiopsy.trust.model import ConformalSet, Reason, TrustCard
from virtualbiopsy.web import ledger
from virtualbiopsy.web.trustcard import conformal_text, delta_row, trust_row

ENTROPY = "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi"
CONTRAST = "t1c:tumour:original:glcm:contrast:3d_average:fbn32:ibsi"
MEAN = "adc:tumour:original:statistics:mean:3d:none:ibsi"
VOLUME = "mask:tumour:original:morphology:volume:3d:none:ibsi"


def _image(value: float) -> sitk.Image:
    return sitk.GetImageFromArray(np.full((2, 2, 2), value))


@pytest.fixture
def explanation():
    phi = {ENTROPY: 0.3, CONTRAST: -0.1, MEAN: -0.6, VOLUME: 0.05, "clinical:age": -0.02}
    contributions = tuple(
        Contribution(key, 1.0, 2.0, value, key.split(":")[0] in ("t1c", "adc"),
                     "" if key.split(":")[0] in ("t1c", "adc") else "shape")
        for key, value in phi.items()
    )  # fmt: skip
    return Explanation(
        "m", -0.5, -0.5 + sum(phi.values()), contributions,
        maps={"t1c": _image(0.2 / 8), "adc": _image(-0.6 / 8)}, total=_image(-0.4 / 8),
        bars=bars(list(phi), list(phi.values())),
    )  # fmt: skip


@pytest.fixture
def prediction(explanation):
    p = 1 / (1 + math.exp(-explanation.log_odds))
    return Prediction("m", "Ki-67", "Ki-67 ≥ 5 %", explanation.log_odds, -0.5, p, 0.4)


def test_every_level_of_the_ledger_adds_up(explanation, prediction):
    rows = ledger.ledger_rows(explanation, prediction)
    value = {row["id"]: float(row["exact"]) for row in rows}
    first = [row["id"] for row in rows if row["level"] == 1]
    assert value["baseline"] + sum(value[name] for name in first) == pytest.approx(value["total"], abs=1e-12)
    for row in rows:
        below = [r["id"] for r in rows if r["parents"][-1:] == [row["id"]]]
        assert bool(below) == row["more"]
        if below:
            assert sum(value[name] for name in below) == pytest.approx(value[row["id"]], abs=1e-12)
    assert [row["id"] for row in rows][-4:] == ["clinical/clinical", "clinical/clinical/clinical:age",
                                                "total", "probability"]  # fmt: skip
    assert first == ["adc", "t1c", "shape", "clinical"]
    assert max(row["size"] for row in rows) == 50


def test_a_score_before_calibration_is_not_called_a_probability(explanation, prediction):
    rows = ledger.ledger_rows(replace(explanation, sums_to="uncalibrated log-odds"), prediction)
    assert rows[0]["probability"] == ""
    assert "before calibration" in rows[-2]["label"]


def test_lines_name_their_layers(explanation):
    own = {ENTROPY: _image(0.3 / 8), CONTRAST: _image(-0.1 / 8)}

    def total(identity, known):
        image, _, note = ledger.layer_of(explanation, identity, known)
        return None if image is None else float(sitk.GetArrayViewFromImage(image).sum()), note

    assert total("total", {}) == (pytest.approx(-0.4), "")
    assert total("t1c", {}) == (pytest.approx(0.2), "")
    assert total(f"t1c/glcm/{ENTROPY}", own) == (pytest.approx(0.3), "")
    assert total("t1c/glcm", own) == (pytest.approx(0.2), "")
    value, note = total(f"t1c/glcm/{ENTROPY}", {})
    assert value == pytest.approx(0.2) and "part of the map of T1c" in note
    value, note = total(f"shape/morphology/{VOLUME}", own)
    assert value is None and "no place in the image" in note


def test_features_come_with_words_and_pictures():
    explanation = reported().result.explanations[0]
    words = ledger.feature_words(explanation)
    assert set(words) == {c.key for c in explanation.contributions}
    assert all(
        entry["picture"].startswith("<svg") and entry["low"] != entry["high"] for entry in words.values()
    )


def test_a_trust_card_puts_what_speaks_against_the_number_first():
    reasons = (
        Reason("red", "wrong_sequence", "T2 lies in the place of T1c."),
        Reason("green", "ok", "Fine."),
    )
    conformal = ConformalSet(("high", "low"), 0.4, 0.3, 0.1, (20, 30), "Only for exchangeable cases.")
    row = trust_row(TrustCard("m", "red", reasons, conformal=conformal))
    assert row["light"] == "red" and row["word"] == "Do not rely on this number"
    assert [r["text"] for r in row["reasons"]] == ["T2 lies in the place of T1c."]
    assert "Fine." in [r["text"] for r in row["fine"]]
    assert row["answer"] == "Conformal answer at 90 %: uncertain (neither answer can be ruled out)."
    assert trust_row(None)["light"] == "none"
    assert conformal_text(replace(conformal, labels=("low",))) == "Conformal answer at 90 %: low."


def test_what_an_edit_moved_in_one_sentence():
    terms = (DeltaTerm(ENTROPY, 0.3, 1.0, 1.2), DeltaTerm(VOLUME, -0.09, 10.0, 11.0))
    row = delta_row(Delta("m", 0.21, 0.3, 0.35, terms))
    assert row["text"] == "This edit moved +0.21: joint entropy T1c +0.30, volume −0.09"
    assert [t["phi"] for t in row["terms"]] == ["+0.300", "−0.090"]
    assert delta_row(None)["text"] == "" == delta_row(Delta("m", 0.0, 0.3, 0.3, ()))["text"]
    raw = delta_row(Delta("m", 0.21, 0.3, 0.35, terms, sums_to="uncalibrated log-odds"))
    assert "uncalibrated" in raw["text"]

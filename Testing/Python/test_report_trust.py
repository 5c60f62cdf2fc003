"""Report and result.json: trust before the number, the ledger tree, what the last edit moved."""

import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from report_support import HOSTILE, reported
from test_report_export import parse
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.explain.delta import Delta, DeltaTerm
from virtualbiopsy.explain.groups import bars
from virtualbiopsy.report.changes import delta_words
from virtualbiopsy.report.credit import phi_words, shared_words
from virtualbiopsy.report.export import result_json
from virtualbiopsy.report.figures import ledger_svg, waterfall_svg
from virtualbiopsy.report.html import html_report
from virtualbiopsy.report.labels import feature_label
from virtualbiopsy.report.numbers import percent, signed
from virtualbiopsy.report.tree import ledger_bars, tree_svg
from virtualbiopsy.report.trust import further_lines, headline, withheld
from virtualbiopsy.trust.model import ConformalSet, Reason, TrustCard

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def card(model_id, light):
    found = ConformalSet(("high", "low"), 0.41, 0.32, 0.1, (20, 22), f"Coverage 81 to 96 %. {HOSTILE}")
    reasons = (
        Reason(light, "spacing", f"Slices are 6 mm thick {HOSTILE}."),
        Reason("green", "snr", "SNR 31."),
    )
    return TrustCard(model_id, light, reasons, 99.2, math.nan, found, "external AUC 0.59, internal 0.91")


@pytest.fixture(scope="module")
def given():
    return reported()


@pytest.fixture(scope="module")
def judged(given):
    """A red and a green card, and a change of the first model's answer."""
    first, second = given.result.predictions
    keys = [c.key for c in given.result.explanations[0].contributions]
    terms = tuple(
        DeltaTerm(key, phi, 1.0, 2.0) for key, phi in zip(keys, (0.30, -0.09, 0.05, -0.05), strict=False)
    )
    delta = Delta(first.model_id, sum(t.phi for t in terms), 0.41, 0.46, terms)
    cards = (card(first.model_id, "red"), card(second.model_id, "green"))
    return replace(given.result, trust=cards, deltas=(delta,))


def report(given, result):
    return html_report(given.case, result, given.models, created=NOW)


def test_the_card_comes_before_the_number(given, judged):
    text = report(given, judged)
    parse(text)
    for prediction, one in zip(judged.predictions, judged.trust, strict=True):
        start = text.index(f"<h2>Estimated probability of {prediction.positive}")
        assert start < text.index(headline(one), start) < text.index("Threshold of the model", start)
    assert "Slices are 6 mm thick &lt;script&gt;" in text and "<script" not in text
    for words in (
        "99 % by Mahalanobis",
        "p high 0.41",
        "20 low and 22 high",
        "external AUC 0.59, internal 0.91",
    ):
        assert words in text
    assert "nan %" not in text


def test_red_folds_the_number_in_and_green_does_not(given, judged):
    text = report(given, judged)
    first, second = judged.predictions
    heads = [text.index(f"<h2>Estimated probability of {p.positive}") for p in (first, second)]
    red, green = text[heads[0] : heads[1]], text[heads[1] :]
    before, _, inside = red.partition("<details>")
    assert "</details>" in inside
    for secret in (percent(first.probability), signed(first.log_odds, 3)):
        assert secret not in re.sub(r"Mahalanobis.*?</p>|error rate of.*?</p>", "", before)
        assert secret in inside
    assert "<details>" not in green[: green.index("Threshold of the model")]
    assert withheld(judged.trust[0]) and not withheld(judged.trust[1]) and not withheld(None)


def test_without_cards_the_report_is_as_before(given):
    text = report(given, given.result)
    assert "Trust:" not in text and "<details>" not in text


def test_lights_differ_in_more_than_colour(given, judged):
    lights = {light: headline(card("m", light)) for light in ("green", "amber", "red")}
    assert len(set(lights.values())) == 3
    from virtualbiopsy.report.trust import LIGHT_SHAPES

    assert len(set(LIGHT_SHAPES.values())) == 3
    bare = TrustCard("m", "amber", ())
    assert further_lines(bare) == []


def test_published_figures_are_said_to_be_published_once():
    for text in ("AUC 0.9 internal, 0.6 external.", "Published for another model: AUC 0.9 internal."):
        (line,) = further_lines(replace(TrustCard("m", "amber", ()), published=text))
        assert line.startswith("Published") and line.endswith(text) and line.count("Published") == 1


def groups_of(svg):
    root = ET.fromstring(svg)
    return [
        (g.get("data-role"), g.get("data-path"), float(g.get("data-phi")))
        for g in root.iter(f"{SVG}g")
        if g.get("data-role")
    ]


@pytest.mark.parametrize("dark", [True, False])
def test_tree_adds_up_on_every_level(given, dark):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    svg = tree_svg(explanation, prediction, dark=dark, features=0)
    found = groups_of(svg)
    assert [role for role, _path, _phi in found][0] == "baseline" and found[-1][0] == "total"
    baseline, total = found[0][2], found[-1][2]
    tops = [phi for role, _path, phi in found if role == "sequence"]
    assert baseline + math.fsum(tops) == pytest.approx(total, abs=1e-9)
    assert total == explanation.log_odds
    for role, path, phi in found:
        if role in ("sequence", "class"):
            depth = path.count("|") + 1
            below = [q for _r, p, q in found if p and p.startswith(path + "|") and p.count("|") == depth]
            assert math.fsum(below) == pytest.approx(phi, abs=1e-9), path
    assert any(role == "folded" for role, _path, _phi in found)
    assert RESEARCH_USE_ONLY in svg and percent(prediction.probability) in svg


def test_tree_is_made_where_an_explanation_carries_none(given):
    explanation = given.result.explanations[0]
    assert explanation.bars == ()
    made = bars([c.key for c in explanation.contributions], [c.phi for c in explanation.contributions])
    assert ledger_bars(explanation) == made
    own = replace(explanation, bars=made[:1])
    assert ledger_bars(own) == made[:1]


def test_scores_that_are_not_calibrated_are_not_called_log_odds(given):
    explanation = replace(given.result.explanations[0], sums_to="uncalibrated log-odds")
    prediction = given.result.predictions[0]
    for draw in (waterfall_svg, ledger_svg, tree_svg):
        affine, other = draw(given.result.explanations[0], prediction), draw(explanation, prediction)
        assert affine != other and "uncalibrated log-odds" in other
        assert "the probability they stand for" not in other
    result = replace(given.result, explanations=(explanation, given.result.explanations[1]))
    text = report(given, result)
    assert "add up to the uncalibrated log-odds" in text
    assert "shares of the calibrated probability do not exist" in text


def test_shared_credit_and_sampling_errors_are_said(given):
    """D4 test 17, the words of it: features that move together share their credit."""
    explanation = given.result.explanations[0]
    keys = [c.key for c in explanation.contributions]
    assert shared_words(explanation) == []
    contributions = (replace(explanation.contributions[0], error=0.031), *explanation.contributions[1:])
    sharing = replace(explanation, shared=(tuple(keys[:2]), tuple(keys)), contributions=contributions)
    first, second = shared_words(sharing)
    assert all(feature_label(key).full in first for key in keys[:2]) and "share their credit" in first
    assert f"{len(keys) - 4} more" in second
    phi = contributions[0].phi
    assert phi_words(phi, contributions[0]) == f"{signed(phi)} ± 0.03" and phi_words(phi) == signed(phi)
    svg = tree_svg(sharing, given.result.predictions[0])
    assert f"{signed(phi)} ± 0.03" in svg and "±" not in svg.replace("± 0.03", "").replace("±0.00", "")
    result = replace(given.result, explanations=(sharing, given.result.explanations[1]))
    assert "share their credit" in report(given, result)
    content = json.loads(result_json(given.case, result, given.models, NOW))
    assert content["explanations"][0]["shared"] == [keys[:2], keys]


def test_delta_in_one_sentence_whose_parts_add_up(judged):
    words = delta_words(judged.deltas[0], "Ki-67")
    terms = judged.deltas[0].terms
    assert words.startswith("This edit moved Ki-67 +0.21 (41 % → 46 %): ")
    assert f"{feature_label(terms[0].key).full} +0.30" in words and "1 others −0.05" in words
    numbers = [float(n.replace("−", "-")) for n in re.findall(r" ([+−]\d\.\d\d)[,.]", words)]
    assert sum(numbers) == pytest.approx(0.21, abs=0.011)
    still = Delta("m", 0.0, 0.4, 0.4, ())
    assert delta_words(still, "PR") == "This edit did not move PR (40 % → 40 %)."
    raw = replace(judged.deltas[0], sums_to="uncalibrated log-odds")
    assert "(uncalibrated log-odds)" in delta_words(raw, "Ki-67")


def test_delta_is_in_the_report(given, judged):
    assert parse(report(given, judged)) and delta_words(judged.deltas[0], judged.predictions[0].endpoint)[
        :20
    ] in report(given, judged)


def test_everything_is_in_result_json(given, judged):
    content = json.loads(result_json(given.case, judged, given.models, NOW))
    assert [entry["light"] for entry in content["trust"]] == ["red", "green"]
    assert content["trust"][0]["neighbour_percentile"] is None
    assert content["trust"][0]["conformal"]["labels"] == ["high", "low"]
    assert content["deltas"][0]["terms"][0]["phi"] == 0.30
    for entry, explanation in zip(content["explanations"], judged.explanations, strict=True):
        assert entry["sums_to"] == "log-odds"
        total = entry["baseline"] + math.fsum(bar["phi"] for bar in entry["ledger"])
        assert total == pytest.approx(explanation.log_odds, abs=1e-9)
        for bar in entry["ledger"]:
            assert math.fsum(child["phi"] for child in bar["children"]) == pytest.approx(bar["phi"], abs=1e-9)

"""Report and exports: complete, self-contained, escaped, read back exactly, never overwriting unasked."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk
from report_support import HOSTILE, reported
from support import toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import Cancelled, ExistingFileError
from virtualbiopsy.report.export import background_image, features_csv, result_json, write_outputs
from virtualbiopsy.report.html import html_report
from virtualbiopsy.report.labels import feature_label

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Tags(HTMLParser):
    VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self):
        super().__init__()
        self.seen, self.open, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def parse(text):
    parser = Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def given():
    return reported()


@pytest.fixture(scope="module")
def report(given):
    return html_report(
        given.case,
        given.result,
        given.models,
        image=given.tumour.image("t1c"),
        mask=given.tumour.mask(),
        created=NOW,
    )


@pytest.fixture(scope="module")
def written(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "new"
    return write_outputs(
        folder, given.case, given.result, given.models, mask=given.tumour.mask(), created=NOW
    )


def test_the_report_warns_at_both_ends(report):
    banners = re.findall(r'<div class="banner[^"]*" role="note">([^<]*)</div>', report)
    assert banners == [RESEARCH_USE_ONLY, RESEARCH_USE_ONLY]
    body = report[report.index("<body>") :]
    assert body.index("banner") < body.index("<main>")
    assert body.rindex("banner") > body.index("</main>")


def test_nothing_is_loaded_from_elsewhere(report):
    parser = parse(report)
    for tag, attributes in parser.seen:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "a"}
        for name, content in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "data", "action"):
                assert content.startswith("data:image/png;base64,")
    assert "url(" not in report and "@import" not in report
    (csp,) = [a["content"] for t, a in parser.seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert csp.startswith("default-src 'none'")


def test_what_a_reader_needs_is_there(report, given):
    words = " ".join(parse(report).words)
    for prediction in given.result.predictions:
        assert f"Estimated probability of {prediction.positive}" in words
    for needed in (
        "simulated training data",
        "Cross-validated AUC",
        "0.80 (95 % CI 0.70–0.90), simulated cases",
        "over 9 similar outlines, 2 of them on the other side",
        "explains the model, not the biology",
        "log-odds contribution per mL",
        "Not in the map",
        "Random numbers.",
        "Means nothing.",
        "ab" * 32,
        "Models that did not run",
        "needs FLAIR",
        "Imputed",
        "Outside the range seen in training",
        "SimpleITK",
        "61 years",
        "skull base, lateral or not specified",
    ):
        assert needed in words, needed
    for outcome in given.result.evidence:
        for text in (outcome.title, outcome.finding, outcome.statement, outcome.reference, outcome.caveat):
            assert text in words
    for step in given.result.provenance:
        assert step in words
    for key, number in given.result.features.values.items():
        assert key in words and f"{number:.4g}".replace("-", "−") in words
        assert feature_label(key).definition in words


def test_the_word_diagnosis_stands_only_in_the_warning(report):
    words = " ".join(parse(report).words).replace(RESEARCH_USE_ONLY, "").replace("not for diagnosis", "")
    assert "diagnosis" not in words.lower()


def test_there_is_no_advice(report):
    words = re.sub(r"“[^”]*”", "", " ".join(parse(report).words))
    assert not re.search(r"\byou should\b|\bwe recommend|\bis recommended\b", words, re.IGNORECASE)


def test_pictures_in_three_planes_for_region_and_models(report):
    images = [a for t, a in parse(report).seen if t == "img"]
    assert len(images) == 3 * (1 + 2)
    assert all(a["alt"] for a in images)


def test_neither_paths_nor_protocol_reach_the_report(report, written):
    assert "/secret" not in report
    assert "/secret" not in written["result"].read_text(encoding="utf-8")


def test_hostile_names_are_escaped(tmp_path):
    given = reported(HOSTILE)
    model = replace(given.models[0], title=HOSTILE, data_statement=HOSTILE, version=HOSTILE, sha256=HOSTILE)
    text = html_report(given.case, given.result, (model, given.models[1]))
    parser = parse(text)
    assert "script" not in {tag for tag, _ in parser.seen}
    assert "\x00" not in text
    assert 'alert("1")' in " ".join(parser.words)
    out = write_outputs(tmp_path, given.case, given.result, (model, given.models[1]))
    assert json.loads(out["result"].read_text(encoding="utf-8"))["case"]["name"] == HOSTILE


def test_a_model_of_real_data_is_not_called_simulated():
    models = (toy_model(simulated=False, title="Real", model_id="real"),)
    given = reported(models=models)
    assert "simulated" not in html_report(given.case, given.result, models).lower()


def test_without_image_model_stability_or_map(given):
    result = replace(
        given.result,
        stability=(),
        explanations=tuple(replace(e, total=None) for e in given.result.explanations),
    )
    text = html_report(given.case, result, ())
    parse(text)
    assert "<img" not in text
    assert "not tried" in text
    nothing = replace(result, predictions=(), explanations=(), evidence=(), warnings=())
    parse(html_report(given.case, nothing, ()))


def test_result_json_round_trip(given, written):
    content = json.loads(written["result"].read_text(encoding="utf-8"))
    assert content["format"] == "virtualbiopsy-result"
    assert content["created"] == "2026-01-02T03:04:05+00:00"
    assert content["research_use_only"] == RESEARCH_USE_ONLY
    for said, p in zip(content["predictions"], given.result.predictions, strict=True):
        assert said["probability"] == p.probability
        assert said["log_odds"] == p.log_odds
    assert content["predictions"][0]["stability"]["flips"] == 2
    assert content["predictions"][1]["stability"] is None
    assert {k: v["value"] for k, v in content["features"].items()} == dict(given.result.features.values)
    assert content["missing"] == dict(given.result.features.missing)
    assert content["region"]["diameter_mm"] == given.result.facts.diameter_mm
    assert [e["rule_id"] for e in content["evidence"]] == [o.rule_id for o in given.result.evidence]
    for said in content["explanations"]:
        outside = math.fsum(c["phi"] for c in said["contributions"] if not c["localised"])
        assert said["baseline"] + said["map_sum"] + outside == pytest.approx(said["log_odds"], abs=1e-9)
    assert list(content) == sorted(content)


def test_result_json_is_deterministic_except_for_the_time(given):
    a = result_json(given.case, given.result, given.models, NOW)
    b = result_json(given.case, given.result, given.models, NOW)
    later = result_json(given.case, given.result, given.models, NOW.replace(year=2027))
    assert a == b
    differing = [(x, y) for x, y in zip(a.splitlines(), later.splitlines(), strict=True) if x != y]
    assert len(differing) == 1 and '"created"' in differing[0][0]


def test_what_is_not_finite_becomes_null(given):
    features = replace(given.result.features, values={"clinical:age": float("nan")})
    text = result_json(given.case, replace(given.result, features=features), given.models, NOW)
    assert json.loads(text)["features"]["clinical:age"]["value"] is None


def test_features_csv_round_trip(given, written):
    with written["features"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["key"]: float(r["value"]) for r in rows} == dict(given.result.features.values)
    assert list(rows[0]) == ["key", "label", "value", "unit", "ibsi_code", "definition"]
    (diameter,) = [r for r in rows if ":maximum_3d_diameter:" in r["key"]]
    assert (diameter["unit"], diameter["ibsi_code"]) == ("mm", "L0JK")


def test_csv_quotes_what_needs_it(given):
    features = replace(given.result.features, values={'a,"b\nc': 1.0})
    rows = list(csv.reader(io.StringIO(features_csv(replace(given.result, features=features)))))
    assert rows[1][0] == 'a,"b\nc'


def test_the_map_is_float64_on_its_own_grid(given, written):
    for key, explanation in (
        ("explanation", given.result.explanations[0]),
        ("explanation:toy-logistic", given.result.explanations[0]),
        ("explanation:toy-pr", given.result.explanations[1]),
    ):
        image = sitk.ReadImage(str(written[key]))
        assert image.GetPixelID() == sitk.sitkFloat64
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(explanation.total))
        assert image.GetSize() == explanation.total.GetSize()
        assert np.allclose(image.GetOrigin(), explanation.total.GetOrigin(), atol=1e-9)
        assert np.allclose(image.GetDirection(), explanation.total.GetDirection(), atol=1e-12)
        assert image.GetMetaData("virtualbiopsy_unit") == "log-odds per voxel"
        assert RESEARCH_USE_ONLY in image.GetMetaData("virtualbiopsy_note")


def test_one_model_gives_one_map(tmp_path):
    given = reported(models=(toy_model(),))
    out = write_outputs(tmp_path, given.case, given.result, given.models)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "explanation.nrrd",
        "features.csv",
        "report.html",
        "result.json",
    ]
    assert set(out) == {"explanation", "features", "report", "result"}


@pytest.mark.parametrize("name", ["result.json", "features.csv", "report.html", "explanation-toy-pr.nrrd"])
def test_nothing_is_overwritten_unasked(given, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExistingFileError, match=re.escape(name)):
        write_outputs(tmp_path, given.case, given.result, given.models)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    write_outputs(tmp_path, given.case, given.result, given.models, overwrite=True)
    assert (tmp_path / name).read_bytes() != b"mine"


def test_cancelling_leaves_nothing_behind(given, tmp_path):
    def stop(fraction, message):
        if fraction > 0.5:
            raise Cancelled()

    with pytest.raises(Cancelled):
        write_outputs(
            tmp_path, given.case, given.result, given.models, mask=given.tumour.mask(), progress=stop
        )
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(given, tmp_path):
    seen = []
    write_outputs(
        tmp_path,
        given.case,
        given.result,
        given.models,
        mask=given.tumour.mask(),
        progress=lambda fraction, message: seen.append(fraction),
    )
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 8


def test_the_background_is_the_reference_sequence(given):
    assert background_image(given.case, given.models) is given.case.sequence("t1c").image
    assert background_image(replace(given.case, sequences=()), given.models) is None
    only_t2 = replace(given.case, sequences=given.case.sequences[1:])
    assert background_image(only_t2, given.models) is only_t2.sequences[0].image

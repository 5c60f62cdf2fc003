"""SVG figures: well-formed, self-contained, balanced to the last digit, and safe with hostile names."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from report_support import HOSTILE, explanation_of, reported
from support import TOY_KEYS, synthetic_tumour, toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.explain.model import Contribution
from virtualbiopsy.models.prediction import SurvivalAnswer
from virtualbiopsy.report.figures import (
    ledger_groups,
    ledger_svg,
    legend_svg,
    probability_svg,
    waterfall_svg,
)
from virtualbiopsy.report.numbers import percent, percent_range, probability_of, signed, value
from virtualbiopsy.report.survival import survival_svg
from virtualbiopsy.report.theme import DARK, LIGHT
from virtualbiopsy.trust.model import Stability

SVG = "{http://www.w3.org/2000/svg}"
ANSWER = SurvivalAnswer(
    "progression",
    24.0,
    "months",
    0.3,
    "low risk",
    (3.0, 12.0, 20.0),
    (0.9, 0.7, 0.5),
    ("low risk", "high risk"),
)
TINY = {"svg", "g", "rect", "line", "path", "circle", "text", "tspan", "title"}


@pytest.fixture(scope="module")
def given():
    return reported()


@pytest.fixture(scope="module")
def many():
    """A model with 21 features, so that the waterfall folds."""
    keys = (
        TOY_KEYS
        + tuple(
            f"t1c:tumour:original:{family}:{name}:3d_average:fbn32:ibsi"
            for family, names in (
                (
                    "glcm",
                    ("joint_maximum", "joint_average", "joint_variance", "dissimilarity", "autocorrelation"),
                ),
                ("glrlm", ("short_runs_emphasis", "long_runs_emphasis", "run_percentage", "run_entropy")),
            )
            for name in names
        )
        + tuple(f"t2:ring5:original:statistics:{n}:3d:none:ibsi" for n in ("mean", "variance", "skewness"))
    )
    model = toy_model(keys=keys)
    explanation = explanation_of(model, {}, synthetic_tumour())
    prediction = replace(
        reported().result.predictions[0],
        log_odds=explanation.log_odds,
        baseline=explanation.baseline,
        probability=probability_of(explanation.log_odds),
    )
    return explanation, prediction


def roles(figure, name):
    return [e for e in ET.fromstring(figure).iter() if e.get("data-role") == name]


def every_figure(given, dark, width):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    return {
        "waterfall": waterfall_svg(explanation, prediction, dark=dark, width=width),
        "ledger": ledger_svg(explanation, prediction, dark=dark, width=width),
        "probability": probability_svg(prediction, given.result.stability[0], dark=dark, width=width),
        "survival": survival_svg(replace(prediction, survival=ANSWER), dark=dark, width=width),
        "legend": legend_svg(0.02, dark=dark, width=width),
    }


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("width", [320, 400, 900])
def test_every_figure_is_well_formed_and_self_contained(given, dark, width):
    for name, figure in every_figure(given, dark, width).items():
        root = ET.fromstring(figure)
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= TINY
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("width") == str(width)
        for e in root.iter():
            assert not {"style", "class", "href", "dominant-baseline"} & set(e.attrib)
            assert not any(key.startswith("on") for key in e.attrib)
        assert "url(" not in figure
        assert (DARK if dark else LIGHT).background in figure
        if name != "legend":
            assert RESEARCH_USE_ONLY in root.get("aria-label")
            assert "simulated training data" in "".join(root.itertext())


@pytest.mark.parametrize("width", [320, 400, 900])
def test_every_mark_lies_inside_the_figure(given, width):
    for name, figure in every_figure(given, True, width).items():
        root = ET.fromstring(figure)
        height = float(root.get("height"))
        for e in root.iter():
            kind = e.tag.removeprefix(SVG)
            if kind == "text":
                xs, ys = [float(e.get("x"))], [float(e.get("y")), float(e.get("y")) + 2]
                size = float(e.get("font-size"))
                own = "".join(t for t in [e.text or "", *[(c.tail or "") for c in e]])
                end = 0.5 * size * len(own)
                anchor = e.get("text-anchor")
                xs += [xs[0] + {"start": end, "end": -end, "middle": end / 2}[anchor]]
            elif kind == "rect":
                xs = [float(e.get("x")), float(e.get("x")) + float(e.get("width"))]
                ys = [float(e.get("y")), float(e.get("y")) + float(e.get("height"))]
            elif kind == "path":
                numbers = [float(n) for n in re.findall(r"-?[\d.]+", e.get("d"))]
                xs, ys = numbers[::2], numbers[1::2]
            else:
                continue
            assert min(xs) >= -0.5 and max(xs) <= width + 1.0, (name, ET.tostring(e))
            assert min(ys) >= -0.5 and max(ys) <= height + 0.5, (name, ET.tostring(e))


@pytest.mark.parametrize("features", [1, 3, 10, 50])
def test_the_waterfall_adds_up(many, features):
    explanation, prediction = many
    figure = waterfall_svg(explanation, prediction, features=features)
    (baseline,), (total,) = roles(figure, "baseline"), roles(figure, "total")
    steps = roles(figure, "feature") + roles(figure, "folded")
    phis = [float(e.get("data-phi")) for e in steps]
    start, end = float(baseline.get("data-log-odds")), float(total.get("data-log-odds"))
    assert math.isclose(start + math.fsum(phis), end, abs_tol=1e-12)
    assert end == explanation.log_odds
    assert float(total.get("data-probability")) == prediction.probability
    shown = [abs(float(e.get("data-phi"))) for e in roles(figure, "feature")]
    assert shown == sorted(shown, reverse=True)
    folded = sum(int(e.get("data-count")) for e in roles(figure, "folded"))
    assert len(shown) + folded == len(explanation.contributions)


def test_a_single_left_over_feature_is_not_folded(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    figure = waterfall_svg(explanation, prediction, features=len(explanation.contributions) - 1)
    assert not roles(figure, "folded")


def test_bars_begin_where_the_last_one_ended(many):
    explanation, prediction = many
    ends = []
    for e in roles(waterfall_svg(explanation, prediction, features=6), "feature"):
        (path,) = [p for p in e if p.tag == SVG + "path"]
        xs = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d"))][::2]
        ends.append((xs[0], xs[2], float(e.get("data-phi")), path.get("fill")))
    for (_, last, _, _), (first, _, _, _) in zip(ends, ends[1:], strict=False):
        assert abs(first - last) < 0.02
    for first, last, phi, colour in ends:
        assert (last > first) == (phi > 0)
        assert colour == (DARK.raises if phi > 0 else DARK.lowers)


def test_signs_are_printed_not_only_coloured(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    for e in roles(waterfall_svg(explanation, prediction), "feature"):
        words = "".join(e.itertext())
        assert signed(float(e.get("data-phi"))) in words


def test_imputed_and_out_of_range_are_marked(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    for e in roles(waterfall_svg(explanation, prediction, width=700), "feature"):
        words, key = "".join(e.itertext()), e.get("data-key")
        assert ("imputed" in words) == (key in prediction.imputed)
        assert ("outside training range" in words) == (key in prediction.out_of_range)


def test_values_come_with_units(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    words = "".join(ET.fromstring(waterfall_svg(explanation, prediction, width=700)).itertext())
    diameter = given.result.features.values[TOY_KEYS[0]]
    assert f"{diameter:.4g} mm" in words


def test_the_ledger_adds_up_and_equals_the_map(given):
    import SimpleITK as sitk

    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    figure = ledger_svg(explanation, prediction)
    groups = {e.get("data-group"): float(e.get("data-phi")) for e in roles(figure, "group")}
    total = float(roles(figure, "total")[0].get("data-log-odds"))
    assert math.isclose(explanation.baseline + math.fsum(groups.values()), total, abs_tol=1e-12)
    in_map = sitk.GetArrayFromImage(explanation.total).sum()
    assert math.isclose(groups["T1c, in the map"], in_map, abs_tol=1e-12)
    assert groups.keys() == ledger_groups(explanation).keys()


def test_the_probability_bar_is_to_scale(given):
    prediction = replace(given.result.predictions[0], probability=0.25, threshold=0.75)
    figure = probability_svg(prediction, Stability("toy", 9, 0.1, 0.4, 0), width=500)
    (estimate,), (threshold,), (span,) = (roles(figure, r) for r in ("estimate", "threshold", "stability"))
    left, length = float(estimate.get("x")), float(estimate.get("width"))
    assert math.isclose((float(threshold.get("x1")) - left) / length, 3.0, rel_tol=1e-3)
    first = span[0]
    assert math.isclose((float(first.get("x1")) - left) / length, 0.4, rel_tol=1e-2)
    assert math.isclose((float(first.get("x2")) - left) / length, 1.6, rel_tol=1e-2)
    words = "".join(ET.fromstring(figure).itertext())
    assert "25 %" in words and "below the model's threshold" in words
    assert "none of them changes the side" in words.replace("\n", " ") or "none of them" in words


def test_a_model_of_real_data_is_not_called_simulated(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    for figure in (
        probability_svg(prediction, simulated=False),
        waterfall_svg(explanation, prediction, simulated=False),
        ledger_svg(explanation, prediction, simulated=False),
    ):
        assert "simulated" not in figure.lower()


@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.004, 0.5, 0.996, 1.0])
def test_extreme_probabilities(given, probability):
    prediction = replace(given.result.predictions[0], probability=probability)
    words = "".join(ET.fromstring(probability_svg(prediction)).itertext())
    if probability < 0.01:
        assert "< 1 %" in words
    elif probability > 0.99:
        assert "> 99 %" in words


@pytest.mark.parametrize("phis", [[0.0] * 7, [80.0, -80.0, 0, 0, 0, 0, 0], [1e-7] * 7, [500.0] + [0] * 6])
def test_extreme_contributions_still_draw(given, phis):
    model = given.models[0]
    explanation = explanation_of(model, {}, given.tumour, phis)
    figure = waterfall_svg(explanation, given.result.predictions[0])
    assert len(roles(figure, "feature")) == 7


def test_no_contributions_at_all(given):
    explanation = replace(given.result.explanations[0], contributions=(), log_odds=-0.45)
    for figure in (
        waterfall_svg(explanation, given.result.predictions[0]),
        ledger_svg(explanation, given.result.predictions[0]),
    ):
        ET.fromstring(figure)


def test_hostile_names_are_escaped(given):
    explanation, prediction = given.result.explanations[0], given.result.predictions[0]
    hostile = replace(prediction, positive=HOSTILE, endpoint=HOSTILE, model_id=HOSTILE)
    c = Contribution(HOSTILE, 1.0, 0.5, 0.3, False, HOSTILE)
    spoiled = replace(explanation, contributions=(c, *explanation.contributions), log_odds=1.0)
    for figure in (
        waterfall_svg(spoiled, hostile),
        ledger_svg(spoiled, hostile),
        probability_svg(hostile),
        legend_svg(1.0, title=HOSTILE),
    ):
        assert "<script" not in figure
        tags = {e.tag.removeprefix(SVG) for e in ET.fromstring(figure).iter()}
        assert tags <= TINY


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("look", [DARK, LIGHT])
def test_contrast(look):
    """WCAG 2.2: 4.5 for text, 3 for graphics."""

    def contrast(colour):
        a, b = sorted((luminance(colour), luminance(look.background)), reverse=True)
        return (a + 0.05) / (b + 0.05)

    for colour in (look.text, look.muted, look.accent):
        assert contrast(colour) >= 4.5
    for colour in (look.raises, look.lowers, look.neutral):
        assert contrast(colour) >= 3.0


def test_numbers():
    assert signed(0.314) == "+0.31"
    assert signed(-1.2) == "−1.20"
    assert signed(-0.001) == "±0.00"
    assert percent(0.631) == "63 %"
    assert percent_range(0.58, 0.71) == "58–71 %"
    assert percent_range(0.001, 0.71) == "< 1 % to 71 %"
    assert percent_range(0.5, 0.501) == "50 %"
    assert value(41.2, "mm") == "41.2 mm"
    assert value(12345.6) == "12346"
    assert value(-0.5) == "−0.5"
    assert value(float("nan")) == "—"
    assert value(1.5e-7) == "1.500e−07"
    assert probability_of(800.0) == 1.0
    assert probability_of(-800.0) == 0.0


def test_qt_draws_them(given, tmp_path, monkeypatch):
    """Slicer's panel shows the figures through Qt's SVG renderer."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    qtsvg = pytest.importorskip("PySide6.QtSvg", exc_type=ImportError)
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QGuiApplication, QImage, QPainter

    app = QGuiApplication.instance() or QGuiApplication([])
    assert app is not None
    for figure in every_figure(given, True, 400).values():
        renderer = qtsvg.QSvgRenderer(figure.encode())
        assert renderer.isValid()
        size = renderer.defaultSize()
        assert size == QSize(400, int(ET.fromstring(figure).get("height")))
        image = QImage(size, QImage.Format.Format_RGB32)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        colours = {
            image.pixelColor(x, y).name() for x in range(0, 400, 2) for y in range(0, size.height(), 2)
        }
        assert DARK.background in colours
        assert len(colours) > 8

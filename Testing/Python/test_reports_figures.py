"""Figures of a validation: pixels in proportion to values, well-formed, escaped, readable without colour."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import reports_support as toys
from reports_support import HOSTILE
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.report.axes import Axes, ticks
from virtualbiopsy.training.reports.curves import (
    CalibrationCurve,
    Confusion,
    DecisionCurves,
    Nomogram,
    NomogramScale,
    Ranked,
    RocCurve,
    SurvivalCurve,
)
from virtualbiopsy.training.reports.figures import sheet
from virtualbiopsy.training.reports.figures.calibration import calibration_svg
from virtualbiopsy.training.reports.figures.confusion import confusion_svg
from virtualbiopsy.training.reports.figures.decision import decision_svg
from virtualbiopsy.training.reports.figures.nomogram import nomogram_svg
from virtualbiopsy.training.reports.figures.ranking import ranking_svg
from virtualbiopsy.training.reports.figures.roc import roc_svg
from virtualbiopsy.training.reports.figures.survival import survival_svg

SVG = "{http://www.w3.org/2000/svg}"
DARK = sheet.Look(dark=True, simulated=True)


def roles(svg: str, role: str) -> list[ET.Element]:
    return [e for e in ET.fromstring(svg).iter() if e.get("data-role") == role]


def pixels(element: ET.Element) -> np.ndarray:
    """(n, 2) of a path of straight lines."""
    pairs = element.get("d").removeprefix("M").removesuffix("Z").split("L")
    return np.array([[float(v) for v in pair.split()] for pair in pairs])


def affine(values, drawn, tolerance=0.02):
    """Whether pixels are the same straight-line map of all values; returns its slope."""
    slope, shift = np.polyfit(values, drawn, 1)
    assert np.abs(np.polyval((slope, shift), values) - drawn).max() < tolerance
    return slope


def all_figures(words=""):
    roc = toys.roc(f"radiomic{words}")
    scale = NomogramScale(f"Age{words}", (1.0, 2.0), (0.0, 100.0), (f"low{words}", "high"))
    return (
        roc_svg([roc, toys.roc("clinical", 0.6)], DARK, f"ROC{words}", (0.2, 0.8)),
        calibration_svg(toys.calibration(f"cv{words}"), DARK, f"Calibration{words}"),
        decision_svg(
            DecisionCurves(np.array([0.1, 0.2]), np.array([0.1, 0.0]), {f"m{words}": np.array([0.2, 0.1])}),
            DARK,
            f"DCA{words}",
        ),
        ranking_svg([Ranked(f"feature{words}", 1.0)], DARK, f"Features{words}", f"axis{words}"),
        confusion_svg(Confusion((f"a{words}", "b"), np.eye(2)), DARK, f"Confusion{words}"),
        survival_svg(
            [toys.kaplan_meier(f"low{words}", np.array([1, 2, 3]), np.array([True, False, True]))],
            f"days{words}",
            DARK,
            f"Survival{words}",
            f"Log-rank{words}",
        ),
        nomogram_svg(Nomogram((scale,), (), (f"note{words}",)), DARK, f"Nomogram{words}"),
    )


def test_all_figures_are_safe_labelled_and_say_what_must_be_seen():
    for svg in all_figures(HOSTILE):
        root = ET.fromstring(svg)
        assert root.tag == SVG + "svg" and root.get("role") == "img"
        assert RESEARCH_USE_ONLY in root.get("aria-label")
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
            *("svg", "title", "g", "rect", "line", "path", "circle", "text", "tspan")
        }
        shown = " ".join("".join(t.itertext()) for t in root.iter(SVG + "text"))
        assert "SIMULATED" in shown and RESEARCH_USE_ONLY in shown
        assert not re.search(r"<script|<style|href|onload", svg)
        assert "<script>" in root.get("aria-label")


def test_nothing_leaves_the_page():
    for svg in all_figures():
        root = ET.fromstring(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        for element in root.iter(SVG + "text"):
            assert 0 <= float(element.get("y")) <= height and 0 <= float(element.get("x")) <= width
        for element in root.iter(SVG + "path"):
            xy = pixels(element)
            assert (xy >= 0).all() and (xy[:, 0] <= width).all() and (xy[:, 1] <= height).all()


# ROC ---------------------------------------------------------------------------------------------


def test_roc_pixels_are_proportional_and_square():
    curve = toys.roc()
    (path,) = roles(roc_svg([curve]), "roc")
    drawn = pixels(path)
    assert len(drawn) == curve.fpr.size
    across, up = affine(curve.fpr, drawn[:, 0]), affine(curve.tpr, drawn[:, 1])
    assert across == pytest.approx(-up, rel=1e-3) and across > 0


def test_roc_band_legend_and_operating_point():
    curve = toys.roc()
    svg = roc_svg([curve, toys.roc("clinical", 0.6)], operating=(0.25, 0.75))
    assert f"radiomic: AUC {curve.auc:.2f} (95 % CI {curve.low:.2f} to {curve.high:.2f})" in svg
    (band,) = [p for p in ET.fromstring(svg).iter(SVG + "path") if p.get("fill-opacity")]
    n = curve.fpr.size
    affine([*curve.band_high, *curve.band_low[::-1]], pixels(band)[:, 1])
    assert len(pixels(band)) == 2 * n
    (dot,) = roles(svg, "operating")
    (chance,) = roles(svg, "chance")
    (x0, y0), (x1, y1) = pixels(chance)
    assert float(dot.get("cx")) == pytest.approx(x0 + 0.25 * (x1 - x0), abs=0.02)
    assert float(dot.get("cy")) == pytest.approx(y0 + 0.75 * (y1 - y0), abs=0.02)
    dashes = [p.get("stroke-dasharray") for p in roles(svg, "roc")]
    assert dashes == [None, "7 3"]


def test_curves_that_cannot_be_are_refused():
    with pytest.raises(TrainingError, match="same length"):
        RocCurve("x", np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]), 0.5)
    with pytest.raises(TrainingError, match="falls"):
        RocCurve("x", np.array([0.0, 0.5, 0.4, 1.0]), np.array([0.0, 0.5, 0.6, 1.0]), 0.5)
    with pytest.raises(TrainingError, match="outside"):
        RocCurve("x", np.array([0.0, 1.2]), np.array([0.0, 1.0]), 0.5)
    with pytest.raises(TrainingError, match="outside"):
        CalibrationCurve("x", np.array([0.1, np.nan]), np.array([0.1, 0.2]), np.array([0.1]))
    with pytest.raises(TrainingError, match="2 × 2"):
        Confusion(("a", "b"), np.eye(3))
    with pytest.raises(TrainingError, match="do not rise"):
        SurvivalCurve("x", np.array([2.0, 1.0]), np.ones(2), np.ones(2), np.zeros(2))
    for draw in (roc_svg, ranking_svg):
        with pytest.raises(ValueError, match="one"):
            draw([])
    with pytest.raises(ValueError, match="one curve"):
        survival_svg([], "days")
    with pytest.raises(ValueError, match="one variable"):
        nomogram_svg(Nomogram((), ()))


# Calibration -------------------------------------------------------------------------------------


def test_calibration_curve_histogram_and_figures():
    curve = toys.calibration()
    svg = calibration_svg(curve)
    (path,) = roles(svg, "calibration")
    affine(curve.predicted, pixels(path)[:, 0])
    affine(curve.observed, pixels(path)[:, 1])
    bars = roles(svg, "with") + roles(svg, "without")
    counts = np.array([int(b.get("data-count")) for b in bars])
    assert counts.sum() == curve.probabilities.size
    assert sum(int(b.get("data-count")) for b in roles(svg, "with")) == int(curve.labels.sum())
    heights = np.array([float(b.get("height")) for b in bars])
    assert np.ptp(heights / counts) < 0.02
    text = " ".join("".join(t.itertext()) for t in ET.fromstring(svg).iter(SVG + "text"))
    assert "slope 0.930 (ideal 1)" in text and "ICI 0.031" in text
    assert len(roles(svg, "group")) == 3


def test_calibration_without_labels_has_one_histogram():
    svg = calibration_svg(toys.calibration(labelled=False))
    assert not roles(svg, "without") and "upwards" not in svg


# Decision curve ----------------------------------------------------------------------------------


def test_decision_curve_of_a_closed_form():
    """Treating all has net benefit prevalence − (1 − prevalence) · p / (1 − p)."""
    curves = toys.decision(0.2, 0.8)
    labels, _ = toys.simulated_scores()
    share, t = labels.mean(), curves.thresholds
    assert np.allclose(curves.treat_all, share - (1 - share) * t / (1 - t))
    svg = decision_svg(curves)
    (model,) = [p for p in roles(svg, "model") if p.get("data-name") == "radiomic"]
    (none,) = roles(svg, "none")
    drawn = pixels(model)
    affine(t, drawn[:, 0])
    slope = affine(curves.models["radiomic"], drawn[:, 1])
    zero = pixels(none)[0, 1]
    assert drawn[0, 1] - zero == pytest.approx(slope * curves.models["radiomic"][0], abs=0.02)


def test_treat_all_is_cut_at_the_bottom_of_the_plot():
    curves = toys.decision(0.2, 0.8)
    svg = decision_svg(curves)
    (everyone,) = roles(svg, "all")
    (none,) = roles(svg, "none")
    (model,) = [p for p in roles(svg, "model") if p.get("data-name") == "radiomic"]
    slope, shift = np.polyfit(curves.models["radiomic"], pixels(model)[:, 1], 1)
    end = (pixels(everyone)[-1, 1] - shift) / slope
    assert curves.treat_all.min() < -0.5 and end > -0.5 * curves.treat_all.max() - 0.1
    assert pixels(everyone)[-1, 0] < pixels(none)[-1, 0] - 20


def test_lines_are_cut_where_they_leave():
    axes = Axes(0, 2, 0, 1, 0, 200, 0, 100)
    (part,) = axes.within([(0.0, 0.5), (1.0, 1.5), (2.0, 3.0)])
    assert part == [(0.0, 0.5), (0.5, 1.0)]
    above = axes.within([(0.0, 0.5), (1.0, 2.0), (2.0, 0.5)])
    assert len(above) == 2 and above[1][0] == pytest.approx((1 + 2 / 3, 1.0))
    assert axes.within([(0.0, 2.0), (2.0, 3.0)]) == []


def test_ticks_are_round_and_hold_the_bounds():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(0.15, 0.9) == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert ticks(0, 100, 10) == pytest.approx(list(range(0, 101, 10)))


# Ranking, confusion ------------------------------------------------------------------------------


def test_ranking_bars_are_proportional_and_sorted():
    features = toys.ranking()
    bars = roles(ranking_svg(features), "bar")
    values = [float(b.get("data-value")) for b in bars]
    assert [abs(v) for v in values] == sorted((abs(v) for v in values), reverse=True)
    widths = np.array([float(b.get("width")) for b in bars])
    assert np.abs(widths / np.abs(values) / (widths[0] / abs(values[0])) - 1).max() < 1e-3
    ends = {v > 0: float(b.get("x")) for v, b in zip(values, bars, strict=True)}
    assert ends[True] > ends[False]


def test_ranking_tells_how_many_are_not_shown():
    many = [Ranked(f"f{n}", 1.0 / (n + 1)) for n in range(30)]
    svg = ranking_svg(many, most=20)
    assert len(roles(svg, "bar")) == 20 and "10 further features are not shown." in svg


def test_confusion_shades_by_the_share_of_the_true_class():
    svg = confusion_svg(toys.confusion())
    cells = roles(svg, "cell")
    assert [float(c.get("data-count")) for c in cells] == [70, 18, 12, 60]
    assert [float(c.get("data-share")) for c in cells] == pytest.approx([70 / 88, 18 / 88, 12 / 72, 60 / 72])
    shades = [float(c.get("fill-opacity")) for c in cells]
    assert np.ptp(np.array(shades) / [70 / 88, 18 / 88, 12 / 72, 60 / 72]) < 1e-3
    assert "130 of 160 cases" in svg


# Survival ----------------------------------------------------------------------------------------


def test_survival_steps_censoring_and_numbers_at_risk():
    times, events = np.array([1, 2, 2, 4, 5, 5]), np.array([True, True, False, False, True, True])
    curve = toys.kaplan_meier("all", times, events)
    # by hand: 5/6, then 4/5 of it, then nothing until 5 where both that remain have the event
    assert curve.survival == pytest.approx([5 / 6, 2 / 3, 2 / 3, 0])
    svg = survival_svg([curve], "days")
    drawn = pixels(roles(svg, "survival")[0])
    heights = [1, 1, 5 / 6, 5 / 6, 2 / 3, 2 / 3, 2 / 3, 0]
    affine(heights, drawn[:, 1])
    affine([0, 1, 1, 2, 2, 4, 5, 5], drawn[:, 0])
    assert len(roles(svg, "censored")) == 2
    shown = {float(t.get("data-time")): int(t.text) for t in roles(svg, "at-risk")}
    assert shown == {0: 6, 1: 6, 2: 5, 3: 3, 4: 3, 5: 2}
    assert "all: 6 cases, median 5 days" in svg


def test_groups_of_survival_differ_in_dashes_and_median_not_reached():
    low = toys.kaplan_meier("low", np.array([5, 9, 9, 9]), np.array([True, False, False, False]))
    high = toys.kaplan_meier("high", np.array([1, 2, 3]), np.array([True, True, True]))
    svg = survival_svg([low, high], "months", note="Log-rank test: p = 0.02.")
    assert [p.get("stroke-dasharray") for p in roles(svg, "survival")] == [None, "7 3"]
    assert "low: 4 cases, median not reached" in svg and "Log-rank test: p = 0.02." in svg


# Nomogram ----------------------------------------------------------------------------------------


def test_nomogram_marks_lie_on_the_scale_of_points():
    svg = nomogram_svg(toys.nomogram())
    marks = roles(svg, "tick")
    points = [(float(m.get("data-points")), float(m.get("x1")), float(m.get("y1"))) for m in marks]
    rows = {}
    for point, x, y in points:
        rows.setdefault(y, []).append((point, x))
    scales = [rows[y] for y in sorted(rows)]
    assert len(scales) == 6
    own = [pair for scale in scales[:4] for pair in scale]
    affine([p for p, _ in own], np.array([x for _, x in own]))
    total = [pair for scale in scales[4:] for pair in scale]
    affine([p for p, _ in total], np.array([x for _, x in total]))
    assert {"female", "male", "85 %"} <= {m.get("data-words") for m in marks}


def test_nomogram_words_do_not_touch_and_both_ends_are_told():
    many = NomogramScale("clinical:age", tuple(range(100, 160)), tuple(np.linspace(0, 100, 60)))
    narrow = NomogramScale("narrow", (1000.0, 1001.0, 1002.0), (0.0, 1.0, 2.0))
    root = ET.fromstring(nomogram_svg(Nomogram((many, narrow), ())))
    small = [t for t in root.iter(SVG + "text") if t.get("font-size") == "9"]
    rows = {}
    for t in small:
        rows.setdefault(t.get("y"), []).append((float(t.get("x")), t.text))
    for row in rows.values():
        row.sort()
        for (x, text), (other, told) in zip(row, row[1:], strict=False):
            assert other - x >= 9 * 0.58 * (len(text) + len(told)) / 2
    words = [text for row in rows.values() for _, text in row]
    assert {"100", "159", "1000"} <= set(words) and "1001" not in words
    assert "Age, clinical (years)" in "".join(t.text for t in root.iter(SVG + "text") if t.text)

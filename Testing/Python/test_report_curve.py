"""The figure of time–intensity curves."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from virtualbiopsy.regions.curves import Curve
from virtualbiopsy.report.curve import curve_svg

SVG = "{http://www.w3.org/2000/svg}"


def curve(values, sd=0.0, baseline=100.0):
    """A curve with a phase before the injection and one every minute after it."""
    n = len(values)
    signal = tuple(baseline * (1 + v / 100) for v in values) if baseline else tuple(values)
    return Curve(
        "toy",
        tuple(f"phase {k + 1}" for k in range(n)),
        tuple(60.0 * (k - 1) for k in range(n)),
        signal,
        (sd,) * n,
        baseline,
        tuple(values) if baseline else None,
        (sd,) * n if baseline else None,
        (True, *(False,) * (n - 1)),
        5,
    )


def points(svg: str) -> list[list[tuple[float, float]]]:
    """Pixels of the curves: paths without a fill."""
    paths = [p for p in ET.fromstring(svg).iter(SVG + "path") if p.get("fill") == "none"]
    return [
        [tuple(map(float, pair.split())) for pair in p.get("d").removeprefix("M").split("L")] for p in paths
    ]


def test_pixels_are_proportional_to_time_and_enhancement():
    (drawn,) = points(curve_svg([("lesion", curve([0.0, 150.0, 100.0, 50.0]))]))
    x, y = zip(*drawn, strict=True)
    steps = [b - a for a, b in zip(x, x[1:], strict=False)]
    assert max(steps) - min(steps) < 0.2 and steps[0] > 0
    # 150 % is three times as high above the pre-contrast phase as 50 %.
    assert (y[0] - y[1]) == pytest.approx(3 * (y[0] - y[3]), abs=0.3)


def test_legend_injection_band_and_words():
    svg = curve_svg([("lesion", curve([0.0, 90.0], sd=8.0)), ("voxel <1>", curve([0.0, 40.0]))])
    root = ET.fromstring(svg)
    words = [t.text for t in root.iter(SVG + "text")]
    assert {"lesion", "voxel <1>", "injection", "minutes after the injection", "%"} <= set(words)
    assert len([p for p in root.iter(SVG + "path") if p.get("fill-opacity")]) == 1
    assert "lesion: 0, 90" in root.get("aria-label") and "voxel <1>: 0, 40" in root.get("aria-label")
    assert not re.search(r"<script|<style|href", svg)


def test_without_a_baseline_the_signal_is_drawn():
    svg = curve_svg([("lesion", curve([0.0, 90.0])), ("air", curve([0.0, 2.0], baseline=0.0))])
    assert "signal (arbitrary units)" in svg and "percent" not in svg


def test_a_flat_curve_and_no_curve():
    (drawn,) = points(curve_svg([("fat", curve([0.0, 0.0, 0.0]))]))
    assert len({y for _, y in drawn}) == 1
    with pytest.raises(ValueError, match="one at least"):
        curve_svg([])


def test_dashes_tell_curves_apart_without_colour():
    svg = curve_svg([("a", curve([0.0, 9.0])), ("b", curve([0.0, 5.0]))], injection_s=None)
    lines = [p for p in ET.fromstring(svg).iter(SVG + "path") if p.get("fill") == "none"]
    assert [bool(p.get("stroke-dasharray")) for p in lines] == [False, True]
    assert ">injection</text>" not in svg

"""The dynamic series in the report: phases with their times, motion, and the curve of the outlined region."""

from __future__ import annotations

from typing import Any

import SimpleITK as sitk

from ..case.dynamic import DynamicSeries
from ..case.phase_times import phase_rows
from ..errors import VirtualBiopsyError
from ..regions.curves import Curve, curve_of
from .curve import curve_svg
from .markup import paragraph, table, tag
from .numbers import value


def dynamic_section(series: DynamicSeries | None, mask: sitk.Image | None) -> str:
    """Phases, motion and curve as markup; "" without a series."""
    if series is None:
        return ""
    rows = [
        (
            row.name,
            _seconds(row.start_s),
            _seconds(row.effective_s),
            "pre-contrast" if row.precontrast else "",
            row.time_source,
        )
        for row in phase_rows(series)
    ]
    head = ("Phase", "Began", "Centre, after the injection", "", "Time from")
    parts = [tag("h2", "Dynamic series"), table(head, rows, numbers=(1, 2))]
    parts += [paragraph(text, "quiet") for text in _notes(series)]
    if series.motion:
        parts.append(tag("h3", "Motion between the phases"))
        parts.append(
            table(
                ("Phase", "Shift (mm)", "Rotation (°)", "Similarity before", "after", ""),
                [
                    (
                        motion.name,
                        f"{motion.shift_mm:.2f}",
                        f"{motion.rotation_degrees:.2f}",
                        f"{motion.similarity_before:.4f}",
                        f"{motion.similarity_after:.4f}",
                        "aligned" if motion.corrected else "measured only",
                    )
                    for motion in series.motion
                ],
                numbers=(1, 2, 3, 4),
            )
        )
    if (curve := _curve(series, mask)) is not None:
        parts.append(tag("h3", "Time–intensity curve of the outlined region"))
        parts.append(curve_svg([("outlined region, band ± 1 SD", curve)], dark=False))
    return "".join(parts)


def dynamic_document(series: DynamicSeries | None, mask: sitk.Image | None) -> dict[str, Any] | None:
    """The same for result.json: times in seconds, the curve in percent; None without a series."""
    if series is None:
        return None
    curve = _curve(series, mask)
    return {
        "name": series.name,
        "phases": [
            {
                "name": row.name,
                "start_s": row.start_s,
                "centre_after_injection_s": row.effective_s,
                "precontrast": row.precontrast,
                "time_source": row.time_source,
            }
            for row in phase_rows(series)
        ],
        "precontrast_reason": series.precontrast_reason,
        "injection_source": series.injection_source,
        "aligned": any(motion.corrected for motion in series.motion),
        "curve": None
        if curve is None
        else {
            "mean": list(curve.mean),
            "sd": list(curve.sd),
            "percent_enhancement": None if curve.enhancement is None else list(curve.enhancement),
            "voxels": curve.voxels,
        },
    }


def _curve(series: DynamicSeries, mask: sitk.Image | None) -> Curve | None:
    """None without an outline, or where the series gives no curve: its own warning says why."""
    if mask is None:
        return None
    try:
        return curve_of(series, mask)
    except VirtualBiopsyError:
        return None


def _notes(series: DynamicSeries) -> list[str]:
    found = [
        f"Pre-contrast phases: {series.precontrast_reason}" if series.precontrast_reason else "",
        f"Injection: {series.injection_source}" if series.injection_source else "",
    ]
    return [text for text in found if text]


def _seconds(number: float | None) -> str:
    return "unknown" if number is None else value(number, "s")

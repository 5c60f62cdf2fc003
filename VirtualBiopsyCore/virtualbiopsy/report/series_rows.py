"""Dynamic series, motion and maps as rows and words for whoever shows them; no screen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..case.dynamic import DynamicSeries, PhaseMotion
from ..case.model import ROLES
from ..case.model import Sequence as CaseSequence
from ..case.phase_times import PhaseRow
from . import numbers

UNKNOWN = "—"
CURVE_TYPES = {1: "persistent", 2: "plateau", 3: "wash-out"}


def seconds(value: float | None) -> str:
    """Seconds after the injection with their sign."""
    return UNKNOWN if value is None else numbers.signed(value, 0)


def phase_table(rows: Sequence[PhaseRow]) -> list[dict[str, Any]]:
    """One row for each phase."""
    return [
        {
            "index": n,
            "name": row.name,
            "start": UNKNOWN if row.start_s is None else f"{row.start_s:.0f}",
            "centre": seconds(row.effective_s),
            "source": row.time_source or "The data give no time.",
            "precontrast": row.precontrast,
        }
        for n, row in enumerate(rows)
    ]


def series_facts(series: DynamicSeries) -> list[dict[str, str]]:
    """What holds for the whole series."""
    sources = list(dict.fromkeys(phase.time_source for phase in series.phases if phase.time_source))
    size = " × ".join(map(str, series.phases[0].image.GetSize()))
    spacing = " × ".join(f"{s:.3g}" for s in series.phases[0].image.GetSpacing())
    facts = [
        ("Phases", f"{len(series.phases)}, each {size} voxels of {spacing} mm"),
        ("Times", "; ".join(sources) or "not in the data"),
        ("Duration of a phase", UNKNOWN if series.duration_s is None else f"{series.duration_s:.0f} s"),
        ("Injection", _injection(series)),
        ("Before the agent", series.precontrast_reason or UNKNOWN),
    ]
    return [{"name": name, "value": value} for name, value in facts]


def _injection(series: DynamicSeries) -> str:
    when = "" if series.injection_s is None else f"{series.injection_s:.0f} s after the first phase began. "
    return (when + series.injection_source) or "not known"


def motion_rows(found: Sequence[PhaseMotion]) -> list[dict[str, str]]:
    """One row for each phase; the one that the others are compared with has no figures."""
    return [
        {
            "name": row.name,
            "shift": f"{row.shift_mm:.2f} mm" if _compared(row) else "",
            "rotation": f"{row.rotation_degrees:.2f}°" if _compared(row) else "",
            "before": f"{row.similarity_before:.3f}" if _compared(row) else "",
            "after": f"{row.similarity_after:.3f}" if _compared(row) else "",
            "state": ("aligned" if row.corrected else "as acquired") if _compared(row) else "reference",
        }
        for row in found
    ]


def _compared(row: PhaseMotion) -> bool:
    return any((row.shift_mm, row.rotation_degrees, row.similarity_before, row.similarity_after))


def map_rows(
    maps: Sequence[CaseSequence], read: Collection[str], mask: sitk.Image | None = None
) -> list[dict[str, Any]]:
    """One row for each map: what it is, how it came about, and its values in the outline.

    Parameters
    ----------
    read : names of the maps that were read from files.
    """
    return [
        {
            "role": sequence.role,
            "name": sequence.name,
            "label": ROLES[sequence.role].partition(" (0 none")[0],
            "how": sequence.reason,
            "read": sequence.name in read,
            "inside": _inside(sequence, mask),
        }
        for sequence in maps
    ]


def _inside(sequence: CaseSequence, mask: sitk.Image | None) -> str:
    """Median and quartiles in the outline, of curve types their shares; "" without one."""
    if mask is None:
        return ""
    image = sequence.image
    near = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    values = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(near) > 0]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return ""
    if sequence.role == "curvetype":
        shares = ((word, float(np.mean(values == n))) for n, word in CURVE_TYPES.items())
        return ", ".join(f"{word} {100 * share:.0f} %" for word, share in shares)
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{numbers.value(float(middle))} ({numbers.value(float(low))} to {numbers.value(float(high))})"


def map_title(sequence: CaseSequence) -> tuple[str, str]:
    """Title and unit for a legend, the title in short lines."""
    if sequence.role == "curvetype":
        return "curve type\n" + "\n".join(f"{n} {word}" for n, word in CURVE_TYPES.items()), ""
    words, _, rest = ROLES[sequence.role].partition(" (")
    unit = sequence.unit or rest.removesuffix(")")
    return words.replace(", ", "\n"), "" if unit == "1" else unit


def left_out_rows(left_out: Mapping[str, str]) -> list[dict[str, Any]]:
    """Why maps are not there; roles with the same reason together."""
    grouped: dict[str, list[str]] = {}
    for role, why in left_out.items():
        grouped.setdefault(why, []).append(role)
    return [{"roles": ", ".join(roles), "why": why} for why, roles in grouped.items()]


def map_limits(image: sitk.Image) -> tuple[float, float]:
    """Values of the first and last colour: 0 (the 1st percentile, if negative) and the 99.5th percentile."""
    values = sitk.GetArrayViewFromImage(image).ravel()[::7]
    values = values[np.isfinite(values) & (values != 0)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(values, (1, 99.5))
    low = min(0.0, float(low))
    return low, max(float(high), low + 1e-6)

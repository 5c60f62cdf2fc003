"""Units of quantitative maps: diffusion coefficients are kept in 10⁻⁶ mm²/s, rate constants in 1/min."""

from __future__ import annotations

import re

import numpy as np
import SimpleITK as sitk

from ..errors import UnitError

ADC_UNIT = "10⁻⁶ mm²/s"
RATE_UNIT = "1/min"
RATES = frozenset({"ktrans", "kep"})

# Factor to 10⁻⁶ mm²/s by the name of the unit. The median over tissue of a head or body ADC map lies
# between 300 (dense tumour, muscle, white matter at most 900) and 3500 (free water at 37 °C is about 3000).
_ADC_FACTORS = {"10⁻⁶ mm²/s": 1.0, "10⁻³ mm²/s": 1e3, "mm²/s": 1e6}
_PLAUSIBLE = (300.0, 3500.0)


def check_adc(image: sitk.Image, unit: str | None = None) -> sitk.Image:
    """Return the ADC map in 10⁻⁶ mm²/s; see :func:`convert_adc`."""
    return convert_adc(image, unit)[0]


def convert_adc(image: sitk.Image, unit: str | None = None) -> tuple[sitk.Image, str]:
    """Return the ADC map in 10⁻⁶ mm²/s, and the sentence that says what was done.

    The unit is taken from the header where it is stated, otherwise from the median of the tissue voxels,
    which must lie in exactly one of the ranges 300–3500 (10⁻⁶ mm²/s), 0.3–3.5 (10⁻³ mm²/s) and
    0.0003–0.0035 (mm²/s).

    Raises
    ------
    UnitError : the values fit no unit, or contradict the stated one.
    """
    values = sitk.GetArrayViewFromImage(image)
    median = _tissue_median(values)
    stated = _canonical(unit) if unit else None
    if unit and stated is None:
        raise UnitError(
            f"The ADC map states the unit {unit!r}, which is not a unit of diffusion that is known here.",
            f"Convert the map to {ADC_UNIT}.",
        )
    fitting = [name for name, f in _ADC_FACTORS.items() if _PLAUSIBLE[0] <= median * f <= _PLAUSIBLE[1]]
    if stated is not None and stated not in fitting:
        raise UnitError(
            f"The ADC map states {stated}, but its median of {median:.4g} is not plausible in that unit.",
            f"Check the map, or convert it to {ADC_UNIT}.",
        )
    if not fitting:
        raise UnitError(
            f"The unit of the ADC map cannot be told: the median of its tissue voxels is {median:.4g}; "
            "expected are 300–3500 (10⁻⁶ mm²/s), 0.3–3.5 (10⁻³ mm²/s) or 0.0003–0.0035 (mm²/s).",
            f"Convert the map to {ADC_UNIT}, or give the sequence another role.",
        )
    name = stated or fitting[0]
    how = "stated in the header" if stated else f"recognised by the median {median:.4g} of the tissue voxels"
    factor = _ADC_FACTORS[name]
    if factor == 1.0:
        return image, f"adc: unit {ADC_UNIT}, {how}; not changed."
    converted = sitk.Cast(image, sitk.sitkFloat64) * factor
    return converted, f"adc: unit {name}, {how}; multiplied by {factor:g} to {ADC_UNIT}."


def convert_rate(image: sitk.Image, role: str, unit: str | None) -> tuple[sitk.Image, str]:
    """Return a map of a rate constant (Ktrans, kep) in 1/min, and the sentence that says what was done.

    A map that does not state its unit is taken to be in 1/min, and "" returned.

    Raises
    ------
    UnitError : the stated unit is none of 1/min and 1/s.
    """
    if not unit:
        return image, ""
    plain = re.sub(r"[\s^.·*(){}]", "", unit.lower().translate(_PLAIN))
    per = re.fullmatch(r"1?/(s|sec|min)|(s|sec|min)-1", plain)
    if per is None:
        raise UnitError(
            f"The {role} map states the unit {unit!r}, which is not a rate that is known here.",
            f"Convert the map to {RATE_UNIT}.",
        )
    if (per[1] or per[2]) == "min":
        return image, f"{role}: unit {RATE_UNIT}, stated in the header; not changed."
    converted = sitk.Cast(image, sitk.sitkFloat64) * 60.0
    return converted, f"{role}: unit 1/s, stated in the header; multiplied by 60 to {RATE_UNIT}."


def _tissue_median(values: np.ndarray) -> float:
    """Median of the voxels that are not background: positive, and more than 10 % of the 99th percentile."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0:
        raise UnitError(
            "The ADC map holds no positive value.", "Check that this sequence is an ADC map, not a mask."
        )
    return float(np.median(positive[positive > 0.1 * np.percentile(positive, 99)]))


_PLAIN = str.maketrans("⁻−⁰¹²³⁴⁵⁶⁷⁸⁹µμ", "--0123456789uu")


def _canonical(unit: str) -> str | None:
    """Canonical name of a unit of diffusion, whatever its spelling (UCUM included); None if it is none."""
    text = re.sub(r"[\s^.·×*x(){}]", "", unit.lower().translate(_PLAIN)).replace("sec", "s")
    if re.fullmatch(r"um2/s|(10-6|1e-0?6)mm2/s", text):
        return "10⁻⁶ mm²/s"
    if re.fullmatch(r"um2/ms|(10-3|1e-0?3)mm2/s", text):
        return "10⁻³ mm²/s"
    return "mm²/s" if text == "mm2/s" else None

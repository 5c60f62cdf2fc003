"""What a feature key is called in front of a reader."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import FeatureError
from ..radiomics.aggregation import parse_aggregation
from ..radiomics.definitions import MASK, describe
from ..radiomics.keys import FeatureKey, is_delta, measured_key
from ..radiomics.resegment import parse_region
from ..radiomics.spec import parse_spec

IMAGE_UNITS = "image units"
ORIGINAL = "original"
BETWEEN = "later − earlier time point"
IMAGE_NAMES = {
    "log": "LoG",
    "laws": "Laws",
    "gabor": "Gabor",
    "simoncelli": "Simoncelli wavelet",
    "riesz": "Riesz",
    "squareroot": "square root",
    "lbp2d": "LBP 2D",
    "lbp3d": "LBP 3D",
}
ROLE_NAMES = {
    "t1": "T1",
    "t1c": "T1c",
    "t2": "T2",
    "flair": "FLAIR",
    "adc": "ADC",
    "dwi": "DWI",
    "t1map": "T1 map",
    "aptw": "APTw",
    "dce": "DCE",
    "pe": "PE",
    "ser": "SER",
    "washin": "wash-in",
    "washout": "wash-out",
    "ttp": "time to peak",
    "maxslope": "maximum slope",
    "curvetype": "curve type",
    "ktrans": "Ktrans",
    "swi": "SWI",
}
ROLE_UNITS = {
    "adc": "×10⁻⁶ mm²/s",
    "t1map": "ms",
    "aptw": "%",
    "pe": "%",
    "washin": "%/min",
    "washout": "%/min",
    "ttp": "s",
    "maxslope": "%/min",
    "ktrans": "1/min",
    "kep": "1/min",
}


@dataclass(frozen=True)
class Label:
    """Words for one feature key.

    Attributes
    ----------
    name : label of the definition, for example "Joint entropy (GLCM)".
    where : sequence, image type and region, for example "T1c, LoG σ 3 mm, ring 5 mm"; "clinical" for
        clinical variables, "" for the shape of the tumour.
    unit : with the unit of the image put in where it has one.
    ibsi_code, definition : empty if there is none.
    """

    name: str
    where: str = ""
    unit: str = ""
    ibsi_code: str = ""
    definition: str = ""

    @property
    def full(self) -> str:
        return f"{self.name}, {self.where}" if self.where else self.name

    @property
    def short_unit(self) -> str:
        return self.unit.replace(IMAGE_UNITS, "a.u.")


def feature_label(key: str) -> Label:
    """Describe a feature key; a key unknown to the definitions is shown as it is."""
    try:
        known = describe(key)
        parsed = measured_key(key)
    except FeatureError:
        return Label(name=key)
    if parsed is None:
        return Label(known.label, "clinical", known.unit, known.ibsi_code, known.description)
    where = ", ".join(filter(None, (_where(parsed), BETWEEN if is_delta(key) else "")))
    return Label(known.label, where, _unit(known.unit, parsed), known.ibsi_code, known.description)


def _unit(unit: str, key: FeatureKey) -> str:
    if key.image != ORIGINAL:
        return unit.replace(IMAGE_UNITS, "filter response")
    own = ROLE_UNITS.get(key.sequence)
    if own is None or IMAGE_UNITS not in unit:
        return unit
    return unit.replace(IMAGE_UNITS, f"({own})" if unit != IMAGE_UNITS and "/" in own else own)


def role_words(role: str) -> str:
    """Short name of a sequence role, for example ``t1c`` → ``T1c``."""
    return ROLE_NAMES.get(role, role)


def region_words(region: str) -> str:
    """Words for a region of a key: ``ring5`` → ``ring 5 mm``, ``tumour(range=0..inf)`` → ``tumour ≥ 0``."""
    parsed = parse_region(region)
    name = parsed.name
    if name.startswith("ring") and name[4:].replace(".", "", 1).isdigit():
        words = f"ring {name[4:]} mm"
    else:
        words = name.replace("_", " ")
    if parsed.low > -math.inf and parsed.high < math.inf:
        words += f" {parsed.low:g}–{parsed.high:g}"
    elif parsed.low > -math.inf:
        words += f" ≥ {parsed.low:g}"
    elif parsed.high < math.inf:
        words += f" ≤ {parsed.high:g}"
    if parsed.outlier is not None:
        words += f" within {parsed.outlier:g} SD"
    return words


def image_words(image: str) -> str:
    """Words for an image type: ``log(sigma=3)`` → ``LoG σ 3 mm``; others with all that the key says."""
    name, parameters = parse_spec(image)
    words = [IMAGE_NAMES.get(name, name.replace("_", " "))]
    for parameter, value in parameters.items():
        if parameter == "sigma":
            words.append(f"σ {value} mm")
        elif parameter in ("family", "bands", "kernels"):
            words.append(value)
        elif parameter == "of":
            words.append(f"of {image_words(value)}")
        else:
            words.append(f"{parameter} {value}")
    return " ".join(words)


def _where(key: FeatureKey) -> str:
    parts = [] if key.sequence == MASK else [role_words(key.sequence)]
    if key.image != ORIGINAL:
        parts.append(image_words(key.image))
    if key.region != "tumour":
        parts.append(region_words(key.region))
    if parse_aggregation(key.aggregation).planar:
        parts.append("in slices")
    return ", ".join(parts)

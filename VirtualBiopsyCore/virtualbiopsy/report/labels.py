"""What a feature key is called in front of a reader."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import FeatureError
from ..radiomics.definitions import MASK, describe
from ..radiomics.keys import FeatureKey, is_clinical

IMAGE_UNITS = "image units"
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
    "swi": "SWI",
}
ROLE_UNITS = {"adc": "×10⁻⁶ mm²/s", "t1map": "ms", "aptw": "%"}


@dataclass(frozen=True)
class Label:
    """Words for one feature key.

    Attributes
    ----------
    name : label of the definition, for example "Joint entropy (GLCM)".
    where : sequence and region, for example "T1c, ring 5 mm"; "clinical" for clinical variables, "" for the
        shape of the tumour.
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
        parsed = None if is_clinical(key) else FeatureKey.parse(key)
    except FeatureError:
        return Label(name=key)
    if parsed is None:
        return Label(known.label, "clinical", known.unit, known.ibsi_code, known.description)
    return Label(
        known.label, _where(parsed), _unit(known.unit, parsed.sequence), known.ibsi_code, known.description
    )


def _unit(unit: str, sequence: str) -> str:
    own = ROLE_UNITS.get(sequence)
    if own is None or IMAGE_UNITS not in unit:
        return unit
    return unit.replace(IMAGE_UNITS, f"({own})" if unit != IMAGE_UNITS and "/" in own else own)


def role_words(role: str) -> str:
    """Short name of a sequence role, for example ``t1c`` → ``T1c``."""
    return ROLE_NAMES.get(role, role)


def region_words(region: str) -> str:
    """Words for a region name, for example ``ring5`` → ``ring 5 mm``."""
    if region.startswith("ring") and region[4:].replace(".", "", 1).isdigit():
        return f"ring {region[4:]} mm"
    return region.replace("_", " ")


def _where(key: FeatureKey) -> str:
    parts = [] if key.sequence == MASK else [role_words(key.sequence)]
    if key.region != "tumour":
        parts.append(region_words(key.region))
    return ", ".join(parts)

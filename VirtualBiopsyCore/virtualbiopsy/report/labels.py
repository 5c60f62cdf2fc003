"""What a feature key is called in front of a reader."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import VirtualBiopsyError
from ..radiomics.keys import FeatureKey, is_clinical

try:
    from ..radiomics.definitions import describe
except ImportError:  # TEMPORARY until the definitions are committed
    from types import SimpleNamespace

    def describe(key):
        name = key.split(":")[1] if is_clinical(key) else FeatureKey.parse(key).name
        return SimpleNamespace(label=name.replace("_", " "), unit="", ibsi_code="", description="")


_REGIONS = {"tumour": "", "largest_slice": "largest slice"}


@dataclass(frozen=True)
class Label:
    """Words for one feature key.

    Attributes
    ----------
    name : short name with family, for example "GLCM joint entropy".
    where : sequence and region, for example "t1c, ring 5 mm"; "clinical" for clinical variables.
    unit, ibsi_code, definition : from the definitions; empty if there is none.
    """

    name: str
    where: str
    unit: str = ""
    ibsi_code: str = ""
    definition: str = ""

    @property
    def full(self) -> str:
        return f"{self.name} ({self.where})" if self.where else self.name


def feature_label(key: str) -> Label:
    """Describe a feature key; a key unknown to the definitions is shown as it is."""
    try:
        known = describe(key)
    except VirtualBiopsyError:
        return Label(name=key, where="")
    if is_clinical(key):
        return Label(known.label, "clinical", known.unit or "", "", known.description or "")
    return Label(
        name=known.label,
        where=_where(FeatureKey.parse(key)),
        unit=known.unit or "",
        ibsi_code=known.ibsi_code or "",
        definition=known.description or "",
    )


def region_words(region: str) -> str:
    """Words for a region name, for example ``ring5`` → ``ring 5 mm``."""
    if region.startswith("ring") and region[4:].replace(".", "", 1).isdigit():
        return f"ring {region[4:]} mm"
    return region.replace("_", " ")


def _where(key: FeatureKey) -> str:
    parts = ["outline" if key.sequence == "mask" else key.sequence]
    region = _REGIONS.get(key.region, region_words(key.region))
    if region:
        parts.append(region)
    return ", ".join(parts)

"""Reference values of the IBSI 1 and how to reach them: the digital phantom and the CT radiomics phantom.

Source: IBSI reference manual, chapter 4 and the table of configurations A to E; Zwanenburg et al., Radiology
2020;295:328. The tables are in Resources/Reference/ibsi1. The image of the CT phantom is not shipped.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk

from ..progress import Progress, part, silent
from ..resources import resource
from .chain import Chained, ChainSettings, prepare_chain
from .definitions import DEFINITIONS, MASK
from .diagnostics import image_diagnostics, region_diagnostics
from .extract import extract
from .keys import FeatureKey
from .resegment import parse_region, resegment
from .vector import FeatureVector

FOLDER = "Reference/ibsi1"
SEQUENCE = "ct"
DIAGNOSTICS = "diagnostics"


@dataclass(frozen=True)
class Reference:
    """One line of a table.

    Attributes
    ----------
    family : of the feature, or "diagnostics". feature : its name, or the IBSI's name of the diagnostic.
    aggregation : as in keys; "" for diagnostics. ibsi_code : of the feature.
    value : None where the IBSI gives none. tolerance : as published.
    """

    family: str
    feature: str
    aggregation: str
    ibsi_code: str
    value: float | None
    tolerance: float

    @property
    def allowed(self) -> float:
        """The tolerance, but not less than half a unit of the third significant digit, as printed."""
        value = abs(self.value or 0.0)
        printed = 0.5 * 10 ** (math.floor(math.log10(value)) - 2) if value else 0.0
        return max(self.tolerance, printed) * (1 + 1e-9) + 1e-12

    def agrees(self, found: float | None) -> bool:
        """Whether a value is within the tolerance; a missing one is not."""
        return found is not None and self.value is not None and abs(found - self.value) <= self.allowed


@dataclass(frozen=True)
class Configuration:
    """How a table was made.

    Attributes
    ----------
    table : its name in Resources/Reference/ibsi1. settings : of the chain.
    region, discretisation, ivh : fields of the keys; `ivh` is the discretisation of the IVH.
    """

    table: str
    settings: ChainSettings
    region: str
    discretisation: str
    ivh: str

    def key(self, row: Reference) -> FeatureKey:
        """The key of a row that is not a diagnostic."""
        found = DEFINITIONS[row.family, row.feature]
        rule = self.ivh if row.family == "ivh" else self.discretisation
        return FeatureKey(
            SEQUENCE if found.needs_image else MASK,
            self.region if found.needs_image else parse_region(self.region).name,
            "original",
            row.family,
            row.feature,
            row.aggregation,
            rule if found.discretised else "none",
            "ibsi",
        )


_CT = {"rounded": (SEQUENCE,)}

CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType(
    {
        "digital": Configuration("digital_phantom", ChainSettings(), "tumour", "fbw1", "none"),
        "a": Configuration("ct_phantom_a", ChainSettings(**_CT), "tumour(range=-500..400)", "fbw25", "none"),
        "b": Configuration(
            "ct_phantom_b",
            ChainSettings(spacing=(None, 2.0, 2.0), **_CT),
            "tumour(range=-500..400)",
            "fbn32",
            "none",
        ),
        "c": Configuration(
            "ct_phantom_c",
            ChainSettings(spacing=(2.0, 2.0, 2.0), **_CT),
            "tumour(range=-1000..400)",
            "fbw25",
            "fbw2.5",
        ),
        "d": Configuration(
            "ct_phantom_d",
            ChainSettings(spacing=(2.0, 2.0, 2.0), **_CT),
            "tumour(outlier=3)",
            "fbn32",
            "none",
        ),
        "e": Configuration(
            "ct_phantom_e",
            ChainSettings(spacing=(2.0, 2.0, 2.0), interpolator="bspline", **_CT),
            "tumour(range=-1000..400;outlier=3)",
            "fbn32",
            "fbn1000",
        ),
    }
)
"""The digital phantom and configurations A to E of the CT phantom."""


def _lines(name: str) -> Iterator[dict[str, str]]:
    with resource(f"{FOLDER}/{name}.csv").open(encoding="utf-8") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))


@cache
def reference(name: str) -> tuple[Reference, ...]:
    """The table of one of CONFIGURATIONS."""
    return tuple(
        Reference(
            line["family"],
            line["feature"],
            line["aggregation"],
            line["ibsi_code"],
            float(line["value"]) if line["value"] else None,
            float(line["tolerance"] or 0),
        )
        for line in _lines(CONFIGURATIONS[name].table)
    )


def digital_phantom() -> tuple[sitk.Image, sitk.Image]:
    """Image and mask: 5 × 4 × 4 voxels (i, j, k) of 2 mm, grey levels 1 to 6 (a 9 lies outside)."""
    lines = list(_lines("digital_phantom_voxels"))
    shape = [1 + max(int(line[axis]) for line in lines) for axis in "kji"]
    images = []
    for column, kind in (("intensity", np.float64), ("mask", np.uint8)):
        image = sitk.GetImageFromArray(np.array([line[column] for line in lines], dtype=kind).reshape(shape))
        image.SetSpacing((2.0, 2.0, 2.0))
        images.append(image)
    return images[0], images[1]


def measure(
    name: str, image: sitk.Image, mask: sitk.Image, *, progress: Progress = silent
) -> tuple[dict[Reference, float | None], FeatureVector]:
    """What this engine finds for every row of a table, None where it finds nothing; and the features.

    Parameters
    ----------
    name : of CONFIGURATIONS. image, mask : the phantom.

    Raises
    ------
    As :func:`virtualbiopsy.radiomics.chain.prepare_chain`.
    """
    configuration = CONFIGURATIONS[name]
    rows = reference(name)
    base = parse_region(configuration.region).name
    chained = prepare_chain(
        {SEQUENCE: image}, {base: mask}, configuration.settings, progress=part(progress, 0.0, 0.3)
    )
    keys = {row: configuration.key(row) for row in rows if row.family != DIAGNOSTICS}
    vector = extract(chained.images, chained.masks, chained.spacing, list(keys.values()))
    progress(1.0, f"IBSI {name}")
    facts = _diagnostics(configuration, image, mask, chained)
    found = {
        row: vector.values.get(str(keys[row])) if row in keys else facts.get(row.feature) for row in rows
    }
    return found, vector


def _diagnostics(
    configuration: Configuration, image: sitk.Image, mask: sitk.Image, chained: Chained
) -> dict[str, float]:
    before = sitk.GetArrayViewFromImage(image).astype(np.float64)
    outlined = sitk.GetArrayViewFromImage(mask) == configuration.settings.label
    region = parse_region(configuration.region)
    after, outline = chained.images[SEQUENCE], chained.masks[region.name]
    inside = outline.copy()
    inside[outline] = resegment(after[outline], region, SEQUENCE)
    return {
        **image_diagnostics("init", before, image.GetSpacing()[::-1]),
        **image_diagnostics("interp", after, chained.spacing),
        **region_diagnostics("init", before, outlined, outlined),
        **region_diagnostics("interp", after, outline, outline),
        **region_diagnostics("reseg", after, inside, outline),
    }

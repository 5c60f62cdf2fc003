"""Reference values of the IBSI 2 and how to reach them: response maps of phantoms, features of a CT phantom.

Source: P. Whybra et al., Radiology 2024;310:e231319; IBSI reference manual part 2. The tables are in
Resources/Reference/ibsi2; the digital phantoms are made here, the image of the CT phantom is not shipped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk

from ...progress import Progress, part, silent
from ...resources import resource
from ..chain import Chained, ChainSettings, prepare_chain
from ..extract import extract
from ..keys import FeatureKey
from .apply import apply_filter, apply_filters

FOLDER = "Reference/ibsi2"
PHANTOM_SPACING = (2.0, 2.0, 2.0)
"""(dk, dj, di) in mm of the digital phantoms."""

MAP_TOLERANCE = 0.01
"""Share of a map's range by which a voxel may differ."""

REGION = "tumour(range=-1000..400)"

FILTERS: Mapping[str, str] = MappingProxyType(
    {
        "1.A": "original",
        "1.B": "original",
        "2.A": "mean(support=5;dims=2)",
        "2.B": "mean(support=5)",
        "3.A": "log(sigma=1.5;dims=2)",
        "3.B": "log(sigma=1.5)",
        "4.A": "laws(kernels=L5E5;rotation=max;energy=7)",
        "4.B": "laws(kernels=L5E5E5;rotation=max;energy=7)",
        "5.A": "gabor(sigma=5;lambda=2;gamma=1.5;step=22.5)",
        "5.B": "gabor(sigma=5;lambda=2;gamma=1.5;step=22.5;planes=3)",
        "6.A": "wavelet(family=db3;bands=LH;level=1;rotation=average)",
        "6.B": "wavelet(family=db3;bands=LLH;level=1;rotation=average)",
        "7.A": "wavelet(family=db3;bands=HH;level=2;rotation=average)",
        "7.B": "wavelet(family=db3;bands=HHH;level=2;rotation=average)",
        "8.A": "simoncelli(level=1;dims=2)",
        "8.B": "simoncelli(level=1)",
        "9.A": "simoncelli(level=2;dims=2)",
        "9.B": "simoncelli(level=2)",
    }
)
"""Filters of the feature values: configurations A in slices, B in space."""


@dataclass(frozen=True, eq=False)
class ReferenceMap:
    """Sampled voxels of a response map.

    Attributes
    ----------
    name : as in the reference, "3_b_2". phantom : of :func:`digital_phantom`. filter : as in keys.
    minimum, maximum : of the whole map.
    voxels : (n, 3) indices k, j, i. values : (n,) responses there.
    """

    name: str
    phantom: str
    filter: str
    minimum: float
    maximum: float
    voxels: np.ndarray
    values: np.ndarray

    def difference(self, response: np.ndarray) -> float:
        """Largest difference of a response (64, 64, 64) at the voxels, as a share of the map's range."""
        found = response[tuple(self.voxels.T)]
        return float(np.abs(found - self.values).max() / (self.maximum - self.minimum))

    def measure(self) -> float:
        """:meth:`difference` of this engine's response; it agrees up to MAP_TOLERANCE."""
        return self.difference(apply_filter(digital_phantom(self.phantom), PHANTOM_SPACING, self.filter))


@dataclass(frozen=True)
class ReferenceFeature:
    """One line of the feature values.

    Attributes
    ----------
    configuration : "3.A". feature : its name in the family statistics.
    value : None where the IBSI found no consensus. tolerance : as published.
    """

    configuration: str
    feature: str
    value: float | None
    tolerance: float

    @property
    def key(self) -> FeatureKey:
        fields = ("ct", REGION, FILTERS[self.configuration], "statistics", self.feature, "3d", "none", "ibsi")
        return FeatureKey(*fields)

    def agrees(self, found: float | None) -> bool:
        """Whether a value is within the tolerance; a missing one is not."""
        return (
            found is not None
            and self.value is not None
            and abs(found - self.value) <= self.tolerance * (1 + 1e-9)
        )


def _lines(name: str) -> Iterator[dict[str, str]]:
    with resource(f"{FOLDER}/{name}.csv").open(encoding="utf-8") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))


@cache
def reference_maps() -> tuple[ReferenceMap, ...]:
    """The 33 response maps."""
    voxels: dict[str, list[tuple[int, int, int]]] = {}
    values: dict[str, list[float]] = {}
    for line in _lines("response_map_voxels"):
        voxels.setdefault(line["map"], []).append((int(line["k"]), int(line["j"]), int(line["i"])))
        values.setdefault(line["map"], []).append(float(line["value"]))
    return tuple(
        ReferenceMap(
            line["map"],
            line["phantom"],
            line["filter"],
            float(line["minimum"]),
            float(line["maximum"]),
            np.array(voxels[line["map"]]),
            np.array(values[line["map"]]),
        )
        for line in _lines("response_maps")
    )


@cache
def reference_features() -> tuple[ReferenceFeature, ...]:
    """The 324 feature values (one without consensus) of configurations 1.A to 9.B."""
    return tuple(
        ReferenceFeature(
            line["configuration"],
            line["feature"],
            float(line["value"]) if line["value"] else None,
            float(line["tolerance"] or 0),
        )
        for line in _lines("feature_values")
    )


def digital_phantom(name: str) -> np.ndarray:
    """A phantom of the IBSI 2, (64, 64, 64) float64 of 0 and 255, voxels of 2 mm.

    "impulse" (one voxel), "checkerboard" (cubes of 8 voxels), "sphere" (ball and three shells), "pattern_1"
    (three bars along the axes).

    Raises
    ------
    KeyError : for another name.
    """
    k, j, i = np.indices((64, 64, 64))
    square = (k - 31) ** 2 + (j - 31) ** 2 + (i - 31) ** 2
    middle = [(axis == 31) | (axis == 32) for axis in (k, j, i)]
    inside = {
        "impulse": square == 0,
        "checkerboard": (k // 8 + j // 8 + i // 8) % 2 == 1,
        "sphere": np.logical_or.reduce(
            [(low < square) & (square <= high) for low, high in ((-1, 4), (36, 100), (225, 361), (576, 784))]
        ),
        "pattern_1": sum(axis.astype(int) for axis in middle) >= 2,
    }[name]
    return np.where(inside, 255.0, 0.0)


def prepare(image: sitk.Image, mask: sitk.Image, *, in_slices: bool) -> Chained:
    """The CT phantom as configurations A (in slices, its own voxels) or B (1 mm) filter it."""
    if in_slices:
        settings = ChainSettings(rounded=("ct",))
    else:
        settings = ChainSettings(spacing=(1.0, 1.0, 1.0), interpolator="bspline", rounded=("ct",))
    return prepare_chain({"ct": image}, {"tumour": mask}, settings)


def measure(
    image: sitk.Image, mask: sitk.Image, *, progress: Progress = silent
) -> dict[ReferenceFeature, float | None]:
    """What this engine finds on the CT phantom for every feature value, None where it finds nothing.

    Raises
    ------
    As :func:`virtualbiopsy.radiomics.chain.prepare_chain`.
    """
    found: dict[ReferenceFeature, float | None] = {}
    for number, letter in enumerate("AB"):
        report = part(progress, number / 2, (number + 1) / 2)
        chained = prepare(image, mask, in_slices=letter == "A")
        used = np.argwhere(chained.masks["tumour"])
        box = tuple(slice(int(a), int(b) + 1) for a, b in zip(used.min(0), used.max(0), strict=True))
        configurations = [name for name in FILTERS if name.endswith(letter)]
        for count, name in enumerate(configurations):
            report(count / len(configurations), f"IBSI 2, configuration {name}")
            rows = [row for row in reference_features() if row.configuration == name]
            values = _features(chained, box, rows)
            found.update({row: values.get(str(row.key)) for row in rows})
    progress(1.0, "IBSI 2")
    return {row: found[row] for row in reference_features()}


def _features(
    chained: Chained, box: tuple[slice, slice, slice], rows: list[ReferenceFeature]
) -> Mapping[str, float]:
    text = rows[0].key.image
    image = chained.images["ct"]
    response = apply_filters(image, chained.spacing, [text], box)[text]
    vector = extract(
        {"ct": image[box]},
        {"tumour": chained.masks["tumour"][box]},
        chained.spacing,
        [row.key for row in rows],
        responses=lambda *_: response,
    )
    return vector.values

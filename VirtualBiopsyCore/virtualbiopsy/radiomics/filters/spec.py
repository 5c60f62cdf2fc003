"""Filters in a key: ``log(sigma=3)``, ``wavelet(family=coif1;bands=LLH;level=1)``, ``square``, …

A filter is written in one way only: parameters in the order of :data:`GRAMMAR`, those at their default left
out. Lengths (sigma, lambda) are in mm, angles in degrees; the letters of Laws kernels and wavelet bands, and
the numbers of a Riesz order, stand for the axes i, j, k in this order (x, y, z of IBSI). ``dims=2`` filters
each slice (j, i) by itself. Boundaries: ``mirror`` (d c b a | a b c d | d c b a), ``nearest``, ``periodic``
and ``zero``.

Source: IBSI reference manual part 2 (convolutional filters), sections 3 and 4; pyradiomics 3.0.1 for
gradient, square, squareroot, logarithm, exponential, lbp2d and lbp3d.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from ...errors import FeatureError
from ..spec import format_spec, parse_spec

BOUNDARIES = ("mirror", "nearest", "periodic", "zero")
POOLINGS = ("average", "max", "min")
_LAWS = re.compile(r"(?:L3|L5|E3|E5|S3|S5|W5|R5){2,3}")
_BANDS = re.compile(r"[LH]{2,3}")
_FAMILY = re.compile(r"haar|db([1-9]|1[0-9]|20)|coif[1-5]")
_ORDER = re.compile(r"\d-\d(-\d)?")
REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter of a filter: its name, how its text is read (ValueError if it cannot be), the default."""

    name: str
    read: Callable[[str], object]
    default: object = REQUIRED
    meaning: str = ""


@dataclass(frozen=True)
class FilterSpec:
    """A parsed filter.

    Attributes
    ----------
    name : of the filter, a key of :data:`GRAMMAR`.
    parameters : all of them with their values, defaults included, in the order of the grammar.
    """

    name: str
    parameters: tuple[tuple[str, object], ...] = ()

    def __getitem__(self, name: str) -> object:
        return dict(self.parameters)[name]

    def get(self, name: str, default: object = None) -> object:
        return dict(self.parameters).get(name, default)

    def __str__(self) -> str:
        default = {parameter.name: parameter.default for parameter in GRAMMAR[self.name]}
        return format_spec(self.name, {key: v for key, v in self.parameters if v != default[key]})

    @property
    def dims(self) -> int:
        """2 if each slice is filtered by itself, 3 otherwise (also for filters without neighbours)."""
        if self.name == "laws":
            return len(self["kernels"]) // 2
        if self.name == "wavelet":
            return len(self["bands"])
        if self.name == "riesz":
            return self["of"].dims
        if self.name in ("gabor", "lbp2d"):
            return 3 if self.get("planes") == 3 else 2
        return self.get("dims", 3)

    @property
    def linear(self) -> bool:
        """Whether the response of a sum is the sum of the responses."""
        if self.name in ("laws", "wavelet"):
            pooled = self["rotation"] in ("max", "min")
            return not pooled and not self.get("energy", 0)
        if self.name == "gabor":
            return self["response"] in ("real", "imaginary") and self["pooling"] == "average"
        if self.name == "riesz":
            return True
        return self.name in ("original", "mean", "log", "simoncelli")

    def reach(self, spacing: Sequence[float]) -> tuple[int, int, int] | None:
        """Voxels of margin (k, j, i) that a response depends on; None: on the whole image.

        `spacing` is (dk, dj, di) in mm. None for filters in the Fourier domain (gabor, simoncelli, riesz),
        for those that scale with the largest value of the image (square, squareroot, logarithm, exponential)
        and for lbp3d (splines). In the profile pyradiomics log and wavelet, too, depend on the whole image.
        A periodic boundary also brings in the opposite side of the image.
        """
        if self.name == "original":
            return (0, 0, 0)
        if self.name == "mean":
            radius = [self["support"] // 2] * 3
        elif self.name == "log":
            radius = [log_radius(self["sigma"], step, self["truncate"]) for step in spacing]
        elif self.name == "laws":
            text = self["kernels"]
            sizes = [int(n) // 2 for n in text[1::2]][::-1]
            if self["rotation"] != "none":
                sizes = [max(sizes)] * len(sizes)
            radius = [n + self["energy"] for n in ([0] * (3 - len(sizes)) + sizes)]
        elif self.name == "wavelet":
            radius = [wavelet_length(self["family"]) // 2 * (2 ** self["level"] - 1)] * 3
        elif self.name == "gradient":
            radius = [1] * 3
        elif self.name == "lbp2d":
            radius = [math.ceil(self["radius"]) + 1] * 3
            radius[self["axis"]] = 0
            return tuple(radius)
        else:
            return None
        if self.dims == 2:
            radius[0] = 0
        return tuple(radius)


def log_radius(sigma: float, step: float, truncate: float) -> int:
    """Voxels from the middle to the end of a Gaussian kernel cut off at `truncate` sigma."""
    return int(math.floor(truncate * sigma / step + 0.5))


def wavelet_length(family: str) -> int:
    """Number of taps of a wavelet family: "haar" 2, "dbN" 2N, "coifN" 6N."""
    if family == "haar":
        return 2
    return 2 * int(family[2:]) if family.startswith("db") else 6 * int(family[4:])


def _whole(low: int, high: int, odd: bool = False) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high or (odd and value % 2 == 0):
            raise ValueError
        return value

    return read


def _real(low: float, high: float, above: bool = False) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high or (above and value == low):
            raise ValueError
        return value

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return read


def _matching(pattern: re.Pattern) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return read


_LENGTH = _real(0.0, 1000.0, above=True)
_DIMS = Parameter("dims", _whole(2, 3), 3, "2: each slice (j, i) by itself; 3: in space")
_BOUNDARY = Parameter("boundary", _one_of(*BOUNDARIES), "mirror", "what lies outside the image")
_ROTATION = Parameter(
    "rotation",
    _one_of("none", *POOLINGS),
    "none",
    "pool the responses of all right-angle rotations of the filter (4 in 2D, 24 in 3D), before the energy",
)

GRAMMAR: dict[str, tuple[Parameter, ...]] = {
    "original": (),
    "mean": (Parameter("support", _whole(1, 99, odd=True), meaning="voxels, odd"), _DIMS, _BOUNDARY),
    "log": (
        Parameter("sigma", _LENGTH, meaning="mm"),
        Parameter("truncate", _real(1.0, 10.0), 4.0, "kernel cut off at this many sigma"),
        _DIMS,
        _BOUNDARY,
    ),
    "laws": (
        Parameter("kernels", _matching(_LAWS), meaning="two (2D) or three (3D) of L3 L5 E3 E5 S3 S5 W5 R5"),
        _ROTATION,
        Parameter("energy", _whole(0, 49), 0, "Chebyshev radius in voxels of the mean absolute response"),
        _BOUNDARY,
    ),
    "gabor": (
        Parameter("sigma", _LENGTH, meaning="mm"),
        Parameter("lambda", _LENGTH, meaning="wavelength, mm"),
        Parameter("gamma", _real(0.0, 100.0, above=True), 1.0, "ratio of the axes of the envelope"),
        Parameter("theta", _real(0.0, 360.0), 0.0, "degrees, clockwise in a slice"),
        Parameter("step", _real(0.0, 180.0), 0.0, "degrees between pooled orientations; 0: one orientation"),
        Parameter("planes", _whole(1, 3), 1, "1: slices (j, i); 3: pool three planes"),
        Parameter("pooling", _one_of(*POOLINGS), "average", "over orientations and planes"),
        Parameter("response", _one_of("modulus", "real", "imaginary"), "modulus"),
        Parameter("truncate", _real(1.0, 10.0), 4.0, "kernel cut off at this many sigma"),
        _BOUNDARY,
    ),
    "wavelet": (
        Parameter("family", _matching(_FAMILY), meaning="haar, db1 … db20, coif1 … coif5"),
        Parameter("bands", _matching(_BANDS), meaning="L or H for each axis: two letters 2D, three 3D"),
        Parameter("level", _whole(1, 8), meaning="decomposition level; undecimated (à trous)"),
        _ROTATION,
        _BOUNDARY,
    ),
    "simoncelli": (Parameter("level", _whole(1, 8), meaning="decomposition level"), _DIMS),
    "riesz": (
        Parameter("order", _matching(_ORDER), meaning="l1-l2 (2D) or l1-l2-l3 (3D), at least one above 0"),
        Parameter("of", lambda text: parse_filter(text), meaning="log(…) or simoncelli(…)"),
    ),
    "gradient": (Parameter("spacing", _one_of("mm", "voxel"), "mm", "unit of the step"),),
    "square": (),
    "squareroot": (),
    "logarithm": (),
    "exponential": (),
    "lbp2d": (
        Parameter("radius", _real(0.0, 50.0, above=True), 1.0, "voxels"),
        Parameter("samples", _whole(2, 24), 8),
        Parameter("method", _one_of("uniform", "default", "ror"), "uniform"),
        Parameter("axis", _whole(0, 2), 0, "the slices are perpendicular to this axis (k, j, i)"),
    ),
    "lbp3d": (
        Parameter("output", _matching(re.compile(r"m[1-9]|k")), meaning="m1, m2, …: level; k: kurtosis"),
        Parameter("radius", _real(0.0, 50.0, above=True), 1.0, "voxels"),
        Parameter("subdivision", _whole(0, 3), 1, "of the icosahedron"),
    ),
}
"""Parameters of every filter, in the order in which they are written."""


@cache
def parse_filter(text: str) -> FilterSpec:
    """Read the image field of a key.

    Raises
    ------
    FeatureError : unknown filter, parameter or value; or not written in its shortest form.
    """
    name, given = parse_spec(text)
    if name not in GRAMMAR:
        raise FeatureError(f"Unknown filter {name!r}.", f"Use one of {', '.join(GRAMMAR)}.")
    known = {parameter.name for parameter in GRAMMAR[name]}
    for key in given:
        if key not in known:
            raise FeatureError(
                f"The filter {name!r} has no parameter {key!r} ({text!r}).",
                f"It has {', '.join(known) or 'none'}.",
            )
    values: list[tuple[str, object]] = []
    for parameter in GRAMMAR[name]:
        if parameter.name in given:
            value = _read(parameter, given[parameter.name], text)
        elif parameter.default is REQUIRED:
            raise FeatureError(f"{text!r} lacks the parameter {parameter.name!r}.")
        else:
            value = parameter.default
        values.append((parameter.name, value))
    spec = FilterSpec(name, tuple(values))
    _check(spec, text)
    if str(spec) != text:
        raise FeatureError(f"Write the filter {text!r} as {str(spec)!r}.")
    return spec


def make_filter(name: str, **parameters: object) -> FilterSpec:
    """A filter from its parameters, ``make_filter("log", sigma=3.0)``; checked as :func:`parse_filter` does.

    Parameters at their default may be given; ``lambda`` is written ``**{"lambda": 2.0}``.
    """
    known = GRAMMAR.get(name, ())
    default = {parameter.name: parameter.default for parameter in known}
    ordered = {p.name: parameters.pop(p.name) for p in known if p.name in parameters} | parameters
    changed = {
        key: float(v) if isinstance(default.get(key), float) else v
        for key, v in ordered.items()
        if v != default.get(key, REQUIRED)
    }
    return parse_filter(format_spec(name, changed))


def _read(parameter: Parameter, value: str, text: str) -> object:
    try:
        return parameter.read(value)
    except ValueError:
        raise FeatureError(
            f"{parameter.name}={value} in {text!r} is not valid. {parameter.meaning}"
        ) from None


def _check(spec: FilterSpec, text: str) -> None:
    if spec.name == "gabor" and spec["planes"] == 2:
        raise FeatureError(f"planes in {text!r} must be 1 or 3.")
    if spec.name == "gabor" and spec["step"] == 0 and spec["pooling"] != "average" and spec["planes"] == 1:
        raise FeatureError(f"{text!r} pools nothing.", "Leave the pooling out.")
    if spec.name == "gabor" and spec["step"] and abs(round(360 / spec["step"]) - 360 / spec["step"]) > 1e-9:
        raise FeatureError(f"step in {text!r} must divide 360 degrees.")
    if spec.name == "riesz":
        order = riesz_order(spec)
        inner = spec["of"]
        if inner.name not in ("log", "simoncelli"):
            raise FeatureError(f"The Riesz transform in {text!r} must be of log(…) or simoncelli(…).")
        if len(order) != inner.dims or not any(order) or sum(order) > 8:
            raise FeatureError(f"The order in {text!r} must have {inner.dims} numbers, with a sum of 1 to 8.")


def riesz_order(spec: FilterSpec) -> tuple[int, ...]:
    """Orders (l1, l2[, l3]) along i, j[, k]."""
    return tuple(int(n) for n in spec["order"].split("-"))

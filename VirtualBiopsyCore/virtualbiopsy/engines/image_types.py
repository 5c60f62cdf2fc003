"""Image types of keys in the words of pyradiomics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from ..errors import EngineError
from ..radiomics.filters.spec import GRAMMAR, FilterSpec, parse_filter


@dataclass(frozen=True)
class ImageType:
    """An image type of pyradiomics.

    Attributes
    ----------
    kind : name for enableImageTypeByName: "Original", "LoG", "Wavelet", …
    name : first part of the features' names: "log-sigma-3-0-mm-3D", "wavelet-LLH", …
    options : settings of the filter.
    """

    kind: str
    name: str
    options: Mapping[str, object] = field(default_factory=dict)


_PLAIN = {
    "original": "Original",
    "square": "Square",
    "squareroot": "SquareRoot",
    "logarithm": "Logarithm",
    "exponential": "Exponential",
    "gradient": "Gradient",
}
_TAKEN = {
    "log": {"sigma"},
    "wavelet": {"family", "bands", "level"},
    "gradient": {"spacing"},
    "lbp2d": {"radius", "samples", "method", "axis"},
    "lbp3d": {"output", "radius", "subdivision"},
}
"""Parameters that pyradiomics has as well; the others must be at their defaults."""


@cache
def image_type(text: str) -> ImageType:
    """The image type of a key's field.

    Raises
    ------
    FeatureError : the field is no filter. EngineError : pyradiomics has no such image type.
    """
    spec = parse_filter(text)
    if not _has(spec):
        raise EngineError(f"pyradiomics has no image type for {text!r}.")
    if spec.name in _PLAIN:
        options = {"gradientUseSpacing": spec["spacing"] == "mm"} if spec.name == "gradient" else {}
        return ImageType(_PLAIN[spec.name], spec.name, options)
    if spec.name == "log":
        sigma = float(spec["sigma"])
        return ImageType("LoG", f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D", {"sigma": [sigma]})
    if spec.name == "wavelet":
        number = "" if spec["level"] == 1 else str(spec["level"])
        options = {"wavelet": spec["family"], "level": spec["level"]}
        return ImageType("Wavelet", f"wavelet{number}-{spec['bands']}", options)
    if spec.name == "lbp2d":
        return ImageType(
            "LBP2D",
            "lbp-2D",
            {
                "lbp2DRadius": spec["radius"],
                "lbp2DSamples": spec["samples"],
                "lbp2DMethod": spec["method"],
                "force2Ddimension": spec["axis"],
            },
        )
    levels = 2 if spec["output"] == "k" else max(2, int(spec["output"][1:]))
    return ImageType(
        "LBP3D",
        f"lbp-3D-{spec['output']}",
        {
            "lbp3DLevels": levels,
            "lbp3DIcosphereRadius": spec["radius"],
            "lbp3DIcosphereSubdivision": spec["subdivision"],
        },
    )


def _has(spec: FilterSpec) -> bool:
    if spec.name not in _PLAIN and spec.name not in _TAKEN:
        return False
    taken = _TAKEN.get(spec.name, set())
    if any(spec[p.name] != p.default for p in GRAMMAR[spec.name] if p.name not in taken):
        return False
    return spec.name != "wavelet" or len(spec["bands"]) == 3

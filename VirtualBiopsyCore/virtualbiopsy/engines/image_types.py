"""Image types of keys and of pyradiomics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from ..errors import EngineError
from ..radiomics.spec import parse_spec


@dataclass(frozen=True)
class ImageType:
    """An image type in the words of pyradiomics.

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
    "original": ImageType("Original", "original"),
    "square": ImageType("Square", "square"),
    "squareroot": ImageType("SquareRoot", "squareroot"),
    "logarithm": ImageType("Logarithm", "logarithm"),
    "exponential": ImageType("Exponential", "exponential"),
    "gradient": ImageType("Gradient", "gradient"),
}
_LBP3D = {"m1": "lbp-3D-m1", "m2": "lbp-3D-m2", "k": "lbp-3D-k"}


@cache
def image_type(text: str) -> ImageType:
    """The image type of a key's field.

    Raises
    ------
    FeatureError : the field does not follow the grammar. EngineError : pyradiomics has no such image type.
    """
    if text in _PLAIN:
        return _PLAIN[text]
    name, given = parse_spec(text)
    found = None
    if name == "log" and set(given) == {"sigma"}:
        found = log_type(float(given["sigma"]))
    elif name == "wavelet" and {"family", "bands"} <= set(given) <= {"family", "bands", "level"}:
        found = wavelet_type(given["family"], given["bands"], int(given.get("level", "1")))
    elif name == "lbp2d":
        found = ImageType("LBP2D", "lbp-2D")
    elif name == "lbp3d":
        found = ImageType("LBP3D", _LBP3D[given["map"]])
    if found is None:
        raise EngineError(f"pyradiomics has no image type for {text!r}.")
    return found


def log_type(sigma: float) -> ImageType:
    return ImageType("LoG", f"log-sigma-{str(float(sigma)).replace('.', '-')}-mm-3D", {"sigma": [sigma]})


def wavelet_type(family: str, bands: str, level: int) -> ImageType:
    number = "" if level == 1 else str(level)
    return ImageType("Wavelet", f"wavelet{number}-{bands}", {"wavelet": family, "level": level})

"""How matrices are collected and features averaged: the aggregation field of a key.

Source: IBSI reference manual, sections 3.6 to 3.11 (BTW3, SUJT, JJUI, ZW7Z, ITBB, IAZD; 8QNN, 62GR, KOBO).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..errors import FeatureError
from .spec import format_spec, parse_spec

DIRECTIONAL = ("3d_average", "3d_merged", "2d_average", "2d_merged", "2.5d_average", "2.5d_merged")
"""For GLCM and GLRLM. "2d_average": mean over slices and directions; "2d_merged": directions merged within
each slice, mean over slices; "2.5d_average": slices merged for each direction, mean over directions;
"2.5d_merged": all merged into one matrix; "3d_average", "3d_merged": the 13 directions in 3D."""

SINGLE = ("3d", "2d", "2.5d")
"""For GLSZM, GLDZM, NGTDM and NGLDM: one matrix in 3D; the mean over slices; slices merged into one."""

NORMS = ("chebyshev", "manhattan", "euclidean")


@dataclass(frozen=True)
class Aggregation:
    """Parsed aggregation.

    Attributes
    ----------
    base : one of DIRECTIONAL or SINGLE.
    distance : in voxels. GLCM: pairs at exactly this distance; NGTDM, NGLDM: all neighbours up to it.
    norm : one of NORMS, of `distance`.
    weight : "none", or the norm (in mm) by which directions are weighted when they are merged, as in
        pyradiomics 3.0.1: GLCM with exp(-|d|²), GLRLM with |d| itself ("no_weighting" there is "…_merged"
        here, "infinity" is "chebyshev").
    alpha : NGLDM: largest difference of grey levels that still counts as dependent.
    """

    base: str
    distance: int = 1
    norm: str = "chebyshev"
    weight: str = "none"
    alpha: int = 0

    @property
    def planar(self) -> bool:
        return not self.base.startswith("3d")

    @property
    def merged(self) -> bool:
        return self.base.endswith("merged")

    def __str__(self) -> str:
        default = Aggregation(self.base)
        changed = {
            name: getattr(self, name)
            for name in ("distance", "norm", "weight", "alpha")
            if getattr(self, name) != getattr(default, name)
        }
        return format_spec(self.base, changed)


@cache
def parse_aggregation(text: str) -> Aggregation:
    """Read "3d_average", "2.5d_merged(distance=2;norm=manhattan)", "3d(alpha=1)", …

    Raises
    ------
    FeatureError : unknown name, parameter or value; or not written in its shortest form.
    """
    base, parameters = parse_spec(text)
    if base not in (*DIRECTIONAL, *SINGLE):
        raise FeatureError(
            f"Unknown aggregation {base!r}.", f"Use one of {', '.join((*DIRECTIONAL, *SINGLE))}."
        )
    unknown = set(parameters) - {"distance", "norm", "weight", "alpha"}
    if unknown:
        raise FeatureError(f"Unknown parameter {sorted(unknown)[0]!r} in the aggregation {text!r}.")
    try:
        found = Aggregation(
            base,
            int(parameters.get("distance", 1)),
            parameters.get("norm", "chebyshev"),
            parameters.get("weight", "none"),
            int(parameters.get("alpha", 0)),
        )
    except ValueError:
        raise FeatureError(f"Distance and alpha in {text!r} must be whole numbers.") from None
    if not 1 <= found.distance <= 10 or found.norm not in NORMS or not 0 <= found.alpha <= 100:
        raise FeatureError(f"Distance, norm or alpha in {text!r} is out of range.")
    if found.weight not in ("none", *NORMS) or (found.weight != "none" and not found.merged):
        raise FeatureError(f"The weight in {text!r} must be a norm, and needs merged matrices.")
    if str(found) != text:
        raise FeatureError(f"Write the aggregation {text!r} as {str(found)!r}.")
    return found

"""Which features split exactly into shares of voxels, and how: the one registry of the voxel ledger.

A decomposition gives c(v), one number per voxel of the region, with Σ c(v) = the feature. The formulas stand
in `decompositions_values` (intensities and histogram), `decompositions_curves` (intensity-volume curve,
peaks), `decompositions_pairs` (co-occurrence),
`decompositions_sizes` (runs, zones, dependences) and `decompositions_tones` (tone differences). For filtered
images they are the same, at the voxels of the response. A feature that is not here is listed as not
localised, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..radiomics.definitions import DEFINITIONS, SIZE_ROLES
from .decompositions_curves import CURVES, PEAKS
from .decompositions_pairs import GLCM
from .decompositions_sizes import SIZES
from .decompositions_tones import TONES
from .decompositions_values import HISTOGRAM, STATISTICS, Sample, realising

__all__ = [
    "CURVES",
    "EXACT",
    "GLCM",
    "HISTOGRAM",
    "NOT_LOCALISED",
    "PEAKS",
    "SIZES",
    "STATISTICS",
    "TONES",
    "Sample",
]
__all__ += ["realising", "rule_of"]

#: The registry: which features of which family split exactly.
EXACT: Mapping[str, frozenset[str]] = {
    "statistics": frozenset(STATISTICS),
    "histogram": frozenset(HISTOGRAM),
    "glcm": frozenset(GLCM),
    **{
        family: frozenset(name for name, role in roles.items() if role in SIZES)
        for family, roles in SIZE_ROLES.items()
    },
    "ngtdm": frozenset(TONES),
    "ivh": frozenset(CURVES),
    "local_intensity": frozenset(PEAKS),
}

_EXTREME = "a place in the histogram, not a sum over voxels"
_CORRELATION = "a function of sums over pairs, of which no one is the feature's own"
_WHY: Mapping[tuple[str, str], str] = {
    **{
        ("histogram", f"{end}_gradient{which}"): _EXTREME
        for end in ("maximum", "minimum")
        for which in ("", "_level")
    },
    ("glcm", "correlation"): "a ratio of moments of the pairs",
    ("glcm", "information_correlation_1"): _CORRELATION,
    ("glcm", "information_correlation_2"): _CORRELATION,
    ("glcm", "maximal_correlation_coefficient"): "an eigenvalue",
    ("ngtdm", "coarseness"): "the reciprocal of a sum over voxels",
}
_FAMILIES: Mapping[str, str] = {
    "morphology": "the shape of the outline",
    "shape2d": "the shape of the outline",
}

#: Why the other features are not localised, by (family, name).
NOT_LOCALISED: Mapping[tuple[str, str], str] = {
    (family, name): _WHY.get((family, name)) or _FAMILIES[family]
    for family, name in DEFINITIONS
    if name not in EXACT.get(family, ())
}

_MOMENTS = {"variance", "skewness", "kurtosis"}
_RATIOS = {"coefficient_of_variation", "quartile_coefficient_of_dispersion", "root_mean_square"}
_ORDER = {
    "median",
    "minimum",
    "maximum",
    "percentile_10",
    "percentile_90",
    "range",
    "interquartile_range",
    "mode",
}
_BY_FAMILY: Mapping[str, str] = {
    "glcm": "Half of each pair's value goes to each of its two voxels.",
    "glrlm": "The value of each run goes to its voxels in equal parts.",
    "glszm": "The value of each zone goes to its voxels in equal parts.",
    "gldzm": "The value of each zone goes to its voxels in equal parts.",
    "local_intensity": "Carried by the voxel in the middle of the ball; ties share equally.",
    "ngldm": "Each voxel carries the value of its own grey level and dependence.",
}
_TONE_RULES: Mapping[str, str] = {
    "contrast": "Each voxel's difference from its neighbours; their spread is a common factor.",
    "busyness": "Each voxel's difference from its neighbours; the denominator is a common factor.",
    "complexity": "Each voxel's difference from its neighbours, weighted by its grey level.",
    "strength": "Each voxel's distance in grey level from the others; the denominator is a common factor.",
}


def rule_of(family: str, name: str) -> str:
    """How a feature is split, or why it is not, in one sentence.

    Raises
    ------
    KeyError : there is no such feature.
    """
    if name not in EXACT.get(family, ()):
        return f"Not localised: it is {NOT_LOCALISED[family, name]}."
    if family == "ngtdm":
        return _TONE_RULES[name]
    if family in _BY_FAMILY:
        return _BY_FAMILY[family]
    if name in _ORDER or name.startswith("intensity_"):
        return "Carried by the voxels that realise the value; ties share equally."
    if name in _RATIOS:
        return "The numerator is split voxel by voxel; the denominator is a common factor."
    if name in _MOMENTS:
        return "Each voxel's power of the distance from the mean; mean and variance are those of the region."
    if name in ("entropy", "uniformity"):
        return "Each voxel carries the value of its own bin."
    return "A mean or sum over the voxels: each carries its own term."

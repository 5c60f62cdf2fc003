"""Which maps are asked for: feature keys, or families and names with shared choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...errors import FeatureError
from ..definitions import DEFINITIONS
from ..discretise import parse_discretisation
from ..keys import PROFILES, FeatureKey

FAMILIES = ("statistics", "histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
"""Families that are defined in the neighbourhood of a voxel. In profile "pyradiomics" the histogram has its
first-order entropy and uniformity."""

_DIRECTIONAL = ("glcm", "glrlm")
_AGGREGATIONS = ("3d_average", "3d_merged")


@dataclass(frozen=True)
class Group:
    """Maps that share their levels and matrices.

    Attributes
    ----------
    family : one of FAMILIES. aggregation : "3d", "3d_average" or "3d_merged".
    discretisation : "none" for statistics. profile : "ibsi" or "pyradiomics".
    names : name in the answer by name of the feature.
    """

    family: str
    aggregation: str
    discretisation: str
    profile: str
    names: Mapping[str, str]


def groups(
    features: Iterable[FeatureKey | str | tuple[str, str]],
    discretisation: str,
    profile: str,
    aggregation: str,
) -> list[Group]:
    """Sort what is asked for.

    Parameters
    ----------
    features : each is a feature key (or its text), whose own choices count and whose text names the map; or
        (family, name), "family:name", or "family" for all of it, which the other parameters complete and
        "family:name" names.
    discretisation, profile, aggregation : for the latter; aggregation of GLCM and GLRLM only.

    Raises
    ------
    FeatureError : unknown or not defined in a neighbourhood, or the choices do not fit.
    """
    if aggregation not in _AGGREGATIONS:
        raise FeatureError(f"Maps have no aggregation {aggregation!r}.", f"Use {' or '.join(_AGGREGATIONS)}.")
    if profile not in PROFILES:
        raise FeatureError(f"Unknown profile {profile!r}.", f"Use one of {', '.join(PROFILES)}.")
    found: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for feature in [features] if isinstance(features, (str, FeatureKey)) else features:
        for key, label in _named(feature, discretisation, profile, aggregation):
            _check(key)
            found.setdefault((key.family, key.aggregation, key.discretisation, key.profile), {})[key.name] = (
                label
            )
    if not found:
        raise FeatureError("No feature is asked for.")
    return [Group(*choices, names) for choices, names in found.items()]


def _named(
    feature: FeatureKey | str | tuple[str, str], discretisation: str, profile: str, aggregation: str
) -> Sequence[tuple[FeatureKey, str]]:
    if isinstance(feature, FeatureKey):
        return [(feature, str(feature))]
    if isinstance(feature, str) and feature.count(":") == 7:
        return [(FeatureKey.parse(feature), feature)]
    family, _, name = feature.partition(":") if isinstance(feature, str) else (feature[0], ":", feature[1])
    names = [name]
    if not name:
        names = [n for f, n in DEFINITIONS if f == family and profile in DEFINITIONS[f, n].profiles]
    base = aggregation if family in _DIRECTIONAL else "3d"
    bins = "none" if family == "statistics" else discretisation
    return [
        (FeatureKey("image", "region", "original", family, name, base, bins, profile), f"{family}:{name}")
        for name in names
    ] or [(FeatureKey("image", "region", "original", family, "?", base, bins, profile), family)]


def _check(key: FeatureKey) -> None:
    if key.family not in FAMILIES:
        raise FeatureError(
            f"{key.family!r} is not defined in the neighbourhood of a voxel.",
            f"Maps exist for {', '.join(FAMILIES)}.",
        )
    found = DEFINITIONS.get((key.family, key.name))
    if found is None:
        raise FeatureError(f"Unknown feature {key.family}:{key.name}.")
    if key.profile not in found.profiles:
        raise FeatureError(f"{found.label} has no {key.profile!r} profile.")
    if key.aggregation not in (_AGGREGATIONS if key.family in _DIRECTIONAL else ("3d",)):
        raise FeatureError(
            f"Maps of {found.label} have no aggregation {key.aggregation!r}.",
            f"Use {' or '.join(_AGGREGATIONS) if key.family in _DIRECTIONAL else '3d'}.",
        )
    if key.image != "original":
        raise FeatureError(
            f"Maps take the image as it is, not {key.image!r}.", "Filter the image first and use 'original'."
        )
    if key.family == "statistics":
        if key.discretisation != "none":
            raise FeatureError(f"{found.label} is not discretised.", "Use 'none'.")
    else:
        parse_discretisation(key.discretisation)

"""Keys in the words of pyradiomics, and back: classes, feature names, image types, settings.

Source: pyradiomics 3.0.1, its extractor, image operations and feature classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import EngineError
from ..radiomics.aggregation import parse_aggregation
from ..radiomics.definitions import MASK, definition
from ..radiomics.discretise import parse_discretisation
from ..radiomics.keys import FeatureKey
from ..radiomics.resegment import parse_region
from .image_types import image_type
from .protocol import ExtractionSettings

_WEIGHTS = {"chebyshev": "infinity", "manhattan": "manhattan", "euclidean": "euclidean"}
_INTERPOLATORS = {"bspline": "sitkBSpline", "linear": "sitkLinear", "nearest": "sitkNearestNeighbor"}


@dataclass
class Group:
    """Keys that one call of pyradiomics computes.

    Attributes
    ----------
    sequence : None for shape. region : name of the mask.
    settings : those that come from the keys. image_types : options by pyradiomics' image type.
    names : by key, the name in pyradiomics' result.
    """

    sequence: str | None
    region: str
    settings: dict[str, object]
    image_types: dict[str, dict[str, object]] = field(default_factory=dict)
    names: dict[FeatureKey, str] = field(default_factory=dict)

    @property
    def features(self) -> dict[str, list[str]]:
        """Names by class."""
        found: dict[str, list[str]] = {}
        for name in self.names.values():
            _, kind, feature = name.rsplit("_", 2)
            if feature not in found.setdefault(kind, []):
                found[kind].append(feature)
        return found

    def takes(self, key_settings: Mapping[str, object], kind: str, options: Mapping[str, object]) -> bool:
        """Whether a key with these settings and this image type can join."""
        if any(self.settings.get(name, value) != value for name, value in key_settings.items()):
            return False
        free = self.image_types.get(kind, {})
        return all(free.get(name, value) == value for name, value in options.items() if name != "sigma")

    def add(self, key_settings: Mapping[str, object], kind: str, options: Mapping[str, object]) -> None:
        self.settings.update(key_settings)
        own = self.image_types.setdefault(kind, {})
        for name, value in options.items():
            if name == "sigma":
                own[name] = [*own.get(name, []), *(s for s in value if s not in own.get(name, []))]
            else:
                own[name] = value


def pyradiomics_name(key: FeatureKey) -> str:
    """Name of a key in pyradiomics' result, for example "log-sigma-3-0-mm-3D_glcm_JointEntropy".

    Raises
    ------
    FeatureError : the key contradicts itself. EngineError : pyradiomics cannot compute it.
    """
    found = definition(key)
    if key.profile != "pyradiomics" or found.pyradiomics_name is None:
        raise EngineError(f"pyradiomics has no feature for {key}.", "Its keys end in ':pyradiomics'.")
    return f"{image_type(key.image).name}_{found.pyradiomics_name}"


def key_settings(key: FeatureKey) -> dict[str, object]:
    """Settings of pyradiomics that a key asks for.

    Raises
    ------
    EngineError : pyradiomics has no settings for it.
    """
    region = parse_region(key.region)
    settings: dict[str, object] = {}
    if key.sequence != MASK:
        settings.update(_resegmentation(region, key))
    if key.discretisation != "none":
        rule = parse_discretisation(key.discretisation)
        if rule.kind not in ("fbw", "fbn"):
            raise EngineError(f"pyradiomics cannot discretise as {key.discretisation!r} ({key}).")
        settings["binWidth"] = rule.value if rule.kind == "fbw" else 25
        settings["binCount"] = int(rule.value) if rule.kind == "fbn" else None
    if key.family == "shape2d":
        return {**settings, "force2D": True, "force2Ddimension": 0}
    aggregation = parse_aggregation(key.aggregation)
    if key.family in ("glcm", "glrlm"):
        settings["weightingNorm"] = None
        if aggregation.merged:
            settings["weightingNorm"] = _WEIGHTS.get(aggregation.weight, "no_weighting")
    if key.family in ("glcm", "glrlm", "glszm", "ngtdm", "ngldm"):
        settings["force2D"] = aggregation.planar
        settings["force2Ddimension"] = 0
    if key.family == "glcm":
        settings["distances"] = [aggregation.distance]
    elif key.family in ("ngtdm", "ngldm"):
        settings["distances"] = list(range(1, aggregation.distance + 1))
    if key.family == "ngldm":
        settings["gldm_a"] = aggregation.alpha
    return settings


def _resegmentation(region, key: FeatureKey) -> dict[str, object]:
    if not region.resegmented:
        return {"resegmentRange": None}
    if region.ranged and region.outlier is not None:
        raise EngineError(f"pyradiomics re-segments by range or by outliers, not by both ({key}).")
    if region.outlier is not None:
        return {"resegmentRange": [-region.outlier, region.outlier], "resegmentMode": "sigma"}
    if region.low == -math.inf:
        low, high = -1.7976931348623157e308, region.high
    else:
        low, high = region.low, region.high
    bounds = [low] if high == math.inf else [low, high]
    return {"resegmentRange": bounds, "resegmentMode": "absolute"}


def group_keys(keys: Sequence[FeatureKey]) -> list[Group]:
    """Collect keys into as few calls of pyradiomics as their settings allow; keys of shape come first.

    Raises
    ------
    FeatureError, EngineError : as :func:`pyradiomics_name` and :func:`key_settings`.
    """
    groups: list[Group] = []
    # Keys that leave a setting open come last, so that they find a group to join.
    for key, settings in sorted(
        ((key, key_settings(key)) for key in dict.fromkeys(keys)),
        key=lambda pair: (pair[0].sequence != MASK, -len(pair[1])),
    ):
        sequence = None if key.sequence == MASK else key.sequence
        region = parse_region(key.region).name
        kind = image_type(key.image)
        for group in groups:
            if (group.sequence, group.region) == (sequence, region) and group.takes(
                settings, kind.kind, kind.options
            ):
                break
        else:
            group = Group(sequence, region, {})
            groups.append(group)
        group.add(settings, kind.kind, kind.options)
        group.names[key] = pyradiomics_name(key)
    return groups


def chain_settings(settings: ExtractionSettings) -> dict[str, object]:
    """The settings of an extraction in the words of pyradiomics.

    Raises
    ------
    EngineError : a setting has no meaning.
    """
    if settings.interpolator not in _INTERPOLATORS:
        raise EngineError(f"Unknown interpolator {settings.interpolator!r}.")
    return {
        "label": settings.label,
        "resampledPixelSpacing": None if settings.spacing is None else [float(s) for s in settings.spacing],
        "interpolator": _INTERPOLATORS[settings.interpolator],
        "padDistance": settings.pad_distance,
        "normalize": settings.normalise,
        "normalizeScale": settings.normalise_scale,
        "removeOutliers": settings.remove_outliers,
        "correctMask": settings.correct_mask,
        "geometryTolerance": settings.geometry_tolerance,
        "additionalInfo": False,
    }

"""From what a user asks for in words to feature keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import FeatureError
from ..radiomics.definitions import DEFINITIONS, FAMILIES, MASK, all_keys, definition
from ..radiomics.filters.spec import parse_filter
from ..radiomics.keys import FeatureKey
from ..radiomics.resegment import Region

ORIGINAL = "original"


def select_keys(
    wanted: Sequence[str],
    *,
    sequence: str = "image",
    region: str = "tumour",
    profile: str = "ibsi",
    filters: Sequence[str] = (ORIGINAL,),
    discretisation: str = "fbn32",
    aggregation: str = "3d_average",
    low: float = -math.inf,
    high: float = math.inf,
    outlier: float | None = None,
) -> list[FeatureKey]:
    """Keys of the features that are wanted, in the order of the definitions.

    Parameters
    ----------
    wanted : each "all", a family ("glcm"), a feature ("glcm:joint_entropy"), or a whole key, which is taken
        as it stands; the other parameters fill in what the others leave open.
    low, high, outlier : re-segmentation of the intensities.

    Raises
    ------
    FeatureError : something is unknown, or nothing is left.
    """
    keys: dict[FeatureKey, None] = {}
    pool: list[FeatureKey] | None = None
    for text in wanted:
        if text.count(":") == 7:
            key = FeatureKey.parse(text)
            definition(key)
            keys[key] = None
            continue
        if pool is None:
            inner = str(Region(region, low, high, outlier))
            pool = _pool(sequence, region, inner, profile, filters, discretisation, aggregation)
        found = [key for key in pool if text in ("all", key.family, f"{key.family}:{key.name}")]
        if not found:
            raise FeatureError(f"{_unknown(text)} in the profile {profile!r}.", _advice(text))
        keys.update(dict.fromkeys(found))
    if not keys:
        raise FeatureError("No feature is asked for.", "Name features, families, or 'all'.")
    return list(keys)


def _pool(
    sequence: str,
    region: str,
    inner: str,
    profile: str,
    filters: Sequence[str],
    discretisation: str,
    aggregation: str,
) -> list[FeatureKey]:
    pool = all_keys(MASK, region, discretisation, profile, aggregation)
    for kind in dict.fromkeys(filters):
        parse_filter(kind)
        pool += all_keys(sequence, inner, discretisation, profile, aggregation, kind)
    return pool


def _unknown(text: str) -> str:
    family, _, name = text.partition(":")
    if (family, name) in DEFINITIONS or (not name and family in FAMILIES):
        return f"There is no {text!r}"
    return f"{text!r} is neither a family nor a feature"


def _advice(text: str) -> str:
    family, _, name = text.partition(":")
    if name and family in FAMILIES:
        return f"Features: {', '.join(n for f, n in DEFINITIONS if f == family)}."
    return f"Families: {', '.join(FAMILIES)}."

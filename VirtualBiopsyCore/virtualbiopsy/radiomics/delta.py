"""Changes of features between two time points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .keys import delta_parts, is_clinical, is_delta
from .vector import FeatureVector

NO_EARLIER = "there is no earlier time point"


def with_deltas(vector: FeatureVector, keys: Iterable[str]) -> FeatureVector:
    """Return the vector with the changes that `keys` ask for; other keys are passed over.

    ``delta:<key>`` = later − earlier and ``reldelta:<key>`` = (later − earlier) / |earlier|, from
    ``vector.values`` and ``vector.earlier``. One that cannot be computed is missing, with the reason.

    Raises
    ------
    FeatureError : a delta key is malformed.
    """
    values, missing = dict(vector.values), dict(vector.missing)
    for key in keys:
        if is_delta(key):
            found = _change(key, vector)
            (missing if isinstance(found, str) else values)[key] = found
            (values if isinstance(found, str) else missing).pop(key, None)
    return replace(vector, values=values, missing=missing)


def completed(vector: FeatureVector, given: FeatureVector, keys: Iterable[str]) -> FeatureVector:
    """Complete the features of a changed outline with what the model was given beside the outline.

    Parameters
    ----------
    vector : radiomic features of the changed outline.
    given : what the model was given for the outline as it is: clinical variables and, for changes between
        two time points, the features at the earlier one, are taken from it.
    keys : of the model; changes among them are computed anew.
    """
    clinical: Mapping[str, float] = {key: v for key, v in given.values.items() if is_clinical(key)}
    whole = replace(vector, values={**vector.values, **clinical}, earlier=given.earlier)
    return with_deltas(whole, keys)


def _change(key: str, vector: FeatureVector) -> float | str:
    """The change, or why there is none."""
    feature, relative = delta_parts(key)
    name = str(feature)
    if not vector.earlier:
        return NO_EARLIER
    if name not in vector.values:
        why = vector.missing.get(name, "it was not measured")
        return f"at the later time point: {why}"
    if name not in vector.earlier:
        return "it is missing at the earlier time point"
    earlier = vector.earlier[name]
    change = vector.values[name] - earlier
    if not relative:
        return change
    if earlier == 0:
        return "it is zero at the earlier time point, so that it has no relative change"
    quotient = change / abs(earlier)
    return quotient if math.isfinite(quotient) else "its relative change is too large a number"

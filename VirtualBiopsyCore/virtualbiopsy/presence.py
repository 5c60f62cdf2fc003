"""Which features can be measured: sequences may be missing, and so may parts of the outline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .prepare.prepare import UNCOVERED_ALLOWED
from .radiomics.definitions import MASK
from .radiomics.extract import ROUNDING, SMALLEST_RANGE
from .radiomics.keys import FeatureKey
from .radiomics.resegment import parse_region
from .regions.multi import optional


def divide_keys(
    keys: Iterable[FeatureKey],
    arrays: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    left_out: Mapping[str, str],
    absent: Mapping[str, str],
    covered: Mapping[str, np.ndarray],
) -> tuple[tuple[FeatureKey, ...], dict[str, str]]:
    """Keys that can be measured, and why each of the others cannot, by its text.

    A region that may be absent (see :func:`virtualbiopsy.regions.multi.optional`) takes only its own features
    away, also where a sequence does not cover it or has the same value everywhere in it.

    Parameters
    ----------
    arrays, masks, covered : (k, j, i) by role, by region, by role; on one grid. `covered` has what lies
        inside the field of view of sequences that do not cover everything.
    left_out, absent : why sequences and regions are not among them.
    """
    present, missing = [], {}
    found: dict[tuple[str, str], str] = {}
    for key in keys:
        name = parse_region(key.region).name
        if key.sequence != MASK and key.sequence not in arrays:
            why = left_out.get(key.sequence, f"the case has no {key.sequence} sequence")
        elif key.sequence != MASK and key.sequence in left_out:
            why = left_out[key.sequence]
        elif name in absent:
            why = absent[name]
        elif key.sequence != MASK and optional(name):
            if (key.sequence, name) not in found:
                found[key.sequence, name] = _useless(
                    key.sequence, name, arrays[key.sequence], masks[name], covered.get(key.sequence)
                )
            why = found[key.sequence, name]
        else:
            why = ""
        if why:
            missing[str(key)] = why
        else:
            present.append(key)
    return tuple(present), missing


def _useless(role: str, name: str, array: np.ndarray, mask: np.ndarray, covered: np.ndarray | None) -> str:
    """Why a sequence says nothing about a region; "" if it does."""
    if covered is not None:
        share = 1.0 - float(covered[mask].mean())
        if share > UNCOVERED_ALLOWED:
            return f"{100 * share:.0f} % of the region {name} lies outside the field of view of {role}"
    values = array[mask]
    low, high = float(values.min()), float(values.max())
    if high - low <= max(ROUNDING * max(-low, high), SMALLEST_RANGE):
        return f"{role} has the same value everywhere in the region {name}"
    return ""

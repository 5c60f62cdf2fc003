"""Groups of features in the ledger: sequence, then class; changes between two time points by sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..radiomics.definitions import MASK
from ..radiomics.keys import FeatureKey, delta_parts, is_clinical, is_delta
from .model import Bar

SHAPE, CLINICAL, CHANGE = "shape", "clinical", "change"

_CLASSES: Mapping[str, str] = {
    "statistics": "first order",
    "histogram": "first order",
    "ivh": "first order",
    "local_intensity": "first order",
}
"""Families that share a class; every other one is a class of its own."""


def path_of(key: str) -> tuple[str, str]:
    """Sequence and class of a feature key; shape, clinical variables and changes between two time points are
    groups of their own, the last with the sequence (or shape) as class."""
    if is_clinical(key):
        return CLINICAL, CLINICAL
    if is_delta(key):
        sequence = delta_parts(key)[0].sequence
        return CHANGE, SHAPE if sequence == MASK else sequence
    parsed = FeatureKey.parse(key)
    if parsed.sequence == MASK:
        return SHAPE, parsed.family
    return parsed.sequence, _CLASSES.get(parsed.family, parsed.family)


def bars(keys: Sequence[str], phi: Sequence[float]) -> tuple[Bar, ...]:
    """The ledger tree of feature values, each level largest first; parents are sums of their children."""
    tree: dict[str, dict[str, list[Bar]]] = {}
    for key, value in zip(keys, phi, strict=True):
        sequence, kind = path_of(key)
        tree.setdefault(sequence, {}).setdefault(kind, []).append(Bar((sequence, kind, key), float(value)))
    return _ordered(
        Bar(
            (sequence,),
            0.0,
            _ordered(Bar((sequence, kind), 0.0, _ordered(leaves)) for kind, leaves in kinds.items()),
        )
        for sequence, kinds in tree.items()
    )


def _ordered(found) -> tuple[Bar, ...]:
    summed = [
        Bar(bar.path, sum(child.phi for child in bar.children), bar.children) if bar.children else bar
        for bar in found
    ]
    return tuple(sorted(summed, key=lambda bar: (-abs(bar.phi), bar.path)))

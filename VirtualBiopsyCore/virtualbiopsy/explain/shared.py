"""Which features move together, so that the credit of each is a share of a common one."""

from __future__ import annotations

import numpy as np

from ..models.radmodel import RadModel

CORRELATED = 0.9
"""Least |correlation| over the background rows at which two features are said to move together."""


def sharing(model: RadModel, limit: float = CORRELATED) -> tuple[tuple[str, ...], ...]:
    """Return the groups of features that move together over the model's background.

    Two features with |Pearson correlation| ≥ `limit` are in one group, and so is whatever moves together with
    one of them. Keys in the order of the model; features that move alone are left out.
    """
    centred = model.background - model.background.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    linked = np.abs(unit.T @ unit) >= limit
    found, seen = [], np.zeros(len(linked), dtype=bool)
    for j in range(len(linked)):
        if seen[j]:
            continue
        group = np.arange(len(linked)) == j
        while (wider := group | linked[group].any(axis=0)).sum() > group.sum():
            group = wider
        seen |= group
        if group.sum() > 1:
            found.append(tuple(model.feature_keys[k] for k in np.flatnonzero(group)))
    return tuple(found)

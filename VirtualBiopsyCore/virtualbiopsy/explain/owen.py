"""Nested Owen values of the features: Shapley values that respect groups within groups.

Sequences, then classes of features, then features. The bar of a sequence is the sum of its children and does
not depend on how many features describe the sequence (Owen 1977; Winter 1989): a feature that is there twice
shares its credit within its class and takes none from the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..models.radmodel import RadModel
from ..progress import Progress, silent
from .hierarchy import hierarchy_of
from .shapley import PAIRS, Shapley, values_in


def owen(
    model: RadModel,
    row: np.ndarray,
    groups: Sequence[tuple[str, ...]],
    progress: Progress = silent,
    *,
    pairs: int = PAIRS,
) -> Shapley:
    """Return the nested Owen values of a raw feature row (p,).

    Parameters
    ----------
    groups : for each feature the path of groups above it, e.g. ("t1c", "glcm"); see groups.path_of.
    pairs : orders that are sampled, each with its reverse, where no exact method applies; see
        :func:`~.shapley.values_in`.

    Raises
    ------
    ValueError : there is not one path for each feature.
    Cancelled
    """
    if len(groups) != len(model.feature_keys):
        raise ValueError(f"{len(groups)} paths for {len(model.feature_keys)} features")
    return values_in(hierarchy_of(groups), model, row, progress, pairs)

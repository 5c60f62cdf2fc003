"""How features of the neighbourhood grey-tone difference matrix split, voxel by voxel.

With d_v a voxel's difference from the mean of its neighbours, s_i = Σ d_v over the voxels of grey level i
and p_i their share. Products and ratios of sums are split in one factor, the others are common:

* contrast = (spread of the grey levels) · Σ d_v / N: each voxel's own d_v;
* busyness = Σ p_i s_i / Σ |i p_i − j p_j|: the numerator, p_i d_v of each voxel;
* complexity = 2 / N Σ_i p_i s_i Σ_j |i − j| / (p_i + p_j): p_i d_v times the inner sum;
* strength = 2 Σ_i p_i Σ_j (i − j)² / Σ s: the numerator, Σ_j (i − j)² of each voxel.

Coarseness, the reciprocal of a sum over voxels, has no such split: where voxels differ more it is lower.

Source of the features: IBSI reference manual, section 3.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..radiomics.ngtdm import ToneDifferences

ToneSplit = Callable[[ToneDifferences], tuple[np.ndarray, np.ndarray]]


def _gaps(t: ToneDifferences) -> np.ndarray:
    return np.abs(t.grey[:, None] - t.grey[None, :])


def _contrast(t: ToneDifferences) -> tuple[np.ndarray, np.ndarray]:
    levels = len(t.grey)
    nothing = np.zeros(levels)
    if levels < 2:
        return nothing, nothing
    spread = float(t.p @ _gaps(t) ** 2 @ t.p) / (levels * (levels - 1))
    return np.full(levels, spread / t.voxels), nothing


def _busyness(t: ToneDifferences) -> tuple[np.ndarray, np.ndarray]:
    weighted = t.grey * t.p
    total = float(np.abs(weighted[:, None] - weighted[None, :]).sum())
    nothing = np.zeros(len(t.grey))
    return (nothing if len(t.grey) < 2 or total <= 0 else t.p / total), nothing


def _complexity(t: ToneDifferences) -> tuple[np.ndarray, np.ndarray]:
    inner = (_gaps(t) / (t.p[:, None] + t.p[None, :])).sum(axis=1)
    return 2.0 * t.p * inner / t.voxels, np.zeros(len(t.grey))


def _strength(t: ToneDifferences) -> tuple[np.ndarray, np.ndarray]:
    total, nothing = float(t.s.sum()), np.zeros(len(t.grey))
    if total <= 0:
        return nothing, nothing
    return nothing, 2.0 * (_gaps(t) ** 2).sum(axis=1) / (total * t.voxels)


#: By name: two factors (m,) per grey level; a voxel's share is the first times its d_v plus the second.
TONES: Mapping[str, ToneSplit] = {
    "contrast": _contrast,
    "busyness": _busyness,
    "complexity": _complexity,
    "strength": _strength,
}

"""An explanation whose parts add up to the log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True)
class Contribution:
    """Share of one feature in log-odds − baseline.

    Attributes
    ----------
    key : feature key.
    value : value of the feature in this case (the imputed one if it was missing).
    reference : mean of the feature over the model's background.
    phi : interventional Shapley value, log-odds.
    error : standard error of `phi` where it was sampled, else 0.
    localised : whether `phi` is spread over voxels in the map.
    note : why not, if it is not ("shape", "clinical", "change between two time points", "imputed", "no exact
        voxel decomposition").
    """

    key: str
    value: float
    reference: float
    phi: float
    localised: bool
    note: str = ""
    error: float = 0.0


@dataclass(frozen=True)
class Bar:
    """One line of the ledger: a sequence, a class of features or a feature; its children add up to it.

    Attributes
    ----------
    path : ("t1c",), ("t1c", "glcm") or ("t1c", "glcm", feature key); the first part is a role, "shape" or
        "clinical".
    phi : Owen value, log-odds.
    children : largest first.
    """

    path: tuple[str, ...]
    phi: float
    children: tuple[Bar, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Level 0 and level 1 of one prediction.

    Local accuracy: ``baseline + Σ phi = log_odds`` and
    ``baseline + Σ voxels of all maps + Σ phi of what is not localised = log_odds``, to 1e-9.

    Attributes
    ----------
    contributions : ordered by |phi|, largest first.
    maps : float64 voxel ledgers by sequence role, log-odds per voxel, zero outside the region, all on one
        grid (the prepared grid, cropped to the region).
    total : sum of `maps`.
    method : how the Owen values were found, as in shapley.Shapley.
    bars : the contributions as a tree, sequence → class → feature.
    sums_to : what baseline and contributions add up to, "log-odds" or "uncalibrated log-odds" (a calibrator
        that is not affine has no additive explanation of its result).
    shared : groups of feature keys that move together over the background and share their credit; what the
        group has together says more than the parts.
    """

    model_id: str
    baseline: float
    log_odds: float
    contributions: tuple[Contribution, ...]
    maps: Mapping[str, sitk.Image] = field(default_factory=dict)
    total: sitk.Image | None = None
    method: str = ""
    bars: tuple[Bar, ...] = ()
    sums_to: str = "log-odds"
    shared: tuple[tuple[str, ...], ...] = ()

    @property
    def not_localised(self) -> tuple[Contribution, ...]:
        return tuple(c for c in self.contributions if not c.localised)

"""Level 2, "What if this part were missing": Shapley values of the parts of the outline.

The map explains the model, not the biology.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from ..errors import FeatureError
from ..measure import Measured, Measuring
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..radiomics.coalitions.supervoxels import supervoxels
from ..radiomics.vector import FeatureVector
from .coalition_game import (
    ORDERS,
    all_coalitions,
    antithetic_orders,
    distinct,
    paired,
    shapley_matrix,
    shapley_values,
)
from .region_game import RegionGame
from .regional import RegionExplanation

MAX_EXACT = 10
"""Most parts whose coalitions are all evaluated."""


def explain_regions(
    model: RadModel,
    measuring: Measuring,
    measured: Measured,
    features: FeatureVector,
    labels: np.ndarray,
    kind: str,
    game: str = "erase",
    max_exact: int = MAX_EXACT,
    progress: Progress = silent,
    *,
    orders: int = ORDERS,
    seed: int = 0,
) -> RegionExplanation:
    """What each part of an outline adds to the score of a model.

    The games and what they keep fixed are those of :class:`.region_game.RegionGame`. The values are exact up
    to `max_exact` parts, above that sampled with their standard errors
    (:func:`.coalition_game.shapley_values`); in both cases ``baseline + nonspatial + Σ psi = log_odds``, with
    nonspatial = v(none) − baseline.

    Statistics, histogram and GLCM features of a union come from tables of the parts and cost next to nothing;
    those listed in `recounted`, and all in the game "infill", are extracted for every coalition.

    Parameters
    ----------
    measured, features : the outline, as `measuring` measured it, and its values.
    labels : (k, j, i) parts on the grid of `measured`, as :func:`.players.players` gives them.
    kind : kind of the parts, for the record.
    orders : number of sampled orders, even. seed : of the orders and of the reference texture.

    Raises
    ------
    GeometryError : the parts do not fit the outline. FeatureError : unknown game. Cancelled
    """
    played = RegionGame(model, measuring, measured, features, labels, game, seed)
    found = shapley_values(played.worth, played.parts, max_exact, orders, seed, progress)
    nothing = float(played.worth(np.zeros((1, played.parts), dtype=bool))[0])
    progress(1.0, "Parts of the outline")
    return RegionExplanation(
        model_id=model.model_id,
        kind=kind,
        game=game,
        labels=_image(labels, measured.grid),
        psi=found.psi,
        error=found.error,
        volume_ml=played.volume_ml,
        nonspatial=nothing - played.baseline,
        baseline=played.baseline,
        log_odds=played.log_odds,
        method=_method(found.orders, found.evaluations),
        evaluations=found.evaluations,
        frozen=played.frozen,
        recounted=played.recounted,
        orders=found.orders,
        seed=seed,
        sums_to=played.sums_to,
    )


def refine(
    found: RegionExplanation,
    model: RadModel,
    measuring: Measuring,
    measured: Measured,
    features: FeatureVector,
    *,
    count: int = 2,
    pieces: int = 4,
    progress: Progress = silent,
) -> RegionExplanation:
    """Split the parts with the largest |psi| into pieces that share its value.

    The pieces have Owen values (Owen 1977) with the parts as unions: the other parts are there whole or not
    at all. So the pieces of a part add up to its psi, and all other values stay what they were. Exact where
    `found` is; else over the same orders of the parts, with all coalitions of the pieces in each.

    Parameters
    ----------
    found : not refined yet, of the same model, outline and values.
    count : how many parts are split. pieces : into how many supervoxels each; fewer if it has fewer voxels.

    Returns
    -------
    RegionExplanation whose parts are numbered in the order of those before, each in the place of its parent;
    `parents` names it.

    Raises
    ------
    FeatureError : refined already, or of another outline or model. Cancelled
    """
    labels = sitk.GetArrayFromImage(found.labels)
    if found.parents or found.model_id != model.model_id:
        raise FeatureError("Only a plain explanation of the same model can be refined.", "Explain anew.")
    chosen = np.argsort(-np.abs(found.psi), kind="stable")[:count]
    psi, error, volume = list(found.psi), list(found.error), list(found.volume_ml)
    parts: list[list[tuple[float, float, float]]] = [[one] for one in zip(psi, error, volume, strict=True)]
    splits = []
    evaluations = found.evaluations
    for number, which in enumerate(chosen):
        share = part(progress, number / len(chosen), (number + 1) / len(chosen))
        split = supervoxels(labels == which + 1, measured.spacing, pieces, found.seed)
        finer = np.where(labels > which + 1, labels - 1, labels)
        finer[labels == which + 1] = len(psi) - 1 + split[labels == which + 1]
        played = RegionGame(model, measuring, measured, features, finer, found.game, found.seed)
        if not math.isclose(played.log_odds, found.log_odds, rel_tol=1e-9, abs_tol=1e-9):
            raise FeatureError("The explanation belongs to another outline.", "Explain anew.")
        values, errors, evaluated = _owen(played, found, int(which), int(split.max()), share)
        parts[which] = list(zip(values, errors, played.volume_ml[len(psi) - 1 :], strict=True))
        splits.append(split)
        evaluations += evaluated

    offset = np.cumsum([0, *(len(entries) for entries in parts)])
    refined = np.append(0, offset[:-1] + 1)[labels].astype(np.int32)
    for split in splits:
        refined += np.where(split > 0, split - 1, 0).astype(np.int32)
    joined = np.array([entry for entries in parts for entry in entries])
    return replace(
        found,
        labels=_image(refined, measured.grid),
        psi=joined[:, 0],
        error=joined[:, 1],
        volume_ml=joined[:, 2],
        method=_method(found.orders, evaluations),
        evaluations=evaluations,
        parents=tuple(n + 1 for n, entries in enumerate(parts) for _ in entries),
    )


def _owen(
    played: RegionGame, found: RegionExplanation, which: int, pieces: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray, int]:
    """Owen values of the pieces of part `which`, the last players of the game; errors; evaluations."""
    others = len(found.psi) - 1
    inside = all_coalitions(pieces)
    if found.orders:
        order = antithetic_orders(others + 1, found.orders, found.seed)
        place = np.argsort(order, axis=1)
        outer = np.delete(place < place[:, [which]], which, axis=1)
    else:
        outer = all_coalitions(others)
    chosen = np.concatenate([np.repeat(outer, len(inside), axis=0), np.tile(inside, (len(outer), 1))], axis=1)
    worth, evaluations = distinct(played.worth, chosen, progress)
    gains = worth.reshape(len(outer), -1) @ shapley_matrix(pieces).T
    if found.orders:
        return *paired(gains), evaluations
    size = outer.sum(axis=1)
    weight = np.array([1.0 / ((others + 1) * math.comb(others, s)) for s in range(others + 1)])
    return weight[size] @ gains, np.zeros(pieces), evaluations


def _method(orders: int, evaluations: int) -> str:
    how = f"{orders} sampled orders" if orders else "exact enumeration"
    return f"{how}, {evaluations} evaluations"


def _image(labels: np.ndarray, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels, dtype=np.int32))
    image.CopyInformation(grid)
    return image

"""Repeated stratified cross-validation in which nothing that is learnt sees the held-out cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..models.calibration import sigmoid
from ..models.recipe import Recipe
from ..progress import Progress, silent
from ..radiomics.keys import measured_key
from .fit import fit, fold_numbers, positives, rounded
from .metrics import calibration, interval, resamples, wins
from .ordinal import quadratic_kappa

Metrics = dict[str, dict[str, float]]


class Scores(NamedTuple):
    """What models said about cases that they were not fitted on.

    log_odds : (repeats, n). high : bool, whether the probability reaches the threshold. cuts : (repeats, n,
    cuts) log-odds of lying above each cut; for two classes the log-odds alone.
    """

    log_odds: np.ndarray
    high: np.ndarray
    cuts: np.ndarray


HeldOut = Mapping[str, Scores]


def scenarios(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Which sequences are taken away from the held-out cases: none, each optional one, all of them."""
    found = {"": ()}
    found.update({f"_without_{role}": (role,) for role in recipe.optional})
    if len(recipe.optional) > 1:
        found["_without_" + "_".join(recipe.optional)] = recipe.optional
    return found


def cross_validate(
    recipe: Recipe, rows: np.ndarray, labels: np.ndarray, progress: Progress = silent
) -> Metrics:
    """Return the cross-validated figures with 95 % bootstrap intervals, see :func:`figures`.

    Imputation, scaling, fit, calibration and threshold are repeated in every training part; held-out cases
    are only looked at.
    """
    return figures(recipe, labels, held_out_log_odds(recipe, rows, labels, progress))


def figures(recipe: Recipe, labels: np.ndarray, held_out: HeldOut) -> Metrics:
    """Return figures of held-out cases; each is the mean over the repeats, the bootstrap resamples cases.

    Returns
    -------
    Figures by name; names with "_without_adc" etc. are for held-out cases that lack these sequences. Ordered
    classes have an AUC for each cut, the mean of these, and the quadratically weighted kappa.
    """
    settings = recipe.validation
    metrics: Metrics = {}
    drawn = resamples(labels, settings["bootstraps"], settings["seed"])
    positive = positives(recipe, labels)
    for name, scores in held_out.items():
        metrics.update(_figures(name, positive, scores.log_odds, scores.high, drawn))
        if recipe.classes:
            metrics.update(_ordinal_figures(name, labels, scores.cuts, drawn))
    metrics["cases"] = {"value": float(labels.size)}
    metrics["positive_cases"] = {"value": float(positive.sum())}
    return metrics


def held_out_log_odds(
    recipe: Recipe, rows: np.ndarray, labels: np.ndarray, progress: Progress = silent
) -> dict[str, Scores]:
    """Return, for each scenario, what was said about the held-out cases."""
    settings = recipe.validation
    rng = np.random.default_rng(settings["seed"])
    lacking = {name: lacking_columns(recipe.keys, roles) for name, roles in scenarios(recipe).items()}
    shape = (settings["repeats"], labels.size)
    cuts = (*shape, max(len(recipe.classes) - 1, 1))
    found = {name: Scores(np.empty(shape), np.empty(shape, dtype=bool), np.empty(cuts)) for name in lacking}
    for repeat in range(settings["repeats"]):
        number = fold_numbers(labels, settings["folds"], rng)
        for fold in range(settings["folds"]):
            progress((repeat + fold / settings["folds"]) / settings["repeats"], "Cross-validating")
            held = number == fold
            fitted = fit(recipe, rows[~held], labels[~held], int(rng.integers(2**32)))
            for name, columns in lacking.items():
                part = rows[held].copy()
                part[:, columns] = np.nan
                log_odds, high, above = found[name]
                log_odds[repeat, held] = fitted.log_odds(part)
                high[repeat, held] = sigmoid(log_odds[repeat, held]) >= fitted.threshold
                above[repeat, held] = fitted.cuts(part)
    return found


def conformal_scores(held_out: HeldOut, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (n,) of complete held-out cases and their labels, for conformal answers.

    Each case has one score, from the first repeat: the mean over the repeats would vary less than the score
    that one model gives to a new case.
    """
    return rounded(held_out[""].log_odds[0]), labels.astype(np.uint8)


def lacking_columns(keys: Sequence[str], roles: Sequence[str]) -> list[int]:
    """Columns of the features that are lost without these sequences."""
    measured = [measured_key(key) for key in keys]
    return [j for j, key in enumerate(measured) if key is not None and key.sequence in roles]


def _figures(
    scenario: str, labels: np.ndarray, log_odds: np.ndarray, high: np.ndarray, drawn: np.ndarray
) -> Metrics:
    """Figures of one scenario; `drawn` are bootstrap weights (bootstraps, n) of the cases."""
    positive = labels > 0
    table = np.mean([wins(labels, scores) for scores in log_odds], axis=0)
    squares = ((sigmoid(log_odds) - labels) ** 2).mean(axis=0)
    called = high.mean(axis=0)

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        of_positive, of_negative = weights[:, positive], weights[:, ~positive]
        ones, zeros = of_positive.sum(axis=1), of_negative.sum(axis=1)
        return {
            "auc": _area(positive, table, weights),
            "brier": weights @ squares / weights.sum(axis=1),
            "sensitivity": of_positive @ called[positive] / ones,
            "specificity": of_negative @ (1.0 - called[~positive]) / zeros,
        }

    whole, spread = weighted(np.ones((1, labels.size))), weighted(drawn)
    metrics: Metrics = {}
    for name, value in whole.items():
        low, top = interval(spread[name])
        metrics[name + scenario] = _four({"value": float(value[0]), "low": low, "high": top})
    slopes, larges = zip(*(calibration(labels, scores) for scores in log_odds), strict=True)
    metrics["calibration_slope" + scenario] = _four({"value": float(np.mean(slopes))})
    metrics["calibration_in_the_large" + scenario] = _four({"value": float(np.mean(larges))})
    return metrics


def _area(positive: np.ndarray, table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC (b,) from a table of :func:`wins` with weights (b, n) of the cases."""
    of_positive, of_negative = weights[:, positive], weights[:, ~positive]
    won = ((of_positive @ table) * of_negative).sum(axis=1)
    return won / (of_positive.sum(axis=1) * of_negative.sum(axis=1))


def _ordinal_figures(scenario: str, levels: np.ndarray, cuts: np.ndarray, drawn: np.ndarray) -> Metrics:
    """AUC of each cut, their mean, and the agreement of the median class with the true one."""
    found: dict[str, tuple[float, np.ndarray]] = {}
    areas = []
    for cut in range(cuts.shape[2]):
        above = levels > cut
        table = np.mean([wins(above, scores) for scores in cuts[:, :, cut]], axis=0)
        areas.append((float(table.mean()), _area(above, table, drawn)))
        found[f"auc_cut_{cut + 1}"] = areas[-1]
    found["mean_auc_of_cuts"] = (
        float(np.mean([value for value, _ in areas])),
        np.mean([spread for _, spread in areas], axis=0),
    )
    called = (cuts >= 0).sum(axis=2)
    whole = np.mean([quadratic_kappa(levels, c, np.ones((1, levels.size)))[0] for c in called])
    spread = np.mean([quadratic_kappa(levels, c, drawn) for c in called], axis=0)
    found["quadratic_kappa"] = (float(whole), spread)
    metrics: Metrics = {}
    for name, (value, spread) in found.items():
        low, top = interval(spread)
        metrics[name + scenario] = _four({"value": value, "low": low, "high": top})
    return metrics


def _four(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) + 0.0 for name, value in figures.items()}

"""A finished model on cases of another cohort."""

from __future__ import annotations

import numpy as np

from ..models.calibration import sigmoid
from ..models.inference import log_odds
from ..models.radmodel import RadModel
from ..models.recipe import Recipe
from .table import FeatureTable
from .validate import Metrics, Scores, figures, lacking_columns, scenarios

FRESH = "fresh_"


def fresh_figures(recipe: Recipe, model: RadModel, table: FeatureTable) -> Metrics:
    """Figures of the model on the cases of a table, names with "fresh_" before them.

    Gaps are filled as in use, from the model. Cases that lack all optional sequences are a scenario of their
    own; intervals are from a bootstrap over the cases.
    """
    rows, labels = table.matrix(recipe.keys), table.column(recipe.label)
    fill = np.array([model.imputer[key] for key in recipe.keys])
    shifts = (0.0,) if model.ordinal is None else model.ordinal.shifts
    all_ways = scenarios(recipe)
    said = {}
    for name in dict.fromkeys(("", list(all_ways)[-1])):
        part = rows.copy()
        part[:, lacking_columns(recipe.keys, all_ways[name])] = np.nan
        scores = log_odds(model, np.where(np.isnan(part), fill, part))[None]
        said[name] = Scores(scores, sigmoid(scores) >= model.threshold, scores[..., None] + np.array(shifts))
    return {FRESH + name: figure for name, figure in figures(recipe, labels, said).items()}

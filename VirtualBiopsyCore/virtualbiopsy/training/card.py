"""The model card: what it is, what it is not, and how well it did, in markdown."""

from __future__ import annotations

from collections.abc import Mapping

from .. import RESEARCH_USE_ONLY
from ..models.ordinal import above
from ..models.radmodel import RadModel
from ..models.recipe import Recipe
from ..tasks import BREAST, MENINGIOMA, TASKS
from .fresh import FRESH
from .reports.model_lines import feature_table, figure_table, protocol_table, trust_lines
from .reports.names import FIGURES

_SHOWN = ("auc", "brier", "sensitivity", "specificity", "calibration_slope", "calibration_in_the_large")
_ORDINAL = ("mean_auc_of_cuts", "quadratic_kappa")
_ROWS = {MENINGIOMA.task_id: "M-numbers", BREAST.task_id: "H-numbers"}
"""What the rows of the source review are called, by task."""


def model_card(model: RadModel, recipe: Recipe) -> str:
    """Return the card of a model that was trained on simulated cases; every figure says so."""
    m = model.metrics
    cases, positive = int(m["cases"]["value"]), int(m["positive_cases"]["value"])
    lines = [
        f"# SIMULATED — {model.title}",
        "",
        f"**{RESEARCH_USE_ONLY}.** This model was trained and tested on **simulated cases only**; no patient "
        "is in it. Its figures say how well it knows the simulation, nothing about patients.",
        "",
        f"- Model: `{model.model_id}` {model.version} (SIMULATED)",
        f"- Gives: estimated probability of {model.positive}",
        f"- Needs: {', '.join(model.required_sequences)} and an outline of the tumour"
        + (", both also from an earlier examination" if model.needs_earlier else ""),
        f"- Better with: {', '.join(model.optional_sequences)}; where one is missing, its features are "
        "replaced by the mean of the background cases and listed",
        f"- Licence: {model.licence}",
        *([f"- Features: {model.engine}"] if model.engine else []),
        *([f"- Classes: {', '.join(recipe.classes)}. {model.ordinal.note}"] if model.ordinal else []),
        "",
        "## Intended use",
        "",
        model.intended_use,
        "",
        "## Limits",
        "",
        model.limits,
        "",
        "## Data (SIMULATED)",
        "",
        model.data_statement,
        "",
        *protocol_table(model),
        "",
        f"## Figures (SIMULATED, {cases} simulated cases, {positive} positive)",
        "",
        model.validation,
        "",
        *_figures(m, "", recipe),
    ]
    for scenario, words in _scenario_words(recipe):
        lines += [
            "",
            f"### Figures (SIMULATED) when the held-out cases lack {words}",
            "",
            *_figures(m, scenario, recipe),
        ]
    lines += _fresh(model, recipe)
    lines += [
        "",
        f"“High” means a probability of at least {model.threshold:g}: Youden's threshold on held-out "
        "simulated cases. Sensitivity and specificity use a threshold that was chosen anew inside "
        "every training part.",
        "",
        *(
            []
            if not model.published
            else ["## Published", "", f"{model.published} Not a figure of this model.", ""]
        ),
        *trust_lines(model),
        "## Features",
        "",
        *feature_table(model, recipe.features),
        "",
        f"{_ROWS[recipe.task]} are rows of the source review; see "
        f"`Resources/Rules/{TASKS[recipe.task].rules}`.",
        "",
        f"Classifier: {_classifier(recipe)}. "
        f"Explanations refer to {len(model.background)} stored simulated rows.",
        "",
    ]
    return "\n".join(lines)


def _fresh(model: RadModel, recipe: Recipe) -> list[str]:
    """The figures on fresh cases, where there are some."""
    fresh = {name[len(FRESH) :]: v for name, v in model.metrics.items() if name.startswith(FRESH)}
    if not fresh:
        return []
    lines = []
    for scenario, words in [("", ""), *_scenario_words(recipe)]:
        if "auc" + scenario not in fresh:
            continue
        lacking = f" that lack {words}" if words else ""
        lines += [
            "",
            f"## Figures on fresh simulated cases{lacking} (SIMULATED, another simulated scanner, "
            f"{fresh['cases']['value']:.0f} cases, {fresh['positive_cases']['value']:.0f} positive)",
            "",
            *_figures(fresh, scenario, recipe),
        ]
    return lines


def _figures(metrics: Mapping[str, Mapping[str, float]], scenario: str, recipe: Recipe) -> list[str]:
    names = {name: FIGURES[name] for name in _SHOWN}
    if recipe.classes:
        names |= {name: FIGURES[name] for name in _ORDINAL}
        for cut in range(len(recipe.classes) - 1):
            names[f"auc_cut_{cut + 1}"] = f"AUC of “{above(recipe.classes, cut)}”"
    return figure_table({label: metrics[name + scenario] for name, label in names.items()}, simulated=True)


def _scenario_words(recipe: Recipe) -> list[tuple[str, str]]:
    from .validate import scenarios

    return [(name, " and ".join(roles)) for name, roles in scenarios(recipe).items() if roles]


def _classifier(recipe: Recipe) -> str:
    linear = {"logistic": "logistic regression", "proportional_odds": "proportional odds"}
    if recipe.classifier in linear:
        return f"{linear[recipe.classifier]}, L2 weight {recipe.option:g}, on standardised features"
    return (
        f"Gaussian naive Bayes, variance smoothing {recipe.option:g}, on standardised features; "
        "Platt calibration on inner held-out folds"
    )

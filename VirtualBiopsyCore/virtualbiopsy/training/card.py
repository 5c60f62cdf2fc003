"""The model card: what it is, what it is not, and how well it did, in markdown."""

from __future__ import annotations

from collections.abc import Mapping

from .. import RESEARCH_USE_ONLY
from ..models.radmodel import RadModel
from ..models.recipe import Recipe

_NAMES = {
    "auc": "AUC",
    "brier": "Brier score",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "calibration_slope": "Calibration slope (ideal 1)",
    "calibration_in_the_large": "Calibration in the large (ideal 0)",
}


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
        f"- Needs: {', '.join(model.required_sequences)} and an outline of the tumour",
        f"- Better with: {', '.join(model.optional_sequences)}; where one is missing, its features are "
        "replaced by the mean of the background cases and listed",
        f"- Licence: {model.licence}",
        *([f"- Features: {model.engine}"] if model.engine else []),
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
        "| Protocol (SIMULATED) | from | to |",
        "|---|---|---|",
        *(f"| {name} | {low:g} | {high:g} |" for name, (low, high) in model.protocol_ranges.items()),
        "",
        f"## Figures (SIMULATED, {cases} simulated cases, {positive} positive)",
        "",
        model.validation,
        "",
        "| Figure (SIMULATED) | value | 95 % interval |",
        "|---|---|---|",
        *_rows(m, ""),
    ]
    for scenario, words in _scenario_words(recipe):
        lines += [
            "",
            f"### Figures (SIMULATED) when the held-out cases lack {words}",
            "",
            "| Figure (SIMULATED) | value | 95 % interval |",
            "|---|---|---|",
            *_rows(m, scenario),
        ]
    lines += [
        "",
        f"“High” means a probability of at least {model.threshold:g}: Youden's threshold on held-out "
        "simulated cases. Sensitivity and specificity use a threshold that was chosen anew inside "
        "every training part.",
        "",
        "## Features",
        "",
        "| Feature | why | lowest (SIMULATED) | highest (SIMULATED) |",
        "|---|---|---|---|",
        *(
            f"| `{key}` | {recipe.features[key]} | {model.feature_ranges[key][0]:.4g} "
            f"| {model.feature_ranges[key][1]:.4g} |"
            for key in model.feature_keys
        ),
        "",
        "M-numbers are rows of the source review; see `Resources/Rules/meningioma.toml`.",
        "",
        f"Classifier: {_classifier(recipe)}. "
        f"Explanations refer to {len(model.background)} stored simulated rows.",
        "",
    ]
    return "\n".join(lines)


def _rows(metrics: Mapping[str, Mapping[str, float]], scenario: str) -> list[str]:
    rows = []
    for name, label in _NAMES.items():
        figure = metrics[name + scenario]
        spread = f"{figure['low']:.3f} – {figure['high']:.3f}" if "low" in figure else ""
        rows.append(f"| {label} | {figure['value']:.3f} | {spread} |")
    return rows


def _scenario_words(recipe: Recipe) -> list[tuple[str, str]]:
    from .validate import scenarios

    return [(name, " and ".join(roles)) for name, roles in scenarios(recipe).items() if roles]


def _classifier(recipe: Recipe) -> str:
    if recipe.classifier == "logistic":
        return f"logistic regression, L2 weight {recipe.option:g}, on standardised features"
    return (
        f"Gaussian naive Bayes, variance smoothing {recipe.option:g}, on standardised features; "
        "Platt calibration on inner held-out folds"
    )

"""The model card: what it is, what it is not, and how well it did, in markdown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import RESEARCH_USE_ONLY
from ..models.ordinal import above
from ..models.radmodel import RadModel
from ..models.recipe import Recipe
from ..tasks import BREAST, MENINGIOMA, TASKS
from ..trust.conformal import ALPHA, conformal_set, model_set
from ..trust.images import FIGURES
from ..trust.ood import NEIGHBOURS, reference
from ..trust.ood_reasons import AMBER_PERCENTILE, RED_RATIO
from .fresh import FRESH

_NAMES = {
    "auc": "AUC",
    "brier": "Brier score",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "calibration_slope": "Calibration slope (ideal 1)",
    "calibration_in_the_large": "Calibration in the large (ideal 0)",
}
_ORDINAL = {
    "mean_auc_of_cuts": "Mean AUC of the cuts",
    "quadratic_kappa": "Quadratically weighted kappa of the median class",
}
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
        *_rows(m, "", recipe),
    ]
    for scenario, words in _scenario_words(recipe):
        lines += [
            "",
            f"### Figures (SIMULATED) when the held-out cases lack {words}",
            "",
            "| Figure (SIMULATED) | value | 95 % interval |",
            "|---|---|---|",
            *_rows(m, scenario, recipe),
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
        *_trust(model),
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
        f"{_ROWS[recipe.task]} are rows of the source review; see "
        f"`Resources/Rules/{TASKS[recipe.task].rules}`.",
        "",
        f"Classifier: {_classifier(recipe)}. "
        f"Explanations refer to {len(model.background)} stored simulated rows.",
        "",
    ]
    return "\n".join(lines)


def _trust(model: RadModel) -> list[str]:
    """What the trust card compares a case with."""
    lines = ["## What a case is compared with (SIMULATED)", ""]
    known = reference(model, tuple(np.flatnonzero(model.background.std(axis=0) > 0).tolist()))
    for name, distances in (
        ("Mahalanobis distance (shrunk covariance of the standardised features)", known.mahalanobis),
        (f"Mean distance to the {NEIGHBOURS} nearest cases (standardised features)", known.neighbours),
    ):
        usual, far = np.percentile(distances, [50, AMBER_PERCENTILE])
        lines.append(
            f"- {name} of the {len(model.background)} stored cases from the others: median {usual:.2f}, "
            f"{AMBER_PERCENTILE:g} % below {far:.2f}, largest {distances[-1]:.2f}. Beyond the second a case "
            f"is marked, beyond {RED_RATIO:g} times the third the number is hidden."
        )
    conformal = model_set(model, 0.0)
    if conformal is not None:
        low, high = conformal.calibration
        single, right = _answers(*model.conformal_scores)
        lines.append(
            f"- Conformal answers from {low} held-out log-odds of low and {high} of high cases; error "
            f"{100 * ALPHA:g} % for each class. {conformal.caveat} Of the held-out cases themselves, each "
            f"against the others, {100 * single:.0f} % get one answer, {100 * right:.0f} % of these the "
            "right one; the others are “uncertain”."
        )
    if model.image_statistics:
        lines += ["", "| Measured on the images (SIMULATED) | from | to |", "|---|---|---|"]
        lines += [
            f"| {role}: {FIGURES.get(name, name)} | {low:.4g} | {high:.4g} |"
            for role, figures in model.image_statistics.items()
            for name, (low, high) in figures.items()
        ]
    return [*lines, ""]


def _answers(log_odds: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Share of held-out cases with one conformal answer, and of these the share with the right one."""
    answers = []
    for i, own in enumerate(log_odds):
        others = np.arange(labels.size) != i
        found = conformal_set(log_odds[others], labels[others], float(own)).labels
        answers.append(found == ("high" if labels[i] else "low",) if len(found) == 1 else None)
    given = [answer for answer in answers if answer is not None]
    return len(given) / len(answers), sum(given) / max(len(given), 1)


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
            "| Figure (SIMULATED) | value | 95 % interval |",
            "|---|---|---|",
            *_rows(fresh, scenario, recipe),
        ]
    return lines


def _rows(metrics: Mapping[str, Mapping[str, float]], scenario: str, recipe: Recipe) -> list[str]:
    rows, names = [], dict(_NAMES)
    if recipe.classes:
        names |= _ORDINAL
        for cut in range(len(recipe.classes) - 1):
            names[f"auc_cut_{cut + 1}"] = f"AUC of “{above(recipe.classes, cut)}”"
    for name, label in names.items():
        figure = metrics[name + scenario]
        spread = f"{figure['low']:.3f} – {figure['high']:.3f}" if "low" in figure else ""
        rows.append(f"| {label} | {figure['value']:.3f} | {spread} |")
    return rows


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

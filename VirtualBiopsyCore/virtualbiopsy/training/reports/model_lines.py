"""Parts of every model card: figures, what a case is compared with, features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ...models.radmodel import RadModel
from ...trust.conformal import ALPHA, conformal_set, model_set
from ...trust.images import FIGURES
from ...trust.ood import NEIGHBOURS, reference
from ...trust.ood_reasons import AMBER_PERCENTILE, RED_RATIO
from .markdown import table
from .names import figure_cells


def marked(words: str, simulated: bool) -> str:
    """Words of a heading, with what must stand beside everything simulated."""
    return f"{words} (SIMULATED)" if simulated else words


def figure_table(
    figures: Mapping[str, Mapping[str, float]], simulated: bool, names: Iterable[str] | None = None
) -> list[str]:
    """Lines of the table of figures."""
    head = (marked("Figure", simulated), "value", "95 % interval")
    return table(head, figure_cells(figures, names))


def protocol_table(model: RadModel) -> list[str]:
    """Lines of the table of acquisition parameters."""
    rows = [(name, f"{low:g}", f"{high:g}") for name, (low, high) in model.protocol_ranges.items()]
    return table((marked("Protocol", model.simulated), "from", "to"), rows)


def feature_table(model: RadModel, why: Mapping[str, str] | None = None) -> list[str]:
    """Lines of the table of features with their training ranges; `why` each is there, where it is known."""
    head = ["Feature", marked("lowest", model.simulated), marked("highest", model.simulated)]
    rows = []
    for key in model.feature_keys:
        low, high = model.feature_ranges[key]
        row = [f"`{key}`", f"{low:.4g}", f"{high:.4g}"]
        rows.append(row if why is None else [row[0], why[key], *row[1:]])
    return table(head if why is None else [head[0], "why", *head[1:]], rows)


def trust_lines(model: RadModel) -> list[str]:
    """What the trust card compares a case with."""
    known = reference(model, tuple(np.flatnonzero(model.background.std(axis=0) > 0).tolist()))
    lines = [f"## {marked('What a case is compared with', model.simulated)}", ""]
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
        told = (
            f"- Conformal answers from {low} held-out log-odds of low and {high} of high cases; error "
            f"{100 * ALPHA:g} % for each class. {conformal.caveat}"
        )
        if 1 / min(low, high) <= ALPHA:  # else one case fewer is too few
            single, right = _answers(*model.conformal_scores)
            told += (
                f" Of the held-out cases themselves, each against the others, {100 * single:.0f} % get one "
                f"answer, {100 * right:.0f} % of these the right one; the others are “uncertain”."
            )
        lines.append(told)
    if model.image_statistics:
        rows = [
            (f"{role}: {FIGURES.get(name, name)}", f"{low:.4g}", f"{high:.4g}")
            for role, figures in model.image_statistics.items()
            for name, (low, high) in figures.items()
        ]
        head = (marked("Measured on the images", model.simulated), "from", "to")
        lines += ["", *table(head, rows)]
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

"""Figures of merit in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .record import Compared

FIGURES: Mapping[str, str] = {
    "auc": "AUC",
    "auc_pooled": "AUC, all pairs of cases",
    "mean_auc": "Mean AUC",
    "brier": "Brier score",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "scaled_brier": "Scaled Brier score (ideal 1)",
    "log_loss": "Logarithmic loss (ideal 0)",
    "observed_expected": "Observed over expected (ideal 1)",
    "calibration_slope": "Calibration slope (ideal 1)",
    "calibration_in_the_large": "Calibration in the large (ideal 0)",
    "calibration_intercept": "Calibration intercept (ideal 0)",
    "ici": "Integrated calibration index (ideal 0)",
    "mean_auc_of_cuts": "Mean AUC of the cuts",
    "quadratic_kappa": "Quadratically weighted kappa of the median class",
    "concordance": "Concordance index",
}
COUNTS = ("cases", "positive_cases")


def figure_name(name: str) -> str:
    """A figure in words, with the time that it is about ("brier_by_24_months"); what is not known is shown as
    it is called."""
    figure, by, horizon = name.partition("_by_")
    if by and figure in FIGURES:
        words, ideal, rest = FIGURES[figure].partition(" (ideal")
        return f"{words} by {horizon.replace('_', ' ')}{ideal}{rest}"
    return FIGURES.get(name, name.replace("_", " "))


def interval_words(figure: Mapping[str, float], digits: int = 3) -> str:
    """For example "0.812 (95 % CI 0.741 to 0.876)"; without limits the value alone."""
    shown = f"{figure['value']:.{digits}f}"
    if "low" in figure and "high" in figure:
        shown += f" (95 % CI {figure['low']:.{digits}f} to {figure['high']:.{digits}f})"
    return shown.replace("-", "−")


def figure_words(name: str, figure: Mapping[str, float]) -> str:
    """For example "AUC 0.812 (95 % CI 0.741 to 0.876)"."""
    return f"{figure_name(name).split(' (ideal')[0]} {interval_words(figure)}"


def figure_cells(
    figures: Mapping[str, Mapping[str, float]], names: Iterable[str] | None = None
) -> list[tuple[str, str, str]]:
    """Name, value and 95 % interval of each figure, for tables; counts are left out."""
    cells = []
    for name in figures if names is None else names:
        if name in COUNTS:
            continue
        figure = figures[name]
        spread = f"{figure['low']:.3f} – {figure['high']:.3f}" if "low" in figure else ""
        cells.append((figure_name(name), f"{figure['value']:.3f}", spread))
    return cells


def comparison_words(compared: Compared) -> str:
    """For example "AUC, combined minus clinical: +0.040 (95 % CI −0.010 to +0.090), p = 0.12 (DeLong)"."""
    shown = f"{compared.difference:+.3f}"
    if compared.low == compared.low:
        shown += f" (95 % CI {compared.low:+.3f} to {compared.high:+.3f})"
    if compared.p == compared.p:
        shown += f", p = {compared.p:.2g}" if compared.p >= 1e-4 else ", p < 0.0001"
    test = f" ({compared.test})" if compared.test else ""
    words = f"{compared.figure}, {compared.first} minus {compared.second}: {shown.replace('-', '−')}{test}"
    return f"{words}. {compared.note}" if compared.note else words

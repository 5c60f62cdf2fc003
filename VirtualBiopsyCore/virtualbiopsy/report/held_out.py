"""The figure of merit of a model on cases that it had not seen, in words."""

from __future__ import annotations

from ..models.radmodel import RadModel

FIGURES = {"auc": "AUC", "mean_auc": "mean AUC", "concordance": "concordance"}


def held_out_figure(model: RadModel) -> tuple[str, str] | None:
    """Name and value with its interval, for example ("AUC", "0.81 (95 % CI 0.72–0.89)"); None without."""
    for key, name in FIGURES.items():
        found = model.metrics.get(key)
        if found:
            interval = (
                f" (95 % CI {found['low']:.2f}–{found['high']:.2f})" if {"low", "high"} <= set(found) else ""
            )
            return name, f"{found['value']:.2f}{interval}{_counted(model)}"
    return None


def _counted(model: RadModel) -> str:
    """How many cases and events a survival model was tested on; its figure means little without."""
    counts = [model.metrics.get(name, {}).get("value") for name in ("cases", "positive_cases")]
    if model.survival is None or None in counts:
        return ""
    return ", {:.0f} cases with {:.0f} events".format(*counts)

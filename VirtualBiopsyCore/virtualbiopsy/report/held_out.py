"""The figure of merit of a model on cases that it had not seen, in words."""

from __future__ import annotations

from ..models.radmodel import RadModel
from ..models.ranking import ranking_of


def held_out_figure(model: RadModel) -> tuple[str, str] | None:
    """Name and value with its interval, for example ("AUC", "0.81 (95 % CI 0.72–0.89)"); None without."""
    found = ranking_of(model)
    return None if found is None else (found.name, found.text + _counted(model))


def _counted(model: RadModel) -> str:
    """How many cases and events a survival model was tested on; its figure means little without."""
    counts = [model.metrics.get(name, {}).get("value") for name in ("cases", "positive_cases")]
    if model.survival is None or None in counts:
        return ""
    return ", {:.0f} cases with {:.0f} events".format(*counts)

"""How sure the share of a feature is, and with which others it is shared, in words."""

from __future__ import annotations

from ..explain.model import Contribution, Explanation
from .labels import feature_label
from .numbers import signed

NAMED = 4


def shared_words(explanation: Explanation) -> list[str]:
    """One sentence for each group of features that share their credit."""
    sentences = []
    for group in explanation.shared:
        names = [feature_label(key).full for key in group[:NAMED]]
        if len(group) > NAMED:
            names.append(f"{len(group) - NAMED} more")
        sentences.append(
            f"These features move together and share their credit; read the line of their group: "
            f"{'; '.join(names)}."
        )
    return sentences


def phi_words(phi: float, contribution: Contribution | None = None) -> str:
    """A share in log-odds, with its standard error where it was sampled."""
    if contribution is None or not contribution.error > 0:
        return signed(phi)
    return f"{signed(phi)} ± {contribution.error:.2f}"

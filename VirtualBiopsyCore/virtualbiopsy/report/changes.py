"""What an edit moved, in one sentence."""

from __future__ import annotations

import math

from ..explain.delta import Delta
from .labels import feature_label
from .numbers import percent, signed

TERMS = 3


def delta_words(delta: Delta, endpoint: str, terms: int = TERMS) -> str:
    """For example "This edit moved Ki-67 +0.21 (52 % → 57 %): Joint entropy (GLCM), T1c +0.30, Volume −0.09".

    The named terms and "others" add up to the change, in log-odds.
    """
    shown, rest = delta.terms[:terms], delta.terms[terms:]
    parts = [f"{feature_label(term.key).full} {signed(term.phi)}" for term in shown]
    if rest:
        parts.append(f"{len(rest)} others {signed(math.fsum(term.phi for term in rest))}")
    unit = "" if delta.sums_to == "log-odds" else f" ({delta.sums_to})"
    moved = f"{percent(delta.before)} → {percent(delta.after)}"
    if not parts:
        return f"This edit did not move {endpoint} ({moved})."
    return f"This edit moved {endpoint} {signed(delta.log_odds)}{unit} ({moved}): {', '.join(parts)}."

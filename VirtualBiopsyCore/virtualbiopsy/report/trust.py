"""The trust card in words, for panels and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..trust.model import TrustCard
from .numbers import percent

RED = "red"
LIGHT_WORDS = {
    "green": "as expected for this model",
    "amber": "look twice",
    "red": "the number means nothing here",
}
LIGHT_COLORS = {"green": "#2f9e5b", "amber": "#e0a100", "red": "#d6453d"}
LIGHT_SHAPES = {"green": "●", "amber": "▲", "red": "■"}
"""Lights differ in shape as well as in colour."""


def card_of(cards: Sequence[TrustCard], model_id: str) -> TrustCard | None:
    """The card of one model, None if it has none."""
    return next((card for card in cards if card.model_id == model_id), None)


def withheld(card: TrustCard | None) -> bool:
    """Whether number and explanation wait behind a click."""
    return card is not None and card.light == RED


def headline(card: TrustCard) -> str:
    """The light in words, for example "Trust: amber — look twice"."""
    return f"Trust: {card.light} — {LIGHT_WORDS.get(card.light, card.light)}"


def place_words(card: TrustCard) -> str:
    """Where the case lies among the training cases; "" if unknown."""
    parts = []
    if math.isfinite(card.mahalanobis_percentile):
        parts.append(f"{card.mahalanobis_percentile:.0f} % by Mahalanobis distance")
    if math.isfinite(card.neighbour_percentile):
        parts.append(f"{card.neighbour_percentile:.0f} % by nearest neighbours")
    if not parts:
        return ""
    return f"Share of training cases that are more typical than this one: {', '.join(parts)}."


def conformal_words(card: TrustCard) -> str:
    """The conformal answer with what its coverage means; "" if there is none."""
    found = card.conformal
    if found is None:
        return ""
    low, high = found.calibration
    return (
        f"Conformal answer at an error rate of {percent(found.alpha)}: {found.answer} "
        f"(p high {found.p_high:.2f}, p low {found.p_low:.2f}; {low} low and {high} high cases behind it). "
        f"{found.caveat}"
    )


def further_lines(card: TrustCard) -> list[str]:
    """What stands below the reasons: place among the training cases, conformal answer, published figures."""
    published = card.published
    if published and not published.startswith("Published"):
        published = f"Published: {published}"
    return [line for line in (place_words(card), conformal_words(card), published) if line]

"""Trust cards and delta ledgers as rows and words for the page."""

from __future__ import annotations

import math
from typing import Any

from ..explain.delta import Delta
from ..report import numbers
from ..report.labels import feature_label
from ..trust.model import ConformalSet, TrustCard

LIGHT_WORDS = {
    "green": "As expected",
    "amber": "Look twice",
    "red": "Do not rely on this number",
    "none": "Not checked",
}
SHOWN_TERMS = 3


def trust_row(card: TrustCard | None) -> dict[str, Any]:
    """What the page shows of one trust card; without one the light is "none"."""
    if card is None:
        return {"light": "none", "word": LIGHT_WORDS["none"], "reasons": [], "fine": [], "answer": "",
                "caveat": "", "published": ""}  # fmt: skip
    rows = [{"light": r.light, "code": r.code, "text": r.text} for r in card.reasons]
    conformal = card.conformal
    return {
        "light": card.light,
        "word": LIGHT_WORDS[card.light],
        "reasons": [row for row in rows if row["light"] != "green"],
        "fine": [row for row in rows if row["light"] == "green"] + _place(card),
        "answer": conformal_text(conformal),
        "caveat": conformal.caveat if conformal is not None else "",
        "published": card.published,
    }


def conformal_text(conformal: ConformalSet | None) -> str:
    """The conformal answer in one sentence; "" without one."""
    if conformal is None:
        return ""
    sure = f"{100 * (1 - conformal.alpha):.0f} %"
    if conformal.answer == "uncertain":
        why = "neither answer can be ruled out" if conformal.labels else "the case fits neither answer"
        return f"Conformal answer at {sure}: uncertain ({why})."
    return f"Conformal answer at {sure}: {conformal.answer}."


def _place(card: TrustCard) -> list[dict[str, str]]:
    """Where the case lies among the training cases, as far as no reason says it already."""
    said = " ".join(reason.text for reason in card.reasons)
    found = []
    for value, name in (
        (card.mahalanobis_percentile, "Distance to the training cases"),
        (card.neighbour_percentile, "Distance to the nearest training cases"),
    ):
        if math.isfinite(value) and "percentile" not in said:
            found.append({"light": "green", "code": name, "text": f"{name}: {value:.0f}th percentile."})
    return found


def delta_row(delta: Delta | None) -> dict[str, Any]:
    """What the last edit moved: one sentence, and all terms."""
    if delta is None or not delta.terms:
        return {"text": "", "terms": []}
    shown = [t for t in delta.terms[:SHOWN_TERMS] if abs(t.phi) >= 0.005] or list(delta.terms[:1])
    digits = 2 if max(abs(t.phi) for t in shown) >= 0.005 else 4
    parts = ", ".join(f"{_short(t.key)} {numbers.signed(t.phi, digits)}" for t in shown)
    unit = "" if delta.sums_to == "log-odds" else f" ({delta.sums_to})"
    return {
        "text": f"This edit moved {numbers.signed(delta.log_odds, digits)}{unit}: {parts}"
        + (", …" if len(delta.terms) > len(shown) else ""),
        "exact": repr(float(delta.log_odds)),
        "terms": [
            {
                "key": t.key,
                "label": feature_label(t.key).full,
                "phi": numbers.signed(t.phi, 3),
                "exact": repr(float(t.phi)),
                "change": f"{numbers.value(t.before)} → {numbers.value(t.after)}",
            }
            for t in delta.terms
        ],
    }


def _short(key: str) -> str:
    """A feature in few words, for a sentence: ``t1c mean``."""
    label = feature_label(key)
    name = label.name.split(" (")[0]
    name = name if name[:2].isupper() else name[:1].lower() + name[1:]
    return name if label.where in ("", "clinical") else f"{name} {label.where}"

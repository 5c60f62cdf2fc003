"""How numbers are printed in figures, tables and reports."""

from __future__ import annotations

import math


def signed(value: float, digits: int = 2) -> str:
    """Print with sign, for example ``+0.31`` or ``−1.20``; what rounds to zero is ``±0.00``."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0.0:
        return "±" + text
    return ("+" if value > 0 else "−") + text


def percent(probability: float) -> str:
    """Print a probability as ``63 %``; never ``0 %`` or ``100 %``."""
    if probability < 0.01:
        return "< 1 %"
    if probability > 0.99:
        return "> 99 %"
    return f"{100 * probability:.0f} %"


def percent_range(low: float, high: float) -> str:
    """Print a range of probabilities, for example ``58–71 %``."""
    first, last = percent(low), percent(high)
    if first == last:
        return first
    if "<" in first or ">" in last:
        return f"{first} to {last}"
    return f"{first[:-2]}–{last}"


def value(number: float, unit: str = "") -> str:
    """Print a feature value with four significant digits and its unit, for example ``34.2 mm``."""
    if not math.isfinite(number):
        text = "—"
    elif number == 0:
        text = "0"
    elif 1000 <= abs(number) < 1e6:
        text = f"{number:.0f}"
    elif 1e-3 <= abs(number) < 1000:
        text = f"{number:.4g}"
    else:
        text = f"{number:.3e}"
    return f"{text.replace('-', '−')} {unit}".strip()


def probability_of(log_odds: float) -> float:
    """1 / (1 + exp(−log_odds)), without overflow."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)

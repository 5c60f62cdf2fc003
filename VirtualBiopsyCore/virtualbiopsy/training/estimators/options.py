"""Options of an estimator, checked before anything is fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...errors import TrainingError


class Options:
    """The options of one estimator: defaults, and what a recipe says instead.

    Raises
    ------
    TrainingError : an option that the kind does not have, or a value of the wrong type.
    """

    def __init__(self, kind: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        unknown = sorted(set(given) - set(defaults))
        if unknown:
            raise TrainingError(
                f"The estimator {kind!r} has no option {', '.join(map(repr, unknown))}.",
                f"It has: {', '.join(defaults) or 'none'}.",
            )
        self.kind = kind
        self._values = {**defaults, **given}

    def number(self, name: str, low: float = 0.0, high: float = math.inf, *, closed: bool = False) -> float:
        """A number above `low` (or equal to it where `closed`) and at most `high`."""
        value = self._values[name]
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not fits or (value == low and not closed):
            raise self._wrong(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, low: int = 1) -> int:
        """A whole number of at least `low`."""
        value = self._values[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise self._wrong(name, f"a whole number of {low} or more")
        return value

    def whole_or_none(self, name: str, low: int = 1) -> int | None:
        """As :meth:`whole`; None (in a recipe: 0) means no limit."""
        return None if self._values[name] in (None, 0) else self.whole(name, low)

    def choice(self, name: str, *allowed: Any) -> Any:
        """One of the allowed values."""
        value = self._values[name]
        if not any(type(value) is type(a) and value == a for a in allowed):
            raise self._wrong(name, f"one of {', '.join(map(repr, allowed))}")
        return value

    def raw(self, name: str) -> Any:
        return self._values[name]

    def _wrong(self, name: str, wanted: str) -> TrainingError:
        return TrainingError(f"The option {name!r} of {self.kind!r} is {self._values[name]!r}, not {wanted}.")

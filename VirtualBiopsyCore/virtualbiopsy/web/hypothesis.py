"""What if a value were another one: sliders for every input of the model, and the answer that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..explain.whatif import HYPOTHETICAL, what_if
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..radiomics.keys import is_clinical
from ..report import numbers
from ..report.labels import feature_label
from ..session import Result

if TYPE_CHECKING:
    from .app import Application

STEPS = 200
ROOM = 0.1
"""Beyond the training range, as a share of it, that a slider reaches."""


class Hypothesis:
    """Answers to moved values. Nothing of it enters the result, the reports or the session."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._result: Result | None = None
        self._actual: dict[str, float] = {}

    def clear(self) -> None:
        self._result = None
        self._actual = {}
        with self._app.state as state:
            state.whatif_rows, state.whatif_values, state.whatif = [], {}, {}

    def new_result(self, result: Result) -> None:
        """Begin from the values of a new result; moved values stay moved."""
        moved = self._changes()
        self._result = result
        self._publish(moved)

    def reset(self, **_: Any) -> None:
        """All values as they were measured."""
        self._publish({})

    def _chosen(self) -> tuple[RadModel, Prediction] | None:
        chosen = self._app.explanations.chosen()
        return None if chosen is None or self._result is None else (chosen[2], chosen[1])

    def _changes(self) -> dict[str, float]:
        """The values that differ from what was measured."""
        values: Mapping[str, Any] = self._app.state.whatif_values or {}
        return {
            key: float(value)
            for key, value in values.items()
            if key in self._actual and float(value) != self._actual[key]
        }

    def _publish(self, moved: Mapping[str, float]) -> None:
        chosen, state = self._chosen(), self._app.state
        if chosen is None:
            self.clear()
            return
        model, prediction = chosen
        rows, self._actual = [], {}
        for key in _by_weight(model, self._app.explanations.chosen()[0]):
            row = _slider(key, model, self._result, key in prediction.imputed)
            rows.append(row)
            self._actual[key] = row["actual"]
        values = {key: moved.get(key, actual) for key, actual in self._actual.items()}
        with state:
            state.whatif_rows = rows
            state.whatif_values = values
        self.follow()

    def follow(self, **_: Any) -> None:
        """Answer the sliders."""
        chosen, state = self._chosen(), self._app.state
        if chosen is None:
            return
        model, prediction = chosen
        changes = {k: v for k, v in self._changes().items() if k in model.feature_keys}
        answer = what_if(model, self._result.features, changes).hypothetical if changes else prediction
        with state:
            state.whatif = {
                "changed": sorted(changes),
                "texts": {
                    key: numbers.value(float(value), feature_label(key).short_unit)
                    for key, value in (state.whatif_values or {}).items()
                },
                "p": numbers.percent(answer.probability),
                "exact": repr(float(answer.probability)),
                "share": round(100 * answer.probability, 2),
                "threshold": round(100 * answer.threshold, 2),
                "actual": numbers.percent(prediction.probability),
                "actual_share": round(100 * prediction.probability, 2),
                "moved": numbers.signed(answer.log_odds - prediction.log_odds),
                "side": "at or above" if answer.probability >= answer.threshold else "below",
                "note": HYPOTHETICAL,
            }


def _by_weight(model: RadModel, explanation: Any) -> list[str]:
    """Feature keys, those that carry the present answer first."""
    ordered = [c.key for c in explanation.contributions]
    return ordered + [key for key in model.feature_keys if key not in ordered]


def _slider(key: str, model: RadModel, result: Result, imputed: bool) -> dict[str, Any]:
    """One slider: over the training range with some room, always with the present value in reach."""
    label = feature_label(key)
    actual = float(result.features.values.get(key, model.imputer.get(key, 0.0)))
    low, high = model.feature_ranges.get(key, (actual - 1.0, actual + 1.0))
    flag = is_clinical(key) and (low, high) == (0.0, 1.0)
    room = 0.0 if is_clinical(key) else ROOM * (high - low)
    trained = [float(low), float(high)]
    low, high = min(low, actual) - room, max(high, actual) + room
    if not high > low:
        low, high = actual - 1.0, actual + 1.0
    return {
        "key": key,
        "label": label.full,
        "low": float(low),
        "high": float(high),
        "step": 1.0 if flag else float((high - low) / STEPS),
        "trained": trained,
        "actual": actual,
        "measured": numbers.value(actual, label.short_unit) + (" (training mean)" if imputed else ""),
    }

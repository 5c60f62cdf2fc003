"""What a survival model says, in words."""

from __future__ import annotations

import numpy as np

from ..models.prediction import SurvivalAnswer

TIMES = 4


def survival_words(answer: SurvivalAnswer | None) -> tuple[str, ...]:
    """Risk group and estimated curve at up to four times until the horizon, one sentence each; () without."""
    if answer is None:
        return ()
    found = []
    if answer.group:
        found.append(f"Group by score: {answer.group} (cuts from the training scores).")
    if answer.times:
        at = [answer.horizon * (i + 1) / TIMES for i in range(TIMES)]
        steps = np.concatenate([[1.0], answer.free])
        shown = steps[np.searchsorted(answer.times, at, side="right")]
        listed = ", ".join(f"{100 * free:.0f} % at {time:.3g}" for time, free in zip(at, shown, strict=True))
        found.append(
            f"Estimated probability of no event ({answer.event}): {listed} {answer.unit}; an estimate for "
            "such cases, not for a person."
        )
    return tuple(found)

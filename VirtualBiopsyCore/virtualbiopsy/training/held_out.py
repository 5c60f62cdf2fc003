"""The table of held-out scores: what models said about cases that they had not seen."""

from __future__ import annotations

import csv
import io

import numpy as np

from .. import RESEARCH_USE_ONLY
from .cases import Cases
from .dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL
from .validation.run import HeldOut

HELD_OUT = "held-out.csv"

_SCORES = {
    BINARY: "log-odds",
    ORDINAL: "log-odds of lying above each cut",
    MULTICLASS: "logit of each class",
    SURVIVAL: "log hazard ratio",
}


def held_out_text(held_out: HeldOut, cases: Cases) -> str:
    """One row for each case and repeat: outcome, part that tested it, scores, and for two classes the
    calibrated probability and the call at the threshold of the model of that part."""
    data, scores, numbers = cases.data, held_out.scores(), held_out.numbers()
    scores = scores[..., None] if scores.ndim == 2 else scores
    binary, times = held_out.outcome.kind == BINARY, held_out.outcome.time
    chance = held_out.probability() if binary else None
    called = held_out.called() if binary else None
    names = ["score"] if scores.shape[2] == 1 else [f"score_{k + 1}" for k in range(scores.shape[2])]
    stream = io.StringIO()
    stream.write(f"# {RESEARCH_USE_ONLY}.{' Simulated cases; not patients.' if cases.simulated else ''}\n")
    stream.write(f"# Outcome: {held_out.outcome.name}. Scores: {_SCORES[held_out.outcome.kind]}.\n")
    for number, name in enumerate(held_out.outcome.classes):
        stream.write(f"# Class {number}: {name}\n")
    writer = csv.writer(stream, lineterminator="\n")
    extra = ["probability", "called"] if binary else []
    time = [] if times is None else [f"time_{held_out.outcome.unit or 'units'}"]
    writer.writerow(["case", "patient", "outcome", *time, "repeat", "part", *names, *extra])
    for repeat, n in np.argwhere(numbers >= 0):
        row = [data.cases[n], data.patients[n], int(held_out.outcome.labels[n])]
        row += [] if times is None else [f"{times[n]:.9g}"]
        row += [repeat + 1, held_out.parts[numbers[repeat, n]].split.name]
        row += [_number(value) for value in scores[repeat, n]]
        if chance is not None and called is not None:
            row += [_number(chance[repeat, n]), _number(called[repeat, n])]
        writer.writerow(row)
    return stream.getvalue()


def _number(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""

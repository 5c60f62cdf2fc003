"""What a leak is called."""

from __future__ import annotations

from dataclasses import dataclass

PATIENT = "patient on both sides"
TWINS = "cases that are nearly the same"
OUTCOME = "outcome of held-out cases"
VALUES = "values of held-out cases"
COLUMN = "column that holds the outcome"
SITE = "site as a proxy"
CHANCE = "better than chance on shuffled labels"


@dataclass(frozen=True)
class Leak:
    """Something by which a test would look better than the model is.

    Attributes
    ----------
    name : one of the names of this file. where : split, cases, column or variable. sentence : what was found
        and what to do.
    """

    name: str
    where: str
    sentence: str

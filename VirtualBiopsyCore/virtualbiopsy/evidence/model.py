"""The outcome of one published rule on one case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleOutcome:
    """One published rule, evaluated on what is known about this case.

    Attributes
    ----------
    rule_id : row of the source review, e.g. "M9".
    title : what the rule is about, a few words.
    status : "met", "not met", "information" (nothing to evaluate) or "not evaluable".
    finding : what was found in this case, or "needs …".
    statement : what the publication states, quoted, never advice.
    reference : citation.
    caveat : why the statement must be read with care.
    """

    rule_id: str
    title: str
    status: str
    finding: str
    statement: str
    reference: str
    caveat: str

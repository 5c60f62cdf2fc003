"""Published bars for models: a rule on a model, evaluated on the model's own external figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..models.radmodel import RadModel
from .model import RuleOutcome
from .rules import MODEL, NOT_MET, Rule, evaluate_rule

EXTERNAL_AUC = "external_auc"
"""Metric of a model, and fact: the AUC on patients of other centres than those it was trained on."""


def gate_outcomes(rules: Iterable[Rule], models: Iterable[RadModel]) -> tuple[RuleOutcome, ...]:
    """Evaluate the rules on models, each on each model; rules on cases are passed over.

    A model that was trained on simulated cases never passes, whatever its metrics say.
    """
    models = tuple(models)
    return tuple(_outcome(rule, model) for rule in rules if rule.subject == MODEL for model in models)


def _outcome(rule: Rule, model: RadModel) -> RuleOutcome:
    external = {} if model.simulated else model.metrics.get(EXTERNAL_AUC, {})
    outcome = evaluate_rule(rule, {EXTERNAL_AUC: external.get("value")})
    if model.simulated:
        outcome = replace(
            outcome,
            status=NOT_MET,
            finding=f"{model.title}: trained and tested on simulated cases, which say nothing about patients",
        )
    else:
        outcome = replace(outcome, finding=f"{model.title}: {outcome.finding}{_spread(external)}")
    return replace(outcome, rule_id=f"{rule.rule_id} {model.model_id}", title=rule.title)


def _spread(figure) -> str:
    """The 95 % interval of the figure, where it is known."""
    if not {"value", "low", "high"} <= set(figure):
        return ""
    return f"; 95 % interval {figure['low']:.3f} to {figure['high']:.3f}"

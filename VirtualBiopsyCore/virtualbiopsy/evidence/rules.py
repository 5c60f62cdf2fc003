"""Published rules as data: load them, evaluate them on what is known about a case.

Rules inform; they give no advice. Sentences on treatment are quotations and are printed as such.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import RuleFormatError
from ..resources import resource
from .condition import Comparison, Condition, parse_condition, unknown_facts
from .facts import FACTS, known, tell, tell_needs
from .model import RuleOutcome

FORMAT = 1
MAX_BYTES = 1_000_000

MET = "met"
NOT_MET = "not met"
INFORMATION = "information"
NOT_EVALUABLE = "not evaluable"

_TEXTS = ("id", "title", "endpoint", "statement", "cites", "reference", "caveat")
CASE, MODEL = "case", "model"
_KEYS = frozenset((*_TEXTS, "needs", "shows", "condition", "treatment_quote", "subject"))


@dataclass(frozen=True)
class Rule:
    """One published rule.

    Attributes
    ----------
    rule_id, title, endpoint : who it is; the id is the row of the source review.
    needs : facts without which it is not evaluated.
    shows : facts printed beside the finding where they are known.
    condition : None if the rule only informs.
    statement : what the publication states, a treatment sentence included as a marked quotation.
    reference, caveat : never empty.
    subject : "case", or "model" for a bar that models are held to (see :mod:`virtualbiopsy.evidence.gate`).
    """

    rule_id: str
    title: str
    endpoint: str
    needs: tuple[str, ...]
    shows: tuple[str, ...]
    condition: Condition | None
    statement: str
    reference: str
    caveat: str
    subject: str = CASE


def load_rules(directory: Path | None = None) -> tuple[Rule, ...]:
    """Read all rule files of `directory` (default: the shipped ``Rules``), sorted by file name.

    Raises
    ------
    RuleFormatError : if a file is damaged, incomplete, too large, or two rules share an id.
    """
    folder = resource("Rules") if directory is None else Path(directory)
    rules: list[Rule] = []
    for path in sorted(folder.glob("*.toml")):
        rules.extend(read_rules(path))
    seen: set[str] = set()
    for rule in rules:
        if rule.rule_id in seen:
            raise RuleFormatError(f"Two rules in {folder.name} have the id {rule.rule_id!r}.")
        seen.add(rule.rule_id)
    return tuple(rules)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read one rule file.

    Raises
    ------
    RuleFormatError : if the file cannot be read as a rule file.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RuleFormatError(f"{path.name} has {size} bytes; a rule file has at most {MAX_BYTES}.")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise RuleFormatError(f"{path.name} cannot be read as TOML: {error}.", "Restore the file.") from error
    if data.get("format") != FORMAT:
        raise RuleFormatError(f"{path.name}: format is {data.get('format')!r}, this version reads {FORMAT}.")
    entries = data.get("rule")
    if not isinstance(entries, list):
        raise RuleFormatError(f"{path.name}: it holds no [[rule]].")
    return tuple(_rule(entry, path.name, i) for i, entry in enumerate(entries, 1))


def _rule(entry: object, file: str, position: int) -> Rule:
    where = f"{file}, rule {position}"
    if not isinstance(entry, dict):
        raise RuleFormatError(f"{where}: it is not a table.")
    for key in _TEXTS:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise RuleFormatError(f"{where}: {key!r} is missing or empty.")
    where = f"{file}, rule {entry['id']}"
    if unknown := sorted(set(entry) - _KEYS):
        raise RuleFormatError(f"{where}: unknown key {', '.join(unknown)}.")
    lists = {}
    for key in ("needs", "shows"):
        names = entry.get(key, [])
        if not isinstance(names, list) or not all(isinstance(n, str) and n in FACTS for n in names):
            raise RuleFormatError(f"{where}: {key!r} is not a list of known facts: {names!r}.")
        lists[key] = tuple(names)
    condition = parse_condition(entry["condition"], where) if "condition" in entry else None
    if entry.get("subject", CASE) not in (CASE, MODEL):
        raise RuleFormatError(f"{where}: 'subject' is neither {CASE!r} nor {MODEL!r}.")
    for leaf in condition.leaves() if condition else ():
        if leaf.fact not in lists["needs"]:
            raise RuleFormatError(
                f"{where}: the condition asks for {leaf.fact!r}, which 'needs' does not list."
            )
    return Rule(
        rule_id=entry["id"],
        title=entry["title"],
        endpoint=entry["endpoint"],
        needs=lists["needs"],
        shows=lists["shows"],
        condition=condition,
        statement=_statement(entry, where),
        reference=entry["reference"],
        caveat=entry["caveat"],
        subject=entry.get("subject", CASE),
    )


def _statement(entry: Mapping[str, object], where: str) -> str:
    statement = str(entry["statement"])
    quote = entry.get("treatment_quote")
    if quote is None:
        return statement
    if not isinstance(quote, str) or not quote.strip():
        raise RuleFormatError(f"{where}: 'treatment_quote' is empty.")
    return f"{statement} Quoted from {entry['cites']}, research use only, not advice: “{quote}”"


def evaluate_rules(rules: Iterable[Rule], facts: Mapping[str, object]) -> tuple[RuleOutcome, ...]:
    """Evaluate each rule on a case on `facts` (values by the names of :data:`FACTS`; others are ignored).

    Rules on models are passed over, see :func:`virtualbiopsy.evidence.gate.gate_outcomes`.

    A rule is "not evaluable" while one of its needs is unknown; without a condition it is "information".
    """
    return tuple(evaluate_rule(rule, facts) for rule in rules if rule.subject == CASE)


def evaluate_rule(rule: Rule, facts: Mapping[str, object]) -> RuleOutcome:
    """Evaluate one rule; see :func:`evaluate_rules`."""
    missing = unknown_facts(rule.needs, facts)
    shown = [tell(facts, name) for name in rule.shows if known(facts, name)]
    if missing:
        status = NOT_EVALUABLE
        finding = tell_needs(missing)
    elif rule.condition is None:
        status = INFORMATION
        parts = [tell(facts, name) for name in rule.needs] + shown
        finding = "; ".join(parts) if parts else "nothing to evaluate in this case"
    else:
        status = MET if rule.condition.holds(facts) else NOT_MET
        finding = "; ".join([_tell_leaves(rule.condition, facts), *shown])
    return RuleOutcome(rule.rule_id, rule.title, status, finding, rule.statement, rule.reference, rule.caveat)


def _tell_leaves(condition: Condition, facts: Mapping[str, object]) -> str:
    by_fact: dict[str, list[Comparison]] = {}
    for leaf in condition.leaves():
        by_fact.setdefault(leaf.fact, []).append(leaf)
    said = []
    for name, leaves in by_fact.items():
        limits = [leaf.value for leaf in leaves if leaf.op != "in" and FACTS[name].kind == "number"]
        rule = " or ".join(leaf.limit() for leaf in leaves)
        said.append(f"{tell(facts, name, limits)} (rule: {rule})")
    return "; ".join(said)

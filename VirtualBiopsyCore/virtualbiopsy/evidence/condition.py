"""Declarative conditions: typed comparisons of facts, joined by all or any. Nothing is ever executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import RuleFormatError
from .facts import FACTS, is_number, known, number, words

OPERATORS: Mapping[str, Callable[[object, object], bool]] = MappingProxyType(
    {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "in": lambda a, b: a in b,
    }
)
ORDERED = frozenset({"<", "<=", ">", ">="})
MAX_DEPTH = 5

_SIGNS = MappingProxyType({"<=": "≤", ">=": "≥", "!=": "not", "==": ""})


@dataclass(frozen=True)
class Comparison:
    """One comparison of a fact with a constant."""

    fact: str
    op: str
    value: object

    def holds(self, facts: Mapping[str, object]) -> bool:
        """Compare. The fact must be known."""
        value = facts[self.fact]
        if FACTS[self.fact].kind == "number":
            value = float(value)  # type: ignore[arg-type]
        return OPERATORS[self.op](value, self.value)

    def leaves(self) -> tuple[Comparison, ...]:
        return (self,)

    def limit(self) -> str:
        """Say the right-hand side, for example ``≥ 3.14 %``."""
        fact = FACTS[self.fact]
        if self.op == "in":
            return " or ".join(words(v) for v in self.value)  # type: ignore[attr-defined]
        if fact.kind == "flag":
            right = "yes" if self.value else "no"
        elif fact.kind == "number":
            right = number(float(self.value), fact)  # type: ignore[arg-type]
        else:
            right = words(self.value)
        return f"{_SIGNS.get(self.op, self.op)} {right}".strip()


@dataclass(frozen=True)
class Group:
    """Parts joined by "all" or "any"."""

    join: str
    parts: tuple[Comparison | Group, ...]

    def holds(self, facts: Mapping[str, object]) -> bool:
        """Evaluate. All facts must be known."""
        values = [part.holds(facts) for part in self.parts]
        return all(values) if self.join == "all" else any(values)

    def leaves(self) -> tuple[Comparison, ...]:
        return tuple(leaf for part in self.parts for leaf in part.leaves())


Condition = Comparison | Group


def parse_condition(data: object, where: str, depth: int = 0) -> Condition:
    """Read a condition from TOML data: ``{fact, op, value}``, ``{all = […]}`` or ``{any = […]}``.

    Raises
    ------
    RuleFormatError : for unknown operators, facts or keys, values of the wrong type, empty groups, or more
        than MAX_DEPTH levels. `where` begins the message.
    """
    if depth >= MAX_DEPTH:
        raise RuleFormatError(f"{where}: the condition is nested more than {MAX_DEPTH} deep.")
    if not isinstance(data, dict):
        raise RuleFormatError(f"{where}: a condition is a table, not {data!r}.")
    if set(data) in ({"all"}, {"any"}):
        (join, parts) = next(iter(data.items()))
        if not isinstance(parts, list) or not parts:
            raise RuleFormatError(f"{where}: {join!r} needs a list with at least one condition.")
        return Group(join, tuple(parse_condition(part, where, depth + 1) for part in parts))
    if set(data) != {"fact", "op", "value"}:
        raise RuleFormatError(
            f"{where}: a condition has the keys fact, op, value, or all, or any; not {sorted(data)}."
        )
    return _comparison(data["fact"], data["op"], data["value"], where)


def _comparison(name: object, op: object, value: object, where: str) -> Comparison:
    if not isinstance(name, str) or name not in FACTS:
        raise RuleFormatError(f"{where}: unknown fact {name!r}.", f"Known facts: {', '.join(FACTS)}.")
    if not isinstance(op, str) or op not in OPERATORS:
        raise RuleFormatError(
            f"{where}: unknown operator {op!r}.", f"Known operators: {' '.join(OPERATORS)}."
        )
    kind = FACTS[name].kind
    if op in ORDERED and kind != "number":
        raise RuleFormatError(f"{where}: {name} is a {kind}; it cannot be compared by {op}.")
    fits = {
        "number": is_number,
        "flag": lambda v: isinstance(v, bool),
        "text": lambda v: isinstance(v, str) and bool(v),
    }[kind]
    if op == "in":
        if not isinstance(value, list) or not value or not all(fits(v) for v in value):
            raise RuleFormatError(f"{where}: 'in' needs a list of values of the kind {kind} for {name}.")
        return Comparison(name, op, tuple(value))
    if not fits(value):
        raise RuleFormatError(f"{where}: {name} is a {kind}; it cannot be compared with {value!r}.")
    return Comparison(name, op, value)


def unknown_facts(needs: tuple[str, ...], facts: Mapping[str, object]) -> list[str]:
    """Names in `needs` that `facts` does not give."""
    return [name for name in needs if not known(facts, name)]

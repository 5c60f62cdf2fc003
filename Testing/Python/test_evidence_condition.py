"""The typed comparator: what it accepts, what it refuses, what it decides."""

import pytest
from virtualbiopsy.errors import RuleFormatError
from virtualbiopsy.evidence.condition import MAX_DEPTH, OPERATORS, parse_condition


def leaf(fact="aptw_max", op=">=", value=3.14):
    return {"fact": fact, "op": op, "value": value}


@pytest.mark.parametrize(
    ("op", "value", "case", "expected"),
    [
        ("<", 5.0, 4.999, True),
        ("<", 5.0, 5.0, False),
        ("<=", 5.0, 5.0, True),
        (">", 5.0, 5.0, False),
        (">=", 5.0, 5.0, True),
        ("==", 5, 5.0, True),
        ("!=", 5, 5.0, False),
        ("in", [1, 2], 2, True),
        ("in", [1, 2], 3, False),
    ],
)
def test_comparisons_of_numbers(op, value, case, expected):
    assert parse_condition(leaf("ki67_percent", op, value), "x").holds({"ki67_percent": case}) is expected


def test_groups():
    both = parse_condition({"all": [leaf(), leaf("ki67_percent", "<", 5.0)]}, "x")
    either = parse_condition({"any": [leaf(), leaf("ki67_percent", "<", 5.0)]}, "x")
    facts = {"aptw_max": 3.5, "ki67_percent": 8.0}
    assert both.holds(facts) is False
    assert either.holds(facts) is True


@pytest.mark.parametrize("op", ["__import__", "=", "=<", "matches", "", None, 3, "and", "eval"])
def test_unknown_operators_are_refused(op):
    with pytest.raises(RuleFormatError, match="unknown operator"):
        parse_condition(leaf(op=op), "rules.toml, rule X")


@pytest.mark.parametrize("op", sorted(OPERATORS))
def test_a_model_output_is_no_fact(op):
    for name in ("probability", "log_odds", "ki67_probability", "threshold"):
        with pytest.raises(RuleFormatError, match="unknown fact"):
            parse_condition(leaf(name, op, 0.5), "x")


@pytest.mark.parametrize(
    "damaged",
    [
        "aptw_max >= 3.14",
        {},
        {"all": []},
        {"all": leaf()},
        {"all": [leaf()], "any": [leaf()]},
        {"fact": "aptw_max", "op": ">="},
        {**leaf(), "extra": 1},
        leaf(value="3.14"),
        leaf(value=True),
        leaf("location", "<", "b"),
        leaf("location", "==", 3),
        leaf("dural_tail", "==", "yes"),
        leaf("location", "in", "skull_base"),
        leaf("location", "in", []),
        leaf("location", "in", ["skull_base", 3]),
    ],
)
def test_damaged_conditions_are_refused(damaged):
    with pytest.raises(RuleFormatError, match="rule X"):
        parse_condition(damaged, "rule X")


def test_depth_is_limited():
    nested = leaf()
    for _ in range(MAX_DEPTH):
        nested = {"all": [nested]}
    with pytest.raises(RuleFormatError, match="nested"):
        parse_condition(nested, "x")

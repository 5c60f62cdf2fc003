"""The shipped rules: complete, honest, and each evaluated as met, not met and not evaluable."""

import re

import pytest
from support import toy_model
from virtualbiopsy.case.clinical import CLINICAL, check_clinical
from virtualbiopsy.errors import RuleFormatError
from virtualbiopsy.evidence.facts import FACTS
from virtualbiopsy.evidence.gate import gate_outcomes
from virtualbiopsy.evidence.rules import evaluate_rule, evaluate_rules, load_rules, read_rules
from virtualbiopsy.resources import resource
from virtualbiopsy.tasks import BREAST, MENINGIOMA

RULES = {rule.rule_id: rule for rule in read_rules(resource("Rules") / MENINGIOMA.rules)}
BREAST_RULES = {rule.rule_id: rule for rule in read_rules(resource("Rules") / BREAST.rules)}
ALL_RULES = {**RULES, **BREAST_RULES}

MET = {
    "M5": {"margin": "irregular", "brain_interface": "blurred"},
    "M9": {"aptw_max": 3.14},
    "K1": {"diameter_mm": 29.9, "who_grade": 1, "ki67_percent": 10.0},
    "K2": {"who_grade": 1, "ki67_percent": 10.0},
    "K3a": {"ki67_percent": 15.0},
    "K3b": {"ki67_percent": 4.9},
    "K5": {"pr_positive": True},
    "M16": {"location": "spinal"},
    "M17": {"location": "skull_base", "enhancement_pattern": "homogeneous"},
    "M19": {"dural_tail": True},
    "M20a": {"location": "medial_skull_base", "enhancement_pattern": "homogeneous", "dural_tail": True},
    "M20b": {"location": "convexity", "enhancement_pattern": "heterogeneous", "dural_tail": False},
}
NOT_MET = {
    "M5": {"margin": "irregular", "brain_interface": "clear"},
    "M9": {"aptw_max": 3.13},
    "K1": {"diameter_mm": 30.0, "who_grade": 1, "ki67_percent": 10.0},
    "K2": {"who_grade": 2, "ki67_percent": 30.0},
    "K3a": {"ki67_percent": 14.9},
    "K3b": {"ki67_percent": 5.0},
    "K5": {"pr_positive": False},
    "M16": {"location": "skull_base"},
    "M17": {"location": "skull_base", "enhancement_pattern": "heterogeneous"},
    "M19": {"dural_tail": False},
    "M20a": {"location": "convexity", "enhancement_pattern": "homogeneous", "dural_tail": True},
    "M20b": {"location": "convexity", "enhancement_pattern": "heterogeneous", "dural_tail": True},
}
INFORMING = {"M1", "M3", "M4", "M7", "M14", "K4", "K6", "M18", "M21", "M22", "M23"}
EVERYTHING = {
    "diameter_mm": 24.0,
    "volume_ml": 7.0,
    "adc_mean": 812.0,
    "adc_p10": 702.0,
    "adc_skewness": 0.4,
    "aptw_max": 3.3,
    "enhancement_cov": 0.2,
    "ki67_percent": 12.0,
    "pr_positive": True,
    "age": 60.0,
    "sex": "female",
    "location": "skull_base",
    "who_grade": 1,
    "margin": "irregular",
    "brain_interface": "blurred",
    "enhancement_pattern": "homogeneous",
    "dural_tail": True,
}


def test_the_shipped_rules_are_those_of_the_review():
    assert set(RULES) == set(MET) | INFORMING
    assert set(MET) == set(NOT_MET)


@pytest.mark.parametrize("rule_id", sorted(MET))
def test_met_not_met_and_not_evaluable(rule_id):
    rule = RULES[rule_id]
    assert evaluate_rule(rule, MET[rule_id]).status == "met"
    assert evaluate_rule(rule, NOT_MET[rule_id]).status == "not met"
    for name in MET[rule_id]:
        without = {k: v for k, v in MET[rule_id].items() if k != name}
        for facts in (without, {**without, name: None}):
            outcome = evaluate_rule(rule, facts)
            assert outcome.status == "not evaluable"
            assert outcome.finding.startswith("needs ")


@pytest.mark.parametrize("rule_id", sorted(INFORMING))
def test_informing_rules_never_judge(rule_id):
    assert evaluate_rule(RULES[rule_id], EVERYTHING).status == "information"
    assert evaluate_rule(RULES[rule_id], {}).status in ("information", "not evaluable")


def test_what_is_needed_is_named():
    needs = {o.rule_id: o.finding for o in evaluate_rules(RULES.values(), {})}
    assert needs["M9"] == "needs APTw map (aptw)"
    assert needs["M21"] == "needs ADC map (adc)"
    assert needs["M20a"] == "needs location, enhancement pattern, dural tail (clinical form)"
    for rule_id in ("K1", "K2", "K3a", "K3b", "K5"):
        assert "immunohistochemistry" in needs[rule_id]


def test_an_estimate_is_never_taken_for_a_measured_marker():
    facts = {k: v for k, v in EVERYTHING.items() if k not in ("ki67_percent", "pr_positive")}
    facts |= {"probability": 0.99, "ki67": 20.0, "ki67_probability": 0.99, "log_odds": 4.0, "Ki-67": 0.9}
    for outcome in evaluate_rules(RULES.values(), facts):
        if outcome.rule_id in ("K1", "K2", "K3a", "K3b", "K5"):
            assert outcome.status == "not evaluable"
            assert "immunohistochemistry" in outcome.finding
            assert "estimated probability of a model is not a measured" in outcome.caveat


def test_findings_give_value_unit_and_rule():
    assert evaluate_rule(RULES["M9"], {"aptw_max": 3.3}).finding == "APTwmax 3.30 % (rule: ≥ 3.14 %)"
    assert evaluate_rule(RULES["M1"], {"diameter_mm": 24.0}).finding == "maximum diameter 24.0 mm"
    spinal = evaluate_rule(RULES["M16"], {"location": "spinal"}).finding
    assert spinal == "location: spinal (rule: medial skull base or spinal)"


def test_rounding_never_moves_a_value_across_its_limit():
    finding = evaluate_rule(RULES["K1"], {**EVERYTHING, "diameter_mm": 29.999}).finding
    assert "29.999 mm (rule: < 30 mm)" in finding


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "12", True, [3.2], None])
def test_values_that_are_no_numbers_are_unknown(value):
    assert evaluate_rule(RULES["M9"], {"aptw_max": value}).status == "not evaluable"


def test_every_rule_has_reference_and_caveat():
    for rule in ALL_RULES.values():
        assert len(rule.reference) > 20, rule.rule_id
        assert len(rule.caveat) > 20, rule.rule_id


def test_the_known_defects_are_told():
    assert "regression line solved for" in RULES["M9"].caveat
    assert "R² = 0.667" in RULES["M9"].caveat
    assert "Ki-67 % = 4.9·APTwmax − 12.4" in RULES["M9"].statement
    assert "0.591" in RULES["M14"].statement
    assert "AUC < 0.65" in RULES["M20a"].caveat
    assert "AUC < 0.65" in RULES["M20b"].caveat
    assert "M18" in RULES["M17"].caveat
    order = list(RULES)
    assert order.index("M18") == order.index("M17") + 1


def test_the_cut_off_of_m9_is_the_inverted_line():
    assert round((2.99 + 12.4) / 4.9, 2) == 3.14
    assert round((5 + 12.4) / 4.9, 2) == 3.55
    assert round((10 + 12.4) / 4.9, 2) == 4.57


def test_an_internal_figure_never_stands_alone():
    for rule in RULES.values():
        for text in (rule.statement, rule.caveat):
            assert ("0.905" in text) == ("0.591" in text), rule.rule_id


TREATMENT = r"surg|operat|resect|radiother|chemo|hormon|mifepriston|antagonist|follow-up|treat|therap"
ADVICE = r"\byou\b|\bshould\b|\brecommend|\bmust\b|\bconsider\b|\badvis"


def test_no_advice_and_treatment_only_in_quotations():
    for rule in ALL_RULES.values():
        outside = re.sub(r"“[^”]*”", "", rule.statement)
        assert not re.search(ADVICE, rule.statement, re.IGNORECASE), rule.rule_id
        assert not re.search(
            ADVICE, re.sub(r"Not a guideline recommendation", "", rule.caveat), re.IGNORECASE
        )
        if "“" in rule.statement:
            assert "research use only, not advice: “" in rule.statement
            assert re.search(r"Quoted from (\[\d+\])+|Quoted from section", rule.statement)
        outside = outside.replace("result 3–5 days after the operation", "")
        assert not re.search(TREATMENT, outside, re.IGNORECASE), (rule.rule_id, outside)


def test_facts_and_values_are_those_of_the_clinical_form():
    for fact in FACTS.values():
        if fact.source == "clinical form":
            assert fact.name in CLINICAL
    for rule in ALL_RULES.values():
        for leaf in rule.condition.leaves() if rule.condition else ():
            if leaf.fact in CLINICAL:
                for value in leaf.value if leaf.op == "in" else (leaf.value,):
                    assert check_clinical({leaf.fact: value}) == {leaf.fact: value}


def test_all_rules_together_have_different_ids():
    assert {rule.rule_id for rule in load_rules()} == set(ALL_RULES)
    assert not set(RULES) & set(BREAST_RULES)


BREAST_FACTS = {
    "diameter_mm": 18.0,
    "volume_ml": 2.1,
    "adc_mean": 905.0,
    "adc_p10": 760.0,
    "ktrans_mean": 0.31,
    "kep_mean": 0.85,
    "histological_grade": 3,
}


def test_the_breast_rules_inform_and_judge_nothing():
    assert set(BREAST_RULES) == {"H0", "H2", "H2a", "H3", "H4a", "H5", "H10", "H12", "H13", "H14"}
    outcomes = {o.rule_id: o for o in evaluate_rules(BREAST_RULES.values(), BREAST_FACTS)}
    assert set(outcomes) == set(BREAST_RULES) - {"H14"}
    assert {o.status for o in outcomes.values()} == {"information"}
    assert outcomes["H2"].finding == "mean Ktrans 0.310 1/min; mean kep 0.850 1/min"
    assert outcomes["H2a"].finding == "maximum diameter 18.0 mm"
    assert "contrast" in outcomes["H2a"].statement and "fibro" in outcomes["H4a"].statement
    without = {o.rule_id: o for o in evaluate_rules(BREAST_RULES.values(), {})}
    assert without["H2"].finding == "needs fast dynamic series (ktrans)"


def test_the_breast_rules_honour_what_is_known_about_the_review():
    assert "Contradicted" in BREAST_RULES["H3"].caveat
    assert "sets no rules of acquisition" in BREAST_RULES["H13"].caveat
    assert "without a study behind it" in BREAST_RULES["H14"].caveat
    assert not any("DenseNet" in rule.statement or "68" in rule.statement for rule in BREAST_RULES.values())


@pytest.mark.parametrize(
    ("simulated", "metrics", "status"),
    [
        (True, {}, "not met"),
        (True, {"auc": {"value": 0.99}, "fresh_auc": {"value": 0.99}}, "not met"),
        (True, {"external_auc": {"value": 0.99}}, "not met"),
        (False, {"auc": {"value": 0.99}}, "not evaluable"),
        (False, {"external_auc": {"value": 0.8499}}, "not met"),
        (False, {"external_auc": {"value": 0.85, "low": 0.8, "high": 0.9}}, "met"),
    ],
)
def test_only_an_external_auc_on_patients_passes_the_gate(simulated, metrics, status):
    model = toy_model(simulated=simulated, metrics=metrics)
    (outcome,) = gate_outcomes(BREAST_RULES.values(), [model])
    assert (outcome.rule_id, outcome.status) == ("H14 toy-logistic", status)
    assert model.title in outcome.finding
    assert ("simulated cases" in outcome.finding) == simulated
    assert ("95 % interval 0.800 to 0.900" in outcome.finding) == (status == "met")
    assert "for example, with an AUC ≥ 0.85" in outcome.statement and "not advice" in outcome.statement
    assert gate_outcomes(RULES.values(), [model]) == ()


GOOD = """
format = 1
[[rule]]
id = "A"
title = "t"
endpoint = "Ki-67"
needs = ["aptw_max"]
condition = { fact = "aptw_max", op = ">=", value = 1.0 }
statement = "s"
cites = "[1]"
reference = "r"
caveat = "c"
"""


def write(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_small_rule_file_is_read(tmp_path):
    (rule,) = read_rules(write(tmp_path, GOOD))
    assert rule.rule_id == "A"
    assert evaluate_rule(rule, {"aptw_max": 2}).status == "met"


@pytest.mark.parametrize(
    "text",
    [
        "not toml at all [",
        b"\xff\xfe\x00",
        "",
        GOOD.replace("format = 1", "format = 2"),
        "format = 1\n",
        "format = 1\nrule = 3\n",
        "format = 1\nrule = [3]\n",
        GOOD.replace('caveat = "c"', ""),
        GOOD.replace('id = "A"', 'id = "A"\nsubject = "patient"'),
        GOOD.replace('reference = "r"', 'reference = " "'),
        GOOD.replace('title = "t"', "title = 3"),
        GOOD.replace('needs = ["aptw_max"]', 'needs = ["nothing"]'),
        GOOD.replace('needs = ["aptw_max"]', "needs = []"),
        GOOD.replace('op = ">="', 'op = "~"'),
        GOOD + 'unknown = "x"\n',
        GOOD + 'treatment_quote = ""\n',
    ],
)
def test_damaged_files_give_typed_errors(tmp_path, text):
    with pytest.raises(RuleFormatError, match=r"rules\.toml"):
        read_rules(write(tmp_path, text))


def test_missing_file_and_oversized_file(tmp_path):
    with pytest.raises(RuleFormatError):
        read_rules(tmp_path / "none.toml")
    with pytest.raises(RuleFormatError, match="bytes"):
        read_rules(write(tmp_path, GOOD + "#" * 1_000_001))


def test_two_rules_with_one_id_are_refused(tmp_path):
    write(tmp_path, GOOD)
    (tmp_path / "second.toml").write_text(GOOD)
    with pytest.raises(RuleFormatError, match="'A'"):
        load_rules(tmp_path)

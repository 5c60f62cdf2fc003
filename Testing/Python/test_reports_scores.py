"""RQS, METRICS and CLEAR: arithmetic by hand, and what a record shows for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import reports_support as toys
from reports_support import full_record
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.reports.clear import NOT_AVAILABLE, clear_items, clear_markdown
from virtualbiopsy.training.reports.curves import DecisionCurves
from virtualbiopsy.training.reports.evidence import metrics_conditions, metrics_findings, rqs_findings
from virtualbiopsy.training.reports.metrics_score import ITEMS, Conditions, metrics_score
from virtualbiopsy.training.reports.quality import quality
from virtualbiopsy.training.reports.record import (
    EXTERNAL,
    INTERNAL,
    Compared,
    Data,
    Design,
    Finding,
    Modelling,
    Segmentation,
    StudyRecord,
    Told,
)
from virtualbiopsy.training.reports.rqs import ITEMS as RQS
from virtualbiopsy.training.reports.rqs import LEAST, MOST, rqs_score

CONDITIONS = Conditions(segmentation=True, automated=True, handcrafted=True, tabular=True, deep=True)
EMPTY = StudyRecord(Design("a study", "Ki-67"))


def said(*keys):
    return {key: Finding(True, "the log") for key in keys}


def rqs_points(record):
    return {found.item.number: found.points for found in rqs_score(rqs_findings(record)).items}


# RQS ---------------------------------------------------------------------------------------------


def test_rqs_has_16_items_from_minus_8_to_36():
    assert len(RQS) == 16 and [item.number for item in RQS] == list(range(1, 17))
    assert [item.most for item in RQS] == [2, 1, 1, 1, 3, 1, 1, 1, 2, 2, 7, 5, 2, 2, 1, 4]
    assert (LEAST, MOST) == (-8, 36)


def test_rqs_of_the_worst_and_the_best_study():
    criteria = [criterion for item in RQS for criterion in item.criteria]
    worst = rqs_score(said(*(c.key for c in criteria if c.points < 0)))
    best = rqs_score(said(*(c.key for c in criteria if c.points > 0)))
    assert worst.points == -8 and worst.percent == 0.0
    assert best.points == 36 and best.percent == 100.0


def test_rqs_by_hand():
    score = rqs_score(
        said("protocol_documented", "reduction", "cut_off", "discrimination", "other_institute", "open_code")
    )
    # 1 + 3 + 1 + 1 + 3 + 1
    assert score.points == 10 and score.percent == pytest.approx(1000 / 36)


def test_rqs_validation_counts_its_best_only():
    score = rqs_score(said("same_institute", "other_institute", "published_signature"))
    (validation,) = [found for found in score.items if found.item.number == 12]
    assert validation.points == 4 and len(validation.counted) == 1


def test_rqs_unknown_is_zero_and_no_point_without_evidence():
    assert rqs_score({}).points == 0
    assert rqs_score({"prospective": Finding(True, " "), "phantom": Finding(None, "?")}).points == 0
    assert rqs_score({"no_validation": Finding(False, "two hospitals")}).points == 0
    assert rqs_score(rqs_findings(EMPTY)).points == 0


def test_rqs_refuses_unknown_and_contradictory_criteria():
    with pytest.raises(TrainingError, match="no criterion 'charm'"):
        rqs_score(said("charm"))
    with pytest.raises(TrainingError, match="item 5"):
        rqs_score(said("reduction", "no_reduction"))


def test_rqs_of_a_full_record_with_the_evidence_of_each_point():
    score = rqs_score(rqs_findings(full_record()))
    points = {found.item.number: found.points for found in score.items}
    expected = dict.fromkeys(range(1, 17), 0) | {
        1: 1,
        2: 1,
        5: 3,
        6: 1,
        7: 1,
        8: 1,
        9: 2,
        10: 2,
        12: 3,
        14: 2,
        16: 1,
    }
    assert points == expected and score.points == 18
    assert all(bool(found.counted) == (found.points != 0) for found in score.items)
    assert all(evidence.strip() for found in score.items for _, evidence in found.counted)
    reduction = score.items[4].counted[0][1]
    assert "LASSO kept 4 of 34" in reduction and "ICC(2,1)" in reduction


def test_rqs_known_absence_costs_points():
    bare = replace(EMPTY, modelling=Modelling(steps=(Told("scale", "Standardised."),)), tests=())
    assert rqs_points(bare)[5] == -3 and rqs_points(bare)[12] == -5
    reduced = replace(bare, modelling=Modelling(steps=(Told("lasso", "Kept 4 of 9."),)))
    assert rqs_points(reduced)[5] == 3


def test_rqs_counts_institutions_not_tests():
    def record(*tests):
        return replace(EMPTY, tests=tests)

    def outside(name, places=1):
        return toys.Tested(name, EXTERNAL, {}, institutions=places)

    held = toys.Tested("hold-out", INTERNAL, {})
    assert rqs_points(record(held))[12] == 2
    assert rqs_points(record(held, outside("B")))[12] == 3
    assert rqs_points(record(outside("B"), outside("C")))[12] == 4
    assert rqs_points(record(outside("B", 3)))[12] == 5


def test_an_answer_takes_back_what_was_found_and_gives_what_was_not():
    record = full_record()
    answers = {
        "rqs:utility": Finding(False, "the curve is on simulated cases"),
        "rqs:cost": Finding(True, "cost per case in table 3"),
    }
    points = rqs_points(replace(record, answers=answers))
    assert points[14] == 0 and points[15] == 1 and points[7] == 0


def test_an_answer_stands_above_the_opposite_finding():
    bare = replace(EMPTY, modelling=Modelling(steps=()), tests=())
    answers = {
        "rqs:reduction": Finding(True, "two features by literature"),
        "rqs:two_institutes": Finding(True, "published elsewhere"),
    }
    assert rqs_points(bare)[5] == -3 and rqs_points(bare)[12] == -5
    answered = rqs_points(replace(bare, answers=answers))
    assert answered[5] == 3 and answered[12] == 4


# METRICS -----------------------------------------------------------------------------------------


def test_metrics_weights_are_those_of_the_paper():
    weights = [item.weight for item in ITEMS]
    assert len(weights) == 30 and sum(weights) == pytest.approx(1.0, abs=1e-12)
    assert [round(1e4 * weight) for weight in weights] == [
        *(368, 735, 919),
        *(438, 292, 438, 292),
        *(337, 225, 112),
        *(622, 311, 415),
        *(200, 200, 300, 200),
        *(599, 300),
        *(352, 234, 176, 117, 293, 176),
        *(375, 749),
        *(75, 75, 75),
    ]


def test_metrics_of_the_worst_and_the_best_study():
    best = metrics_score({item.number: Finding(True, "log") for item in ITEMS}, CONDITIONS)
    assert best.percent == pytest.approx(100) and best.quality == "excellent"
    worst = metrics_score({}, CONDITIONS)
    assert worst.percent == 0 and worst.quality == "very low"


def test_metrics_by_hand():
    score = metrics_score({n: Finding(True, "log") for n in (2, 3, 27)}, CONDITIONS)
    assert score.percent == pytest.approx(100 * (0.0735 + 0.0919 + 0.0749)) and score.quality == "low"


def test_metrics_conditional_items_leave_the_denominator():
    met = {n: Finding(True, "log") for n in (2, 8, 9, 12, 14, 17)}
    without = Conditions(segmentation=False, automated=True, handcrafted=False, tabular=False, deep=False)
    left = 1 - (0.0337 + 0.0225 + 0.0112) - 0.0311 - (0.02 + 0.02 + 0.03) - 0.02
    assert metrics_score(met, without).percent == pytest.approx(100 * 0.0735 / left)
    drawn = replace(CONDITIONS, automated=False)
    whole = 0.0735 + 0.0337 + 0.0311 + 0.02 + 0.02
    assert metrics_score(met, drawn).percent == pytest.approx(100 * whole / (1 - 0.0225))
    assert [s.item.number for s in metrics_score(met, without).items if not s.applies] == [
        *(8, 9, 10),
        12,
        *(14, 15, 16, 17),
    ]


def test_metrics_unknown_is_not_met_and_needs_evidence():
    assert metrics_score({2: Finding(True, ""), 3: Finding(None, "?")}, CONDITIONS).percent == 0
    assert metrics_score(metrics_findings(EMPTY), metrics_conditions(EMPTY)).percent == 0
    with pytest.raises(TrainingError, match="no item 31"):
        metrics_score({31: Finding(True, "log")}, CONDITIONS)


def test_metrics_of_a_full_record():
    record = full_record()
    score = metrics_score(metrics_findings(record), metrics_conditions(record))
    unmet = {s.item.number for s in score.items if s.applies and not s.met}
    # one centre, nothing said of translatability, two sequences not compared with one, no data shared
    assert unmet == {4, 5, 23, 28}
    assert [s.item.number for s in score.items if not s.applies] == [9, 17]


def test_few_events_and_leaks_are_not_met():
    record = full_record()
    few = replace(record, modelling=replace(record.modelling, events_per_candidate=6.0, inside_folds=False))
    found = metrics_findings(few)
    assert found[16].met is False and "6.0 events" in found[16].evidence
    assert found[18].met is False


def test_a_figure_without_interval_shows_no_uncertainty():
    record = replace(EMPTY, tests=(toys.Tested("cv", "cross-validation", {"auc": {"value": 0.8}}),))
    assert 21 not in metrics_findings(record) and rqs_points(record)[9] == 0


def test_readiness_of_a_simulated_study_is_the_lowest():
    assert quality(full_record()).readiness == 1
    assert quality(EMPTY).readiness_words == "not available"


# CLEAR -------------------------------------------------------------------------------------------


def test_clear_has_58_items_in_order():
    items = clear_items(EMPTY)
    assert [item.number for item in items] == list(range(1, 59))
    assert len({item.name for item in items}) == 58
    named = {item.number: item.name for item in items}
    assert named[15] == "Data split methodology" and named[31].endswith("segmentation reliability analysis")
    assert named[43].startswith("Interpretability") and named[58] == "Sharing a ready-to-use system"


def test_clear_of_nothing_is_not_available():
    items = clear_items(EMPTY)
    assert [item.number for item in items if item.available] == [1]
    assert all(item.text == NOT_AVAILABLE for item in items[1:])


def test_clear_is_filled_from_the_record():
    items = {item.number: item.text for item in clear_items(full_record())}
    assert items[15].endswith("fitted on the training parts only.") and "seed 7" in items[15]
    assert "Missing values were replaced" in items[29] and "ICC(2,1)" in items[31]
    assert items[32] == "Values were standardised." and "LASSO kept 4" in items[33]
    assert "AUC 0.810 (95 % CI 0.740 to 0.870)" in items[47] and "hospital B" in items[47]
    assert "DeLong" in items[41] and "decision curves" in items[42]
    assert items[53] == NOT_AVAILABLE and items[56] == "https://example.org/code"


def test_clear_answers_stand_above_and_known_absence_is_said():
    record = replace(full_record(), answers={"clear:8": Finding(True, "Waived by the board")})
    assert {i.number: i.text for i in clear_items(record)}[8] == "Waived by the board"
    bare = replace(EMPTY, modelling=Modelling(steps=()))
    assert {i.number: i.text for i in clear_items(bare)}[33] == "No such step."


def test_clear_file_counts_its_items():
    text = clear_markdown(full_record())
    rows = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == 58
    filled = sum(not row.endswith(f"{NOT_AVAILABLE} |") for row in rows)
    assert f"{filled} of 58 items are filled" in text and "SIMULATED" in text


# Records -----------------------------------------------------------------------------------------


def test_gold_standard_and_single_sequence_come_from_comparisons():
    record = replace(
        EMPTY,
        comparisons=(
            Compared("combined", "standard", "AUC", 0.05, test="DeLong"),
            Compared("combined", "single sequence", "AUC", 0.02, test="DeLong"),
        ),
    )
    assert rqs_points(record)[13] == 2 and metrics_findings(record)[23].met


def test_the_decision_curve_names_its_thresholds():
    curve = DecisionCurves(np.array([0.15, 0.9]), np.zeros(2), {"model": np.zeros(2)})
    record = replace(EMPTY, tests=(toys.Tested("cv", "cross-validation", {}, decision=curve),))
    assert "15 to 90 %" in rqs_findings(record)["utility"].evidence


def test_automatic_outlines_ask_for_their_evaluation():
    record = replace(EMPTY, segmentation=Segmentation(True, "automatic"), data=Data(sites=3))
    assert metrics_conditions(record).automated and metrics_findings(record)[4].met

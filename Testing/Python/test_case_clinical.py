"""Clinical variables: canonical values, refusals, encoding."""

import math

import pytest
from virtualbiopsy.case.clinical import CLINICAL, check_clinical, encode_clinical
from virtualbiopsy.errors import ClinicalValueError
from virtualbiopsy.radiomics.definitions import describe
from virtualbiopsy.tasks import BREAST, MENINGIOMA, TASKS


def test_every_variable_can_fill_a_form():
    for name, variable in CLINICAL.items():
        assert variable.name == name and variable.label and variable.description
        assert (variable.kind == "choice") == bool(variable.choices)
        assert (variable.kind == "number") == (variable.minimum is not None and variable.maximum is not None)
    assert list(CLINICAL) == [
        "age",
        "sex",
        "location",
        "who_grade",
        "margin",
        "brain_interface",
        "enhancement_pattern",
        "dural_tail",
        "menopausal_status",
        "er_positive",
        "pr_positive",
        "histological_grade",
    ]


def test_tasks_ask_for_known_variables():
    for task in TASKS.values():
        assert set(task.clinical) <= set(CLINICAL)
    assert set(MENINGIOMA.clinical) | set(BREAST.clinical) == set(CLINICAL)


def test_values_become_canonical_and_unknown_ones_disappear():
    given = {"age": "61", "sex": "F", "who_grade": "II", "dural_tail": "yes", "margin": None, "location": " "}
    assert check_clinical(given) == {"age": 61.0, "sex": "female", "who_grade": 2, "dural_tail": True}
    assert check_clinical({"who_grade": 3.0}) == {"who_grade": 3}
    assert check_clinical({"location": "Medial skull base"}) == {"location": "medial_skull_base"}
    given = {"menopausal_status": "Post", "er_positive": "yes", "pr_positive": 0, "histological_grade": "iii"}
    assert check_clinical(given) == {
        "menopausal_status": "postmenopausal",
        "er_positive": True,
        "pr_positive": False,
        "histological_grade": 3,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"age": -1},
        {"age": 121},
        {"age": math.nan},
        {"age": "old"},
        {"age": True},
        {"age": [60]},
        {"sex": "x"},
        {"who_grade": 4},
        {"who_grade": True},
        {"who_grade": 1.5},
        {"margin": "smooth-ish"},
        {"dural_tail": "maybe"},
        {"dural_tail": 2},
        {"hair": "brown"},
        {"histological_grade": 4},
        {"histological_grade": "IV"},
        {"menopausal_status": "unknown"},
        {"er_positive": "strongly"},
        {"pr_positive": 80},
    ],
)
def test_wrong_values_are_refused_with_what_to_do(values):
    with pytest.raises(ClinicalValueError) as caught:
        check_clinical(values)
    assert str(caught.value)


def test_encoding():
    low = {
        "age": 50,
        "sex": "female",
        "location": "convexity",
        "who_grade": 1,
        "margin": "regular",
        "brain_interface": "clear",
        "enhancement_pattern": "homogeneous",
        "dural_tail": False,
    }
    high = {
        "age": 70,
        "sex": "male",
        "location": "skull_base",
        "who_grade": 3,
        "margin": "irregular",
        "brain_interface": "blurred",
        "enhancement_pattern": "heterogeneous",
        "dural_tail": True,
    }
    names = [
        "age",
        "sex",
        "skull_base",
        "who_grade",
        "margin_irregular",
        "interface_blurred",
        "enhancement_heterogeneous",
        "dural_tail",
    ]
    keys = [f"clinical:{name}" for name in names]
    assert encode_clinical(low) == dict(zip(keys, [50, 0, 0, 1, 0, 0, 0, 0], strict=True))
    assert encode_clinical(high) == dict(zip(keys, [70, 1, 1, 3, 1, 1, 1, 1], strict=True))
    assert encode_clinical({}) == {}
    for location in CLINICAL["location"].choices:
        expected = location in ("skull_base", "medial_skull_base", "spinal")
        assert encode_clinical({"location": location}) == {"clinical:skull_base": float(expected)}


def test_encoding_of_the_breast_task():
    keys = [
        f"clinical:{name}" for name in ("postmenopausal", "er_positive", "pr_positive", "histological_grade")
    ]
    low = {
        "menopausal_status": "premenopausal",
        "er_positive": False,
        "pr_positive": False,
        "histological_grade": 1,
    }
    high = {
        "menopausal_status": "postmenopausal",
        "er_positive": True,
        "pr_positive": True,
        "histological_grade": 3,
    }
    assert encode_clinical(low) == dict(zip(keys, [0, 0, 0, 1], strict=True))
    assert encode_clinical(high) == dict(zip(keys, [1, 1, 1, 3], strict=True))
    assert encode_clinical({"menopausal_status": "perimenopausal"}) == {"clinical:postmenopausal": 0.0}
    for key in keys:
        assert describe(key).label and describe(key).description

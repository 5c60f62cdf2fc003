"""A survival model that opens simulated meningiomas, for the tests of all doors."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from recipes_support import PLANS
from virtualbiopsy.models.radmodel import RadModel
from virtualbiopsy.models.study import find_study
from virtualbiopsy.training.cases import simulated_cases
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.run import SMALL, Trained, train
from virtualbiopsy.training.stand_in import GRADE
from virtualbiopsy.training.table import read_table

MEASURED = Path(__file__).parent / "data" / "m11-simulated-features.csv"


@cache
def trained_survival() -> Trained:
    """Cox with the features of M11 on 24 simulated meningiomas of grade 1, with drawn times to recurrence."""
    table = read_table(MEASURED)
    table = replace(
        table,
        columns=(*table.columns, GRADE),
        values=np.column_stack([table.values, np.ones(len(table.cases))]),
    )
    plan = replace(PLANS["C6"], wanted=PLANS["M11"].wanted, clinical=())
    plan = replace(plan, method=replace(plan.method, estimator=Spec("cox", {"l2": 5.0})))
    return train(find_study("C6"), plan, simulated_cases(plan, table), validation=SMALL)


def survival_model() -> RadModel:
    model = trained_survival().model
    assert model is not None and model.survival is not None
    return model

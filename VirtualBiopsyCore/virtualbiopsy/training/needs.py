"""The packages that a run needs, asked for before its cases are measured."""

from __future__ import annotations

import importlib.util

from ..errors import MissingPackageError
from .plan import Plan


def check_packages(plan: Plan) -> None:
    """Make sure that nothing lacks at the end of a long extraction.

    Raises
    ------
    MissingPackageError : scikit-learn, or XGBoost for a plan that fits it, is not installed.
    """
    wanted = [("sklearn", "scikit-learn", "train")]
    if plan.method.estimator.kind == "xgboost":
        wanted.append(("xgboost", "XGBoost", "boost"))
    lacking = [(name, extra) for module, name, extra in wanted if importlib.util.find_spec(module) is None]
    if lacking:
        names = " and ".join(name for name, _ in lacking)
        extras = ",".join(extra for _, extra in lacking)
        raise MissingPackageError(
            f"{plan.study_id} needs {names}, which is not installed.",
            f'Install it with `pip install "virtualbiopsy[{extras}]"`; predicting does not need it.',
        )

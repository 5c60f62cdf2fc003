"""Survival: hazards, curves, comparisons, and figures of merit, in numpy."""

from .calibration import CalibrationAt, brier_at, calibration_at
from .concordance import Concordance, concordance
from .cox import Baseline, fit_cox, lasso_cox
from .curves import Curve, LogRank, kaplan_meier, log_rank
from .forest import fit_survival_forest
from .groups import RiskGroups, risk_groups
from .nomogram import Axis, Nomogram, model_nomogram, nomogram

__all__ = [
    "Axis",
    "Baseline",
    "CalibrationAt",
    "Concordance",
    "Curve",
    "LogRank",
    "Nomogram",
    "RiskGroups",
    "brier_at",
    "calibration_at",
    "concordance",
    "fit_cox",
    "fit_survival_forest",
    "kaplan_meier",
    "lasso_cox",
    "log_rank",
    "model_nomogram",
    "nomogram",
    "risk_groups",
]

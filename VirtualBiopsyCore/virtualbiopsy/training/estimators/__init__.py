"""Estimators: fitted by a library or by own code, kept and applied as numbers."""

from .fitted import Fitted
from .make import KINDS, kinds_for, make_estimator

__all__ = ["KINDS", "Fitted", "kinds_for", "make_estimator"]

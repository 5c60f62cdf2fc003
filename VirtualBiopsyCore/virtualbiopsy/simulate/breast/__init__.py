"""Simulated breast MR studies with known truth."""

from .biology import BreastBiology, draw_breast_biology
from .case import COHORT, BreastSettings, Examination, SimulatedBreastCase, simulate_breast
from .cohort import simulate_breast_cohort, write_breast_cohort
from .write import write_breast

__all__ = [
    "COHORT",
    "BreastBiology",
    "BreastSettings",
    "Examination",
    "SimulatedBreastCase",
    "draw_breast_biology",
    "simulate_breast",
    "simulate_breast_cohort",
    "write_breast",
    "write_breast_cohort",
]

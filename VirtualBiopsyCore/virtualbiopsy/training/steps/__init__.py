"""Preparation and selection of features: every step is fitted on training cases and applied to others."""

from .chain import STEPS, FittedSteps, fit_steps, make_step

__all__ = ["STEPS", "FittedSteps", "fit_steps", "make_step"]

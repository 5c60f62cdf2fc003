"""In-silico cases and cohorts with known truth."""

from .biology import Biology, draw_biology
from .cohort import simulate_cohort, write_cohort
from .meningioma import SimulatedCase, SimulationSettings, simulate_meningioma
from .template import TemplateMissingError
from .write import write_case

__all__ = [
    "Biology",
    "SimulatedCase",
    "SimulationSettings",
    "TemplateMissingError",
    "draw_biology",
    "simulate_cohort",
    "simulate_meningioma",
    "write_case",
    "write_cohort",
]

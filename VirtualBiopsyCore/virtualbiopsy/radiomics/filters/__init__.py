"""Image filters of IBSI-2 and of pyradiomics, in numpy, scipy and SimpleITK."""

from .apply import apply_filter, apply_filters, memory_needed
from .spec import FilterSpec, make_filter, parse_filter

__all__ = ["FilterSpec", "apply_filter", "apply_filters", "make_filter", "memory_needed", "parse_filter"]

"""Named feature values with their provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FeatureVector:
    """Values by key (radiomic, ``clinical:`` and ``delta:`` keys), and how they came about.

    Attributes
    ----------
    values : finite floats by key; what could not be computed is absent.
    missing : why a requested key is absent, one sentence by key.
    bins : number of grey levels found inside the region, by ``sequence:region:discretisation``.
    provenance : processing order with parameters, one sentence per step.
    earlier : values at the earlier time point by radiomic key; empty without one.
    """

    values: Mapping[str, float]
    missing: Mapping[str, str] = field(default_factory=dict)
    bins: Mapping[str, int] = field(default_factory=dict)
    provenance: tuple[str, ...] = ()
    earlier: Mapping[str, float] = field(default_factory=dict)

"""The diffusion series: one image per b-value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True, eq=False)
class DiffusionSeries:
    """Diffusion-weighted images of one acquisition.

    Attributes
    ----------
    name : series description or file name.
    b_values : s/mm², ascending; each once.
    images : 3D scalar images by b-value, in that order, all on one grid, physical space LPS. Where a b-value
        was acquired along several directions or repeated, their mean.
    averaged : how many images went into each.
    b_source : where the b-values came from, one sentence.
    protocol, frame_of_reference, source : as for :class:`virtualbiopsy.case.model.Sequence`.
    """

    name: str
    b_values: tuple[float, ...]
    images: tuple[sitk.Image, ...]
    averaged: tuple[int, ...] = ()
    b_source: str = ""
    protocol: Mapping[str, str] = field(default_factory=dict)
    frame_of_reference: str | None = None
    source: str = ""

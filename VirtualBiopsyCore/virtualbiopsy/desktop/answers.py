"""Answers to the questions that were asked about a result; they fall away with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from ..explain.regional import Influence, RegionExplanation
from ..scene.results import INFLUENCE, REGIONS
from ..session import Result

FEATURE = "feature:"


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether two tuples hold the same objects (images are not compared voxel by voxel); text and flags by
    value."""
    return len(first) == len(second) and all(
        a is b or (isinstance(a, (str, bool)) and a == b) for a, b in zip(first, second, strict=True)
    )


@dataclass(eq=False)
class Answers:
    """By model id.

    Attributes
    ----------
    of : predictions of the result that they belong to (the same object).
    regions, influence : level 2, and what a change of the outline would do.
    unstable : uint8, 1 where the sign of the total map is not stable.
    features : map of one feature by model id and key.
    """

    of: Any = None
    regions: dict[str, RegionExplanation] = field(default_factory=dict)
    influence: dict[str, Influence] = field(default_factory=dict)
    unstable: dict[str, sitk.Image] = field(default_factory=dict)
    features: dict[tuple[str, str], sitk.Image] = field(default_factory=dict)

    def about(self, result: Result | None) -> Answers:
        """These answers if they are about this result, else none."""
        of = result.predictions if result is not None else None
        return self if of is self.of else Answers(of)

    def choices(self) -> list[tuple[str, str]]:
        """(model id, part) of what can be shown as a map."""
        return (
            [(model_id, FEATURE + key) for model_id, key in self.features]
            + [(model_id, REGIONS) for model_id in self.regions]
            + [(model_id, INFLUENCE) for model_id in self.influence]
        )

"""Level 2 and the influence of the outline as layers of their own, apart from the voxel ledger."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import SimpleITK as sitk

from ..explain.regional import Influence, RegionExplanation
from ..report.pictures import per_ml
from .flipmarks import FlipMarks
from .layer import LayerOptions, SignedLayer

REGIONS_HEADING = "What if this part were missing"
INFLUENCE_HEADING = "What if the outline changed here"
_TWO_SIDED_95 = 1.96


def regions_map(explanation: RegionExplanation) -> sitk.Image:
    """Log-odds per voxel, float64, on the grid of the parts: each part's psi spread evenly over its voxels.

    The sum over all voxels is Σ psi.
    """
    labels = sitk.GetArrayFromImage(explanation.labels)
    psi = np.asarray(explanation.psi, dtype=np.float64)
    voxels = np.bincount(labels.ravel(), minlength=psi.size + 1)[1 : psi.size + 1]
    share = np.divide(psi, voxels, out=np.zeros_like(psi), where=voxels > 0)
    return _looked_up(explanation.labels, np.concatenate([[0.0], share]), labels)


def open_sign(explanation: RegionExplanation) -> sitk.Image:
    """1 where the sampling error leaves the sign of a part open (95 %), uint8."""
    error = np.asarray(explanation.error)
    unsure = (error > 0) & (np.abs(explanation.psi) < _TWO_SIDED_95 * error)
    labels = sitk.GetArrayFromImage(explanation.labels)
    return _looked_up(explanation.labels, np.concatenate([[0], unsure]).astype(np.uint8), labels)


def influence_map(influence: Influence) -> sitk.Image:
    """Change of the probability, float64: inside the outline if the part were erased, around it if the part
    of the shell were painted in; NaN where no answer exists."""
    labels = sitk.GetArrayFromImage(influence.labels)
    shell = np.asarray(influence.painted, dtype=np.float64)
    values = np.concatenate([shell[::-1], [0.0], np.asarray(influence.erased, dtype=np.float64)])
    return _looked_up(influence.labels, values, labels + shell.size)


def _looked_up(grid: sitk.Image, table: np.ndarray, index: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(table[index])
    image.CopyInformation(grid)
    return image


class RegionsOverlay(SignedLayer):
    """Level 2: each part in the colour of its contribution, log-odds per mL."""

    role = "regions"
    node_name = "Regions"
    heading = REGIONS_HEADING

    def show(
        self,
        explanation: RegionExplanation,
        title: str,
        **options: Unpack[LayerOptions],
    ) -> Any:
        """Show the parts and return the volume node; parts whose sign is open are hatched.

        The own window is the strongest part.
        """
        density = per_ml(regions_map(explanation))
        inside = sitk.GetArrayViewFromImage(density) != 0
        return self._show(density, inside, title, _largest(density), open_sign(explanation), **options)


class InfluenceOverlay(SignedLayer):
    """Each part of the outline and of the shell around it in the colour of the change of the probability."""

    role = "influence"
    node_name = "Influence"
    heading = INFLUENCE_HEADING
    unit = "change of probability"

    def __init__(self, scene: Any) -> None:
        super().__init__(scene)
        self.marks = FlipMarks(scene)

    def show(
        self,
        influence: Influence,
        title: str,
        *,
        marks: bool = True,
        **options: Unpack[LayerOptions],
    ) -> Any:
        """Show the changes and, if `marks`, the flip brush; return the volume node.

        The own window is the largest change.
        """
        changes = influence_map(influence)
        values = sitk.GetArrayViewFromImage(changes)
        inside = np.isfinite(values) & (values != 0)
        node = self._show(changes, inside, title, _largest(changes), **options)
        if marks:
            self.marks.show(influence)
        else:
            self.marks.hide()
        return node

    def hide(self) -> None:
        super().hide()
        self.marks.hide()

    def remove(self) -> None:
        super().remove()
        self.marks.remove()


def _largest(image: sitk.Image) -> float:
    values = np.abs(sitk.GetArrayViewFromImage(image))
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0

"""Questions about one result of one model that go beyond the explanation which every edit gets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from .case.model import Case
from .explain.influence import influence
from .explain.model import Explanation
from .explain.players import players
from .explain.pushback import pushback
from .explain.regional import Influence, RegionExplanation
from .explain.regions import explain_regions, refine
from .explain.workspace import Workspace
from .measure import Measured, Measuring
from .models.radmodel import RadModel
from .prepare.model import PreparedCase
from .progress import Progress, silent
from .radiomics.vector import FeatureVector
from .trust.steadiness import unstable_sign


@dataclass(frozen=True, eq=False)
class Inquiry:
    """What is needed to look further into the answer of one model for one outline."""

    case: Case
    model: RadModel
    features: FeatureVector
    explanation: Explanation
    prepared: PreparedCase
    measuring: Measuring
    measured: Measured
    workspace: Workspace
    _maps: dict[str, sitk.Image | None] = field(default_factory=dict)

    def regions(
        self, kind: str, count: int, game: str, drawn: np.ndarray | None, progress: Progress = silent
    ) -> RegionExplanation:
        """Level 2: what the score would be without parts of the outline."""
        on = self.measured
        labels = players(
            kind,
            on.masks["tumour"],
            on.spacing,
            images=on.arrays,
            count=count,
            drawn=None if drawn is None else drawn[on.box],
        )
        return explain_regions(
            self.model, self.measuring, on, self.features, labels, kind, game, progress=progress
        )

    def refined(
        self, found: RegionExplanation, count: int, pieces: int, progress: Progress = silent
    ) -> RegionExplanation:
        """Level 2 with its strongest parts split further."""
        return refine(
            found,
            self.model,
            self.measuring,
            self.measured,
            self.features,
            count=count,
            pieces=pieces,
            progress=progress,
        )

    def influence(self, parts: int, shell_mm: float, progress: Progress = silent) -> Influence:
        """How the probability would change if the outline changed in one place."""
        return influence(self.model, self.measuring, self.measured, self.features, parts, shell_mm, progress)

    def unstable_sign(self, progress: Progress = silent) -> sitk.Image:
        """Where the sign of the map depends on small changes of the outline: uint8, on the map's grid."""
        return unstable_sign(
            self.model, self.measuring, self.measured, self.features, self.explanation, progress
        )

    def feature_map(self, key: str) -> sitk.Image | None:
        """The voxel ledger of one feature, log-odds per voxel; None if it is not localised."""
        from .explain.feature_maps import feature_map

        if key not in self._maps:
            self._maps[key] = feature_map(self.model, self.explanation, self.workspace, key)
        return self._maps[key]

    def shares_at(self, point: tuple[float, float, float]) -> tuple[tuple[str, float], ...]:
        """Features behind one voxel and their shares, log-odds, largest first; empty outside the map."""
        total = self.explanation.total
        if total is None:
            return ()
        index = total.TransformPhysicalPointToIndex(point)
        if any(not 0 <= i < n for i, n in zip(index, total.GetSize(), strict=True)):
            return ()
        found = []
        for contribution in self.explanation.contributions:
            image = self.feature_map(contribution.key) if contribution.localised else None
            share = 0.0 if image is None else image[index]
            if share:
                found.append((contribution.key, float(share)))
        return tuple(sorted(found, key=lambda entry: (-abs(entry[1]), entry[0])))

    def native_maps(self) -> dict[str, sitk.Image]:
        """Level 3: the maps on the sequences' own grids, by role; their sums are conserved."""
        return {
            role: pushback(image, self.prepared.transforms[role], self.case.sequence(role).image)
            for role, image in self.explanation.maps.items()
        }

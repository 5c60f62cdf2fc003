"""From nodes to a session and back. No Qt: scripts and tests use it as the panel does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from ..case.clinical import check_clinical
from ..errors import MissingSequenceError, RegionError
from ..models.radmodel import RadModel, builtin_models
from ..progress import Progress, silent
from ..scene.cases import Tags, case_from_nodes, case_signature, no_tags
from ..scene.segments import mask_from_segment
from ..session import Result, Session

REFERENCE = "t1c"


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the user chose.

    Attributes
    ----------
    volumes : volume node by role, None where nothing is chosen.
    segmentation, segment_id : the outline.
    clinical : text values by variable name.
    """

    volumes: Mapping[str, Any]
    segmentation: Any = None
    segment_id: str = ""
    clinical: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> str:
        """Return "volume", "outline" or "": what must still be chosen."""
        if self.volumes.get(REFERENCE) is None:
            return "volume"
        if self.segmentation is None or not self.segment_id:
            return "outline"
        return ""


@dataclass(frozen=True, eq=False)
class Request:
    """Copies of everything that a computation needs; usable on any thread."""

    session: Session
    mask: sitk.Image
    clinical: Mapping[str, str]


class Study:
    """Keeps one session for the chosen volumes as long as they do not change.

    Parameters
    ----------
    models : models to run; the bundled ones if None, read at first use.
    tags : acquisition parameters of a volume node by DICOM keyword.
    files : DICOM files of a volume node; none for a volume from elsewhere.
    """

    def __init__(
        self,
        models: Sequence[RadModel] | None = None,
        tags: Tags = no_tags,
        files: Callable[[Any], Sequence[str]] = lambda node: (),
    ) -> None:
        self._models = tuple(models) if models is not None else None
        self.tags = tags
        self.files = files
        self._signature: Any = None
        self._session: Session | None = None

    @property
    def models(self) -> tuple[RadModel, ...]:
        if self._models is None:
            self._models = tuple(builtin_models())
        return self._models

    @property
    def models_by_id(self) -> dict[str, RadModel]:
        return {model.model_id: model for model in self.models}

    @property
    def session(self) -> Session | None:
        return self._session

    def forget(self) -> None:
        """Drop the session and the images that it holds."""
        self._session = self._signature = None

    def request(self, inputs: Inputs) -> Request:
        """Copy volumes and outline out of the scene; main thread only, and not while a computation runs.

        Raises
        ------
        MissingSequenceError : if no reference volume is chosen.
        RegionError : if no outline is chosen, or it was deleted.
        DimensionError, GeometryError : if a volume cannot be used.
        """
        missing = inputs.missing()
        if missing == "volume":
            raise MissingSequenceError(
                "No contrast-enhanced T1 volume is chosen.", "Choose one in the section 'Images'."
            )
        if missing == "outline":
            raise RegionError("No outline is chosen.", "Choose or draw a segment in the section 'Outline'.")
        signature = case_signature(inputs.volumes)
        if self._session is None or signature != self._signature:
            self._session = Session(case_from_nodes(inputs.volumes, tags=self.tags), self.models)
            self._signature = signature
        mask = mask_from_segment(inputs.segmentation, inputs.segment_id, inputs.volumes[REFERENCE])
        return Request(self._session, mask, dict(inputs.clinical))

    @staticmethod
    def compute(request: Request, progress: Progress = silent) -> Result:
        """Compute the result of a request; touches neither MRML nor Qt.

        Raises
        ------
        VirtualBiopsyError : what is wrong and what to do; the previous result stays.
        """
        if check_clinical(request.clinical) != dict(request.session.case.clinical):
            request.session.set_clinical(request.clinical)
        result = request.session.set_region(request.mask, progress)
        if result is None:
            raise RegionError("There is no outline.", "Draw or choose one.")
        return result

    def predict(self, inputs: Inputs, progress: Progress = silent) -> Result:
        """Request and compute in one go, on the calling (main) thread."""
        return self.compute(self.request(inputs), progress)

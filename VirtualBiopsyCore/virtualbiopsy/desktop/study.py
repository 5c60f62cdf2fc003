"""From nodes to a session and back. No Qt: scripts and tests use it as the panel does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import SimpleITK as sitk

from ..case.clinical import check_clinical
from ..case.dynamic import DynamicSeries
from ..case.dynamic_series import early_sequence, with_dynamic
from ..case.model import ROLES, Case
from ..errors import MissingSequenceError, RegionError
from ..models.library import available_models, library_folder
from ..models.radmodel import SUFFIX, RadModel
from ..prepare.kinetics.aif import read_input_table
from ..progress import Progress, part, silent
from ..scene.cases import Tags, case_from_nodes, case_signature, no_tags
from ..scene.dynamic import NodeSeries, reference_volume, series_from_node, series_signature
from ..scene.phases import early_volume, is_early_volume
from ..scene.segments import mask_from_segment
from ..session import Result, Session, region_digest
from ..tasks import MENINGIOMA, Task

MEASURED, TABLE = "measured", "table"
VESSEL_WORD = "artery"
"""How the name of a segment begins in which the arterial input is measured."""


@dataclass(frozen=True, eq=False)
class EarlierInputs:
    """The series of an earlier examination and the outline in it."""

    dynamic: Any = None
    segmentation: Any = None
    segment_id: str = ""

    @property
    def complete(self) -> bool:
        return self.dynamic is not None and self.segmentation is not None and bool(self.segment_id)


@dataclass(frozen=True)
class KineticInputs:
    """How the kinetic model departs from the models' own.

    Attributes
    ----------
    aif : "" for the models' own, a population, :data:`MEASURED` or :data:`TABLE`.
    t1_ms : assumed T1 of tissue, 0 for the models' own.
    table : path of a CSV with the arterial input.
    """

    aif: str = ""
    t1_ms: float = 0.0
    table: str = ""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the user chose.

    Attributes
    ----------
    volumes : volume node by role, None where nothing is chosen.
    segmentation, segment_id : the outline.
    clinical : text values by variable name.
    dynamic : node that holds the dynamic series, None for none.
    earlier : the earlier examination. kinetics : departures of the kinetic model.
    """

    volumes: Mapping[str, Any]
    segmentation: Any = None
    segment_id: str = ""
    clinical: Mapping[str, str] = field(default_factory=dict)
    dynamic: Any = None
    earlier: EarlierInputs = EarlierInputs()
    kinetics: KineticInputs = KineticInputs()


@dataclass(frozen=True, eq=False)
class Request:
    """Copies of everything that a computation needs; usable on any thread.

    Attributes
    ----------
    earlier : case and outline of the earlier examination, None for none.
    """

    session: Session
    mask: sitk.Image
    clinical: Mapping[str, str]
    earlier: tuple[Case, sitk.Image] | None = None


class Study:
    """Keeps one session for the chosen volumes as long as they do not change.

    Parameters
    ----------
    models : models to run; the bundled and installed ones of the task if None, read at first use.
    tags : acquisition parameters of a volume node by DICOM keyword.
    files : DICOM files of a volume node; none for a volume from elsewhere.
    times : elements that tell when a volume was acquired, by DICOM keyword.
    task : what the module is for.
    """

    def __init__(
        self,
        models: Sequence[RadModel] | None = None,
        tags: Tags = no_tags,
        files: Callable[[Any], Sequence[str]] = lambda node: (),
        times: Tags = no_tags,
        task: Task = MENINGIOMA,
    ) -> None:
        self._models = tuple(models) if models is not None else None
        self._given = models is not None
        self._library = _installed_files()
        self.tags = tags
        self.files = files
        self.task = task
        self._times = times
        self._signature: Any = None
        self._session: Session | None = None
        self._series: dict[str, tuple[Any, NodeSeries]] = {}
        self._earlier: tuple[Any, tuple[Case, sitk.Image]] | None = None
        self._departs: tuple[KineticInputs, str] = KineticInputs(), ""  # what the session was told

    @property
    def models(self) -> tuple[RadModel, ...]:
        if self._models is None:
            self._models = available_models(self.task.task_id)
        return self._models

    def look_for_models(self) -> bool:
        """Notice that models were installed or removed; True if so, then results count as out of date. Not
        while a computation runs."""
        files = _installed_files()
        if self._given or files == self._library:
            return False
        self._library, self._models = files, None
        return True

    @property
    def models_by_id(self) -> dict[str, RadModel]:
        return {model.model_id: model for model in self.models}

    @property
    def reference(self) -> str:
        """Role of the volume that outlines are drawn on."""
        return self.task.reference

    @property
    def session(self) -> Session | None:
        return self._session

    def forget(self) -> None:
        """Drop the session and the images that it holds."""
        self._session = self._signature = self._earlier = None
        self._departs = KineticInputs(), ""
        self._series.clear()

    def missing(self, inputs: Inputs) -> str:
        """Return "volume", "outline" or "": what must still be chosen."""
        if inputs.volumes.get(self.reference) is None:
            return "volume"
        if inputs.segmentation is None or not inputs.segment_id:
            return "outline"
        return ""

    def series(self, node: Any) -> NodeSeries:
        """The series that a node holds; read again only after it changed. Main thread only.

        Raises
        ------
        As :func:`virtualbiopsy.scene.dynamic.series_from_node`.
        """
        signature, known = series_signature(node), self._series.get(node.GetID())
        if known is None or known[0] != signature:
            known = signature, series_from_node(node, self.tags, self._times)
            self._series[node.GetID()] = known
        return known[1]

    def early_volume(self, scene: Any, node: Any) -> Any:
        """The volume node with the early phase of a series, put into the scene where it is not yet.

        Raises
        ------
        As :meth:`series`.
        """
        return early_volume(scene, node, early_sequence(self.series(node).series).image)

    def signature(self, inputs: Inputs) -> tuple[Any, ...]:
        """A value that changes when a chosen image changed, or the installed models."""
        images = self._library, case_signature(inputs.volumes), series_signature(inputs.dynamic)
        if inputs.kinetics == KineticInputs():
            return images
        vessel = self._vessel(inputs) if inputs.kinetics.aif == MEASURED else None
        return *images, inputs.kinetics, region_digest(vessel) if vessel is not None else ""

    def earlier_signature(self, inputs: EarlierInputs) -> tuple[Any, ...]:
        """A value that changes when the earlier examination, or which segment outlines it, changed."""
        if not inputs.complete:
            return ()
        outlined = inputs.segmentation.GetID(), inputs.segment_id
        return series_signature(inputs.dynamic), outlined, inputs.segmentation.GetSegmentation().GetMTime()

    def open(self, inputs: Inputs) -> Session:
        """The session for the chosen images; an outline need not be chosen. Main thread only, and not while
        a computation runs.

        Raises
        ------
        MissingSequenceError : if no reference volume is chosen.
        DimensionError, GeometryError, DynamicSeriesError : if a volume or the series cannot be used.
        RegionError, UnreadableFileError, ArterialInputError : if the chosen arterial input is not there.
        """
        if inputs.volumes.get(self.reference) is None:
            raise MissingSequenceError(
                f"No {ROLES[self.reference]} volume is chosen.", "Choose one in the section 'Images'."
            )
        signature = self.signature(replace(inputs, kinetics=KineticInputs()))
        if self._session is None or signature != self._signature:
            case = case_from_nodes(inputs.volumes, tags=self.tags)
            if inputs.dynamic is not None:
                series = self.series(inputs.dynamic).series
                case = replace(case, dynamic=series)
                if is_early_volume(inputs.volumes[self.reference]):
                    case = _as_early_phase(case, series)
            self._session = Session(case, self.models, self.task)
            self._signature = signature
            self._departs = KineticInputs(), ""
        self._depart(self._session, inputs)
        return self._session

    def _depart(self, session: Session, inputs: Inputs) -> None:
        """Tell the session how the kinetic model departs, if that changed."""
        chosen = inputs.kinetics
        vessel = arterial = None
        if chosen.aif == MEASURED:
            vessel = self._vessel(inputs)
            if vessel is None:
                raise RegionError(
                    f"No segment is called {VESSEL_WORD!r}.",
                    "Outline an artery in the segmentation of the lesion, or choose another arterial input.",
                )
        elif chosen.aif == TABLE:
            arterial = read_input_table(chosen.table)
        departs = chosen, region_digest(vessel) if vessel is not None else ""
        if departs != self._departs:
            changes: dict[str, Any] = {"aif": chosen.aif} if chosen.aif else {}
            if chosen.t1_ms > 0:
                changes["t1_ms"] = chosen.t1_ms
            session.set_kinetics(arterial, vessel, **changes)
            self._departs = departs

    def _vessel(self, inputs: Inputs) -> sitk.Image | None:
        """Mask of the segment in which the arterial input is measured, None if there is none."""
        volume = inputs.volumes.get(self.reference)
        if inputs.segmentation is None or volume is None:
            return None
        segmentation = inputs.segmentation.GetSegmentation()
        for n in range(segmentation.GetNumberOfSegments()):
            if segmentation.GetNthSegment(n).GetName().lower().startswith(VESSEL_WORD):
                return mask_from_segment(inputs.segmentation, segmentation.GetNthSegmentID(n), volume)
        return None

    def request(self, inputs: Inputs) -> Request:
        """Copy volumes and outline out of the scene; main thread only, and not while a computation runs.

        Raises
        ------
        RegionError : if no outline is chosen, or it was deleted. As :meth:`open`.
        """
        session = self.open(inputs)
        if self.missing(inputs) == "outline":
            raise RegionError("No outline is chosen.", "Choose or draw a segment in the section 'Outline'.")
        mask = mask_from_segment(inputs.segmentation, inputs.segment_id, inputs.volumes[self.reference])
        return Request(session, mask, dict(inputs.clinical), self._earlier_case(inputs.earlier))

    def _earlier_case(self, inputs: EarlierInputs) -> tuple[Case, sitk.Image] | None:
        """Case and outline of the earlier examination; the same objects as long as nothing changed."""
        if not inputs.complete:
            self._earlier = None
            return None
        mask = mask_from_segment(inputs.segmentation, inputs.segment_id, reference_volume(inputs.dynamic))
        signature = series_signature(inputs.dynamic), region_digest(mask)
        if self._earlier is None or self._earlier[0] != signature:
            series = self.series(inputs.dynamic).series
            self._earlier = signature, (with_dynamic(Case(series.name, ()), series), mask)
        return self._earlier[1]

    @staticmethod
    def compute(request: Request, progress: Progress = silent) -> Result:
        """Compute the result of a request; touches neither MRML nor Qt.

        Raises
        ------
        VirtualBiopsyError : what is wrong and what to do; the previous result stays.
        """
        session = request.session
        if check_clinical(request.clinical) != dict(session.case.clinical):
            session.set_clinical(request.clinical)
        known = session.earlier.case if session.earlier is not None else None
        if request.earlier is None and known is not None:
            session.set_earlier(None)
        elif request.earlier is not None and request.earlier[0] is not known:
            session.set_earlier(*request.earlier, part(progress, 0.0, 0.3))
            progress = part(progress, 0.3, 1.0)
        result = session.set_region(request.mask, progress)
        if result is None:
            raise RegionError("There is no outline.", "Draw or choose one.")
        return result

    def predict(self, inputs: Inputs, progress: Progress = silent) -> Result:
        """Request and compute in one go, on the calling (main) thread."""
        return self.compute(self.request(inputs), progress)


def _installed_files() -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of the installed model files."""
    found = []
    for path in library_folder().glob("*" + SUFFIX):
        try:
            state = path.stat()
        except OSError:  # it was removed just now
            continue
        found.append((path.name, state.st_mtime_ns, state.st_size))
    return tuple(sorted(found))


def _as_early_phase(case: Case, series: DynamicSeries) -> Case:
    """The case whose reference volume is the early phase of the series: it was acquired as that was."""
    early = early_sequence(series)
    sequences = tuple(
        replace(early, image=sequence.image, name=sequence.name) if sequence.role == early.role else sequence
        for sequence in case.sequences
    )
    return replace(case, sequences=sequences)

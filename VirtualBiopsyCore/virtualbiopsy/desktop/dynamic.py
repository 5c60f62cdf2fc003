"""The section "Dynamic series": phases, motion, maps, proposal, curve, and the earlier examination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from ..case.roles import guess_role
from ..errors import VirtualBiopsyError
from ..regions.proposal import Proposal
from ..scene.dynamic import NodeSeries, can_hold_series, reference_volume, sequence_of
from ..scene.nodes import all_nodes
from ..scene.phases import is_early_volume
from ..scene.segments import mask_from_segment, write_segment
from ..session import Session
from .bench import Bench
from .curves import CurveControls
from .earlier import EarlierControls
from .kinetic import KineticControls
from .maps import MapControls
from .outline import OutlineControls
from .phases import PhaseControls
from .proposal import ProposalControls
from .study import EarlierInputs, Inputs, KineticInputs, Study


class DynamicControls:
    """Everything about the series that is not prediction.

    The reference volume of the task is the early phase of the series: it is put into the scene as a volume of
    its own, so that outlines and predictions do not depend on the phase that the views show.

    Parameters
    ----------
    outline : the panel's outline controls.
    settings : returns the parameter node, or None. put : writes parameters, as one change.
    inputs : what the user chose.
    explained : whether the views show an explanation, which takes turns with the maps.
    changed : something was chosen that the panel must follow.
    """

    def __init__(
        self,
        bench: Bench,
        study: Study,
        outline: OutlineControls,
        settings: Callable[[], Any],
        put: Callable[..., None],
        inputs: Callable[[], Inputs],
        explained: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self._bench, self._ui, self._scene, self._study = bench, bench.ui, bench.scene, study
        self._outline, self._settings, self._put = outline, settings, put
        self._inputs, self._explained, self._changed = inputs, explained, changed
        ui = bench.ui
        ui.dynamicSelector.setProperty("SlicerParameterName", "dynamic")
        self._refused: Any = None  # what the last error of the series was about; said once
        self.phases = PhaseControls(bench, lambda node: put(dynamic=node), changed)
        self.maps = MapControls(bench, self.session, self.outline, self._map_chosen)
        self.proposal = ProposalControls(bench, self.session, self._proposed)
        self.curves = CurveControls(ui.curveLabel, bench.scene)
        self.kinetic = KineticControls(ui.kineticsFrame, self._kinetics_chosen)
        self.earlier = EarlierControls(ui, self._set_earlier_region)

    # Life

    def bind(self) -> None:
        self.curves.bind()

    def release(self) -> None:
        self.curves.release()
        self.proposal.give_up()

    def scene_about_to_close(self) -> None:
        self.release()
        self.curves.show(None, None, lambda: None)
        self.phases.clear()
        self.maps.reset()

    def scene_changed(self) -> None:
        self.maps.reset()

    def close(self) -> None:
        self.proposal.close()
        self.curves.close()

    # What was chosen

    def chosen(self) -> dict[str, Any]:
        """What the section adds to the inputs, by field."""
        settings = self._settings()
        earlier = EarlierInputs(settings.earlier, settings.earlierSegmentation, settings.earlierSegmentId)
        kinetics = KineticInputs(settings.arterialInput, settings.tissueT1, settings.arterialTable)
        return {"dynamic": settings.dynamic, "earlier": earlier, "kinetics": kinetics}

    def _kinetics_chosen(self, chosen: KineticInputs) -> None:
        self._put(arterialInput=chosen.aif, tissueT1=chosen.t1_ms, arterialTable=chosen.table)

    def _set_earlier_region(self, segmentation: Any, segment_id: str) -> None:
        self._put(earlierSegmentation=segmentation, earlierSegmentId=segment_id)

    def _map_chosen(self, role: str) -> None:
        """A map takes the place of the explanation; the check box of the explanation brings that back."""
        if role and self._explained():
            self._put(overlayVisible=False, dynamicMap=role)
        else:
            self._put(dynamicMap=role)

    def session(self) -> Session | None:
        """The session of the chosen images; None after an error, which was shown."""
        if self._settings() is None:
            return None
        try:
            return self._study.open(self._inputs())
        except VirtualBiopsyError as error:
            self._bench.fail(error, True)
            return None

    def outline(self) -> sitk.Image | None:
        """The outline as a mask on the reference volume, None without one."""
        inputs = self._inputs()
        if self._study.missing(inputs):
            return None
        volume = inputs.volumes[self._study.reference]
        try:
            return mask_from_segment(inputs.segmentation, inputs.segment_id, volume)
        except VirtualBiopsyError:
            return None

    def take(self, volume: Any) -> bool:
        """Take the series that a volume shows a phase of; False for an ordinary volume."""
        node = volume if can_hold_series(volume) else sequence_of(volume)
        if node is None or not can_hold_series(node):
            return False
        self._put(dynamic=node)
        return True

    def guess(self) -> list[str]:
        """Choose a series if none is chosen; return why, in words."""
        if self._settings() is None or self._settings().dynamic is not None:
            return []
        nodes = [
            node
            for kind in ("vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode")
            for node in all_nodes(self._scene, kind)
            if can_hold_series(node) and node is not self._settings().earlier
        ]
        guesses = [(node, self._guess_of(node)) for node in nodes]
        found = [(node, guess) for node, guess in guesses if guess.role == self._study.reference]
        if len(nodes) == 1:
            self._put(dynamic=nodes[0])
            return [_("{series} is the only dynamic series.").format(series=nodes[0].GetName())]
        if found:
            node, guess = max(found, key=lambda pair: pair[1].confidence)
            self._put(dynamic=node)
            return [
                _("{series} is taken as the dynamic series: {reason}").format(
                    series=node.GetName(), reason=guess.reason
                )
            ]
        return []

    def _guess_of(self, node: Any) -> Any:
        known = dict(self._study.tags(reference_volume(node)))
        return guess_role(node.GetName() or "", known, known.get("SeriesDescription", ""))

    # Showing

    def refresh(self) -> None:
        """Bring the section in line with the parameter node; may set the reference volume."""
        settings = self._settings()
        chosen = self.chosen()
        node, earlier = chosen["dynamic"], chosen["earlier"]
        found = self._read(node)
        if found is not None:
            reference = getattr(settings, self._study.reference)
            early = self._study.early_volume(self._scene, node)
            if reference is not early and (reference is None or is_early_volume(reference)):
                self._put(**{self._study.reference: early})
        if earlier.dynamic is not None and self._read(earlier.dynamic) is not None:
            self._study.early_volume(self._scene, earlier.dynamic)
        self.earlier.show(earlier)
        self.kinetic.show(chosen["kinetics"])
        self.phases.show(node if found is not None else None, found)
        self.refresh_curve()
        session = self._study.session if not self._bench.job.busy else None  # what runs holds the session
        source = session.dynamics if session is not None else None
        self.maps.show(settings.dynamicMap, source, settings.overlayOpacity, settings.legendVisible)

    def refresh_curve(self) -> None:
        """Draw the curve of the outline again if it changed."""
        drawn = self._settings().segmentId, self._outline.digest
        self.curves.show(self.phases.series, drawn, self.outline)

    def _read(self, node: Any) -> NodeSeries | None:
        if node is None:
            return None
        try:
            found = self._study.series(node)
        except VirtualBiopsyError as error:
            if self._refused is not node:
                self._refused = node
                self._bench.fail(error, True)
            return None
        self._refused = None
        return found

    def refresh_state(self, busy: bool) -> None:
        """Buttons."""
        ready = not busy and self.phases.series is not None
        self.phases.refresh(ready)
        self.maps.refresh(ready)
        self.proposal.refresh(ready)
        self.earlier.enable(not busy)
        self.kinetic.enable(not busy)
        self._ui.dynamicSelector.enabled = not busy

    # A proposed outline

    def _proposed(self, found: Proposal) -> None:
        """Make a segment of the proposal: a new one unless the chosen one is empty."""
        settings = self._settings()
        if settings is None:
            return
        volume = getattr(settings, self._study.reference)
        segmentation, segment_id = settings.segmentation, settings.segmentId
        if segmentation is None:
            segmentation, segment_id = self._outline.new_outline(volume)
        elif self._has_voxels(segmentation, segment_id, volume):
            segment_id = ""
        with slicer.util.RenderBlocker():
            segment_id = write_segment(segmentation, segment_id, found.mask, volume, _("Proposed lesion"))
        self._put(segmentation=segmentation, segmentId=segment_id)
        self._changed()

    @staticmethod
    def _has_voxels(segmentation: Any, segment_id: str, volume: Any) -> bool:
        if not segment_id or segmentation.GetSegmentation().GetSegment(segment_id) is None:
            return True
        mask = mask_from_segment(segmentation, segment_id, volume)
        return bool(sitk.GetArrayViewFromImage(mask).any())

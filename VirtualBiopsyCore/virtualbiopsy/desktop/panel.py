"""The panel of a predictor module: joins widgets, parameter node, study and scene."""

from __future__ import annotations

from html import escape
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.model import ROLES
from ..errors import VirtualBiopsyError
from ..scene.markups import hide_diameter, show_diameter
from ..scene.segments import other_segments
from ..session import Result
from .bench import Bench
from .clinical import ClinicalForm
from .engine import EngineControls
from .exporting import ExportControls
from .flow import PredictionFlow
from .images import ImageControls, show_behind
from .job import CANCELLING, JobRunner
from .keeping import keep, kept
from .outline import OutlineControls
from .overlay import OverlayControls
from .pictures import say
from .probe import VoxelProbe
from .questions import Questions
from .shown import ResultView
from .status import TellsStatus
from .study import Inputs, Study


class PredictorPanel(TellsStatus, PredictionFlow):
    """Everything between a module's widget and the package.

    Parameters
    ----------
    ui : named widgets of the .ui file.
    study : nodes to session and back; its task decides what the panel asks for.
    """

    def __init__(self, ui: Any, scene: Any, study: Study) -> None:
        self.ui = ui
        self._scene = scene
        self._tag = study.task.module  # of the editor node, and of the state in the scene
        self._settings: Any = None  # parameter node wrapper while the module is entered
        self._presented: Result | None = None
        self._may_restore = True
        self._updating = False
        self.status = ""
        super().__init__(JobRunner(self._job_changed), study)
        self.bench = Bench(ui, scene, self.job, self._fail, self._tell)
        self.images = ImageControls(
            ui, scene, study.task, study.tags, lambda: self._settings, self._tell, lambda: self.dynamic
        )
        self.form = ClinicalForm(ui.clinicalFrame, study.task.clinical, self._set_clinical)
        self.outline = OutlineControls(
            ui, scene, self._tag, self._set_region, self._refresh_state, self._settled
        )
        self.dynamic = self._dynamic_controls() if study.task.dynamic else None
        self.overlay = OverlayControls(ui, scene, self._set_map, self._set_colors)
        self.view = ResultView(
            ui, scene, study, self.overlay, self._revealed, self._set_part, self._set_model
        )
        self.questions = Questions(
            ui, self.job, study, self._up_to_date, self._answered, self._fail, self._drawn
        )
        self.probe = VoxelProbe(ui.probeLabel, scene, lambda: self.overlay.layer, self._shares)
        self.engine = EngineControls(self.bench, study, self.inputs)
        self.exports = ExportControls(
            self.bench,
            study,
            self.inputs,
            lambda: (self.result, self._settings) if self.result is not None else None,
            lambda: self.stale,
        )
        for section in (ui.dynamicCollapsibleButton, ui.earlierCollapsibleButton):
            section.setVisible(study.task.dynamic)
        ui.newOutlineButton.connect("clicked(bool)", self.new_outline)
        ui.predictButton.connect("clicked(bool)", self.predict_or_cancel)
        ui.stabilityButton.connect("clicked(bool)", self.vary_outline)
        ui.progressBar.setVisible(False)
        ui.staleLabel.setVisible(False)
        self.view.clear()
        self._refresh_state()

    def _dynamic_controls(self) -> Any:
        from .dynamic import DynamicControls

        return DynamicControls(
            self.bench,
            self.study,
            self.outline,
            lambda: self._settings,
            self._set,
            self.inputs,
            self._explanation_visible,
            self.refresh,
        )

    @property
    def cards(self) -> Any:
        return self.view.cards

    @property
    def ledger(self) -> Any:
        return self.view.ledger

    # Life

    def bind(self, settings: Any) -> None:
        """Follow a parameter node (wrapper); None lets go of it."""
        self._settings = settings
        if settings is None:
            self.outline.release()
            self.probe.release()
            if self.dynamic is not None:
                self.dynamic.release()
            return
        self.probe.bind()
        if self.dynamic is not None:
            self.dynamic.bind()
        self._may_restore = self.result is None
        self.refresh()

    def enter(self) -> None:
        self.outline.editor.enter()
        if not self.job.busy and self.study.look_for_models():
            self.refresh()

    def exit(self) -> None:
        self.outline.editor.exit()

    def scene_about_to_close(self) -> None:
        """Stop the job and forget everything that belongs to the scene."""
        self.stop()
        self.outline.release()
        self.outline.editor.scene_about_to_close()
        self.probe.release()
        if self.dynamic is not None:
            self.dynamic.scene_about_to_close()
        self.study.forget()
        self.questions.forget()
        self.cards.forget()
        self._presented = None
        self.overlay.reset()
        self._set_status("")
        self.view.clear()

    def scene_changed(self) -> None:
        """After the scene was closed or another one was read."""
        self.outline.editor.scene_changed()
        self.overlay.reset()
        if self.dynamic is not None:
            self.dynamic.scene_changed()

    def close(self) -> None:
        """Before the widgets are deleted: no job, timer or observer is left."""
        self._settings = None
        self.job.close()
        self.outline.close()
        self.probe.release()
        if self.dynamic is not None:
            self.dynamic.close()
        self.view.close()

    # What the user chose

    def inputs(self) -> Inputs:
        settings = self._settings
        return Inputs(
            volumes=self.images.volumes(),
            segmentation=settings.segmentation,
            segment_id=settings.segmentId,
            clinical=dict(settings.clinical),
            **(self.dynamic.chosen() if self.dynamic is not None else {}),
        )

    def _reference(self) -> Any:
        """The volume that outlines are drawn on, None if it is not chosen."""
        return getattr(self._settings, self.study.reference) if self._settings is not None else None

    def _inputs_key(self) -> Any:
        inputs = self.inputs()
        clinical = tuple(sorted(inputs.clinical.items()))
        node_id = inputs.segmentation.GetID() if inputs.segmentation is not None else ""
        images = self.study.signature(inputs), self.study.earlier_signature(inputs.earlier)
        return images, clinical, node_id, inputs.segment_id, self.outline.digest

    def _set(self, **values: Any) -> None:
        """Write parameters, as one change; nothing while no parameter node is bound."""
        if self._settings is not None:
            with slicer.util.NodeModify(self._settings):
                for name, value in values.items():
                    setattr(self._settings, name, value)

    def _set_clinical(self, values: dict[str, str]) -> None:
        self._set(clinical=values)

    def _set_region(self, segmentation: Any, segment_id: str) -> None:
        self._set(segmentation=segmentation, segmentId=segment_id)

    def _set_map(self, key: str) -> None:
        self._set(overlayMap=key)

    def _set_colors(self, key: str) -> None:
        self._set(overlayColors=key)

    def _set_model(self, model_id: str) -> None:
        if not self._updating:
            self._set(explainedModel=model_id)

    def _set_part(self, part: str, key: str) -> None:
        """A line of the ledger was chosen: show its map, that of the feature itself where there is one."""
        if self._settings is None or not self._model_id():
            return
        if key:
            part = self.questions.feature_map(key) or part
            self.overlay.offer(self.result, self.study.models_by_id, self.questions.about(self.result))
        self._set(overlayMap=f"{self._model_id()}|{part}", overlayVisible=True)

    def new_outline(self, checked: bool = False) -> None:
        """Add an empty segment on the reference volume and edit it."""
        volume = self._reference()
        if volume is None:
            self._tell(self._reasons()["volume"])
            return
        segmentation, segment_id = self.outline.new_outline(volume)
        self._set_region(segmentation, segment_id)
        show_behind(self._scene, volume)

    # Showing

    def _ask_further(self) -> None:
        self.questions.after_prediction(self._settings.hatchingVisible, self._settings.followInfluence)

    def _keep(self, result: Result) -> None:
        keep(self._scene, self._tag, self.inputs(), self.study.models, result)

    def _forget_cards(self) -> None:
        self.cards.forget()

    def refresh(self) -> None:
        """Bring all widgets and scene nodes in line with parameter node and result."""
        settings = self._settings
        if settings is None or self._updating or self._scene.IsBatchProcessing():
            return
        self._updating = True
        try:
            if self._may_restore:
                self._may_restore = False
                self._restore()
            inputs = self.inputs()
            self.form.show(inputs.clinical)
            self.outline.bind(inputs.segmentation, inputs.segment_id, self._reference())
            if self.dynamic is not None:
                if settings.dynamicMap and self._explanation_visible():
                    settings.dynamicMap = ""
                self.dynamic.refresh()
            if self._presented is not self.result:
                self._presented = self.result
                if self.result is None:
                    self.view.clear()
                else:
                    self.view.show(self.result, settings.diameterVisible)
            if not settings.diameterVisible:
                hide_diameter(self._scene)
            elif self.result is not None:
                show_diameter(self._scene, self.result.facts)
            answers = self.questions.about(self.result)
            if self.result is not None and self._model_id():
                self.view.explain(self.result, self._model_id(), answers.regions.get(self._model_id()))
            self.overlay.offer(self.result, self.study.models_by_id, answers)
            visible = self._explanation_visible()
            self.overlay.show(self.result, self.study.models_by_id, settings, visible, answers)
            say(self.ui.regionsLabel, escape(self.questions.regions_words(self.result, self._model_id())))
        finally:
            self._updating = False
        self._refresh_state()

    def _restore(self) -> None:
        """Show the result that a loaded scene carries; it counts as stale unless outline and data still
        agree."""
        inputs = self.inputs()
        try:
            found = kept(self._scene, self._tag, inputs, self._reference())
        except (VirtualBiopsyError, KeyError) as error:
            self._set_status(str(error))
            return
        if found is None:
            return
        self.result, current = found
        self._key = None
        if current:
            self.outline.bind(inputs.segmentation, inputs.segment_id, self._reference())
            self._key = self._inputs_key()
        self._set_status(_("Restored from the scene."))

    def _model_id(self) -> str:
        """The model whose estimate is explained; "" without a result."""
        return self.view.model_id(self._settings.explainedModel if self._settings is not None else "")

    def _explanation_visible(self) -> bool:
        """Whether the views are to show an explanation: it is wanted, and no red card keeps it back."""
        if self.result is None or not self._settings.overlayVisible:
            return False
        return not self.cards.withheld(self.result, self._map_model())

    def _map_model(self) -> str:
        """The model of the map that is shown."""
        return self.view.map_model(self._settings.overlayMap, self._settings.explainedModel)

    def _revealed(self, model_id: str) -> None:
        """The user asked for the number of a red card."""
        if self.result is not None:
            self.cards.show(self.result, self.study.models_by_id)
            self.refresh()

    def _answered(self, key: str) -> None:
        """A question was answered: show it if the user waits for it."""
        self._say_done()
        if self._settings is None:
            return
        if key:
            self.overlay.offer(self.result, self.study.models_by_id, self.questions.about(self.result))
            self._set(overlayMap=key, overlayVisible=True)
        self.refresh()

    def _drawn(self) -> list[Any]:
        """Masks of the segments beside the outline."""
        inputs = self.inputs()
        return other_segments(inputs.segmentation, inputs.segment_id, self._reference())

    def _shares(self, point: tuple[float, float, float]) -> tuple[tuple[str, float], ...]:
        """Shares of the features in a voxel; nothing while a job holds the session."""
        session = self.study.session
        if self.job.busy or session is None or session.result is None or self.stale:
            return ()
        return session.shares_at(self._map_model(), point)

    def _reasons(self) -> dict[str, str]:
        """What to do next, by what is missing."""
        volume = _("Choose the {sequence} volume first.").format(sequence=ROLES[self.study.reference])
        return {
            "volume": volume if self.dynamic is None else _("Choose the dynamic series first."),
            "outline": _("Choose a segment or draw a new outline first."),
            "": _("Estimate the probabilities for this outline."),
        }

    def _settled(self) -> None:
        if self._settings is not None and self.dynamic is not None:
            self.dynamic.refresh_curve()
        super()._settled()

    def _refresh_state(self) -> None:
        """Buttons, tool tips, progress and the stale mark."""
        ui, busy = self.ui, self.job.busy
        missing = self.study.missing(self.inputs()) if self._settings is not None else "volume"
        ui.predictButton.setText(_("Cancel") if busy else _("Predict"))
        ui.predictButton.enabled = self.job.state != CANCELLING if busy else not missing
        ui.predictButton.toolTip = _("Stop; the previous result stays.") if busy else self._reasons()[missing]
        stale = self.stale
        ui.staleLabel.setVisible(stale)
        session = self.study.session
        ready = not busy and not stale and session is not None and session.result is not None
        ready = ready and self.result is not None
        ui.stabilityButton.enabled = ready
        self.exports.refresh(ready)
        asked = self._up_to_date() if self._settings is not None and not busy else None
        model_id = asked[1] if asked is not None else ""
        hidden = bool(model_id) and self.cards.withheld(self.result, model_id)
        self.questions.refresh(asked is not None and not hidden)
        if asked is not None:
            model = None if hidden else self.study.models_by_id.get(model_id)
            self.view.what_if.show(asked[0], model, not hidden)
        else:
            self.view.what_if.pause()
        self.engine.refresh(self._settings is not None)
        self.images.enable(not busy)
        if self.dynamic is not None:
            self.dynamic.refresh_state(busy)

    def _job_changed(self) -> None:
        self._show_job()
        self._refresh_state()

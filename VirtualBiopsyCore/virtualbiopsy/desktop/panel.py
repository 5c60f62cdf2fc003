"""The panel of a predictor module: joins widgets, parameter node, study and scene."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.model import ROLES
from ..errors import Cancelled, ExistingFileError, VirtualBiopsyError
from ..report.credit import shared_words
from ..report.dicom.write import write_dicom
from ..report.export import write_outputs
from ..scene.cases import case_signature, guess_roles
from ..scene.markups import hide_diameter, show_diameter
from ..scene.persist import load_state, save_state
from ..scene.results import result_from_state, result_nodes, result_to_state
from ..scene.segments import mask_from_segment, other_segments
from ..session import Result, region_digest
from .answers import same
from .cards import deltas_html, evidence_html, facts_text, show_waterfall, user_text, warnings_html
from .clinical import ClinicalForm
from .engine import EngineControls
from .job import CANCELLING, JobRunner
from .ledger import LedgerTree, ledger_lines
from .outline import OutlineControls
from .overlay import OverlayControls
from .pictures import clear, say
from .probe import VoxelProbe
from .questions import Questions
from .study import REFERENCE, Inputs, Study
from .trust import TrustedNumbers
from .whatif import WhatIfControls

CLINICAL_WIDGETS = {
    "age": "ageSpinBox",
    "sex": "sexComboBox",
    "location": "locationComboBox",
    "who_grade": "whoGradeComboBox",
    "margin": "marginComboBox",
    "brain_interface": "brainInterfaceComboBox",
    "enhancement_pattern": "enhancementComboBox",
    "dural_tail": "duralTailComboBox",
}


class PredictorPanel:
    """Everything between a module's widget and the package.

    Parameters
    ----------
    ui : named widgets of the .ui file.
    study : nodes to session and back.
    roles : sequence roles with a parameter (and selector) of that name.
    tag : name of the module; tag of its editor node and of its state in the scene.
    """

    def __init__(self, ui: Any, scene: Any, study: Study, roles: Sequence[str], tag: str) -> None:
        self.ui = ui
        self.study = study
        self.result: Result | None = None
        self._scene = scene
        self._roles = tuple(roles)
        self._tag = tag
        self._settings: Any = None  # parameter node wrapper while the module is entered
        self._key: Any = None  # inputs of the result
        self._presented: Result | None = None
        self._explained: tuple[Any, ...] = ()
        self._session: Any = None
        self._may_restore = True
        self._model_ids: list[str] = []
        self._again = False
        self._varying = False  # the outline is varied without being asked
        self._yielding = False  # a question was cancelled for the sake of an edit
        self._updating = False
        self._layout: int | None = None
        self.status = ""
        self.job = JobRunner(self._job_changed)
        self.cards = TrustedNumbers(ui.resultsFrame, self._revealed)
        self.form = ClinicalForm(
            {name: getattr(ui, widget) for name, widget in CLINICAL_WIDGETS.items()}, self._set_clinical
        )
        self.outline = OutlineControls(ui, scene, tag, self._set_region, self._refresh_state, self._settled)
        self.overlay = OverlayControls(ui, scene, self._set_map, self._set_colors)
        self.ledger = LedgerTree(ui, self._set_part)
        self.what_if = WhatIfControls(ui, study)
        self.questions = Questions(
            ui, self.job, study, self._up_to_date, self._answered, self._fail, self._drawn
        )
        self.probe = VoxelProbe(ui.probeLabel, scene, lambda: self.overlay.layer, self._shares)
        self.engine = EngineControls(ui, self.job, study, self.inputs, self._fail, self._set_status)
        ui.displayedVolumeButton.connect("clicked(bool)", self.use_displayed_volume)
        ui.guessRolesButton.connect("clicked(bool)", self.guess)
        ui.newOutlineButton.connect("clicked(bool)", self.new_outline)
        ui.predictButton.connect("clicked(bool)", self.predict_or_cancel)
        ui.stabilityButton.connect("clicked(bool)", self.vary_outline)
        ui.chartButton.connect("clicked(bool)", self.toggle_chart)
        ui.exportButton.connect("clicked(bool)", self.export)
        ui.exportDicomButton.connect("clicked(bool)", self.export_dicom)
        ui.modelComboBox.connect("currentIndexChanged(int)", self._model_chosen)
        ui.exportDirectoryButton.directory = str(Path.home() / "VirtualBiopsy")
        ui.progressBar.setVisible(False)
        ui.staleLabel.setVisible(False)
        self._show_result()

    # Life

    def bind(self, settings: Any) -> None:
        """Follow a parameter node (wrapper); None lets go of it."""
        self._settings = settings
        if settings is None:
            self.outline.release()
            self.probe.release()
            return
        self.probe.bind()
        self._may_restore = self.result is None
        self.refresh()

    def enter(self) -> None:
        self.outline.editor.enter()

    def exit(self) -> None:
        self.outline.editor.exit()

    def scene_about_to_close(self) -> None:
        """Stop the job and forget everything that belongs to the scene."""
        self.job.close()
        self._again = False
        self.outline.release()
        self.outline.editor.scene_about_to_close()
        self.probe.release()
        self.study.forget()
        self.questions.forget()
        self.cards.forget()
        self.result = self._presented = self._key = None
        self.overlay.reset()
        self._set_status("")
        self._show_result()

    def scene_changed(self) -> None:
        """After the scene was closed or another one was read."""
        self.outline.editor.scene_changed()
        self.overlay.reset()

    def close(self) -> None:
        """Before the widgets are deleted: no job, timer or observer is left."""
        self._settings = None
        self.job.close()
        self.outline.close()
        self.probe.release()
        self.ledger.close()
        self.ui.featureTable.setMRMLTableNode(None)

    # What the user chose

    def inputs(self) -> Inputs:
        settings = self._settings
        return Inputs(
            volumes={role: getattr(settings, role) for role in self._roles},
            segmentation=settings.segmentation,
            segment_id=settings.segmentId,
            clinical=dict(settings.clinical),
        )

    def _inputs_key(self) -> Any:
        inputs = self.inputs()
        clinical = tuple(sorted(inputs.clinical.items()))
        node_id = inputs.segmentation.GetID() if inputs.segmentation is not None else ""
        return case_signature(inputs.volumes), clinical, node_id, inputs.segment_id, self.outline.digest

    @property
    def stale(self) -> bool:
        """Whether outline, images or clinical data changed after the shown result."""
        return self.result is not None and self._settings is not None and self._key != self._inputs_key()

    def _set_clinical(self, values: dict[str, str]) -> None:
        if self._settings is not None:
            self._settings.clinical = values

    def _set_region(self, segmentation: Any, segment_id: str) -> None:
        if self._settings is not None:
            with slicer.util.NodeModify(self._settings):
                self._settings.segmentation = segmentation
                self._settings.segmentId = segment_id

    def _set_map(self, key: str) -> None:
        if self._settings is not None:
            self._settings.overlayMap = key

    def _set_part(self, part: str, key: str) -> None:
        """A line of the ledger was chosen: show its map, that of the feature itself where there is one."""
        if self._settings is None or not self._model_ids:
            return
        if key:
            part = self.questions.feature_map(key) or part
            self.overlay.offer(self.result, self.study.models_by_id, self.questions.about(self.result))
        with slicer.util.NodeModify(self._settings):
            self._settings.overlayMap = f"{self._model_id()}|{part}"
            self._settings.overlayVisible = True

    def _set_colors(self, key: str) -> None:
        if self._settings is not None:
            self._settings.overlayColors = key

    def use_displayed_volume(self, checked: bool = False) -> None:
        """Take the background of the Red slice view as contrast T1."""
        volume = None
        for i in range(self._scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
            composite = self._scene.GetNthNodeByClass(i, "vtkMRMLSliceCompositeNode")
            if composite.GetLayoutName() == "Red":
                volume = self._scene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        usable = volume is not None and volume.IsA("vtkMRMLScalarVolumeNode")
        if not usable or volume.IsA("vtkMRMLLabelMapVolumeNode"):
            self._tell(_("The red slice view shows no volume in its background."))
        elif self._settings is not None:
            self._settings.t1c = volume
            self._set_status("")

    def guess(self, checked: bool = False) -> None:
        """Fill the empty selectors by names and DICOM tags, and say why."""
        if self._settings is None:
            return
        nodes = [
            self._scene.GetNthNodeByClass(i, "vtkMRMLScalarVolumeNode")
            for i in range(self._scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
        ]
        taken = [getattr(self._settings, role) for role in self._roles]
        nodes = [node for node in nodes if not node.IsA("vtkMRMLLabelMapVolumeNode") and node not in taken]
        empty = [role for role in self._roles if getattr(self._settings, role) is None]
        found = guess_roles(nodes, empty, self.study.tags)
        lines = []
        with slicer.util.NodeModify(self._settings):
            for role, (node, guess) in found.items():
                setattr(self._settings, role, node)
                text = _("{volume} is taken as {role}: {reason}").format(
                    volume=node.GetName(), role=ROLES[role], reason=guess.reason
                )
                lines.append(escape(text))
        say(self.ui.rolesLabel, "<br>".join(lines) or escape(_("No further sequence was recognised.")))

    def new_outline(self, checked: bool = False) -> None:
        """Add an empty segment on the contrast T1 volume and edit it."""
        volume = self._settings.t1c if self._settings is not None else None
        if volume is None:
            self._tell(_("Choose the contrast-enhanced T1 volume first."))
            return
        segmentation, segment_id = self.outline.new_outline(volume)
        self._set_region(segmentation, segment_id)
        self._show_volume(volume)

    def _show_volume(self, volume: Any) -> None:
        """Make the volume the background of the slice views unless one of them shows it."""
        composites = [
            self._scene.GetNthNodeByClass(i, "vtkMRMLSliceCompositeNode")
            for i in range(self._scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode"))
        ]
        shown = [(c.GetBackgroundVolumeID(), c.GetForegroundVolumeID()) for c in composites]
        if not any(volume.GetID() in layers for layers in shown):
            for composite in composites:
                composite.SetBackgroundVolumeID(volume.GetID())

    # Prediction

    def predict_or_cancel(self, checked: bool = False) -> None:
        if self.job.busy:
            self._again = False
            self.job.cancel()
        else:
            self.predict()

    def predict(self, interactive: bool = True) -> None:
        """Start the computation for the present inputs; `interactive` shows errors in a window as well."""
        if self._settings is None or self.job.busy:
            return
        try:
            request = self.study.request(self.inputs())
        except VirtualBiopsyError as error:
            self._fail(error, interactive)
            return
        key = self._inputs_key()
        if request.session is not self._session:
            self._session = request.session
            self.cards.forget()
        self._set_status("")
        self.job.start(
            lambda progress: Study.compute(request, progress),
            lambda result: self._done(result, key),
            lambda error: self._fail(error, interactive),
            _("Preparing"),
        )

    def wait_for_completion(self, seconds: float = 600.0) -> None:
        """Wait for the running job and what follows from it; for scripts and tests."""
        self.job.wait(seconds)

    def vary_outline(self, checked: bool = False, interactive: bool = True) -> None:
        """Compute how much the estimates move when the outline moves a little; the trust cards tell it."""
        session = self.study.session
        if self._settings is None or self.job.busy or session is None or session.result is None or self.stale:
            return
        key = self._key

        def done(entries: Any) -> None:
            self._varying = False
            self._done(session.result, key)

        def failed(error: Exception) -> None:
            self._varying = False
            self._fail(error, interactive)
            if not interactive and not isinstance(error, Cancelled) and self._up_to_date() is not None:
                self._ask_further()

        self._varying = not interactive
        self.job.start(session.stability, done, failed, _("Varying the outline"))

    def _done(self, result: Result | None, key: Any) -> None:
        if result is None:
            return
        self.result, self._key = result, key
        self._set_status(_("Done at {time}.").format(time=time.strftime("%H:%M:%S")))
        if self._settings is not None:
            self._save()
            self.refresh()
        if self._again:
            self._again = False
            if self.stale:
                self.predict(interactive=False)
                return
        if self._settings is None or self._up_to_date() is None:
            return
        if self.result.stability:
            self._ask_further()
        else:
            self.vary_outline(interactive=False)

    def _ask_further(self) -> None:
        self.questions.after_prediction(self._settings.hatchingVisible, self._settings.followInfluence)

    def _fail(self, error: Exception, interactive: bool) -> None:
        text, details = user_text(error)
        self._set_status(text)
        if interactive and not isinstance(error, Cancelled):
            slicer.util.errorDisplay(text, windowTitle=self._tag, detailedText=details)
        if self._again and (not isinstance(error, Cancelled) or self._yielding):
            self._again = self._yielding = False
            self.predict(interactive=False)
            return
        self._again = self._yielding = False
        self._refresh_state()

    def _settled(self) -> None:
        settings = self._settings
        if settings is None or not settings.liveUpdate:
            return
        if self.job.busy:
            self._again = True  # what runs now may be for an older outline
            if (self.questions.asking or self._varying) and self.stale:
                self._yielding = True
                self.job.cancel()
        elif self.stale:
            self.predict(interactive=False)

    # Scene

    def _save(self) -> None:
        inputs = self.inputs()
        nodes = {role: node for role, node in inputs.volumes.items() if node is not None}
        save_state(
            self._scene,
            {
                "module": self._tag,
                "segment_id": inputs.segment_id,
                "clinical": dict(inputs.clinical),
                "models": {m.model_id: {"version": m.version, "sha256": m.sha256} for m in self.study.models},
                "result": result_to_state(self.result),
            },
            {**nodes, "segmentation": inputs.segmentation},
        )

    def _restore(self) -> None:
        """Show the result that a loaded scene carries; it counts as stale unless outline and data still
        agree."""
        inputs = self.inputs()
        try:
            state = load_state(self._scene)
            if not state or state.get("module") != self._tag:
                return
            result = result_from_state(state["result"])
            self.result, self._key = result, None
            if not inputs.missing():
                mask = mask_from_segment(inputs.segmentation, inputs.segment_id, inputs.volumes[REFERENCE])
                same = region_digest(mask) == result.region_digest
                if same and dict(inputs.clinical) == state.get("clinical"):
                    self.outline.bind(inputs.segmentation, inputs.segment_id, inputs.volumes[REFERENCE])
                    self._key = self._inputs_key()
            self._set_status(_("Restored from the scene."))
        except (VirtualBiopsyError, KeyError) as error:
            self._set_status(str(error))

    # Showing

    def refresh(self) -> None:
        """Bring all widgets and scene nodes in line with parameter node and result."""
        settings = self._settings
        if settings is None or self._updating or self._scene.IsBatchProcessing():
            return
        self._updating = True
        ui = self.ui
        try:
            if self._may_restore:
                self._may_restore = False
                self._restore()
            inputs = self.inputs()
            self.form.show(inputs.clinical)
            self.outline.bind(inputs.segmentation, inputs.segment_id, inputs.volumes[REFERENCE])
            if self._presented is not self.result:
                self._presented = self.result
                if self.result is not None:
                    titles = {m.model_id: m.title for m in self.study.models}
                    nodes = result_nodes(self._scene, self.result, titles, settings.diameterVisible)
                    self.ui.featureTable.setMRMLTableNode(nodes["features"])
                self._show_result()
            if not settings.diameterVisible:
                hide_diameter(self._scene)
            elif self.result is not None:
                show_diameter(self._scene, self.result.facts)
            self._select_model()
            visible = settings.overlayVisible and self.result is not None
            visible = visible and not self.cards.withheld(self.result, self._map_model(settings.overlayMap))
            answers = self.questions.about(self.result)
            self.overlay.offer(self.result, self.study.models_by_id, answers)
            self.overlay.show(self.result, self.study.models_by_id, settings, visible, answers)
            say(ui.regionsLabel, escape(self.questions.regions_words(self.result, self._model_id())))
        finally:
            self._updating = False
        self._refresh_state()

    def _show_result(self) -> None:
        result, ui = self.result, self.ui
        if result is None:
            self.cards.clear()
            self._model_ids = []
            ui.modelComboBox.clear()
            self.overlay.offer(None, {})
            ui.featureTable.setMRMLTableNode(None)
            for label in (ui.factsLabel, ui.warningsLabel, ui.rolesLabel):
                say(label, "")
            for label in (ui.deltaLabel, ui.regionsLabel, ui.sharedLabel):
                say(label, "")
            self._explained = ()
            clear(ui.waterfallLabel)
            self.ledger.clear()
            self.what_if.show(None, None, False)
            ui.evidenceBrowser.setHtml("")
            ui.cardBrowser.setPlainText("")
            return
        models = self.study.models_by_id
        self.cards.show(result, models)
        ids = [prediction.model_id for prediction in result.predictions]
        if ids != self._model_ids:
            self._model_ids = []
            ui.modelComboBox.clear()
            for prediction in result.predictions:
                ui.modelComboBox.addItem(prediction.positive, prediction.model_id)
            self._model_ids = ids
        self.overlay.offer(result, models)
        say(ui.factsLabel, facts_text(result.facts))
        say(ui.warningsLabel, warnings_html(result))
        ui.evidenceBrowser.setHtml(evidence_html(result.evidence))

    def _model_id(self) -> str:
        """The model whose estimate is explained; "" without a result."""
        chosen = self._settings.explainedModel if self._settings is not None else ""
        return chosen if chosen in self._model_ids else (self._model_ids[0] if self._model_ids else "")

    def _map_model(self, key: str) -> str:
        """The model of the map that is shown for this choice, or that a loaded scene shows."""
        model_id = (self.overlay.resolve(key) or key).partition("|")[0]
        return model_id if model_id in self._model_ids else self._model_id()

    def _select_model(self) -> None:
        model_id = self._model_id()
        if self.result is None or not model_id:
            return
        index = self._model_ids.index(model_id)
        if self.ui.modelComboBox.currentIndex != index:
            self.ui.modelComboBox.setCurrentIndex(index)
        regions = self.questions.about(self.result).regions.get(model_id)
        waits = self.cards.withheld(self.result, model_id)
        shown = (self.result, model_id, waits, regions)
        if same(self._explained, shown):
            return
        self._explained = shown
        models = self.study.models_by_id
        model = models.get(model_id)
        open_ids = [m for m in self._model_ids if not self.cards.withheld(self.result, m)]
        say(self.ui.deltaLabel, deltas_html(self.result, open_ids, models))
        self.ui.cardBrowser.setMarkdown(model.card if model is not None else "")
        if waits:
            clear(self.ui.waterfallLabel)
            self.ledger.clear()
            say(self.ui.sharedLabel, "")
            self.what_if.show(None, None, False)
            return
        show_waterfall(self.ui.waterfallLabel, self.result, model_id, models)
        n = [p.model_id for p in self.result.predictions].index(model_id)
        say(self.ui.sharedLabel, "<br>".join(map(escape, shared_words(self.result.explanations[n]))))
        self.ledger.show(ledger_lines(self.result.explanations[n], self.result.predictions[n], regions))

    def _revealed(self, model_id: str) -> None:
        """The user asked for the number of a red card."""
        if self.result is not None:
            self.cards.show(self.result, self.study.models_by_id)
            self.refresh()

    def _up_to_date(self) -> tuple[Result, str] | None:
        """The result and the chosen model, if questions can be asked about them."""
        session = self.study.session
        ready = self.result is not None and self._settings is not None and not self.stale
        if not ready or session is None or session.result is None or not self._model_id():
            return None
        if session.result.predictions is not self.result.predictions:
            return None
        return self.result, self._model_id()

    def _answered(self, key: str) -> None:
        """A question was answered: show it if the user waits for it."""
        self._set_status(_("Done at {time}.").format(time=time.strftime("%H:%M:%S")))
        if self._settings is None:
            return
        if key:
            self.overlay.offer(self.result, self.study.models_by_id, self.questions.about(self.result))
            with slicer.util.NodeModify(self._settings):
                self._settings.overlayMap = key
                self._settings.overlayVisible = True
        self.refresh()

    def _drawn(self) -> list[Any]:
        """Masks of the segments beside the outline."""
        inputs = self.inputs()
        return other_segments(inputs.segmentation, inputs.segment_id, inputs.volumes[REFERENCE])

    def _shares(self, point: tuple[float, float, float]) -> tuple[tuple[str, float], ...]:
        """Shares of the features in a voxel; nothing while a job holds the session."""
        session, model_id = self.study.session, self._map_model(self._settings.overlayMap)
        if self.job.busy or session is None or session.result is None or self.stale:
            return ()
        return session.shares_at(model_id, point)

    def _model_chosen(self, index: int) -> None:
        if self._settings is not None and not self._updating and 0 <= index < len(self._model_ids):
            self._settings.explainedModel = self._model_ids[index]

    def _refresh_state(self) -> None:
        """Buttons, tool tips, progress and the stale mark."""
        ui, busy = self.ui, self.job.busy
        missing = self.inputs().missing() if self._settings is not None else "volume"
        reasons = {
            "volume": _("Choose the contrast-enhanced T1 volume first."),
            "outline": _("Choose a segment or draw a new outline first."),
            "": _("Estimate the probabilities for this outline."),
        }
        ui.predictButton.setText(_("Cancel") if busy else _("Predict"))
        ui.predictButton.enabled = self.job.state != CANCELLING if busy else not missing
        ui.predictButton.toolTip = _("Stop; the previous result stays.") if busy else reasons[missing]
        stale = self.stale
        ui.staleLabel.setVisible(stale)
        session = self.study.session
        ready = not busy and not stale and session is not None and session.result is not None
        ready = ready and self.result is not None
        ui.stabilityButton.enabled = ready
        ui.exportButton.enabled = ready
        ui.exportDicomButton.enabled = ready
        hint = "" if ready else _("Predict first; results out of date are not exported.")
        ui.exportButton.toolTip = hint or _(
            "Write result.json, features.csv, explanation.nrrd and report.html."
        )
        ui.exportDicomButton.toolTip = hint or _(
            "Write the map as a DICOM Parametric Map and the numbers as a structured report, "
            "for a contrast T1 from DICOM."
        )
        ui.chartButton.enabled = self.result is not None
        asked = self._up_to_date() if self._settings is not None and not busy else None
        model_id = asked[1] if asked is not None else ""
        hidden = bool(model_id) and self.cards.withheld(self.result, model_id)
        self.questions.refresh(asked is not None and not hidden)
        if asked is not None:
            self.what_if.show(asked[0], None if hidden else self.study.models_by_id.get(model_id), not hidden)
        else:
            self.what_if.pause()
        self.engine.refresh(self._settings is not None)
        for name in (
            *[f"{role}Selector" for role in self._roles],
            "displayedVolumeButton",
            "guessRolesButton",
        ):
            getattr(ui, name).enabled = not busy

    def _job_changed(self) -> None:
        ui, job = self.ui, self.job
        ui.progressBar.setVisible(job.busy)
        ui.progressBar.setValue(round(100 * job.fraction))
        if job.state == CANCELLING:
            self._set_status(_("Cancelling…"))
        elif job.busy:
            self._set_status(job.message)
        self._refresh_state()

    def _set_status(self, text: str) -> None:
        self.status = text
        self.ui.statusLabel.setText(escape(text))

    def _tell(self, text: str) -> None:
        self._set_status(text)
        slicer.util.showStatusMessage(text, 4000)

    # Results out of the panel

    def toggle_chart(self, checked: bool = False) -> None:
        """Show the chart of contributions in the layout, or go back to the layout from before."""
        manager = slicer.app.layoutManager()
        if manager is None or self.result is None:
            return
        if self._layout is not None:
            manager.setLayout(self._layout)
            self._layout = None
            return
        titles = {m.model_id: m.title for m in self.study.models}
        charts = result_nodes(self._scene, self.result, titles, self._settings.diameterVisible)["charts"]
        chosen = self._settings.explainedModel
        chart = charts.get(chosen) or next(iter(charts.values()), None)
        if chart is not None:
            self._layout = manager.layout
            slicer.modules.plots.logic().ShowChartInLayout(chart)

    def export(self, checked: bool = False) -> None:
        """Write the result into the chosen folder; existing files only after a question."""
        self._export(write_outputs, overwrite=False)

    def export_dicom(self, checked: bool = False) -> None:
        """Write DICOM objects into a folder below the chosen one; existing files only after a question."""
        volume = self.inputs().volumes[REFERENCE] if self._settings is not None else None
        files = [Path(path) for path in self.study.files(volume)] if volume is not None else []

        def write(folder: str, case: Any, result: Any, models: Any, mask: Any, **options: Any) -> Any:
            return write_dicom(Path(folder) / "dicom", case, result, models, files=files, **options)

        self._export(write, overwrite=False)

    def _export(self, write: Any, overwrite: bool) -> None:
        session = self.study.session
        if self.job.busy or session is None or session.result is None or self.stale:
            return
        folder = self.ui.exportDirectoryButton.directory
        if not folder:
            self._tell(_("Choose a folder first."))
            return
        result, mask, models = session.result, session.mask, self.study.models
        case = session.case

        def failed(error: Exception) -> None:
            if isinstance(error, ExistingFileError) and not overwrite:
                if slicer.util.confirmOkCancelDisplay(_("{problem} Replace?").format(problem=error.message)):
                    self._export(write, overwrite=True)
                return
            self._fail(error, True)

        self.job.start(
            lambda progress: write(
                folder, case, result, models, mask=mask, overwrite=overwrite, progress=progress
            ),
            lambda files: self._set_status(_("Written to {folder}.").format(folder=folder)),
            failed,
            _("Exporting"),
        )

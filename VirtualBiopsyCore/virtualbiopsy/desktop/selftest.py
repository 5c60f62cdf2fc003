"""What the modules' own tests inside Slicer share: the shipped case from end to end."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from ..tasks import Task
from .samples import load_case, sample_parameters


class PredictorTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer on the shipped case of `task`, which a module's test class sets."""

    task: Task

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def loadSample(self) -> dict[str, Any]:
        """Load the shipped case and return the parameters that it fills, by name."""
        logic = slicer.util.getModuleLogic(self.task.module)
        chosen = sample_parameters(self.task, load_case(self.task), logic)
        self.assertIsNotNone(chosen[self.task.reference])
        return chosen

    def opened(self, chosen: dict[str, Any]) -> Any:
        """Select the module, fill its parameter node, and return its widget."""
        slicer.util.selectModule(self.task.module)
        widget = slicer.util.getModuleWidget(self.task.module)
        for name, value in chosen.items():
            setattr(widget._parameterNode, name, value)
        return widget

    def test_logic(self) -> None:
        chosen = self.loadSample()
        volumes = {role: chosen.get(role) for role in self.task.roles}
        more = {"dynamic": chosen["dynamic"]} if self.task.dynamic else {}
        self.assertTrue(all(volume is None or volume.GetImageData() for volume in volumes.values()))
        logic = slicer.util.getModuleLogic(self.task.module)
        result = logic.predict(volumes, chosen["segmentation"], chosen["segmentId"], **more)
        self.assertGreater(len(result.predictions), 0)
        for prediction, explanation in zip(result.predictions, result.explanations, strict=True):
            self.assertTrue(0.0 < prediction.probability < 1.0)
            total = explanation.baseline + sum(c.phi for c in explanation.contributions)
            self.assertAlmostEqual(total, prediction.log_odds, places=9)

    def test_widget(self) -> None:
        widget = self.opened(self.loadSample())
        parameterNode, panel = widget._parameterNode, widget.panel
        parameterNode.liveUpdate = True
        self.delayDisplay("Predict")
        panel.predict()
        panel.wait_for_completion()
        first = panel.result
        self.assertIsNotNone(first)

        self.delayDisplay("Ledger, parts and influence")
        for prediction in first.predictions:
            if panel.cards.withheld(first, prediction.model_id):
                next(button for button in panel.cards.buttons if button.visible).click()
        self.assertTrue(panel.overlay.overlay.shown)
        chosen_roles = (*self.task.roles, *self.task.maps)
        line = next(line for line in panel.ledger.lines if line.part in chosen_roles)
        panel.ledger.choose(line)
        self.assertTrue(parameterNode.overlayMap.endswith(f"|{line.part}"))
        panel.questions.ask_regions()
        panel.wait_for_completion()
        self.assertTrue(panel.overlay.regions.shown)
        panel.questions.ask_influence()
        panel.wait_for_completion()
        self.assertTrue(panel.overlay.influence.shown)

        self.delayDisplay("Edit")
        import SimpleITK as sitk

        from ..scene.segments import mask_from_segment, write_segment

        volume = getattr(parameterNode, self.task.reference)
        segmentation, segmentId = parameterNode.segmentation, parameterNode.segmentId
        mask = mask_from_segment(segmentation, segmentId, volume)
        write_segment(segmentation, segmentId, sitk.BinaryErode(mask, [1, 1, 1]), volume)
        self.assertTrue(panel.stale)
        panel.outline.settle_now()
        panel.wait_for_completion()
        self.assertNotEqual(panel.result.predictions[0].log_odds, first.predictions[0].log_odds)

        self.delayDisplay("Leave, come back, close the scene")
        slicer.util.selectModule("Data")
        slicer.util.selectModule(self.task.module)
        self.assertIsNotNone(panel.result)
        slicer.mrmlScene.Clear()
        self.assertIsNone(panel.result)

    def test_dynamic_series(self) -> None:
        """Phases, maps, a proposed outline and the curve of the shipped series."""
        if not self.task.dynamic:
            return
        widget = self.opened(self.loadSample())
        panel = widget.panel
        self.assertGreater(panel.ui.phaseTable.rowCount, 2)
        panel.dynamic.maps.compute()
        panel.wait_for_completion()
        self.assertGreater(len(panel.dynamic.maps.maps), 2)
        self.assertTrue(panel.dynamic.maps.overlay.shown)
        panel.dynamic.phases.show_phase(2)
        ends = panel.study.session.facts(panel.dynamic.outline()).diameter_ends
        before = widget._parameterNode.segmentId
        panel.dynamic.proposal.propose_at(tuple((a + b) / 2 for a, b in zip(*ends, strict=True)))
        panel.wait_for_completion()
        self.assertTrue(panel.ui.proposalLabel.text)
        self.assertNotEqual(widget._parameterNode.segmentId, before)
        self.assertTrue(panel.ui.curveLabel.accessibleName)

    def test_change_between_time_points(self) -> None:
        """With the earlier examination of the shipped case, models of change run as well."""
        if not self.task.dynamic:
            return
        chosen = self.loadSample()
        widget = self.opened({name: value for name, value in chosen.items() if "earlier" not in name})
        widget.panel.predict()
        widget.panel.wait_for_completion()
        alone = len(widget.panel.result.predictions)
        for name in ("earlier", "earlierSegmentation", "earlierSegmentId"):
            setattr(widget._parameterNode, name, chosen[name])
        widget.panel.predict()
        widget.panel.wait_for_completion()
        self.assertGreater(len(widget.panel.result.predictions), alone)

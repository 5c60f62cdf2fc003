"""Runs inside 3D Slicer: package, resources, module, asynchronous prediction, scene round trip.

    Slicer --testing --no-splash --additional-module-paths VirtualBiopsyCore MeningiomaPredictor \
        --python-script Testing/Slicer/VirtualBiopsySlicerTest.py
"""

import os
import sys
import tempfile
import unittest

import slicer


class VirtualBiopsySlicerTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def sample(self):
        import MeningiomaPredictor

        test = MeningiomaPredictor.MeningiomaPredictorTest()
        return test.loadSample()

    def bound(self, volumes, segmentation, segmentId):
        slicer.util.selectModule("MeningiomaPredictor")
        widget = slicer.util.getModuleWidget("MeningiomaPredictor")
        for role, volume in volumes.items():
            setattr(widget._parameterNode, role, volume)
        widget._parameterNode.segmentation = segmentation
        widget._parameterNode.segmentId = segmentId
        return widget

    def test_package_resources_and_models(self):
        from virtualbiopsy.models.radmodel import builtin_models
        from virtualbiopsy.resources import resource

        self.assertTrue(resource("Rules").is_dir())
        self.assertGreater(len(builtin_models()), 0)
        self.assertFalse({"sklearn", "pandas", "matplotlib", "trame"} & set(sys.modules))

    def test_worker_thread_lives_with_the_event_loop(self):
        """The job ends while only Qt's event loop runs, without help from wait_for_completion."""
        import time

        import qt
        from virtualbiopsy.desktop.job import JobRunner

        done = []
        runner = JobRunner()

        def work(progress):
            for step in range(200):
                sum(range(10000))
                progress(step / 200, "working")
            return "ready"

        runner.start(work, done.append, done.append)
        loop, started = qt.QEventLoop(), time.monotonic()
        qt.QTimer.singleShot(20000, loop.quit)
        watch = qt.QTimer()
        watch.setInterval(50)
        watch.connect("timeout()", lambda: loop.quit() if done else None)
        watch.start()
        loop.exec_()
        watch.stop()
        self.assertEqual(done, ["ready"])
        self.assertLess(time.monotonic() - started, 15)

    def test_prediction_survives_saving_and_loading(self):
        widget = self.bound(*self.sample())
        widget.panel.predict()
        widget.panel.wait_for_completion()
        before = [p.probability for p in widget.panel.result.predictions]
        path = os.path.join(tempfile.mkdtemp(), "case.mrb")
        self.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(path)
        slicer.util.selectModule("MeningiomaPredictor")
        widget = slicer.util.getModuleWidget("MeningiomaPredictor")
        self.assertEqual([p.probability for p in widget.panel.result.predictions], before)
        self.assertFalse(widget.panel.stale)
        widget.panel.predict()
        widget.panel.wait_for_completion()
        for a, b in zip((p.probability for p in widget.panel.result.predictions), before, strict=True):
            self.assertAlmostEqual(a, b, places=6)

    def test_segment_editor_undo_brings_the_estimate_back(self):
        volumes, segmentation, segmentId = self.sample()
        widget = self.bound(volumes, segmentation, segmentId)
        widget._parameterNode.liveUpdate = True
        widget.panel.predict()
        widget.panel.wait_for_completion()
        before = [p.log_odds for p in widget.panel.result.predictions]
        editor = widget.ui.editorWidget
        editor.setActiveEffectByName("Margin")
        effect = editor.activeEffect()
        effect.setParameter("MarginSizeMm", -2)
        effect.self().onApply()
        widget.panel.outline.settle_now()
        widget.panel.wait_for_completion()
        self.assertNotEqual([p.log_odds for p in widget.panel.result.predictions], before)
        editor.undo()
        widget.panel.outline.settle_now()
        widget.panel.wait_for_completion()
        for a, b in zip((p.log_odds for p in widget.panel.result.predictions), before, strict=True):
            self.assertAlmostEqual(a, b, places=9)

    def test_reload_leaves_no_observer_behind(self):
        widget = self.bound(*self.sample())
        widget.panel.predict()
        widget.panel.wait_for_completion()
        widget.onReload()
        widget = slicer.util.getModuleWidget("MeningiomaPredictor")
        slicer.util.selectModule("Data")
        slicer.util.selectModule("MeningiomaPredictor")
        widget.panel.predict()
        widget.panel.wait_for_completion()
        self.assertIsNotNone(widget.panel.result)


def runTest():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(VirtualBiopsySlicerTest)
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    slicer.util.exit(0 if runTest() else 1)

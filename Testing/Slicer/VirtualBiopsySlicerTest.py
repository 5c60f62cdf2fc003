"""Runs inside 3D Slicer: package, resources, modules, prediction and training in the background, scenes.

    Slicer --testing --no-splash --additional-module-paths VirtualBiopsyCore MeningiomaPredictor BreastHER2 \
        RadiomicsWorkbench --python-script Testing/Slicer/VirtualBiopsySlicerTest.py
"""

import importlib
import importlib.util
import os
import sys
import tempfile
import unittest

import slicer

MODULES = ("MeningiomaPredictor", "BreastHER2")
WORKBENCH = "RadiomicsWorkbench"


class VirtualBiopsySlicerTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def opened(self, name):
        """The widget of a module, filled with its shipped case."""
        test = getattr(importlib.import_module(name), f"{name}Test")()
        return test.opened(test.loadSample())

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

    def test_training_lives_with_the_event_loop_and_starts_no_second_slicer(self):
        """A run goes on while only Qt's event loop runs, which stays alive; no process is started."""
        if importlib.util.find_spec("sklearn") is None:
            self.skipTest("scikit-learn is not installed in this Slicer")
        import multiprocessing
        import time

        import qt

        slicer.util.selectModule(WORKBENCH)
        test = getattr(importlib.import_module(WORKBENCH), f"{WORKBENCH}Test")("test_recipes")
        test.setUp()
        try:
            panel = test.filled(test.form(cohort=str(test.cohort())))
            loop, ticks, started = qt.QEventLoop(), [], time.monotonic()
            watch = qt.QTimer()
            watch.setInterval(20)
            watch.connect("timeout()", lambda: (ticks.append(1), None if panel.job.busy else loop.quit()))
            qt.QTimer.singleShot(120000, loop.quit)
            panel.run_or_cancel()
            watch.start()
            loop.exec_()
            watch.stop()
            seconds = time.monotonic() - started
            self.assertTrue(os.path.isfile(panel.outcome.model), panel.status)
            self.assertGreater(len(ticks) / seconds, 5)
            self.assertEqual(multiprocessing.active_children(), [])
        finally:
            test.tearDown()

    def test_prediction_survives_saving_and_loading(self):
        for name in MODULES:
            with self.subTest(module=name):
                slicer.mrmlScene.Clear()
                self.save_and_load(name)

    def save_and_load(self, name):
        widget = self.opened(name)
        widget.panel.predict()
        widget.panel.wait_for_completion()
        before = [p.probability for p in widget.panel.result.predictions]
        path = os.path.join(tempfile.mkdtemp(), "case.mrb")
        self.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(path)
        slicer.util.selectModule(name)
        widget = slicer.util.getModuleWidget(name)
        self.assertEqual([p.probability for p in widget.panel.result.predictions], before)
        self.assertFalse(widget.panel.stale)
        widget.panel.predict()
        widget.panel.wait_for_completion()
        for a, b in zip((p.probability for p in widget.panel.result.predictions), before, strict=True):
            self.assertAlmostEqual(a, b, places=6)

    def test_segment_editor_undo_brings_the_estimate_back(self):
        widget = self.opened("MeningiomaPredictor")
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
        """Reloading one module executes the shared package again, so the other one is reloaded with it."""
        for name in (*MODULES, WORKBENCH):
            slicer.util.selectModule(name)
        widget = self.opened("MeningiomaPredictor")
        widget.panel.predict()
        widget.panel.wait_for_completion()
        widget.onReload()
        bench = slicer.util.getModuleWidget(WORKBENCH).panel
        self.assertIs(type(bench), sys.modules["virtualbiopsy.desktop.workbench"].WorkbenchPanel)
        for name in MODULES:
            slicer.util.selectModule("Data")
            slicer.mrmlScene.Clear()
            widget = self.opened(name)
            widget.panel.predict()
            widget.panel.wait_for_completion()
            self.assertIsNotNone(widget.panel.result)


def runTest():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(VirtualBiopsySlicerTest)
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    slicer.util.exit(0 if runTest() else 1)

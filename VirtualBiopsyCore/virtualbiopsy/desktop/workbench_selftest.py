"""Tests of the module that trains models, inside Slicer: recipes, faults, a small run, cancel and go on,
install, try. Packages are not installed by a test: without scikit-learn no model is trained."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from .module import WORKBENCH

RECIPE, CASES = "M11", 60
LIBRARY = "VIRTUALBIOPSY_MODELS"


class WorkbenchTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer, on made-up numbers in the place of measured features."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.folder = Path(tempfile.mkdtemp(prefix="VirtualBiopsy"))
        self._library = os.environ.get(LIBRARY)
        os.environ[LIBRARY] = str(self.folder / "models")
        slicer.util.selectModule(WORKBENCH)
        self.panel = slicer.util.getModuleWidget(WORKBENCH).panel
        self.before = self.panel.read()

    def tearDown(self) -> None:
        self.filled(self.before).exit()  # what the user had filled in is remembered, not that of a test
        if self._library is None:
            os.environ.pop(LIBRARY, None)
        else:
            os.environ[LIBRARY] = self._library
        shutil.rmtree(self.folder, ignore_errors=True)

    def cohort(self) -> Path:
        """A table with the features of the recipe, filled with random numbers that carry a signal."""
        import numpy as np

        from ..training.job import runnable

        _study, plan = runnable(RECIPE)
        rng = np.random.default_rng(7)
        hidden = rng.standard_normal(CASES)
        columns = plan.feature_keys()
        values = rng.standard_normal((CASES, len(columns))) + 0.8 * hidden[:, None]
        lines = [",".join(["patient", "endpoint:Ki-67", *(f'"{column}"' for column in columns)])]
        for n in range(CASES):
            numbers = ",".join(f"{value:.6f}" for value in values[n])
            lines.append(f"P{n:03d},{'yes' if hidden[n] > 0 else 'no'},{numbers}")
        path = self.folder / "cohort" / "features.csv"
        path.parent.mkdir()
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def form(self, **changes: Any) -> Any:
        from ..workbench.form import Form

        filled = {
            "recipe": RECIPE,
            "layout": "features",
            "out": str(self.folder / "out"),
            "folds": 3,
            "repeats": 2,
            "few_events": True,
        }
        return Form(**{**filled, **changes})

    def filled(self, form: Any) -> Any:
        """The panel with this form."""
        self.panel.recipes.choose(form.recipe)
        self.panel.form.fill(form)
        return self.panel

    def test_recipes(self) -> None:
        panel = self.panel
        self.assertGreater(len(panel.recipes.shown), 100)
        panel.ui.filterSearchBox.setText("meningioma ki-67")
        self.assertIn(RECIPE, panel.recipes.shown)
        self.assertLess(len(panel.recipes.shown), 40)
        panel.ui.filterSearchBox.setText("")
        panel.recipes.choose(RECIPE)
        self.assertTrue(panel.recipes.row.runnable)

    def test_faults(self) -> None:
        from ..workbench.form import Form

        bad = self.folder / "bad" / "cohort.csv"
        bad.parent.mkdir()
        bad.write_text("patient,t1c,mask,endpoint:Ki-67\nP1,no.nii.gz,no.nii.gz,perhaps\n", encoding="utf-8")
        panel = self.filled(Form(recipe=RECIPE, cohort=str(bad.parent)))
        panel.examine_or_cancel()
        panel.wait_for_completion()
        self.assertFalse(panel.cases.found.usable)
        self.assertGreater(len(panel.cases.found.rows), 1)

    def test_train_cancel_install_and_try(self) -> None:
        import importlib.util

        if importlib.util.find_spec("sklearn") is None:
            self.delayDisplay("scikit-learn is not installed: no model is trained")
            return
        from ..tasks import MENINGIOMA

        panel = self.filled(self.form(cohort=str(self.cohort())))
        self.delayDisplay("Run and cancel")
        panel.run_or_cancel()
        self.assertTrue(panel.job.busy)
        panel.run_or_cancel()
        panel.wait_for_completion()
        self.assertIsNone(panel.outcome)
        self.delayDisplay("Go on")
        panel.run_or_cancel()
        panel.wait_for_completion()
        self.assertTrue(Path(panel.outcome.model).is_file())
        self.assertTrue(Path(panel.outcome.report).is_file())
        self.delayDisplay("Install and try")
        panel.results.install()
        self.assertTrue(panel.ui.tryButton.enabled)
        panel.results.try_on_case()
        predictor = slicer.util.getModuleWidget(MENINGIOMA.module)
        predictor.panel.predict()
        predictor.panel.wait_for_completion()
        answers = [prediction.model_id for prediction in predictor.panel.result.predictions]
        self.assertIn(panel.outcome.model_id, answers)

"""A survival model in the browser: its curve and risk group stand on the card."""

from __future__ import annotations

import shutil

import pytest
from browser_support import opened
from survival_support import survival_model
from virtualbiopsy.models.radmodel import save_radmodel
from virtualbiopsy.resources import resource

pytestmark = pytest.mark.browser


def test_curve_group_and_horizon_are_on_the_card(chromium, tmp_path):
    model = save_radmodel(survival_model(), tmp_path / "survival.radmodel")
    case = tmp_path / "case"
    case.mkdir()
    for name in ("t1c.nii.gz", "tumour_mask.nii.gz"):
        shutil.copy(resource("Cases/meningioma-sample") / name, case)
    with opened(chromium, case, "--model", tmp_path / "survival.radmodel", folder=tmp_path) as page:
        page.wait(lambda: page.state("case_name"), "the case")
        page.wait(lambda: not page.state("job_active"), "the preparation", 120)
        page.tab("outline")
        page.click("load_case_mask")
        page.wait(lambda: page.state("facts"), "the outline")
        page.predict()
        page.show_numbers()
        shown = page.page.locator(f'[id="survival_{model.model_id}"]')
        shown.wait_for()
        words = shown.inner_text()
        assert "Group by score: " in words and "Estimated probability of no event" in words
        (dot,) = shown.locator('[data-role="horizon"]').all()
        free = float(dot.get_attribute("data-free"))
        assert free == pytest.approx(1 - page.probability(model.model_id), abs=1e-9)
        card = page.page.locator(f'[id="card_{model.model_id}"]').inner_text()
        assert f"within {model.survival.horizon:g} months" in card and "concordance" in card
        assert "simulated training data" in card
        page.wait(
            lambda: page.state("overlay_unit") == "uncalibrated log hazard per mL", "the unit of the map"
        )
        assert not page.errors

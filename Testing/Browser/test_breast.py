"""A user opens a breast study: start page, phases, maps, a proposed lesion, prediction; real and simulated.

The tests of one application follow each other as a user would go on.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from browser_support import opened, place
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.case.read import read_case
from virtualbiopsy.models.radmodel import builtin_models

pytestmark = pytest.mark.browser
REAL = Path("volumes") / "breast_dce_dicom" / "UCSF-BR-06.zip"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The real study as a DICOM folder; skips without the data."""
    data = os.environ.get("VIRTUALBIOPSY_DATA")
    if not data or not (Path(data) / REAL).is_file():
        pytest.skip(f"VIRTUALBIOPSY_DATA with {REAL} is not set")
    folder = tmp_path_factory.mktemp("study")
    with zipfile.ZipFile(Path(data) / REAL) as archive:
        archive.extractall(folder)
    return folder / "UCSF-BR-06"


@pytest.fixture(scope="module")
def user(chromium, study, tmp_path_factory):
    with opened(chromium, study, folder=tmp_path_factory.mktemp("application")) as page:
        page.wait(lambda: page.state("case_name"), "the case")
        page.memory = {}
        page.settle()
        yield page


@pytest.fixture(scope="module")
def case(study):
    return read_case(study)


@pytest.fixture(scope="module")
def simulated(chromium, tmp_path_factory):
    """The simulated sample case, opened on the start page, with its outline."""
    with opened(chromium, folder=tmp_path_factory.mktemp("simulated")) as page:
        page.click("sample_breast")
        page.wait(lambda: page.state("case_name"), "the case")
        page.tab("outline")
        page.click("load_case_mask")
        page.wait(lambda: page.state("facts"), "the outline")
        yield page


def _brightest(case) -> tuple[float, float, float]:
    """Where the subtraction is brightest after smoothing, LPS."""
    before, after = (sitk.Cast(case.dynamic.phases[n].image, sitk.sitkFloat32) for n in (0, 1))
    smooth = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(after - before, 2.0))
    k, j, i = np.unravel_index(smooth.argmax(), smooth.shape)
    return after.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))


def _click(user, view: str, image: sitk.Image, point: tuple[float, float, float]) -> None:
    box = user.box(view)
    x, y = place(image, point, box, view)
    user.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_the_start_page_offers_the_tasks(chromium, study, tmp_path):
    with opened(chromium, folder=tmp_path) as page:
        page.page.wait_for_selector("#start_page")
        assert RESEARCH_USE_ONLY in page.page.inner_text("#start_page")
        assert {t["id"] for t in page.state("start_tasks")} == {"meningioma", "breast"}
        page.page.evaluate("p => window.trame.state.set('case_path', p)", str(study))
        page.click("own_breast")
        page.page.wait_for_selector("#path_browser")
        page.click("browser_use")
        page.click("open_case")
        page.wait(lambda: page.state("case_name"), "the case")
        page.page.wait_for_selector("#start_page", state="detached")
        assert page.state("task") == "breast" and page.state("task_reason") == "You chose it."
        page.choose("task", "Meningioma")
        page.wait(lambda: page.state("task_reference") == "t1c", "the other task")
        page.wait(lambda: not page.state("has_reference"), "its reference is missing")
        assert page.page.is_hidden("#tab_series")
        page.click("open_case")
        page.wait(lambda: "before" in page.state("task_reason"), "the choice to be remembered")
        assert page.state("task") == "meningioma"
        assert page.errors == [] and page.alerts() == []


def test_the_task_is_guessed_with_a_reason(user):
    assert user.state("task") == "breast"
    assert user.page.inner_text("#task_chip") == "Breast"
    assert user.state("task_reason")
    fields = {name for name in user.state("task_clinical") if user.page.is_visible(f"#clinical_{name}")}
    assert "menopausal_status" in fields and not user.page.is_visible("#clinical_who_grade")


def test_the_table_of_phases_is_right(user):
    user.tab("series")
    rows = user.state("phase_rows")
    assert [row["start"] for row in rows] == ["0", "407", "761"]
    assert [row["centre"] for row in rows] == ["−230", "+177", "+531"]
    assert [row["precontrast"] for row in rows] == [True, False, False]
    assert all("Time" in row["source"] for row in rows)
    facts = {fact["name"]: fact["value"] for fact in user.state("series_facts")}
    assert facts["Phases"].startswith("3, each 256 × 256 × 60")
    assert "Assumed" in facts["Injection"]
    assert facts["Before the agent"]
    assert user.page.inner_text("#phase_0 td:nth-child(3)") == "−230 s"


def test_phase_subtraction_and_projection_are_modes_of_the_same_views(user):
    user.slide("phase_index", 0)
    user.wait(lambda: user.state("shown") == "Dynamic series", "the series in the views")
    user.settle()
    before = user.pixels("sagittal").astype(int)
    user.slide("phase_index", 1)
    user.settle()
    after = user.pixels("sagittal").astype(int)
    assert np.abs(after - before).mean() > 1.0, "the slider changes nothing"
    user.click("mode_subtraction")
    user.settle()
    subtracted = user.pixels("sagittal").astype(int)
    user.click("mode_mip")
    user.settle()
    projected = user.pixels("sagittal").astype(int)
    assert (projected > 128).mean() > 1.5 * (subtracted > 128).mean(), "a projection shows more vessels"
    assert "phase 2" in user.page.inner_text("#phase_label")
    assert user.errors == [] and user.alerts() == []


def test_one_click_proposes_a_lesion_that_can_be_undone(user, case):
    user.tab("outline")
    user.click("tool_propose")
    _click(user, "sagittal", case.dynamic.phases[0].image, _brightest(case))
    user.wait(lambda: user.state("proposal_note"), "the proposal")
    facts = user.wait(lambda: user.state("facts"), "the outline")
    volume = float(facts[0]["value"].split()[0])
    assert 5 < volume < 80
    assert f"{volume:.1f} mL" in user.page.inner_text("#proposal_note")
    user.click("undo")
    user.wait(lambda: not user.state("facts"), "an empty outline")
    user.click("redo")
    user.wait(lambda: user.state("facts") == facts, "the outline again")
    user.click("tool_none")


def test_a_click_where_nothing_enhances_says_so(user, case):
    user.click("mode_phase")
    user.click("tool_propose")
    user.page.wait_for_timeout(400)
    facts = user.state("facts")
    box = user.box("sagittal")
    user.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    alert = user.wait(user.alerts, "an alert")[0]
    assert "outside" in alert or "enhances" in alert
    assert user.state("facts") == facts
    for entry in user.state("alerts"):
        user.click(f"dismiss_{entry['id']}")
    user.wait(lambda: not user.alerts(), "the alert to go")
    user.click("tool_none")


def test_the_curve_of_the_outline_and_of_the_voxel_under_the_pointer(user):
    user.tab("series")
    user.wait(lambda: "outline" in user.state("curve_svg"), "the curve of the outline")
    assert user.page.locator("#curve svg").count() == 1
    box = user.box("sagittal")
    user.page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.5 * box["height"], steps=3)
    user.wait(lambda: "pointer" in user.state("curve_svg"), "the curve of the voxel")
    user.page.mouse.move(220, 22)
    user.wait(lambda: "pointer" not in user.state("curve_svg"), "that curve to go")
    assert user.page.inner_text("#curve").count("injection") >= 1


def test_maps_are_computed_and_shown(user):
    user.click("compute_maps")
    rows = {row["role"]: row for row in user.wait(lambda: user.state("map_rows"), "the maps")}
    assert {"pe", "ser", "washin", "washout", "ttp", "maxslope"} <= set(rows)
    assert rows["pe"]["read"] and rows["ser"]["read"] and not rows["washin"]["read"]
    assert rows["pe"]["inside"], "the values in the outline"
    missing = " ".join(row["roles"] + row["why"] for row in user.state("map_missing"))
    assert "ktrans" in missing and "20 s" in missing
    plain = user.pixels("sagittal").astype(int)
    user.click("colours_pe")
    user.wait(lambda: user.state("map_shown") == "pe", "the map")
    user.settle()
    coloured = user.pixels("sagittal").astype(int)
    orange = (coloured[..., 0] - coloured[..., 2] > 60) & (plain[..., 0] - plain[..., 2] < 30)
    assert orange.sum() > 500, "no colours"
    user.click("map_off")
    user.wait(lambda: np.abs(user.pixels("sagittal").astype(int) - plain).mean() < 1.0, "the map to go")
    user.click("image_washin")
    user.wait(lambda: user.state("shown").startswith("washin"), "the map as an image")
    user.click("mode_phase")


def test_motion_is_measured_with_figures(user):
    user.click("measure_motion")
    rows = user.wait(lambda: user.state("motion_rows"), "the figures", 120)
    assert [row["state"] for row in rows] == ["as acquired", "reference", "as acquired"]
    assert all(float(row["shift"].split()[0]) < 3 for row in rows if row["shift"])
    assert "mm" in user.page.inner_text("#motion_note")


def test_the_prediction_says_simulated_and_not_my_population(user):
    if not builtin_models("breast"):
        pytest.skip("there is no breast model")
    user.predict(300)
    cards = user.state("cards")
    user.tab("result")
    assert cards and all(card["simulated"] and "simulated" in card["title"].lower() for card in cards)
    assert all(card["trust"]["light"] == "red" for card in cards)
    for card in cards:
        text = user.page.inner_text(f'[id="card_{card["id"]}"]')
        assert "not shown" in text and card["p_text"] not in text
        user.click(f"card_anyway_{card['id']}")
        assert "Estimated probability of" in user.page.inner_text(f'[id="card_{card["id"]}"]')
    user.tab("explain")
    user.wait(lambda: sum(user.count_colours("sagittal")) > 200, "the layer over the images")
    assert user.errors == []


def test_a_wrong_mark_is_refused_and_a_right_one_starts_anew(user):
    user.tab("series")
    user.page.uncheck("#precontrast_0")
    alert = user.wait(user.alerts, "an alert")[0]
    assert "pre-contrast" in alert
    user.wait(lambda: user.page.is_checked("#precontrast_0"), "the mark to come back")
    user.page.locator(".vb-alert button").first.click()
    user.page.check("#precontrast_1")
    user.wait(lambda: [r["precontrast"] for r in user.state("phase_rows")] == [True, True, False], "the mark")
    assert [r["centre"] for r in user.state("phase_rows")] == ["−584", "−177", "+177"]
    assert "user" in {f["name"]: f["value"] for f in user.state("series_facts")}["Before the agent"]
    user.page.uncheck("#precontrast_1")
    user.wait(
        lambda: [r["precontrast"] for r in user.state("phase_rows")] == [True, False, False], "the mark"
    )


def test_the_session_is_restored_with_its_phases(user, tmp_path):
    folder = tmp_path / "session"
    facts = user.state("facts")
    user.click("mode_mip")
    user.wait(lambda: user.state("shown") == "Dynamic series", "the projection")
    user.tab("save")
    user.fill("save_path", str(folder))
    user.click("save_session")
    user.wait(lambda: any("Saved" in a for a in user.alerts()), "the notice", 120)
    user.fill("restore_path", str(folder))
    user.click("restore_session")
    user.wait(lambda: user.state("task_reason") == "The saved session is for it.", "the session", 120)
    user.wait(lambda: user.state("facts") == facts, "the outline")
    assert [r["centre"] for r in user.state("phase_rows")] == ["−230", "+177", "+531"]
    assert user.state("task") == "breast" and user.state("has_series")
    assert user.state("series_mode") == "mip" and user.state("shown") == "Dynamic series"
    assert user.errors == []


def test_the_sample_says_simulated_and_has_all_maps(simulated):
    assert simulated.page.inner_text("#case_simulated") == "simulated"
    assert simulated.state("task") == "breast" and simulated.state("task_reason") == "You chose it."
    assert simulated.state("phase_count") >= 10
    simulated.tab("series")
    simulated.click("compute_maps")
    rows = {row["role"]: row for row in simulated.wait(lambda: simulated.state("map_rows"), "the maps", 120)}
    assert {"pe", "ser", "curvetype", "ktrans", "kep", "ve"} <= set(rows)
    assert "wash-out" in rows["curvetype"]["inside"]
    middle = float(rows["ktrans"]["inside"].split()[0])
    assert 0.02 < middle < 1.0


def test_another_arterial_input_changes_ktrans_and_says_so(simulated):
    before = {row["role"]: row["inside"] for row in simulated.state("map_rows")}
    simulated.page.click("#kinetics summary")
    simulated.choose("aif", "Weinmann")
    simulated.wait(lambda: not simulated.state("map_rows"), "the maps of before to go", 120)
    simulated.click("compute_maps")
    rows = {row["role"]: row for row in simulated.wait(lambda: simulated.state("map_rows"), "the maps", 120)}
    assert rows["pe"]["inside"] == before["pe"]
    assert rows["ktrans"]["inside"] != before["ktrans"]
    simulated.choose("aif", "Parker")
    simulated.wait(lambda: not simulated.state("map_rows"), "the maps of before to go", 120)


def test_the_earlier_examination_is_offered_and_kept(simulated, tmp_path):
    assert simulated.state("earlier_path").endswith("earlier")
    simulated.click("open_earlier")
    simulated.wait(lambda: simulated.state("earlier_name"), "the earlier examination", 120)
    said = simulated.page.inner_text("#earlier_said")
    assert "mL" in said
    folder = tmp_path / "session"
    simulated.tab("save")
    simulated.fill("save_path", str(folder))
    simulated.click("save_session")
    simulated.wait(lambda: any("Saved" in a for a in simulated.alerts()), "the notice", 120)
    simulated.fill("restore_path", str(folder))
    simulated.click("restore_session")
    simulated.wait(lambda: "saved session" in simulated.state("task_reason"), "the session", 120)
    simulated.wait(lambda: simulated.state("earlier_name"), "the earlier examination")
    assert simulated.page.inner_text("#earlier_said") == said
    assert simulated.state("case_simulated") is True
    assert simulated.errors == []

"""A user clicks through a case in headless Chromium: on a real brain and on the simulated sample case.

The tests of one case share an application and follow each other as a user would go on.
"""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from browser_support import Page, opened, place
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.case.read import read_case
from virtualbiopsy.resources import resource

pytestmark = pytest.mark.browser
PREDICT_AND_CANCEL = """
() => {
  let pressed = false;
  const timer = setInterval(() => {
    const predict = document.querySelector('#predict'), cancel = document.querySelector('#cancel');
    if (!pressed && predict && !predict.disabled) { predict.click(); pressed = true; }
    else if (pressed && cancel) { cancel.click(); clearInterval(timer); }
  }, 10);
  setTimeout(() => clearInterval(timer), 20000);
}
"""


@dataclass
class Example:
    """A case with what a test must know about it.

    Attributes
    ----------
    path : what is opened.
    mask : mask file, LPS.
    needs_role : whether the user must say which sequence is the contrast-enhanced T1.
    """

    name: str
    path: Path
    mask: Path
    needs_role: bool


def _brain1() -> Example:
    data = os.environ.get("VIRTUALBIOPSY_DATA")
    folder = Path(data or "") / "volumes" / "pyradiomics"
    if not data or not (folder / "brain1_image.nrrd").is_file():
        pytest.skip("VIRTUALBIOPSY_DATA with volumes/pyradiomics is not set")
    return Example("brain1", folder / "brain1_image.nrrd", folder / "brain1_label.nrrd", True)


def _sample(folder: Path) -> Example:
    try:
        path = resource("Cases/meningioma-sample")
    except FileNotFoundError:
        pytest.skip("the sample case is not there")
    mask = folder / "outline.nrrd"
    sitk.WriteImage(read_case(path).regions["tumour"], str(mask))
    return Example("sample", path, mask, False)


@pytest.fixture(scope="module", params=["brain1", "sample"])
def example(request, tmp_path_factory):
    return _brain1() if request.param == "brain1" else _sample(tmp_path_factory.mktemp("mask"))


@pytest.fixture(scope="module")
def user(chromium, example, tmp_path_factory):
    with opened(chromium, example.path, folder=tmp_path_factory.mktemp("application")) as page:
        page.wait(lambda: page.state("case_name"), "the case")
        page.settle()
        page.memory = {}
        yield page


def _reference(example: Example) -> sitk.Image:
    if example.path.is_file():
        return sitk.ReadImage(str(example.path))
    return read_case(example.path).sequence("t1c").image


def _outline(user: Page, example: Example) -> None:
    user.tab("outline")
    user.fill("mask_path", str(example.mask))
    user.click("load_mask")
    user.wait(lambda: user.state("facts"), "the facts of the outline")
    user.settle()


def test_the_case_is_shown_and_says_that_it_is_research(user, example):
    assert RESEARCH_USE_ONLY in user.page.inner_text("#research_use_only")
    assert user.page.inner_text("#case_name")
    picture = user.pixels("axial")
    assert (picture.max(axis=2) > 60).mean() > 0.05, "the axial view is black"
    assert user.errors == [] and user.alerts() == []


def test_the_user_says_which_sequence_is_contrast_t1(user, example):
    user.tab("case")
    if example.needs_role:
        assert user.page.is_disabled("#predict")
        assert user.page.is_visible("#no_reference")
        user.click("use_shown")
    user.wait(lambda: user.state("has_reference"), "the role")
    assert user.page.is_enabled("#predict")
    row = next(r for r in user.state("sequences") if r["role"] == "t1c")
    if example.needs_role:
        assert row["reason"] == "chosen by the user"
    else:
        assert row["reason"], "a guess has a reason"


def test_predict_without_an_outline_says_what_to_do(user, example):
    user.click("predict")
    alert = user.wait(user.alerts, "an alert")[0]
    assert "voxel" in alert or "empty" in alert.lower()
    assert user.state("cards") == []
    user.page.locator(".vb-alert button").first.click()
    user.wait(lambda: not user.alerts(), "the alert to go")


def test_seeds_painted_with_the_mouse_grow(user, example):
    user.tab("outline")
    _outline(user, example)  # moves the slices to the tumour
    whole = user.state("facts")
    user.click("undo")
    user.wait(lambda: not user.state("facts"), "an empty outline")
    mask = sitk.ReadImage(str(example.mask)) > 0
    inside = sitk.GetArrayFromImage(mask) > 0
    k = int(inside.sum(axis=(1, 2)).argmax())
    distance = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(mask[:, :, k], insideIsPositive=True))
    j, i = np.unravel_index(distance.argmax(), distance.shape)
    reference = _reference(example)
    centre = mask.TransformIndexToPhysicalPoint((int(i), int(j), k))
    radius = max(4.0, 2.2 * math.sqrt(inside[k].sum() * np.prod(mask.GetSpacing()[:2]) / math.pi))
    box = user.box("axial")

    def at(dx: float, dy: float) -> tuple[float, float]:
        return place(reference, (centre[0] + dx, centre[1] + dy, centre[2]), box)

    user.click("tool_paint")
    user.page.wait_for_selector("#brush_mm", state="attached")
    user.slide("brush_mm", 5)
    user.page.wait_for_timeout(300)
    user.stroke("axial", [at(-1, 0), at(1, 1)])
    user.wait(lambda: user.state("facts"), "a painted seed")
    seed = user.page.inner_text("#fact_volume")
    user.click("segment_background")
    user.wait(
        lambda: any(s["id"] == "background" and s["active"] for s in user.state("segments")), "the choice"
    )
    ring = [(radius * math.cos(a), radius * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 17)]
    user.stroke("axial", [at(dx, dy) for dx, dy in ring])
    user.page.wait_for_timeout(600)
    user.click("grow_seeds")
    user.wait(lambda: user.page.inner_text("#fact_volume") != seed, "the grown outline")
    grown = float(user.page.inner_text("#fact_volume").split()[0])
    assert grown > float(seed.split()[0])
    assert user.alerts() == []
    assert whole, "the mask file gave facts before"


def test_threshold_and_islands(user, example):
    user.tab("outline")
    user.click("segment_tumour")
    mask, image = sitk.ReadImage(str(example.mask)), _reference(example)
    values = sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(mask) > 0]
    before = user.page.inner_text("#fact_voxels")
    user.click("tool_threshold")
    user.page.wait_for_selector("#apply_threshold")
    user.slide("threshold", [float(np.percentile(values, 20)), float(values.max())])
    user.page.wait_for_timeout(400)
    user.click("apply_threshold")
    user.wait(lambda: user.page.inner_text("#fact_voxels") != before, "the thresholded outline")
    parts = int(user.page.inner_text("#fact_components"))
    user.click("tool_islands")
    user.click("keep_largest")
    user.wait(lambda: int(user.page.inner_text("#fact_components")) == 1 < parts, "one island")
    user.click("undo")
    user.wait(lambda: int(user.page.inner_text("#fact_components")) == parts, "the islands again")
    assert user.alerts() == []


def test_predict_shows_estimates_and_a_map(user, example):
    user.tab("outline")
    user.click("tool_none")
    user.page.evaluate("() => window.trame.state.set('legend_shown', false)")
    user.click("remove_tumour")
    user.wait(lambda: not user.state("facts"), "an empty outline")
    _outline(user, example)
    before = user.count_colours("axial")
    user.memory["p"] = p = user.predict()
    assert 0 < p < 1
    for card in user.state("cards"):
        if card["trust"]["light"] == "red":
            user.click(f"card_anyway_{card['id']}")
    user.settle()
    after = user.count_colours("axial")
    assert sum(after) > sum(before) + 200, (before, after)
    cards = user.state("cards")
    assert cards and all("simulated" in c["title"].lower() for c in cards if c["simulated"])
    for card in cards:
        text = user.page.inner_text(f'[id="card_{card["id"]}"]')
        assert "Estimated probability of" in text and card["positive"] in text.replace("\n", " ")
        assert "AUC" in text
    user.wait(
        lambda: all("variants" in c["stability"] or "changes" in c["stability"] for c in user.state("cards")),
        "the range over small changes",
        90,
    )
    user.tab("explain")
    user.slide("overlay_opacity", 0.1)
    user.wait(lambda: sum(user.count_colours("axial")) < 0.5 * sum(after), "the opacity")
    user.slide("overlay_opacity", 0.7)
    assert user.page.locator("#waterfall svg").count() == 1
    user.settle()


def _seeds_shown(user) -> bool:
    return next(s["visible"] for s in user.state("segments") if s["id"] == "background")


def test_a_brush_stroke_moves_the_estimate_and_undo_brings_it_back(user, example):
    user.tab("outline")
    user.click("segment_tumour")
    user.click("tool_paint")
    user.slide("brush_mm", 12)
    user.page.wait_for_timeout(300)
    if _seeds_shown(user):
        user.click("visible_background")
    p, count = user.memory["p"], user.state("update_count")
    mask = sitk.ReadImage(str(example.mask)) > 0
    inside = sitk.GetArrayFromImage(mask) > 0
    k = int(inside.sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(inside[k])
    edge = mask.TransformIndexToPhysicalPoint((int(columns[rows.argmin()]), int(rows.min()), k))
    x, y = place(_reference(example), edge, user.box("axial"))
    user.stroke("axial", [(x, y), (x + 0.02, y - 0.01), (x + 0.03, y)])
    user.wait(lambda: user.state("stale") or user.state("update_count") > count, "the stale mark")
    painted = user.wait_for_update(count)
    assert painted != p
    user.memory["update_ms"] = user.state("update_ms")
    deltas = [c["delta"] for c in user.state("cards")]
    assert any("moved p from" in delta for delta in deltas)
    count = user.state("update_count")
    user.click("undo")
    assert user.wait_for_update(count) == p, "undo must bring the very same number back"
    assert not _seeds_shown(user), "what was hidden stays hidden"
    count = user.state("update_count")
    user.click("redo")
    assert user.wait_for_update(count) == painted
    count = user.state("update_count")
    user.click("undo")
    user.wait_for_update(count)
    user.click("tool_none")


def test_a_reload_shows_the_same(user, example):
    user.tab("result")
    p, segments = user.probability(), user.state("segments")
    user.settle()
    colours = user.count_colours("axial")
    user.page.reload()
    user.ready()
    assert user.probability() == p
    assert user.state("segments") == segments
    assert user.page.is_visible("#panel_result")
    again = user.count_colours("axial")
    assert abs(sum(again) - sum(colours)) < 0.05 * sum(colours) + 50


def test_clinical_variables_are_checked_and_used(user, example):
    user.tab("case")
    p, age, sex = user.probability(), user.state("clinical_age"), user.state("clinical_sex")
    user.fill("clinical_age", "200")
    user.wait(lambda: user.state("clinical_errors").get("age"), "an error at the field")
    assert "120" in user.page.inner_text("#section_clinical")
    count = user.state("update_count")
    user.fill("clinical_age", "31")
    user.wait(lambda: not user.state("clinical_errors"), "no error")
    user.wait_for_update(count)
    user.choose("clinical_sex", "unknown" if sex else "female")
    user.fill("clinical_age", age)
    user.choose("clinical_sex", sex or "unknown")
    user.wait(lambda: user.probability() == p and not user.state("stale"), "the first number again")


def test_features_have_units_and_definitions(user, example):
    user.tab("features")
    rows = user.page.locator("#features tbody tr")
    number = rows.count()
    assert number > 5
    user.fill("feature_search", "diameter")
    user.wait(lambda: 0 < rows.count() < number, "fewer rows")
    assert "mm" in rows.first.inner_text()
    rows.first.locator("summary").click()
    assert len(rows.first.inner_text()) > 60, "no definition"
    user.fill("feature_search", "")


def test_evidence_is_quoted_with_its_source(user, example):
    user.tab("evidence")
    rules = user.state("evidence")
    assert {"met", "not met", "not evaluable", "information"} >= {r["status"] for r in rules}
    assert all(r["reference"] and r["statement"] for r in rules)
    assert user.page.locator("#panel_evidence .vb-card").count() == len(rules)


def test_results_are_written_and_downloaded(user, example, tmp_path):
    user.tab("save")
    p = {c["id"]: float(c["exact"]) for c in user.state("cards")}
    user.fill("export_path", str(tmp_path / "out"))
    user.click("export")
    user.wait(lambda: user.state("exported"), "the files", 120)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"result.json", "features.csv", "explanation.nrrd", "report.html"} <= written
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert {e["model_id"]: e["probability"] for e in result["predictions"]} == p
    assert RESEARCH_USE_ONLY in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "features.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) > 5
    assert sitk.ReadImage(str(tmp_path / "out" / "explanation.nrrd")).GetDimension() == 3
    user.page.evaluate("() => window.trame.state.set('exported', [])")
    user.click("export")
    alert = user.wait(lambda: [a for a in user.alerts() if "already holds" in a], "a refusal")
    assert alert and user.state("exported") == []
    with user.page.expect_download(timeout=60000) as waiting:
        user.click("download_result_json")
    downloaded = json.loads(Path(waiting.value.path()).read_text())
    assert {e["model_id"]: e["probability"] for e in downloaded["predictions"]} == p


def test_a_saved_session_is_restored_in_a_new_application(user, example, chromium, tmp_path):
    user.tab("save")
    user.page.evaluate("() => window.trame.state.set('legend_shown', true)")
    folder = tmp_path / "session"
    user.fill("save_path", str(folder))
    user.click("save_session")
    user.wait(lambda: (folder / "session.json").is_file(), "the session folder")
    user.wait(lambda: any("Saved" in a for a in user.alerts()), "the notice")
    p = {c["id"]: float(c["exact"]) for c in user.state("cards")}
    facts, sequences = user.state("facts"), user.state("sequences")
    (tmp_path / "other").mkdir()
    with opened(chromium, example.mask, folder=tmp_path / "other") as other:
        other.wait(lambda: other.state("case_name"), "the first case")
        other.tab("save")
        other.fill("restore_path", str(folder))
        other.click("restore_session")
        other.wait(lambda: any("the same as when saved" in a for a in other.alerts()), "the session", 120)
        restored = {c["id"]: float(c["exact"]) for c in other.state("cards")}
        assert restored == pytest.approx(p, abs=1e-9)
        assert other.state("facts") == facts
        assert [(s["name"], s["role"]) for s in other.state("sequences")] == [
            (s["name"], s["role"]) for s in sequences
        ]
        other.page.evaluate("() => window.trame.state.set('legend_shown', false)")
        other.wait(lambda: sum(other.count_colours("axial")) > 200, "the map again")
        assert other.errors == []


def test_a_click_brings_along_the_text_that_the_busy_page_keeps_back(user, tmp_path):
    user.tab("save")
    folder = tmp_path / "typed"
    user.page.evaluate("() => window.trame.client.beginBusy()")
    try:
        user.fill("save_path", str(folder))
        user.click("save_session")
        user.wait(lambda: any(str(folder) in a for a in user.alerts()), "the notice")
    finally:
        user.page.evaluate("() => window.trame.client.endBusy()")
    assert (folder / "session.json").is_file()


def test_a_bad_path_is_an_alert_and_the_session_goes_on(user, example, tmp_path):
    user.tab("case")
    p = user.probability()
    text = tmp_path / "notes.nrrd"
    text.write_text("this is no image")
    for path in (tmp_path / "nothing-here", text, ""):
        user.fill("case_path", str(path))
        user.click("open_case")
        user.wait(user.alerts, f"an alert about {path}")
        for dismiss in user.page.locator(".vb-alert button").all()[::-1]:
            dismiss.click()
        user.wait(lambda: not user.alerts(), "the alerts to go")
    assert user.probability() == p
    assert user.predict() == p


def test_predict_can_be_cancelled_and_nothing_is_lost(user, example):
    user.tab("case")
    name = next(r["name"] for r in user.state("sequences") if r["role"] == "t1c")
    p = user.probability()
    user.page.evaluate("() => window.trame.state.set('live', false)")
    for _ in range(4):  # a quick machine may be done before the bar is there
        user.tab("case")
        user.choose(f"role_{name}", "other")
        user.wait(lambda: not user.state("has_reference"), "the role to go")
        user.page.evaluate(PREDICT_AND_CANCEL)
        user.choose(f"role_{name}", "t1c")
        user.wait(lambda: user.alerts() or not user.state("stale"), "an end", 120)
        if user.alerts():
            break
    if example.needs_role and not user.alerts():
        pytest.skip("one sequence is prepared before there is a bar to cancel")
    assert any("Cancelled" in a for a in user.alerts())
    assert user.probability() == p and user.state("stale")
    user.page.evaluate("() => window.trame.state.set('live', true)")
    assert user.predict() == p


def test_every_control_has_a_name_and_nothing_is_clipped(user, example):
    for tab in ("case", "outline", "result", "explain", "features", "evidence", "save"):
        user.tab(tab)
        user.page.wait_for_timeout(150)
        unnamed = user.page.evaluate(
            """() => [...document.querySelectorAll('button, input:not([type=hidden]), [role=button]')]
            .filter(e => e.offsetParent !== null)
            .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
               || e.innerText?.trim() || e.title || (e.id && document.querySelector(`label[for="${e.id}"]`))
               || e.closest('.v-slider') || e.closest('label')))
            .map(e => e.outerHTML.slice(0, 200))"""
        )
        assert unnamed == [], tab
        wide = user.page.evaluate(
            "() => { const e = document.querySelector('#panel'); return e.scrollWidth - e.clientWidth; }"
        )
        assert wide <= 1, f"{tab} is {wide} px too wide"
    assert user.errors == []

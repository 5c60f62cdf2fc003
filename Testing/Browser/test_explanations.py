"""Explanations and trust in front of a user: on the simulated sample case and on a real glioma.

The application runs two models made for these tests: the bundled Ki-67 model with a threshold that painting
crosses (so that there is a flip brush), and the same with a population that this case does not belong to (so
that its card is red). The tests of one case share an application and follow each other.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from browser_support import Page, opened, place
from virtualbiopsy.case.model import Case
from virtualbiopsy.case.read import read_case
from virtualbiopsy.models.radmodel import builtin_models, save_radmodel
from virtualbiopsy.resources import resource
from virtualbiopsy.session import Session

pytestmark = pytest.mark.browser
NEAR, FAR = "near-threshold", "other-population"
GLIOMA = Path("volumes") / "brats18_glioma" / "Brats18_2013_2_1"


@dataclass
class Example:
    """A case with its outline, its models, and what the package itself says about the influence map."""

    name: str
    path: Path
    case: Case
    models: tuple[Path, Path]
    flips: int


def _case(name: str) -> tuple[Path, Case]:
    if name == "sample":
        path = resource("Cases/meningioma-sample")
        return path, read_case(path)
    data = os.environ.get("VIRTUALBIOPSY_DATA")
    path = Path(data or "") / GLIOMA
    if not data or not path.is_dir():
        pytest.skip(f"VIRTUALBIOPSY_DATA with {GLIOMA} is not set")
    return path, read_case(path)


@pytest.fixture(scope="module", params=["sample", "glioma"])
def example(request, tmp_path_factory):
    path, case = _case(request.param)
    folder = tmp_path_factory.mktemp("models")
    model = next(m for m in builtin_models() if m.model_id == "ki67-meningioma-demo")
    session = Session(case, [model])
    result = session.set_region(case.regions["tumour"])
    probability = result.predictions[0].probability
    found = session.influence(model.model_id)
    gain = np.nanmax(found.painted)
    assert gain > 0, "no shell part raises the probability of this case"
    threshold = probability + 0.5 * float(gain)
    near = replace(model, model_id=NEAR, threshold=threshold)
    surface = found.erased[: found.boundary]
    flips = sum(int((c[np.isfinite(c)] >= 0.5 * gain).sum()) for c in (surface, found.painted))
    shift = 40.0 * np.where(model.background.std(axis=0) > 0, model.background.std(axis=0), 1.0)
    far = replace(
        model,
        model_id=FAR,
        background=model.background + shift,
        feature_ranges={
            key: (low + by, high + by)
            for (key, (low, high)), by in zip(model.feature_ranges.items(), shift, strict=True)
        },
    )
    paths = (folder / "near.radmodel", folder / "far.radmodel")
    for made, target in zip((near, far), paths, strict=True):
        save_radmodel(made, target)
    return Example(request.param, path, case, paths, flips)


@pytest.fixture(scope="module")
def user(chromium, example, tmp_path_factory):
    models = [item for path in example.models for item in ("--model", path)]
    with opened(chromium, example.path, *models, folder=tmp_path_factory.mktemp("application")) as page:
        page.wait(lambda: page.state("case_name"), "the case", 120)
        page.tab("outline")
        page.click("load_case_mask")
        page.wait(lambda: page.state("facts"), "the facts of the outline", 300)
        page.page.evaluate("() => window.trame.state.set('hatching_shown', false)")
        page.predict(300)
        page.settle()
        yield page


def _card(user: Page, model: str = NEAR) -> dict:
    return next(card for card in user.state("cards") if card["id"] == model)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _moved(before: np.ndarray, after: np.ndarray) -> int:
    """Number of pixels that differ clearly; the legend at the left is left out."""
    left = before.shape[1] // 4
    return int((np.abs(before.astype(int) - after.astype(int))[:, left:].max(axis=2) > 24).sum())


def _magenta(picture: np.ndarray) -> int:
    red, green, blue = (picture[..., c].astype(int) for c in range(3))
    return int(((red > 170) & (blue > 150) & (green < 140)).sum())


def _centre(example: Example) -> tuple[float, float, float]:
    """Deepest point of the largest slice of the outline, LPS."""
    mask = example.case.regions["tumour"] > 0
    inside = sitk.GetArrayFromImage(mask) > 0
    k = int(inside.sum(axis=(1, 2)).argmax())
    distance = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(mask[:, :, k], insideIsPositive=True))
    j, i = np.unravel_index(distance.argmax(), distance.shape)
    return mask.TransformIndexToPhysicalPoint((int(i), int(j), k))


def _explain(user: Page, layer: str = "sits") -> None:
    """Open the tab on a layer; a number behind a click is asked for."""
    user.tab("explain")
    asked = user.page.locator(f'[id="explain_anyway_{NEAR}"]')
    if asked.count():
        asked.click()
        asked.wait_for(state="detached")
    user.click(f"layer_{layer}")
    user.page.mouse.move(220, 22)
    user.settle()


def test_the_trust_card_comes_before_the_number(user, example):
    user.tab("result")
    for model in (NEAR, FAR):
        text = user.page.inner_text(f'[id="card_{model}"]')
        assert text.index("Can you trust it here?") < text.index("Estimated probability of")
    near, far = _card(user), _card(user, FAR)
    assert far["trust"]["light"] == "red" and far["trust"]["reasons"]
    if example.name == "glioma":
        assert near["trust"]["light"] != "green", "a glioma is not this model's population"
    else:
        assert near["trust"]["light"] != "red"
    reason = far["trust"]["reasons"][0]["text"]
    assert reason in user.page.inner_text(f'[id="trust_{FAR}"]')


def test_a_red_card_puts_the_number_behind_a_click(user, example):
    user.tab("result")
    number = _card(user, FAR)["p_text"]
    assert user.page.locator(f'[id="head_{FAR}"]').count() == 0
    assert user.page.locator(f'[id="card_{FAR}"] svg[aria-label*="Estimated probability"]').count() == 0
    assert "not shown" in user.page.inner_text(f'[id="card_{FAR}"]')
    user.page.evaluate("id => window.trame.state.set('explained_model', id)", FAR)
    user.tab("explain")
    user.page.wait_for_selector("#explain_trust")
    for section in ("ledger", "map", "whatif"):
        assert not user.page.is_visible(f"#section_{section}")
    user.settle()
    withheld = user.pixels("axial")
    user.tab("result")
    user.click(f"card_anyway_{FAR}")
    user.page.wait_for_selector(f'[id="head_{FAR}"]')
    assert user.page.inner_text(f'[id="head_{FAR}"]') == number
    assert number in user.page.inner_text(f'[id="card_{FAR}"]').replace("\xa0", " ")
    user.tab("explain")
    assert user.page.is_visible("#section_ledger")
    user.wait(lambda: _moved(withheld, user.pixels("axial")) > 100, "the map, after the click")
    user.page.evaluate("id => window.trame.state.set('explained_model', id)", NEAR)
    light = _card(user)["trust"]["light"]
    banner = user.page.locator("#explain_trust.vb-trust-red")
    user.wait(lambda: banner.count() == (light == "red"), "the other model")


def test_the_ledger_balances(user, example):
    _explain(user)
    rows = {row["id"]: row for row in user.state("ledger")}
    value = {name: float(row["exact"]) for name, row in rows.items()}
    sequences = [name for name, row in rows.items() if row["level"] == 1]
    assert value["baseline"] + sum(value[name] for name in sequences) == pytest.approx(
        value["total"], abs=1e-9
    )
    for name, row in rows.items():
        children = [n for n, r in rows.items() if r["parents"][-1:] == [name]]
        if row["more"]:
            assert sum(value[n] for n in children) == pytest.approx(value[name], abs=1e-9)
    assert _logit(float(_card(user)["exact"])) == pytest.approx(value["total"], abs=1e-6)
    assert rows["probability"]["phi"] == _card(user)["p_text"]
    places = list(rows)
    for group in ("shape", "clinical"):
        if group in rows:
            assert places.index(group) > places.index("t1c"), "what has no place comes last"


def test_a_click_on_a_ledger_line_changes_the_layer(user, example):
    _explain(user)
    user.click("line_total")
    user.settle()
    pictures = {"total": user.pixels("axial")}
    if user.page.locator("#ledger_all").count():
        user.click("ledger_all")
    features = [row["id"] for row in user.state("ledger") if row["key"] and row["id"].startswith("t1c/")]
    for line in ("t1c", "t2", *features[:1]):
        user.click(f"line_{line}")
        user.page.wait_for_timeout(300)
        user.settle()
        assert user.page.get_attribute(f'[id="line_{line}"]', "aria-selected") == "true"
        pictures[line] = user.pixels("axial")
    for first, second in (("total", "t1c"), ("t1c", "t2"), ("t1c", features[0])):
        assert _moved(pictures[first], pictures[second]) > 100, (first, second)
    user.click("line_total")
    user.wait(lambda: _moved(pictures["total"], user.pixels("axial")) < 20, "the sum layer to come back")
    user.click("line_clinical")
    user.wait(lambda: "no place in the image" in user.state("map_note"), "why there is no layer")
    user.click("line_total")


def test_a_line_says_in_words_and_pictures_what_it_is(user, example):
    _explain(user)
    line = next(row for row in user.state("ledger") if row["key"].startswith("t1c:"))
    user.click(f"tell_{line['id']}")
    told = user.page.locator(".vb-told")
    told.wait_for()
    assert len(told.inner_text()) > 20
    assert told.locator("svg").get_attribute("aria-label").count("means") == 2
    user.click(f"tell_{line['id']}")
    user.wait(lambda: told.count() == 0, "the words to go")


def test_the_pointer_reads_a_voxel(user, example):
    _explain(user)
    box = user.box("axial")
    user.tab("outline")
    user.click("centre")
    user.tab("explain")
    user.settle()
    x, y = place(example.case.sequence("t1c").image, _centre(example), box)
    user.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    user.wait(lambda: user.page.locator("#probe_axial").count(), "what lies under the pointer")
    lines = user.page.inner_text("#probe_axial").splitlines()
    assert "log-odds per mL" in lines[0] and len(lines) > 1
    user.wait(lambda: any("," in line for line in user.state("probe")[1:]), "features behind the voxel")
    user.page.mouse.move(220, 22)
    user.wait(lambda: user.page.locator("#probe_axial").count() == 0, "the words to go")


def test_colours_for_any_colour_vision(user, example):
    _explain(user)
    before = user.pixels("axial")
    user.state("colors", "blue-black-orange")
    user.wait(lambda: _moved(before, user.pixels("axial")) > 100, "other colours")
    assert "Orange raises" in user.page.inner_text("#section_map")
    user.state("colors", "blue-red")
    user.wait(lambda: _moved(before, user.pixels("axial")) < 20, "the first colours")


def test_hatching_marks_what_is_not_steady(user, example):
    _explain(user)
    note = user.wait(lambda: user.state("hatching_note"), "where the sign is not steady", 120)
    before = user.pixels("axial")
    user.click("hatching_shown")
    if note.startswith("Hatched"):
        user.wait(lambda: _moved(before, user.pixels("axial")) > 0, "the hatching")
    else:
        user.settle()
        assert _moved(before, user.pixels("axial")) < 20
    user.click("hatching_shown")
    user.wait(lambda: _moved(before, user.pixels("axial")) < 20, "the hatching to go")


def test_the_strongest_regions_are_seen_in_3d(user, example):
    _explain(user)
    before = user.pixels("solid")
    user.click("strongest_shown")
    user.wait(lambda: _moved(before, user.pixels("solid")) > 300, "the regions", 60)
    user.click("strongest_shown")
    user.settle()


def test_what_if_a_part_were_missing(user, example):
    _explain(user)
    before = user.pixels("axial")
    user.click("layer_missing")
    user.click("ask_parts")
    user.wait(lambda: user.state("parts_rows"), "the parts", 180)
    user.settle()
    rows = user.state("parts_rows")
    assert 2 <= len(rows) <= 8 and sum(float(row["volume"].split()[0]) for row in rows) > 0
    assert "parts" in user.state("parts_note") and user.page.locator("#parts .vb-line").count() == len(rows)
    assert _moved(before, user.pixels("axial")) > 100, "level 2 is no other layer"
    total = sum(float(row["volume"].split()[0]) for row in rows)
    user.click("refine_parts")
    user.wait(lambda: len(user.state("parts_rows")) > len(rows), "smaller parts", 180)
    finer = [float(row["volume"].split()[0]) for row in user.state("parts_rows")]
    assert sum(finer) == pytest.approx(total, abs=0.01 * len(finer))
    _explain(user)
    assert _moved(before, user.pixels("axial")) < 20, "the layers are mixed"


def test_the_flip_brush_marks_where_the_answer_would_turn(user, example):
    _explain(user)
    user.tab("outline")
    user.click("centre")
    assert _magenta(user.pixels("axial")) == 0
    _explain(user, "outline")
    user.wait(lambda: user.state("influence_rows"), "the influence map", 180)
    assert user.state("influence_flips") == example.flips
    assert "flip brush" in user.page.inner_text("#influence_note")
    paint = [row for row in user.state("influence_rows") if row["what"] == "paint" and row["flips"]]
    assert paint
    user.page.locator("#influence tr").filter(has_text="Paint here").first.click()
    user.wait(lambda: _magenta(user.pixels("axial")) > 20, "the marks")
    _explain(user)
    user.wait(lambda: _magenta(user.pixels("axial")) == 0, "the marks to go with their layer")


def test_the_delta_ledger_follows_a_stroke(user, example):
    _explain(user, "outline")
    user.tab("outline")
    user.click("centre")
    user.click("segment_tumour")
    user.click("tool_paint")
    user.slide("brush_mm", 10)
    user.page.wait_for_timeout(400)
    before, count = _logit(float(_card(user)["exact"])), user.state("update_count")
    mask = example.case.regions["tumour"] > 0
    inside = sitk.GetArrayFromImage(mask) > 0
    k = int(inside.sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(inside[k])
    edge = mask.TransformIndexToPhysicalPoint((int(columns[rows.argmin()]), int(rows.min()), k))
    x, y = place(example.case.sequence("t1c").image, edge, user.box("axial"))
    user.stroke("axial", [(x, y), (x + 0.02, y - 0.01), (x + 0.03, y)])
    user.wait_for_update(count)
    card = _card(user)
    terms = card["moved"]["terms"]
    assert card["moved"]["text"].startswith("This edit moved")
    assert terms and user.page.inner_text("#moved").endswith(card["moved"]["text"])
    moved = _logit(float(card["exact"])) - before
    assert sum(float(t["exact"]) for t in terms) == pytest.approx(moved, abs=1e-6)
    sizes = [abs(float(t["exact"])) for t in terms]
    assert sizes == sorted(sizes, reverse=True)
    user.wait(
        lambda: user.state("influence_rows") and not user.state("influence_busy"), "the influence map again"
    )
    count = user.state("update_count")
    user.click("undo")
    user.wait_for_update(count)
    assert float(_card(user)["moved"]["exact"]) == pytest.approx(-moved, abs=1e-9)


def test_no_brush_stays_behind_without_a_tool(user, example):
    _explain(user)
    user.tab("outline")
    user.click("tool_none")
    user.click("centre")
    user.settle()
    without = {view: user.pixels(view) for view in ("axial", "coronal", "solid")}
    user.click("tool_paint")
    user.slide("brush_mm", 40)
    user.page.wait_for_timeout(400)
    box = user.box("axial")
    user.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    user.page.wait_for_timeout(600)
    assert _moved(without["axial"], user.pixels("axial")) > 100, "the brush is not to be seen"
    user.click("tool_none")
    user.page.mouse.move(220, 22)
    for view, picture in without.items():
        user.wait(lambda v=view, p=picture: _moved(p, user.pixels(v)) < 20, f"the brush to go from {view}")


def test_what_if_moves_a_number_that_says_hypothetical(user, example):
    _explain(user)
    real, shown = _card(user)["exact"], user.page.inner_text("#whatif_p")
    assert user.page.get_attribute("#whatif_p", "data-p") == real
    assert user.page.locator("#whatif_mark").count() == 0
    key = user.state("whatif_rows")[0]["key"]
    thumb = user.page.locator(f'[id="whatif_{key}"] .v-slider-thumb')
    thumb.focus()
    for _ in range(6):
        user.page.keyboard.press("PageUp")
    user.wait(lambda: user.page.get_attribute("#whatif_p", "data-p") != real, "another number")
    assert user.page.inner_text("#whatif_mark").lower() == "hypothetical"
    assert "Hypothetical" in user.page.inner_text("#whatif")
    assert _card(user)["exact"] == real, "a hypothesis must not change the result"
    user.click("whatif_reset")
    user.wait(lambda: user.page.get_attribute("#whatif_p", "data-p") == real, "the measured number")
    assert user.page.inner_text("#whatif_p") == shown


def test_nothing_went_wrong_on_the_way(user, example):
    assert user.errors == [] and user.alerts() == []

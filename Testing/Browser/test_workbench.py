"""A user trains a model: recipes, faults, a run that is stopped and goes on, the new model on a case.

The tests follow each other as a user would go on.
"""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from browser_support import ROOT, opened
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.workbench.recipes import recipe_rows

pytest.importorskip("sklearn")
pytestmark = pytest.mark.browser
MEASURED = ROOT / "Testing" / "Python" / "data" / "m11-simulated-features.csv"
"""Features of 24 simulated cases, so that a run need not compute and measure them."""
CASES = 24
PATIENTS = 60
REPEATS = 12
"""Of the run that is cancelled: long enough to cancel it, short enough to wait for."""
MARK = 0.123456789
MODEL = "m11-simulated"


def features_table(path: Path, *, events: int, faults: bool = False) -> Path:
    """Five features of any software and an endpoint that follows the first one."""
    rng = np.random.default_rng(7)
    values = rng.standard_normal((PATIENTS, 5))
    order = np.argsort(-values[:, 0] - 0.8 * rng.standard_normal(PATIENTS))
    label = np.isin(np.arange(PATIENTS), order[:events]).astype(int)
    names = [f"P{n:02}" for n in range(PATIENTS)]
    if faults:
        names[4] = names[3]  # the same patient twice
        label = label.astype(object)
        label[7] = "perhaps"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["patient", *(f"feature_{n}" for n in range(5)), "endpoint:Ki-67"])
        for name, row, mark in zip(names, values, label, strict=True):
            table.writerow([name, *(f"{x:.5f}" for x in row), mark])
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("workbench")


@pytest.fixture(scope="module")
def user(chromium, work):
    with opened(chromium, folder=work, size=(1400, 900)) as page:
        page.click("open_workbench")
        page.page.wait_for_selector("#bench_table tbody tr")
        yield page


def _faults(user) -> list[list[str]]:
    """Kind, where, what and hint of every row of the table on the page."""
    return user.page.eval_on_selector_all(
        "#bench_faults tbody tr", "all => all.map(r => [...r.cells].map(c => c.innerText))"
    )


def _examine(user) -> dict:
    """Examine the cohort; what was found for what is chosen now."""
    user.page.evaluate("() => window.trame.state.set('bench_exam', null)")  # what was found before
    user.page.wait_for_selector("#bench_exam", state="detached")
    user.click("bench_examine")
    found = user.wait(lambda: user.state("bench_exam"), "what is found")
    user.page.wait_for_selector("#bench_exam")
    user.page.wait_for_selector("#bench_exam_stale", state="detached")
    return found


def _dismiss(user) -> None:
    for entry in user.state("alerts"):
        user.click(f"dismiss_{entry['id']}")
    user.wait(lambda: not user.alerts(), "the alerts to go")


def _recipe(user, recipe: str) -> None:
    user.click("step_recipe")
    user.click(f"recipe_{recipe}")
    user.wait(lambda: user.state("bench_recipe") == recipe, "the recipe")
    user.click("bench_take")
    user.page.wait_for_selector("#pane_cases")


WITHOUT = """
import sys
sys.modules["sklearn"] = None
from virtualbiopsy.web.__main__ import main
main(sys.argv[1:])
"""


def test_without_scikit_learn_the_sheet_says_what_is_missing(chromium, work):
    folder = work / "bare"
    folder.mkdir()
    good = features_table(work / "enough.csv", events=30)
    with opened(chromium, folder=folder, size=(1000, 700), start=[sys.executable, "-c", WITHOUT]) as page:
        page.click("open_workbench")
        page.page.wait_for_selector("#bench_table tbody tr")
        missing = page.page.inner_text("#bench_missing")
        assert "scikit-learn" in missing and 'pip install "virtualbiopsy[train]"' in missing
        _recipe(page, "M13")
        page.fill("bench_cohort", str(good))
        assert _examine(page)["usable"]
        page.click("bench_to_run")
        assert page.page.is_disabled("#bench_run")
        assert page.errors == [] and page.alerts() == []


def test_every_published_study_is_in_the_table_with_its_state(user):
    known = recipe_rows()
    rows = user.page.locator("#bench_table tbody tr")
    assert rows.count() == len(known) == 110
    assert RESEARCH_USE_ONLY in user.page.inner_text("#workbench")
    user.choose("bench_state", "not run")
    user.wait(lambda: rows.count() == sum(not row.runnable for row in known), "those that are not run")
    for row in known:
        if not row.runnable:
            assert row.why_not in user.page.inner_text(f"#recipe_{row.recipe}"), row.recipe
    user.click("recipe_M15")
    user.wait(lambda: user.page.is_visible("#bench_why_not"), "the reason")
    assert not user.page.is_visible("#bench_take") and not user.state("bench_recipe")
    user.choose("bench_state", "can be run")
    user.fill("bench_search", "ki-67 naive whole")
    user.wait(lambda: rows.count() == 0, "no study with these words")
    user.fill("bench_search", "high ki-67 whole")
    user.wait(lambda: rows.count() == 1, "the study with these words")
    user.click("recipe_M11")
    user.page.wait_for_selector("#bench_take")
    facts = user.page.inner_text("#bench_facts")
    assert "0.752" in facts and "external: none reported" in facts and "naive Bayes" in facts
    user.fill("bench_search", "")
    user.choose("bench_state", "all")
    assert user.state("bench_recipe") == "M11" and user.errors == []


def test_all_faults_of_a_cohort_are_shown_at_once(user, work):
    _recipe(user, "M13")
    bad = features_table(work / "bad.csv", events=30, faults=True)
    user.fill("bench_cohort", str(bad))
    found = _examine(user)
    assert not found["usable"] and found["patients"] == PATIENTS - 1
    user.page.wait_for_selector("#bench_faults")
    rows = _faults(user)
    faults = [row for row in rows if row[0] == "fault"]
    assert len(faults) >= 2 and rows[: len(faults)] == faults
    assert any("P03" in " ".join(row) for row in faults)
    assert any("perhaps" in " ".join(row) for row in faults)
    assert all(row[2] for row in rows) and any(row[3] for row in faults)
    assert user.page.is_disabled("#bench_to_run")
    user.click("step_run")
    user.fill("bench_out", str(work / "never"))
    user.click("bench_run")
    alert = user.wait(user.alerts, "a refusal")[0]
    assert "faults" in alert and not (work / "never").exists()
    user.page.wait_for_selector("#bench_faults")
    _dismiss(user)


def test_too_few_events_are_refused_until_the_user_wants_them(user, work):
    good = features_table(work / "few.csv", events=20)
    user.fill("bench_cohort", str(good))
    user.page.wait_for_selector("#bench_exam_stale")  # the table is about another cohort
    found = _examine(user)
    assert not found["usable"] and found["verdict"] == "too few" and "20 events" in found["outlook"]
    user.page.click("#bench_few", force=True)
    assert "chance" in user.page.inner_text("#bench_few_warning")
    user.wait(lambda: user.state("bench_few"), "the switch")
    assert _examine(user)["usable"]
    assert [e["value"] for e in user.state("bench_exam")["endpoints"]] == ["Ki-67"]
    user.choose("bench_endpoint", "Ki-67")
    assert user.errors == [] and user.alerts() == []


def _parts(out: Path) -> int:
    """How many parts of the validation are kept."""
    kept = out / "validation.jsonl"
    return kept.read_text(encoding="utf-8").count('"number"') if kept.is_file() else 0


def test_a_run_is_cancelled_and_goes_on_when_it_is_run_again(user, work):
    out, whole = work / "few-run", 3 * REPEATS
    user.click("bench_to_run")
    user.fill("bench_out", str(out))
    user.fill("bench_folds", "3")
    user.fill("bench_repeats", str(REPEATS))
    user.click("step_cases")
    _examine(user)
    user.click("bench_to_run")
    user.click("bench_run")
    user.wait(lambda: _parts(out) >= 1, "the first part")
    user.click("bench_cancel")
    user.page.wait_for_selector("#bench_note")
    assert "goes on" in user.page.inner_text("#bench_note") and not list(out.glob("*.radmodel"))
    done = _parts(out)
    assert 1 <= done < whole, "cancelled too late"
    lines = (out / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    part = {**json.loads(lines[1]), "threshold": MARK}
    marked = "\n".join([lines[0], json.dumps(part), *lines[2:], ""])
    (out / "validation.jsonl").write_text(marked, encoding="utf-8")
    _dismiss(user)
    user.click("bench_run")
    user.page.wait_for_selector("#bench_progress")
    assert "Training M13" in user.page.inner_text("#bench_job_text")
    user.click("close_workbench")  # the run goes on behind the start page
    assert "Training M13" in user.page.inner_text("#show_workbench")
    user.click("show_workbench")
    user.page.wait_for_selector("#bench_outcome", timeout=90000)
    again = (out / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(again[1])["threshold"] == MARK, "the first part was done again"
    assert _parts(out) == whole
    assert user.errors == [] and user.alerts() == []


def test_figures_stand_with_intervals_cases_and_warnings(user):
    warnings = user.page.inner_text("#bench_warnings")
    assert "20 events" in warnings and "too few" in warnings
    figures = user.page.inner_text("#bench_figures")
    assert f"{REPEATS} times repeated 3-fold" in figures and "60 cases, 20 of them positive" in figures
    assert "AUC" in figures and figures.count("95 % CI") > 5
    assert "feature_" in user.page.inner_text("#bench_no_model"), "no case can be measured for this model"
    assert "60 cases" in user.page.inner_text("#bench_data")
    assert not user.page.is_visible("#bench_is_simulated")


def test_a_folder_with_results_is_not_written_over(user, work):
    user.click("step_run")
    user.click("bench_run")
    assert "exists already" in user.wait(user.alerts, "a refusal")[0]
    assert user.state("bench_wrong") == "overwrite"
    _dismiss(user)


def test_simulated_cases_end_in_a_model_with_a_report_in_the_page(user, work):
    out = work / "m11"
    out.mkdir()
    shutil.copy(MEASURED, out / "meningioma-trial-features.csv")
    _recipe(user, "M11")
    user.click("source_simulated")
    user.fill("bench_simulated", "3")
    user.click("step_run")
    user.fill("bench_out", str(out))
    user.fill("bench_repeats", "2")
    user.click("bench_run")
    assert "3" in user.wait(user.alerts, "a refusal")[0] and user.state("bench_wrong") == "simulated"
    user.page.wait_for_selector("#pane_cases")
    _dismiss(user)
    user.fill("bench_simulated", str(CASES))
    user.click("step_run")
    user.click("bench_run")
    user.page.wait_for_selector("#bench_outcome", timeout=60000)
    assert user.page.is_visible("#bench_is_simulated")
    assert "simulated" in user.page.inner_text("#bench_data")
    assert "24 simulated cases" in user.page.inner_text("#bench_figures")
    assert "nothing about patients" in user.page.inner_text("#bench_warnings")
    published = user.page.inner_text("#bench_published")
    assert "another model" in published and "0.752" in published and "external" in published
    user.click("bench_show_report")
    frame = user.page.frame_locator("#bench_report")
    frame.locator("h1").wait_for()
    assert "SIMULATED" in frame.locator("h1").inner_text() and frame.locator("svg").count() >= 3
    assert user.page.get_attribute("#bench_report", "sandbox") == ""
    with user.page.expect_download() as download:
        user.click("bench_download_card")
    assert Path(download.value.path()).read_text(encoding="utf-8") == (out / "card.md").read_text("utf-8")
    assert user.errors == [] and user.alerts() == []


def test_the_model_is_installed_and_a_run_is_opened_again(user, work):
    user.click("bench_install")
    user.wait(lambda: user.state("bench_is_installed"), "the model to be installed")
    kept = list((work / "models").iterdir())
    assert [path.name for path in kept] == [f"{MODEL}.radmodel"]
    assert kept[0].read_bytes() == (work / "m11" / f"{MODEL}.radmodel").read_bytes()
    user.click("step_models")
    text = user.page.inner_text(f"#installed_{MODEL}")
    assert "24 simulated cases" in text and "M11" in text
    user.click("step_result")
    user.fill("bench_open_run", str(work / "few-run"))
    user.click("bench_open_run_button")
    user.wait(lambda: "20 of them positive" in user.page.inner_text("#bench_figures"), "the other run")
    assert user.page.is_visible("#bench_no_model")
    user.fill("bench_open_run", str(work / "m11"))
    user.click("bench_open_run_button")
    user.wait(lambda: user.page.is_visible("#bench_is_simulated"), "the first run again")
    assert user.page.is_disabled("#bench_install")
    _dismiss(user)


def _received(server: socket.socket) -> list[bytes]:
    """What was asked for; a connection that Chromium opens beforehand and does not use is nothing."""
    found = []
    server.settimeout(1.0)
    with contextlib.suppress(TimeoutError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(TimeoutError):
                connection.settimeout(1.0)
                found.append(connection.recv(200))
    return [text for text in found if text]


def test_the_report_of_a_stranger_neither_runs_nor_calls_out(user, work):
    stranger = work / "stranger"
    shutil.copytree(work / "m11", stranger)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        there = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        attack = (
            f"<h2 id='attack'>Attack</h2><script>top.hacked = 1; fetch('{there}/script')</script>"
            f"<img src='{there}/image' onerror='top.hacked = 1'><link rel=stylesheet href='{there}/style'>"
            f"<iframe src='{there}/frame'></iframe><meta http-equiv=refresh content='0;url={there}/away'>"
        )
        (stranger / "report.html").write_text(f"<!doctype html><body>{attack}", encoding="utf-8")
        user.fill("bench_open_run", str(stranger))
        user.click("bench_open_run_button")
        user.wait(lambda: user.page.inner_text("#section_bench_files").count("stranger"), "the run")
        user.click("bench_show_report")
        user.page.frame_locator("#bench_report").locator("#attack").wait_for()
        assert _received(elsewhere) == []
    assert user.page.evaluate("window.hacked") is None
    user.fill("bench_open_run", str(work / "m11"))
    user.click("bench_open_run_button")
    user.wait(lambda: "stranger" not in user.page.inner_text("#section_bench_files"), "the own run again")
    assert user.errors == []


def test_the_new_model_answers_for_the_sample_case_like_any_other(user):
    user.state("register", False)  # the images of the sample case lie in place; this takes most of the time
    user.click("bench_try_sample")
    user.page.wait_for_selector(f"#card_{MODEL}", state="attached", timeout=120000)
    assert not user.page.is_visible("#workbench") and user.state("case_simulated")
    card = next(c for c in user.state("cards") if c["id"] == MODEL)
    assert user.state("cards")[0]["id"] == MODEL and len(user.state("cards")) == 3
    assert 0 < float(card["exact"]) < 1 and card["trust"]["light"] in ("amber", "red")
    origin = user.page.inner_text(f"#origin_{MODEL}")
    assert "trained on simulated cases" in origin and "Installed on this computer" in origin
    assert "simulated cases" in user.page.inner_text(f"#performance_{MODEL}")
    user.show_numbers()
    user.wait(lambda: user.state("explained_model") == MODEL and user.state("ledger"), "its explanation")
    user.wait(lambda: {r["id"]: r for r in user.state("ledger")}["total"]["exact"], "the sum of the ledger")
    rows = {row["id"]: row for row in user.state("ledger")}
    parts = sum(float(r["exact"]) for r in user.state("ledger") if r["level"] == 1)
    total = float(rows["total"]["exact"])
    assert float(rows["baseline"]["exact"]) + parts == pytest.approx(total, abs=1e-9)
    assert 1 / (1 + np.exp(-total)) == pytest.approx(float(card["exact"]), abs=1e-9)
    assert user.errors == [] and user.alerts() == []


def test_an_installed_model_is_removed_again(user, work):
    user.click("show_start")
    assert "1 of your own" in user.page.inner_text("#start_meningioma")
    user.click("open_workbench")
    user.click("step_models")
    user.click(f"remove_{MODEL}")
    user.click(f"really_remove_{MODEL}")
    user.wait(lambda: user.page.is_visible("#bench_no_models"), "the model to go")
    assert not list((work / "models").iterdir()) and (work / "m11" / f"{MODEL}.radmodel").is_file()
    user.wait(lambda: not user.state("has_result"), "its answer to go with it")
    user.click("close_workbench")
    assert "1 of your own" not in user.page.inner_text("#start_meningioma")
    assert user.errors == []

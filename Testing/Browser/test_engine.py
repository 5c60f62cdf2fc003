"""The tab "Engine": reference tests on this machine, comparison with pyradiomics on the outline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser_support import ROOT, opened
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.resources import resource

pytestmark = pytest.mark.browser


def _oracle() -> str:
    """Python of the pyradiomics oracle, "" if it cannot be built here."""
    script = ROOT / "Testing" / "Oracles" / "build_pyradiomics.py"
    built = subprocess.run([sys.executable, script], capture_output=True, text=True)
    return built.stdout.strip() if built.returncode == 0 else ""


@pytest.fixture(scope="module")
def user(chromium, tmp_path_factory):
    try:
        case = resource("Cases/meningioma-sample")
    except FileNotFoundError:
        pytest.skip("the sample case is not there")
    work = tmp_path_factory.mktemp("engine")
    before = os.environ.get("VIRTUALBIOPSY_PYRADIOMICS")
    os.environ["VIRTUALBIOPSY_PYRADIOMICS"] = _oracle() or str(work / "absent")
    try:
        with opened(chromium, case, folder=work) as page:
            page.wait(lambda: page.state("case_name"), "the case")
            page.tab("engine")
            yield page
    finally:
        if before is None:
            del os.environ["VIRTUALBIOPSY_PYRADIOMICS"]
        else:
            os.environ["VIRTUALBIOPSY_PYRADIOMICS"] = before


def text(user, identity: str) -> str:
    return user.page.inner_text(f'[id="{identity}"]')


def test_the_tab_says_what_computes_the_features(user):
    user.wait(lambda: user.state("engine_kernels"), "the kernels")
    assert "numpy and scipy" in text(user, "engine_kernels") or "numba" in text(user, "engine_kernels")
    assert "pyradiomics" in text(user, "engine_peer")


def test_the_reference_tests_run_here_and_their_report_can_be_kept(user):
    user.click("certify")
    check = user.wait(lambda: next(iter(user.state("engine_checks")), None), "the certificate", 180)
    assert check["kind"] == "certificate" and check["good"] and not check["failures"]
    shown = text(user, "check_certificate")
    assert "reference tests passed on this machine" in shown and "digital phantom" in shown
    with user.page.expect_download(timeout=60000) as waiting:
        user.click("download_certificate_json")
    certificate = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    assert certificate["passed"] and certificate["summary"]["passed"] > 500
    with user.page.expect_download(timeout=60000) as waiting:
        user.click("download_certificate_html")
    assert RESEARCH_USE_ONLY in Path(waiting.value.path()).read_text(encoding="utf-8")


def test_a_folder_without_the_phantom_is_an_alert(user, tmp_path):
    user.fill("engine_data", str(tmp_path))
    user.click("certify")
    user.wait(lambda: [a for a in user.alerts() if "does not hold" in a], "the alert")
    user.fill("engine_data", "")


def test_the_engines_agree_on_the_outline(user):
    if not user.state("engine_peer"):
        assert user.page.is_disabled("#compare_engines")
        pytest.skip("the pyradiomics oracle cannot be built here")
    user.tab("outline")
    user.click("load_case_mask")
    user.wait(lambda: user.state("facts"), "the outline")
    user.tab("engine")
    user.click("compare_engines")
    check = user.wait(
        lambda: next((c for c in user.state("engine_checks") if c["kind"] == "agreement"), None),
        "the agreement",
        180,
    )
    assert check["good"] and not check["failures"]
    assert sum(group["passed"] for group in check["groups"]) > 95
    with user.page.expect_download(timeout=60000) as waiting:
        user.click("download_agreement_json")
    assert json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))["format"]
    user.page.screenshot(path=str(user.application.log.parent / "engine.png"))
    assert not user.errors

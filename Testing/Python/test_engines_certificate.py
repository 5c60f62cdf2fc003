"""The self-certificate: it passes here, and it fails when the engine is wrong."""

from __future__ import annotations

import json

import pytest
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.engines import certificate as module
from virtualbiopsy.engines.certificate import Certificate, Check, certify
from virtualbiopsy.engines.certificate_report import write_certificate
from virtualbiopsy.errors import Cancelled, UnreadableFileError
from virtualbiopsy.radiomics import glcm
from virtualbiopsy.radiomics.kernels import choose


@pytest.fixture(scope="module")
def made() -> Certificate:
    return certify(created="2026-01-02 03:04 UTC")


def test_everything_that_needs_no_data_passes(made):
    failed = [check for check in made.checks if check.passed is False]
    assert not failed and made.passed
    assert made.counts("IBSI 1: digital phantom") == (482, 0, 5)
    assert made.counts("IBSI 2: response maps") == (33, 0, 0)
    assert made.counts("Invariances")[0] == 15
    assert {"IBSI 1: CT phantom", "IBSI 2: features of filtered images"} <= set(made.skipped)
    assert {"Python", "numpy", "scipy", "SimpleITK", "VirtualBiopsy"} <= set(made.machine)


def test_reports_hold_every_row(made, tmp_path):
    record, page = write_certificate(tmp_path, made)
    content = json.loads(record.read_text(encoding="utf-8"))
    assert content["passed"] is True and len(content["checks"]) == len(made.checks)
    assert content["research_use_only"] == RESEARCH_USE_ONLY and content["created"].startswith("2026")
    text = page.read_text(encoding="utf-8")
    assert RESEARCH_USE_ONLY in text and text.count("<tr>") > len(made.checks)
    assert "not issued or endorsed by the initiative" in text
    assert "<script" not in text and "FAILED" not in text


def test_a_wrong_feature_fails(monkeypatch):
    right = glcm.FEATURES["contrast"]
    monkeypatch.setattr(glcm, "FEATURES", {**glcm.FEATURES, "contrast": lambda t: 1.02 * right(t)})
    monkeypatch.setattr(module, "_invariances", lambda: ())
    monkeypatch.setattr(module, "_kernels", lambda skipped: ())
    monkeypatch.setattr(module, "_filters", lambda *_: ())
    with choose.using("plain"):
        found = certify()
    failed = {check.name for check in found.checks if check.passed is False}
    assert not found.passed and "failed" in found.sentence()
    assert failed and all("glcm contrast" in name for name in failed)


def test_a_feature_that_moves_with_the_image_fails(monkeypatch):
    real = module._values

    def moved(image, mask, spacing, rule):
        found = real(image, mask, spacing, rule)
        key = next(iter(found))
        found[key] += 1e-6 * float(mask.nonzero()[0][0])
        return found

    monkeypatch.setattr(module, "_values", moved)
    states = {check.name: check.passed for check in module._invariances()}
    assert states["translation by whole voxels"] is False
    assert states["mirrored along i"] is True


def test_nothing_compared_is_not_passed():
    assert not Certificate(()).passed
    assert not Certificate((Check("a", "b"),)).passed
    assert Certificate((Check("a", "b", passed=True), Check("a", "c"))).passed
    assert not Certificate((Check("a", "b", passed=True), Check("a", "c", passed=False))).passed


def test_a_folder_without_the_phantom_is_refused_at_once(tmp_path):
    with pytest.raises(UnreadableFileError, match="does not hold ct_phantom_image"):
        certify(data=tmp_path)
    with pytest.raises(UnreadableFileError, match="no folder"):
        certify(data=tmp_path / "nowhere")


def test_it_can_be_cancelled():
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.01:
            raise Cancelled()

    with pytest.raises(Cancelled):
        certify(stop)


def test_the_ct_phantom_is_found_in_a_folder(data_dir):
    folder = module._phantom_folder(data_dir)
    image, mask = (module._read(folder / name) for name in (module.CT_IMAGE, module.CT_MASK))
    checks = list(module._table("c", image, mask, lambda fraction, message: None))
    assert [check.passed for check in checks].count(True) == 270
    assert all(check.passed is not False for check in checks)

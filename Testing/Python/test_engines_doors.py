"""What front ends show of the engines."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.engines import doors
from virtualbiopsy.errors import EngineError
from virtualbiopsy.radiomics.kernels import choose


def test_the_kernels_in_use_are_named():
    with choose.using("plain"):
        assert doors.engine_state().kernels == "numpy and scipy"
    pytest.importorskip("numba")
    with choose.using("compiled"):
        assert doors.engine_state().kernels == "compiled (numba)"


def test_pyradiomics_that_is_not_there_is_explained(monkeypatch):
    monkeypatch.delenv("VIRTUALBIOPSY_PYRADIOMICS", raising=False)
    found = doors.engine_state()
    if found.pyradiomics:
        pytest.skip("pyradiomics is installed here")
    assert "pyradiomics" in found.why_not


def test_the_reference_tests_in_words():
    found = doors.check_reference_values(created="2026-01-01 00:00 UTC")
    assert found.good and not found.failures
    assert {"certificate.html", "certificate.json"} == set(found.files)
    assert RESEARCH_USE_ONLY in found.files["certificate.html"]
    assert json.loads(found.files["certificate.json"])["passed"] is True
    names = [group[0] for group in found.groups]
    assert any("digital phantom" in name for name in names) and any("response maps" in name for name in names)
    assert sum(group[1] for group in found.groups) > 500 and not any(group[2] for group in found.groups)


def test_a_wrong_engine_shows_in_the_outcome(monkeypatch):
    from virtualbiopsy.radiomics import statistics

    monkeypatch.setitem(statistics.FEATURES, "variance", lambda v: 1.01 * v.variance)
    found = doors.check_reference_values()
    assert not found.good
    assert any("variance" in line for line in found.failures)


@pytest.fixture
def brain(data_dir) -> tuple[sitk.Image, sitk.Image]:
    folder = data_dir / "volumes" / "pyradiomics"
    return tuple(sitk.ReadImage(str(folder / f"brain1_{what}.nrrd")) for what in ("image", "label"))


@pytest.mark.oracle
def test_agreement_on_a_real_volume(brain, oracle_python, monkeypatch):
    monkeypatch.setenv("VIRTUALBIOPSY_PYRADIOMICS", str(oracle_python))
    assert doors.engine_state().pyradiomics.lstrip("v").startswith("3.0.1")
    image, mask = brain
    found = doors.check_agreement(image, mask * 7, sequence="t1c", created="now", case="brain1")
    assert found.good and not found.failures
    counts = np.array([group[1:] for group in found.groups])
    assert counts[:, 0].sum() > 95 and not counts[:, 1].any()
    assert set(found.files) == {"agreement.html", "agreement.json", "agreement.csv"}


def test_agreement_without_pyradiomics_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("VIRTUALBIOPSY_PYRADIOMICS", str(tmp_path / "absent"))
    image = sitk.GetImageFromArray(np.random.default_rng(1).random((8, 8, 8)))
    mask = sitk.GetImageFromArray(np.pad(np.ones((4, 4, 4), dtype=np.uint8), 2))
    with pytest.raises(EngineError):
        doors.check_agreement(image, mask)

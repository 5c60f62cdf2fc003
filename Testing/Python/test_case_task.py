"""The guess which task a case is for."""

from __future__ import annotations

import pytest
import SimpleITK as sitk
from virtualbiopsy.case.dynamic import DynamicSeries, Phase
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.case.task import guess_task
from virtualbiopsy.web.remembered import remember_task, remembered_task

IMAGE = sitk.Image(4, 4, 4, sitk.sitkFloat32)


def _case(*roles: str, name: str = "case", protocol: dict[str, str] | None = None) -> Case:
    return Case(name, tuple(Sequence(r, f"image {r}", IMAGE, protocol=protocol or {}) for r in roles))


def _series() -> DynamicSeries:
    return DynamicSeries("uptake", tuple(Phase(f"phase {n}", IMAGE, 60.0 * n) for n in range(3)))


@pytest.mark.parametrize(
    ("case", "task", "word"),
    [
        (_case("t1c", "t2"), "meningioma", "t1c"),
        (_case("t2", "ktrans"), "breast", "ktrans"),
        (_case("other", protocol={"BodyPartExamined": "BREAST"}), "breast", "BREAST"),
        (_case("dce", protocol={"BodyPartExamined": "BRAIN"}), "meningioma", "BRAIN"),
        (_case("t2", "adc", name="breast_17"), "breast", "breast_17"),
        (_case("t2", name="Brats18_x"), "meningioma", "Brats18_x"),
    ],
)
def test_the_guess_names_what_it_rests_on(case, task, word):
    found = guess_task(case)
    assert (found.task.task_id, found.sure) == (task, True)
    assert word in found.reason


def test_a_dynamic_series_speaks_for_the_breast():
    found = guess_task(Case("case", _case("t2").sequences, dynamic=_series()))
    assert found.task.task_id == "breast"
    assert "3 phases" in found.reason


def test_nothing_to_go_by_is_said():
    found = guess_task(_case("t2", "adc"))
    assert not found.sure
    assert "Nothing" in found.reason


def test_the_choice_is_remembered_by_digest_only(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "a case of somebody"
    assert remembered_task(path) == ""
    remember_task(path, "breast")
    remember_task(tmp_path / "other", "meningioma")
    assert remembered_task(path) == "breast"
    kept = (tmp_path / "virtualbiopsy" / "tasks.json").read_text()
    assert "somebody" not in kept

"""Another dynamic series for a case: what has the role "dce", by which name and place, in files as well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from test_case_dynamic_files import as_image
from uptake_support import series
from virtualbiopsy.case.dynamic import PhaseMotion
from virtualbiopsy.case.dynamic_series import with_dynamic
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.case.phase_times import with_precontrast
from virtualbiopsy.case.read import read_case
from virtualbiopsy.errors import DynamicSeriesError
from virtualbiopsy.session import Session
from virtualbiopsy.web.casefiles import CaseReader, CaseWriter

SERIES = series()
OTHER = Sequence("t2", "T2", SERIES.phases[0].image)


def marked(given, count):
    """The first so many phases are pre-contrast."""
    return with_precontrast(given, {phase.name for phase in given.phases[:count]})


def test_the_early_phase_keeps_its_place_and_is_named_after_its_number():
    case = with_dynamic(Case("toy", (OTHER,)), SERIES)
    assert [s.name for s in case.sequences] == ["dynamic phase 3", "T2"]
    case = replace(case, sequences=case.sequences[::-1])
    moved = with_dynamic(case, marked(SERIES, 3))
    assert [(s.role, s.name) for s in moved.sequences] == [("t2", "T2"), ("dce", "dynamic phase 5")]
    assert (
        moved.sequence("dce").image is SERIES.phases[4].image
        and "Phase 5 of 7" in moved.sequence("dce").reason
    )
    assert [s.name for s in with_dynamic(moved, None).sequences] == ["T2"]


def test_a_sequence_that_is_no_phase_is_left_alone():
    foreign = Sequence("dce", "subtraction", sitk.Image(SERIES.phases[2].image))
    for make in (
        lambda: with_dynamic(Case("toy", (foreign, OTHER)), SERIES),
        lambda: with_dynamic(Case("toy", (foreign, OTHER), dynamic=SERIES), marked(SERIES, 2)),
    ):
        case = make()
        assert case.sequence("dce").name.startswith("dynamic phase")
        (kept,) = (s for s in case.sequences if s.name == "subtraction")
        assert kept.role == "other" and kept.image is foreign.image


def test_a_session_takes_another_series_in_the_same_way():
    session = Session(with_dynamic(Case("toy", (OTHER,)), SERIES), ())
    session.set_dynamic(marked(SERIES, 3))
    assert session.case.sequence("dce").name == "dynamic phase 5"
    before = session.case
    with pytest.raises(DynamicSeriesError):
        session.set_dynamic(replace(SERIES, phases=SERIES.phases[:1]))
    assert session.case is before


def test_the_breast_is_looked_for_once(monkeypatch):
    from virtualbiopsy import dynamics
    from virtualbiopsy.tasks import BREAST

    asked = []
    real = dynamics.breast_limit
    monkeypatch.setattr(dynamics, "breast_limit", lambda *given: asked.append(1) or real(*given))
    found = Session(with_dynamic(Case("toy", ()), SERIES), (), BREAST).dynamics
    first = found.breast
    assert found.breast is first and len(asked) == 1
    assert sitk.GetArrayViewFromImage(first).any()


@pytest.mark.parametrize(("copies", "aligned"), [(False, False), (True, False), (False, True)])
def test_a_saved_case_comes_back_with_its_marks(tmp_path, copies, aligned):
    folder = tmp_path / "case"
    for n, phase in enumerate(SERIES.phases):
        path = folder / f"dce_{n}_{phase.start_s:g}s.nii.gz"
        path.parent.mkdir(exist_ok=True)
        sitk.WriteImage(as_image(sitk.GetArrayFromImage(phase.image)), str(path))
    case = read_case(folder)
    assert case.dynamic is not None and len(case.dynamic.phases) == 7
    changed = marked(case.dynamic, 4)
    if aligned:  # aligned phases are new images, which are saved
        phases = tuple(replace(phase, image=phase.image + 1) for phase in changed.phases)
        motion = tuple(PhaseMotion(phase.name, 1.0, 0.0, 0.0, 0.0, True) for phase in phases)
        changed = replace(changed, phases=phases, motion=motion)
    case = with_dynamic(case, changed)
    writer = CaseWriter("images", copies)
    entry = writer.case(case, str(folder))
    saved = tmp_path / "session"
    for name, image in writer.images.items():
        (saved / name).parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(saved / name))
    assert bool(writer.images) == (copies or aligned)
    again = CaseReader(saved).case(entry, {}, lambda done, text: None)
    assert [(s.role, s.name) for s in again.sequences] == [(s.role, s.name) for s in case.sequences]
    assert [phase.precontrast for phase in again.dynamic.phases] == [True] * 4 + [False] * 3
    shown, expected = (sitk.GetArrayViewFromImage(c.sequence("dce").image) for c in (again, case))
    np.testing.assert_array_equal(shown, expected)

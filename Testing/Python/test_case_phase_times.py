"""Times of phases: relative to the injection, early and late phase, checks."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.dynamic import DynamicSeries, Phase
from virtualbiopsy.case.phase_times import (
    INJECTION_ASSUMED,
    check_series,
    check_times,
    early_phase,
    effective_times,
    late_phase,
    phase_rows,
    with_precontrast,
)
from virtualbiopsy.errors import (
    GeometryError,
    PhaseCountError,
    PhaseGeometryError,
    PhaseTimeError,
    PrecontrastError,
)


def series(starts, before=1, duration=None, injection=None, size=(4, 5, 6)):
    image = sitk.Image(size, sitk.sitkFloat32)
    phases = tuple(
        Phase(f"phase {n}", image, start, "table", n <= before) for n, start in enumerate(starts, start=1)
    )
    return DynamicSeries("dce", phases, duration_s=duration, injection_s=injection)


def test_effective_times_are_the_vendors_of_the_real_study():
    # UCSF-BR-06: ContentTime 10:25:51, 10:32:38, 10:38:32; its PE1 objects state -230, 177, 531 s.
    study = series((0.0, 407.0, 761.0), duration=354.0)
    assert effective_times(study) == (-230.0, 177.0, 531.0)
    assert early_phase(study, 120.0) == 1 and late_phase(study, 360.0) == 2
    assert [row.interval_s for row in phase_rows(study)] == [None, 407.0, 354.0]


def test_nearest_phase_after_the_injection():
    fast = series((0.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0, 300.0), before=2, injection=20.0)
    assert effective_times(fast) == (-20.0, -10.0, 0.0, 10.0, 40.0, 100.0, 220.0, 280.0)
    assert early_phase(fast, 120.0) == 5 and early_phase(fast, 5.0) == 2  # the earlier of two at 5 s
    assert early_phase(fast, -20.0) == 2, "never a pre-contrast phase"
    assert late_phase(fast, 360.0) == 7 and late_phase(fast, float("inf")) == 7
    assert late_phase(fast, 100.0) == 6, "never the early phase itself"
    assert late_phase(fast, 30.0, early_s=0.0) == 4


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ((0.0, None, 20.0), "does not tell the time of phase 2"),
        ((0.0, float("nan"), 20.0), "does not tell the time of phase 2"),
        ((0.0, 20.0, 20.0), "phase 2 and phase 3 have the same time"),
        ((0.0, 40.0, 20.0), "not sorted"),
    ],
)
def test_bad_times(starts, words):
    bad = series(starts)
    for refused in (check_times, effective_times, lambda s: early_phase(s, 120.0)):
        with pytest.raises(PhaseTimeError, match=words):
            refused(bad)
    assert [row.effective_s for row in phase_rows(bad)] == [None] * 3, "the table stays"


def test_what_every_use_needs():
    check_series(series((0.0, 20.0)))
    with pytest.raises(PhaseCountError, match="one phase"):
        check_series(series((0.0,)))
    with pytest.raises(PhaseCountError, match="no phase after phase 2"):
        late_phase(series((0.0, 20.0)), 360.0)
    with pytest.raises(PrecontrastError, match="no pre-contrast"):
        check_series(series((0.0, 20.0), before=0))
    with pytest.raises(PrecontrastError, match="no post-contrast"):
        check_series(series((0.0, 20.0), before=2))
    with pytest.raises(PrecontrastError):
        early_phase(series((0.0, 20.0), before=2), 120.0)


def test_phases_of_different_size_or_grid():
    good = series((0.0, 20.0))
    for change in ("size", "origin", "spacing", "direction"):
        image = sitk.Image((4, 5, 7) if change == "size" else (4, 5, 6), sitk.sitkFloat32)
        if change == "origin":
            image.SetOrigin((0.5, 0.0, 0.0))
        if change == "spacing":
            image.SetSpacing((1.0, 1.01, 1.0))
        if change == "direction":
            image.SetDirection(np.diag([1.0, -1.0, 1.0]).ravel().tolist())
        bad = replace(good, phases=(good.phases[0], replace(good.phases[1], image=image)))
        with pytest.raises(PhaseGeometryError, match="phase 2") as caught:
            check_series(bad)
        assert isinstance(caught.value, GeometryError)


def test_the_user_marks_the_precontrast_phases():
    study = series((0.0, 60.0, 120.0, 180.0), before=1, duration=60.0)
    marked = with_precontrast(study, {"phase 1", "phase 2"})
    assert [p.precontrast for p in marked.phases] == [True, True, False, False]
    assert "user" in marked.precontrast_reason
    assert (marked.injection_s, marked.injection_source) == (120.0, INJECTION_ASSUMED)
    assert with_precontrast(marked, {"phase 1"}).injection_s == 60.0, "an assumption follows the marks"
    known = replace(study, injection_s=75.0, injection_source="Table.")
    assert with_precontrast(known, {"phase 1", "phase 2"}).injection_s == 75.0, "a known time does not"
    with pytest.raises(PrecontrastError):
        with_precontrast(study, set())
    with pytest.raises(PrecontrastError):
        with_precontrast(study, {p.name for p in study.phases})
    with pytest.raises(ValueError, match="phase 9"):
        with_precontrast(study, {"phase 9"})

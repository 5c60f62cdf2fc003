"""Motion between phases: a known displacement is measured and undone; what is at rest stays as it is."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from kinetics_maps_support import image_of, ucsf_study
from scipy import ndimage
from support import oblique_grid
from virtualbiopsy.case.dynamic import DynamicSeries, Phase, PhaseMotion
from virtualbiopsy.case.model import Case
from virtualbiopsy.errors import Cancelled, PhaseCountError, RegistrationError
from virtualbiopsy.prepare.kinetics.derive import derive_maps
from virtualbiopsy.prepare.kinetics.motion import (
    correct_motion,
    is_aligned,
    measure_motion,
    motion_sentence,
)
from virtualbiopsy.prepare.model import Kinetics
from virtualbiopsy.progress import CancelToken

SHAPE = (40, 64, 56)
SHIFT = (1.5, -2.0, 1.0)


def turned(grid):
    """A rigid movement of about 2.7 mm and 1.5° around the middle of a grid."""
    transform = sitk.Euler3DTransform()
    middle = [(n - 1) / 2 for n in grid.GetSize()]
    transform.SetCenter(grid.TransformContinuousIndexToPhysicalPoint(middle))
    transform.SetRotation(0.015, 0.01, -0.018)
    transform.SetTranslation(SHIFT)
    return transform


@pytest.fixture(scope="module")
def still():
    """Textured tissue in air at three times; a part of it enhances."""
    rng = np.random.default_rng(5)
    k, j, i = np.indices(SHAPE)
    radius = ((k - 20) / 17) ** 2 + ((j - 32) / 26) ** 2 + ((i - 28) / 22) ** 2
    texture = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 2.5)
    body = np.where(radius < 1, 150 + 50 * texture / texture.std(), 0.0).clip(0)
    lesion = ((k - 18) ** 2 + (j - 36) ** 2 + (i - 24) ** 2) < 36
    grid = oblique_grid(SHAPE, (2.0, 1.5, 1.5))
    phases = []
    for number, gain in enumerate((0.0, 1.0, 0.8)):
        signal = body * (1 + gain * lesion) + np.abs(rng.normal(0, 3, SHAPE))
        image = image_of(ndimage.gaussian_filter(signal, 0.7).astype(np.float32), grid)
        phases.append(Phase(f"phase {number + 1}", image, (0.0, 90.0, 400.0)[number], "given", number == 0))
    return DynamicSeries("dynamic", tuple(phases), duration_s=90.0)


@pytest.fixture(scope="module")
def moving(still):
    """The same with the last phase displaced."""
    image = still.phases[2].image
    moved = sitk.Resample(image, image, turned(image), sitk.sitkBSpline, 0.0, sitk.sitkFloat32)
    return replace(still, phases=(*still.phases[:2], replace(still.phases[2], image=moved)))


@pytest.fixture(scope="module")
def corrected(moving):
    return correct_motion(moving)


def rms(a, b, inside=(slice(6, -6), slice(12, -12), slice(12, -12))):
    difference = sitk.GetArrayFromImage(a)[inside].astype(float) - sitk.GetArrayFromImage(b)[inside]
    return float(np.sqrt((difference**2).mean()))


def test_a_known_displacement_is_measured(still, corrected):
    """Truth: the mean displacement over the body. A fifth of a voxel (0.3 mm) and 0.2° allowed."""
    transform = turned(still.phases[0].image)
    grid = still.phases[0].image
    points = [grid.TransformIndexToPhysicalPoint(p) for p in ((28, 32, 20), (15, 32, 20), (40, 45, 28))]
    truth = np.mean([np.linalg.norm(np.subtract(transform.TransformPoint(p), p)) for p in points])
    motion = corrected.motion[2]
    assert motion.shift_mm == pytest.approx(truth, abs=0.3)
    assert motion.rotation_degrees == pytest.approx(np.degrees(0.0255), abs=0.2)
    assert motion.similarity_after > motion.similarity_before + 0.1


def test_and_undone(still, moving, corrected):
    before = rms(moving.phases[2].image, still.phases[2].image)
    after = rms(corrected.phases[2].image, still.phases[2].image)
    # Two spline interpolations of noise and texture remain.
    assert after < 0.25 * before
    assert corrected.motion[2].corrected and sitk.GetArrayFromImage(corrected.phases[2].image).min() >= 0


def test_what_rests_is_not_touched(still, corrected):
    """The early phase is the one that the others are aligned to; the pre-contrast phase did not move."""
    for number in (0, 1):
        assert corrected.phases[number] is not None and not corrected.motion[number].corrected
        assert corrected.phases[number].image is still.phases[number].image
    assert corrected.motion[1].shift_mm == 0.0 and corrected.motion[0].shift_mm < 0.15


def test_measuring_leaves_the_images_alone(still):
    measured = measure_motion(still)
    assert [p.image for p in measured.phases] == [p.image for p in still.phases]
    assert [m.name for m in measured.motion] == [p.name for p in still.phases]
    assert is_aligned(measured) and not is_aligned(still)


def test_maps_are_computed_from_aligned_phases_when_asked(still, moving):
    lesion = sitk.GetArrayFromImage(still.phases[1].image) > 300
    ratio = {}
    for motion, series in (("none", still), ("none", moving), ("rigid", moving)):
        derived = derive_maps(Case("a case", (), dynamic=series), Kinetics(motion=motion), ("ser",))
        values = sitk.GetArrayFromImage(derived.case.sequence("ser").image)
        ratio[motion, series is moving] = values[lesion]
    steps = " ".join(derived.steps)
    assert "largest in phase 3" in steps and "1 of 3 phases were aligned" in steps
    truth = ratio["none", False]
    wrong, right = (np.abs(ratio[m, True] - truth).mean() for m in ("none", "rigid"))
    assert right < 0.3 * wrong
    assert derived.case.dynamic.motion[2].corrected


def test_what_is_aligned_is_not_aligned_again(corrected, monkeypatch):
    monkeypatch.setattr("virtualbiopsy.prepare.kinetics.derive.correct_motion", None)
    case = Case("a case", (), dynamic=corrected)
    assert derive_maps(case, Kinetics(motion="rigid"), ("pe",)).case.dynamic is corrected


def test_the_sentence():
    rest = PhaseMotion("phase 1", 0.0, 0.0, 1.0, 1.0)
    moved = PhaseMotion("phase 2", 2.5, 1.0, 0.5, 0.75, corrected=True)
    text = motion_sentence((rest, moved))
    assert "phase 2, 2.50 mm and 1.00°" in text and "0.500 before, 0.750 after" in text
    assert "1 of 2" in text and "no phase was moved" in motion_sentence((rest,)) and not motion_sentence(())


def test_bad_input_and_cancelling(still):
    with pytest.raises(PhaseCountError):
        measure_motion(replace(still, phases=still.phases[:1]))
    flat = replace(still.phases[1], image=still.phases[1].image * 0)
    with pytest.raises(RegistrationError):
        measure_motion(replace(still, phases=(still.phases[0], flat)))
    broken = Case("a case", (), dynamic=replace(still, phases=(still.phases[0], flat)))
    found = derive_maps(broken, Kinetics(motion="rigid"), ("pe",))
    assert "same value everywhere" in found.left_out["pe"] and found.case is broken
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        correct_motion(still, token.watch())


def test_a_known_displacement_of_the_real_study(data_dir):
    """The early phase of UCSF-BR-06, displaced by a known transform and aligned with itself before."""
    series = ucsf_study(data_dir).series
    early = series.phases[1]
    transform = turned(early.image)
    moved = sitk.Resample(early.image, early.image, transform, sitk.sitkBSpline, 0.0, sitk.sitkFloat32)
    pair = (replace(early, image=moved, start_s=0.0, precontrast=True), replace(early, start_s=407.0))
    corrected = correct_motion(replace(series, phases=pair))
    inside = (slice(5, -5), slice(15, -15), slice(15, -15))
    before, after = (rms(p.image, early.image, inside) for p in (pair[0], corrected.phases[0]))
    assert after < 0.3 * before
    assert corrected.motion[0].rotation_degrees == pytest.approx(np.degrees(0.0255), abs=0.1)

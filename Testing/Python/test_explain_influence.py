"""The influence map is what drawing the changed outline and measuring everything anew would give."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_model
from virtualbiopsy import measure
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import Cancelled, FeatureError
from virtualbiopsy.explain.influence import influence
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.inference import predict
from virtualbiopsy.models.radmodel import RadModel
from virtualbiopsy.prepare.model import Preparation, PreparedCase
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.kernels import choose
from virtualbiopsy.radiomics.keys import is_clinical
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.regions.derive import region_mask

KEYS = (
    "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
    "mask:tumour:original:morphology:sphericity:3d:none:ibsi",
    "t1c:tumour:original:statistics:percentile_90:3d:none:ibsi",
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn16:ibsi",
    "t1c:tumour:original:glszm:zone_percentage:3d:fbw0.1:pyradiomics",
    "t1c:tumour:log(sigma=3):glcm:contrast:3d_average:fbn16:ibsi",
    "t1c:largest_slice:original:statistics:mean:3d:none:ibsi",
    "adc:tumour:original:statistics:mean:3d:none:ibsi",
    "adc:tumour(outlier=2):original:statistics:variance:3d:none:ibsi",
    "adc:ring4:original:statistics:percentile_10:3d:none:ibsi",
    "clinical:age",
)
GRIDS = {  # shape, spacing (k, j, i), oblique
    "isotropic": ((40, 42, 40), (1.0, 1.0, 1.0), False),
    "anisotropic and oblique": ((16, 44, 40), (3.0, 0.9, 1.1), True),
}
SHELL = {"isotropic": 7.0, "anisotropic and oblique": 3.0}
FAMILIES = ("logistic", "rbf_svm", "gaussian_nb", "decision_tree", "random_forest", "gradient_boosting")
AGE = {"clinical:age": 61.0}


def case_of(shape, spacing, oblique, radius=8.0) -> tuple[PreparedCase, sitk.Image]:
    tumour = synthetic_tumour(
        shape=shape, spacing=spacing, oblique=oblique, radius_mm=radius, roles=("t1c", "adc")
    )
    case = Case("synthetic", tuple(Sequence(role, role, tumour.image(role)) for role in ("t1c", "adc")))
    settings = Preparation(spacing=None, normalise="none", register=False)
    return prepare_case(case, settings), tumour.mask()


def features_of(measured) -> FeatureVector:
    return replace(measured.vector, values={**measured.vector.values, **AGE})


def model_near(kind: str, vector: FeatureVector, keys=KEYS) -> RadModel:
    """A toy whose background lies around this case, so that edits move what it says."""
    centre = np.array([vector.values[key] for key in keys])
    spread = 0.05 * np.maximum(np.abs(centre), 0.1)
    background = centre + spread * np.random.default_rng(3).standard_normal((30, len(keys)))
    return toy_model(kind, keys, background=background)


def in_full(prepared: PreparedCase, inside: np.ndarray, keys) -> FeatureVector:
    """Features of an outline (k, j, i) of the common grid, from the whole images and nothing else."""
    image = sitk.GetImageFromArray(inside.astype(np.uint8))
    image.CopyInformation(prepared.grid)
    masks = {
        name: sitk.GetArrayFromImage(region_mask(name, image)) > 0
        for name in ("tumour", "largest_slice", "ring4")
    }
    arrays = {role: sitk.GetArrayFromImage(image) for role, image in prepared.images.items()}
    radiomic = [key for key in keys if not is_clinical(key)]
    vector = extract(arrays, masks, prepared.grid.GetSpacing()[::-1], radiomic)
    return replace(vector, values={**vector.values, **AGE})


def on_grid(prepared: PreparedCase, found) -> np.ndarray:
    """The labels of an influence map on the whole common grid."""
    labels = np.zeros(prepared.grid.GetSize()[::-1], dtype=int)
    part = sitk.GetArrayFromImage(found.labels)
    start = prepared.grid.TransformPhysicalPointToIndex(found.labels.GetOrigin())[::-1]
    labels[tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))] = part
    return labels


def changes(found):
    """(number of the part, its change, whether it is marked) of all parts."""
    yield from zip(range(1, len(found.erased) + 1), found.erased, found.erased_flips, strict=True)
    yield from zip(range(-1, -len(found.painted) - 1, -1), found.painted, found.painted_flips, strict=True)


@pytest.fixture(scope="module", params=GRIDS)
def grid(request):
    prepared, mask = case_of(*GRIDS[request.param])
    measuring = Measuring(prepared, [key for key in KEYS if not is_clinical(key)])
    measured = measuring.measure(mask)
    features, shell = features_of(measured), SHELL[request.param]
    found = influence(model_near("logistic", features), measuring, measured, features, 5, shell)
    labels = on_grid(prepared, found)
    inside = labels > 0
    anew = {n: in_full(prepared, inside ^ (labels == n), KEYS) for n in np.unique(labels[labels != 0])}
    return measuring, measured, shell, labels, anew


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_part_equals_the_changed_outline_measured_anew(grid, kind):
    measuring, measured, shell, labels, anew = grid
    features = features_of(measured)
    model = model_near(kind, features)
    own = predict(model, features).probability
    model = replace(model, threshold=own + 1e-9)
    found = influence(model, measuring, measured, features, 5, shell)
    assert np.array_equal(on_grid(measuring.prepared, found), labels)
    assert found.probability == own and found.threshold == model.threshold
    assert len(anew) == len(found.erased) + len(found.painted) >= 8
    for number, change, flipped in changes(found):
        expected = predict(model, anew[number]).probability
        assert abs(own + change - expected) <= 1e-9
        assert flipped == ((expected >= model.threshold) != (own >= model.threshold))
    moved = np.concatenate([found.erased, found.painted])
    assert np.abs(moved).max() > 1e-3, "the toy model does not notice the edits"


CALIBRATORS = (
    Calibrator("temperature", slope=0.4),
    Calibrator("isotonic", x=(-3.0, -0.5, 0.4, 3.0), y=(0.1, 0.3, 0.3, 0.9)),
)


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda calibrator: calibrator.kind)
def test_the_change_is_one_of_the_calibrated_probability(grid, calibrator):
    measuring, measured, shell, _, anew = grid
    features = features_of(measured)
    model = replace(model_near("gradient_boosting", features), calibrator=calibrator)
    found = influence(model, measuring, measured, features, 5, shell)
    assert found.probability == predict(model, features).probability
    for number, change, _ in changes(found):
        assert abs(found.probability + change - predict(model, anew[number]).probability) <= 1e-9


def test_compiled_kernels_give_the_same():
    pytest.importorskip("numba")
    prepared, mask = case_of(*GRIDS["anisotropic and oblique"])
    results = []
    for kernels in ("plain", "compiled"):
        with choose.using(kernels):
            measuring = Measuring(prepared, [key for key in KEYS if not is_clinical(key)])
            measured = measuring.measure(mask)
            features = features_of(measured)
            found = influence(model_near("logistic", features), measuring, measured, features, 5)
            results.append(np.concatenate([found.erased, found.painted]))
    np.testing.assert_allclose(results[0], results[1], rtol=0, atol=1e-9)


def test_the_measuring_of_the_session_is_left_as_it_is():
    prepared, mask = case_of(*GRIDS["isotropic"])
    keys = [key for key in KEYS if not is_clinical(key)]
    measuring, untouched = Measuring(prepared, keys), Measuring(prepared, keys)
    measured = measuring.measure(mask)
    untouched.measure(mask)
    window, live = measuring._window, measuring._window.live
    arrays = {role: array.copy() for role, array in measured.arrays.items()}
    tumour = measured.masks["tumour"].copy()
    features = features_of(measured)
    influence(model_near("logistic", features), measuring, measured, features, 5)
    assert measuring._window is window and window.live is live
    assert np.array_equal(measured.masks["tumour"], tumour)
    assert all(np.array_equal(measured.arrays[role], arrays[role]) for role in arrays)
    edited = sitk.BinaryErode(mask, (1, 1, 1))
    assert measuring.measure(edited).vector == untouched.measure(edited).vector
    assert measuring._window is window


def test_filtered_images_of_a_window_that_the_shell_leaves_stay_kept(monkeypatch):
    """The shell reaches beyond the window on one side: the wider responses hold the window's own."""
    prepared, mask = case_of(*GRIDS["isotropic"])
    keys = [key for key in KEYS if "log" in key]
    monkeypatch.setattr(measure, "SLACK_MM", 3.0)
    measuring = Measuring(prepared, keys)
    measuring.measure(mask)
    window = measuring._window
    shifted = sitk.GetImageFromArray(np.roll(sitk.GetArrayViewFromImage(mask), 3, axis=1))
    shifted.CopyInformation(mask)
    measured = measuring.measure(shifted)
    assert measuring._window is window
    influence(model_near("logistic", measured.vector, keys), measuring, measured, measured.vector, 5, 5.0)
    box = measuring.around(measured, 5.0).box
    ((role, image, profile),) = measuring._responses._entries
    assert box[1].stop > window.box[1].stop and box[1].start > window.box[1].start
    assert measuring._responses._kept((role, image, profile), window.box)
    assert measuring._responses._kept((role, image, profile), box)


def test_the_same_outline_gives_the_same_bytes():
    prepared, mask = case_of(*GRIDS["anisotropic and oblique"])
    keys = [key for key in KEYS if not is_clinical(key)]
    results = []
    for before in ((), (sitk.BinaryErode(mask, (1, 1, 0)),)):
        measuring = Measuring(prepared, keys)
        for image in before:
            measuring.measure(image)
        measured = measuring.measure(mask)
        features = features_of(measured)
        found = influence(model_near("gaussian_nb", features), measuring, measured, features, 5)
        results.append(
            sitk.GetArrayFromImage(found.labels).tobytes() + found.erased.tobytes() + found.painted.tobytes()
        )
    assert results[0] == results[1]


def test_a_part_that_leaves_nothing_has_no_answer():
    prepared, mask = case_of((14, 14, 14), (1.0, 1.0, 1.0), False, radius=1.6)
    keys = ("t1c:tumour:original:statistics:mean:3d:none:ibsi",)
    measuring = Measuring(prepared, keys)
    measured = measuring.measure(mask)
    found = influence(model_near("logistic", measured.vector, keys), measuring, measured, measured.vector, 1)
    assert len(found.erased) == 1 and math.isnan(found.erased[0]) and not found.erased_flips[0]
    assert np.isfinite(found.painted).all()


def test_a_sequence_that_no_longer_covers_the_outline_is_imputed_as_it_would_be():
    prepared, mask = case_of(*GRIDS["isotropic"])
    keys = [key for key in KEYS if "ring" not in key]
    end = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, 0].max()
    cover = np.ones(mask.GetSize()[::-1], dtype=np.uint8)
    cover[end + 1 :] = 0
    image = sitk.GetImageFromArray(cover)
    image.CopyInformation(prepared.grid)
    prepared = replace(prepared, covered={"adc": image})
    radiomic = [key for key in keys if not is_clinical(key)]
    measuring = Measuring(prepared, radiomic)
    measured = measuring.measure(mask)
    features = features_of(measured)
    assert not measured.left_out
    model = model_near("logistic", features, keys)
    found = influence(model, measuring, measured, features, 5)
    labels = on_grid(prepared, found)
    without = 0
    for number, change, _ in changes(found):
        outline = sitk.GetImageFromArray(((labels > 0) ^ (labels == number)).astype(np.uint8))
        outline.CopyInformation(prepared.grid)
        anew = Measuring(prepared, radiomic).measure(outline)
        without += "adc" in anew.left_out
        assert abs(found.probability + change - predict(model, features_of(anew)).probability) <= 1e-9
    assert 0 < without < len(found.painted)


def test_progress_is_told_and_ends_the_work():
    prepared, mask = case_of(*GRIDS["isotropic"])
    keys = KEYS[:4]
    measuring = Measuring(prepared, keys)
    measured = measuring.measure(mask)
    model = model_near("logistic", measured.vector, keys)
    told = []
    found = influence(
        model, measuring, measured, measured.vector, 5, progress=lambda f, message: told.append(f)
    )
    assert told == sorted(told) and told[-1] == 1.0
    assert len(told) > len(found.erased) + len(found.painted)

    def stop(fraction, message):
        if fraction > 0.4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        influence(model, measuring, measured, measured.vector, 5, progress=stop)
    again = influence(model, measuring, measured, measured.vector, 5)
    np.testing.assert_array_equal(again.erased, found.erased)
    with pytest.raises(FeatureError):
        influence(model, measuring, measured, measured.vector, 0)

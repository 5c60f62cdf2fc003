"""Preparation of breast cases: the breast as limit, z-score inside it, maps that are left as they are."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from kinetics_maps_support import image_of
from scipy import ndimage
from virtualbiopsy.case.model import DYNAMIC_MAPS, Case, Sequence
from virtualbiopsy.errors import UnitError
from virtualbiopsy.prepare.breast import breast_mask
from virtualbiopsy.prepare.geometry import same_grid
from virtualbiopsy.prepare.limits import breast_limit
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import QUANTITATIVE, prepare_case
from virtualbiopsy.prepare.units import convert_rate

SETTINGS = Preparation(
    reference="dce", spacing=(2.0, 2.0, 2.0), interpolator="linear", normalise="zscore_breast", register=False
)


def grid(spacing=(1.6, 1.6, 3.0)):
    size = [round(extent / s) for extent, s in zip((220.0, 150.0, 90.0), spacing, strict=True)]
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin((-110.0, -130.0, -45.0))
    return image


def torso(like):
    """A chest whose front is at y = -60 mm with two domes in front of it; texture, air around. Simulated."""
    k, j, i = np.indices(like.GetSize()[::-1])
    dx, dy, dz = like.GetSpacing()
    x, y, z = -110 + i * dx, -130 + j * dy, -45 + k * dz
    # The values depend on the position only, so that any grid shows the same body.
    texture = np.sin(x / 5) * np.cos(y / 6) * np.sin(z / 7)
    chest = (np.abs(x) < 105) & (y > -60)
    domes = [((x - c) / 50) ** 2 + ((y + 60) / 55) ** 2 + (z / 50) ** 2 < 1 for c in (-55, 55)]
    body = chest | domes[0] | domes[1]
    values = np.where(body, 200 + 60 * texture, 0.0)
    values += np.abs(np.random.default_rng(1).normal(0, 3, values.shape))
    return image_of(values.astype(np.float32), like)


@pytest.fixture(scope="module")
def image():
    return torso(grid())


@pytest.fixture(scope="module")
def case(image):
    late = torso(grid((2.2, 2.2, 4.0))) * 3.0 + 50.0
    pe = image_of(sitk.GetArrayFromImage(image) / 2, image)
    return Case(
        "a case", (Sequence("dce", "dce", image), Sequence("t2", "t2", late), Sequence("pe", "pe", pe))
    )


@pytest.fixture(scope="module")
def prepared(case):
    return prepare_case(case, SETTINGS)


def array(image):
    return sitk.GetArrayFromImage(image)


def test_the_breast_is_a_limit_on_the_common_grid(image, prepared):
    limit = prepared.limits["breast"]
    assert same_grid(limit, prepared.grid)
    expected = sitk.Resample(breast_mask(image), prepared.grid, sitk.Transform(), sitk.sitkNearestNeighbor)
    both = array(limit) & array(expected)
    assert 2 * both.sum() / (array(limit).sum() + array(expected).sum()) > 0.97
    assert any(step.startswith("Breast: automatic mask, ") for step in prepared.steps)


def test_weighted_sequences_are_normalised_inside_it(case, image):
    """By the mean and the standard deviation inside the breast, each on the sequence's own grid."""
    found = prepare_case(case, replace(SETTINGS, spacing=None))
    breast = breast_mask(image)
    for role in ("dce", "t2"):
        own = case.sequence(role).image
        inside = array(sitk.Resample(breast, own, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
        mean, sd = array(own)[inside].mean(dtype=float), array(own)[inside].std(dtype=float)
        here = sitk.Resample(sitk.Cast(own, sitk.sitkFloat64), image, sitk.Transform(), sitk.sitkLinear)
        deep = ndimage.binary_erosion(array(breast) > 0, iterations=3)
        assert array(found.images[role])[deep] == pytest.approx((array(here)[deep] - mean) / sd, abs=1e-5)
        assert any(f"{role}: z-score inside the breast" in step for step in found.steps)


def test_maps_keep_their_values(image, prepared):
    assert set(DYNAMIC_MAPS) | {"curvetype", "adc"} <= QUANTITATIVE
    inside = array(prepared.limits["breast"]) > 0
    assert array(prepared.images["pe"])[inside].mean() == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("unit", ["1/s", "s^-1", "/s", "{1/s}", "s⁻¹"])
def test_rate_constants_become_per_minute(case, image, unit):
    rate = image_of(array(image) / 60_000, image)
    with_rate = replace(case, sequences=(case.sequences[0], Sequence("ktrans", "Ktrans", rate, unit=unit)))
    found = prepare_case(with_rate, replace(SETTINGS, spacing=None))
    assert array(found.images["ktrans"]) == pytest.approx(array(image) / 1000, rel=1e-5, abs=1e-9)
    assert any("ktrans: unit 1/s, stated in the header; multiplied by 60" in step for step in found.steps)


@pytest.mark.parametrize("unit", ["1/min", "min⁻¹", "/min", "min-1", None, ""])
def test_rate_constants_per_minute_stay(image, unit):
    assert convert_rate(image, "kep", unit)[0] is image


@pytest.mark.parametrize("unit", ["%", "mm²/s", "minutes", "ms"])
def test_units_that_are_no_rate_are_refused(image, unit):
    with pytest.raises(UnitError, match="ktrans map states the unit"):
        convert_rate(image, "ktrans", unit)


def test_classes_are_never_interpolated(case, image):
    kinds = image_of((np.indices(array(image).shape).sum(axis=0) % 2 * 3).astype(np.uint8), image)
    with_kinds = replace(case, sequences=(case.sequences[0], Sequence("curvetype", "kinds", kinds)))
    for interpolator in ("linear", "bspline"):
        found = prepare_case(with_kinds, replace(SETTINGS, interpolator=interpolator))
        assert set(np.unique(array(found.images["curvetype"]))) == {0.0, 3.0}
        assert any("curvetype: interpolated on the common grid (nearest)" in step for step in found.steps)


def test_a_breast_that_the_case_brings_is_joined(image):
    """Where the automatic mask ends behind the skin a drawn one may go on."""
    drawn = np.zeros(array(image).shape, dtype=np.uint8)
    drawn[5:10, 60:80, 20:60] = 1
    case = Case("a case", (Sequence("dce", "dce", image),), {"breast": image_of(drawn, image)})
    mask, sentence = breast_limit(case, image)
    assert "joined with the region of the case" in sentence
    assert np.array_equal(array(mask) > 0, (array(breast_mask(image)) > 0) | (drawn > 0))


@pytest.fixture
def sliver(image):
    """Too narrow for anything that looks like a breast."""
    return image[:6, :, :8]


def test_without_a_breast_nothing_is_limited(sliver):
    prepared = prepare_case(Case("a case", (Sequence("dce", "dce", sliver),)), SETTINGS)
    assert not prepared.limits
    assert any("not found, so nothing is limited" in step for step in prepared.steps)
    assert any("z-score inside the body, for want of the breast" in step for step in prepared.steps)


def test_a_drawn_breast_counts_where_none_is_found(sliver):
    drawn = np.zeros(array(sliver).shape, dtype=np.uint8)
    drawn[1:7, 20:80, 1:5] = 1
    case = Case("a case", (Sequence("dce", "dce", sliver),), {"breast": image_of(drawn, sliver)})
    prepared = prepare_case(case, replace(SETTINGS, spacing=None))
    assert np.array_equal(array(prepared.limits["breast"]), drawn)
    assert any("Breast: the region of the case" in step for step in prepared.steps)


def test_sequences_that_do_not_show_the_breast_are_normalised_inside_the_body(case, image):
    """The field of view of the other sequence begins behind the breast."""
    behind = image[:, 70:, :]
    narrow = replace(case, sequences=(case.sequences[0], Sequence("t2", "t2", behind)))
    found = prepare_case(narrow, SETTINGS)
    assert any("t2: z-score inside the body, for want of the breast" in step for step in found.steps)


def test_brain_cases_have_no_limits(image):
    case = Case("a case", (Sequence("t1c", "t1c", image),))
    assert not prepare_case(case, Preparation(register=False, spacing=(3.0, 3.0, 3.0))).limits

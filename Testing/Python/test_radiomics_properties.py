"""What must not change: intensity shift and scale under a fixed bin number, spacing, the grid of sampling."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oblique_grid
from virtualbiopsy.radiomics.chain import ChainSettings, run_chain
from virtualbiopsy.radiomics.definitions import all_keys, definition
from virtualbiopsy.radiomics.extract import extract

SHAPE = (7, 11, 9)
AGGREGATIONS = [
    ("ibsi", "3d_average"),
    ("ibsi", "2d_merged"),
    ("ibsi", "2.5d_average(distance=2)"),
    ("pyradiomics", "3d_merged"),
    ("pyradiomics", "2.5d_merged"),
]


def _region(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An image with multiples of 1/64 and a region with a hole and two parts."""
    rng = np.random.default_rng(seed)
    image = np.rint(64 * rng.normal(100, 20, SHAPE)) / 64
    k, j, i = np.indices(SHAPE)
    mask = ((k - 3) / 3.2) ** 2 + ((j - 5) / 4.5) ** 2 + ((i - 4) / 3.6) ** 2 <= 1
    mask[3, 5, 4] = False
    mask[0, 0, 0] = mask[0, 0, 1] = True
    return image, mask


def _discretised(profile: str, aggregation: str):
    keys = all_keys("ct", "tumour", "fbn16", profile, aggregation)
    return [key for key in keys if definition(key).discretised]


def _values(image, mask, keys, spacing=(3.0, 1.0, 1.0)):
    result = extract({"ct": image}, {"tumour": mask}, spacing, keys)
    assert not result.missing
    return result.values


@pytest.mark.parametrize(("profile", "aggregation"), AGGREGATIONS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), shift=st.integers(-3000, 3000), power=st.integers(-6, 6))
def test_shift_and_scale_under_a_fixed_bin_number(profile, aggregation, seed, shift, power):
    """Exact in floating point, so that no voxel changes its bin; every feature with bins stays the same."""
    image, mask = _region(seed)
    keys = _discretised(profile, aggregation)
    assert len(keys) > 70
    ours = _values(image, mask, keys)
    assert _values(image * 2.0**power, mask, keys) == ours
    if profile == "ibsi":
        assert _values(image + shift, mask, keys) == ours
    else:  # its edges are computed from the minimum; a value within rounding of an edge may change its bin
        moved = _values(image + shift, mask, keys)
        edges = np.linspace(*np.percentile(image[mask], (0, 100)), 17)
        if np.abs(image[mask][:, None] - edges[1:-1]).min() > 1e-9:
            assert moved == ours


@pytest.mark.parametrize("seed", [0, 1])
def test_statistics_follow_a_shift(seed):
    image, mask = _region(seed)
    keys = [key for key in all_keys("ct") if key.family == "statistics"]
    ours = _values(image, mask, keys)
    moved = _values(image + 512, mask, keys)
    level = {"mean", "median", "minimum", "maximum", "percentile_10", "percentile_90"}
    other = {
        "coefficient_of_variation",
        "quartile_coefficient_of_dispersion",
        "energy",
        "total_energy",
        "root_mean_square",
    }
    for key in keys:
        if key.name not in other:
            by = 512 if key.name in level else 0
            assert moved[str(key)] == pytest.approx(ours[str(key)] + by, rel=1e-9, abs=1e-12), key.name


@pytest.mark.parametrize(("profile", "aggregation"), AGGREGATIONS)
def test_spacing_is_for_shape_and_space_alone(profile, aggregation):
    """Matrices and intensities know no millimetres, unless they are weighted by them."""
    image, mask = _region(3)
    keys = all_keys("ct", "tumour", "fbw10", profile, aggregation)
    spatial = ("morphology", "local_intensity")
    ours = _values(image, mask, keys)
    stretched = _values(image, mask, keys, (0.7, 2.0, 11.0))
    changed = {key.family for key in keys if ours[str(key)] != stretched[str(key)]}
    changed_here = {key.name for key in keys if ours[str(key)] != stretched[str(key)]} - {"total_energy"}
    assert changed <= {*spatial, "statistics"}
    assert not changed_here & {key.name for key in keys if key.family == "statistics"} - {"mean"}
    if profile == "ibsi":
        assert "morphology" in changed


def _sampled(spacing: tuple[float, float, float]) -> tuple[sitk.Image, sitk.Image]:
    """A field that changes linearly in space and a cuboid, on a turned grid of 48 × 36 × 48 mm."""
    shape = [round(size / step) for size, step in zip((48, 36, 48), spacing, strict=True)]
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True)]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    values = 100 + 3.1234567 * k - 2.3456789 * j + 1.7654321 * i
    inside = (np.abs(k) < 9) & (np.abs(j) < 6) & (np.abs(i) < 9)
    grid = oblique_grid(shape, spacing)
    images = []
    for array in (values, inside.astype(np.uint8)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(grid.GetSpacing())
        image.SetDirection(grid.GetDirection())
        images.append(image)
    return images[0], images[1]


@pytest.mark.parametrize("spacing", [(3.0, 1.0, 0.5), (1.0, 2.0, 3.0), (0.5, 0.5, 0.5)])
def test_the_same_object_sampled_on_other_grids(spacing):
    """On 1 mm, however anisotropic the scan: linear interpolation of a linear field is exact."""
    keys = [*all_keys("mask"), *all_keys("ct", "tumour", "fbw3", aggregation="2.5d_merged")]
    chain = ChainSettings(spacing=(1.0, 1.0, 1.0))
    image, mask = _sampled((1.0, 1.0, 1.0))
    ours = run_chain({"ct": image}, {"tumour": mask}, keys, chain)
    image, mask = _sampled(spacing)
    other = run_chain({"ct": image}, {"tumour": mask}, keys, chain)
    assert not ours.missing
    for key, value in ours.values.items():
        assert other.values[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key

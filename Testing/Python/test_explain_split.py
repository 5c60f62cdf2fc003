"""Who gets what: the shares of single voxels against plain loops over runs, zones and neighbours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage
from virtualbiopsy.explain.ledger import shares
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.radiomics.lattice import DIRECTIONS

SHAPE = (3, 4, 5)
AROUND = [step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(4)
    image = rng.integers(1, 4, SHAPE).astype(float)
    mask = rng.random(SHAPE) < 0.85
    image[mask & (image == image[mask].min())] = 1.0
    return image, mask


def shares_of(example, name: str) -> np.ndarray:
    """(k, j, i) shares of a feature as the ledger has them."""
    image, mask = example
    key = FeatureKey.parse(f"t1c:r:original:{name}:fbw1:ibsi")
    value = extract({"t1c": image}, {"r": mask}, (1.0, 1.0, 1.0), [key]).values[str(key)]
    found = np.zeros(SHAPE)
    found[mask] = shares(key, value, Workspace({"t1c": image}, {"r": mask}))
    return found


def level_of(example, v) -> int:
    """Grey level of a voxel, 0 outside the region or the image."""
    image, mask = example
    inside = all(0 <= a < n for a, n in zip(v, SHAPE, strict=True))
    return int(image[v]) if inside and mask[v] else 0


def runs_along(example, step) -> list[list[tuple[int, int, int]]]:
    found = []
    for v in map(tuple, np.argwhere(example[1])):
        level, before = level_of(example, v), tuple(np.subtract(v, step))
        if level_of(example, before) != level:
            run = []
            while level_of(example, v) == level:
                run.append(tuple(int(a) for a in v))
                v = tuple(np.add(v, step))
            found.append(run)
    return found


def zones(example) -> list[list[tuple[int, int, int]]]:
    image, mask = example
    found = []
    for level in np.unique(image[mask]):
        labels, count = ndimage.label(mask & (image == level), np.ones((3, 3, 3)))
        found += [[tuple(map(int, v)) for v in np.argwhere(labels == n)] for n in range(1, count + 1)]
    return found


def to_voxels(groups, value) -> np.ndarray:
    """The mean over groups of voxels of a value, each group's shared equally by its voxels."""
    found = np.zeros(SHAPE)
    for group in groups:
        for v in group:
            found[v] += value(group) / len(groups) / len(group)
    return found


def test_each_run_gives_equal_parts_to_its_voxels(example):
    directions = [runs_along(example, step) for step in DIRECTIONS]
    expected = sum(to_voxels(runs, lambda run: len(run) ** 2) for runs in directions) / 13
    assert shares_of(example, "glrlm:long_runs_emphasis:3d_average") == pytest.approx(expected, abs=1e-13)
    together = [run for runs in directions for run in runs]
    expected = to_voxels(together, lambda run: level_of(example, run[0]) ** 2)
    found = shares_of(example, "glrlm:high_grey_level_run_emphasis:3d_merged")
    assert found == pytest.approx(expected, abs=1e-13)


def test_entropy_of_runs_is_minus_the_logarithm_of_their_cell(example):
    expected = np.zeros(SHAPE)
    for step in DIRECTIONS:
        runs = runs_along(example, step)
        cells = [(level_of(example, run[0]), len(run)) for run in runs]
        p = {cell: cells.count(cell) / len(cells) for cell in cells}

        def bits(run, p=p):
            return -np.log2(p[level_of(example, run[0]), len(run)])

        expected += to_voxels(runs, bits) / 13
    assert shares_of(example, "glrlm:run_entropy:3d_average") == pytest.approx(expected, abs=1e-13)


def test_each_zone_gives_equal_parts_to_its_voxels(example):
    found = zones(example)
    expected = to_voxels(found, lambda zone: 1 / len(zone) ** 2)
    assert shares_of(example, "glszm:small_zone_emphasis:3d") == pytest.approx(expected, abs=1e-13)
    sizes = [len(zone) for zone in found]
    expected = to_voxels(found, lambda zone: sizes.count(len(zone)))
    assert shares_of(example, "glszm:zone_size_non_uniformity:3d") == pytest.approx(expected, abs=1e-13)
    depth = ndimage.distance_transform_cdt(np.pad(example[1], 1), metric="taxicab")[1:-1, 1:-1, 1:-1]
    expected = to_voxels(found, lambda zone: min(depth[v] for v in zone) ** 2)
    assert shares_of(example, "gldzm:large_distance_emphasis:3d") == pytest.approx(expected, abs=1e-13)


def test_each_voxel_carries_its_own_dependence(example):
    def dependence(v) -> int:
        return 1 + sum(level_of(example, tuple(np.add(v, s))) == level_of(example, v) for s in AROUND)

    voxels = list(map(tuple, np.argwhere(example[1])))
    expected = to_voxels([[v] for v in voxels], lambda group: dependence(group[0]) ** 2)
    found = shares_of(example, "ngldm:high_dependence_emphasis:3d")
    assert found == pytest.approx(expected, abs=1e-13)


def test_each_voxel_carries_its_own_tone_difference(example):
    difference, level = {}, {}
    for v in map(tuple, np.argwhere(example[1])):
        near = [n for n in (level_of(example, tuple(np.add(v, s))) for s in AROUND) if n]
        if near:
            level[v] = level_of(example, v)
            difference[v] = abs(level[v] - np.mean(near))
    n, greys = len(level), sorted(set(level.values()))
    p = {i: list(level.values()).count(i) / n for i in greys}
    both = list(itertools.product(greys, greys))
    spread = sum(p[i] * p[j] * (i - j) ** 2 for i, j in both) / (len(greys) * (len(greys) - 1))
    busy = sum(abs(i * p[i] - j * p[j]) for i, j in both)
    total = sum(difference.values())
    expected = {
        "contrast": lambda v: spread * difference[v] / n,
        "busyness": lambda v: p[level[v]] * difference[v] / busy,
        "complexity": lambda v: (
            2 / n * p[level[v]] * difference[v] * sum(abs(level[v] - j) / (p[level[v]] + p[j]) for j in greys)
        ),
        "strength": lambda v: 2 / n * sum((level[v] - j) ** 2 for j in greys) / total,
    }
    for name, share in expected.items():
        whole = np.zeros(SHAPE)
        for v in level:
            whole[v] = share(v)
        assert shares_of(example, f"ngtdm:{name}:3d") == pytest.approx(whole, abs=1e-12), name


def test_each_voxel_carries_its_part_of_the_volume_curve(example):
    image, mask = example
    values = image[mask]
    scale = np.arange(values.min(), values.max() + 1)
    reached = np.array([[x >= s for s in scale] for x in values], dtype=float)
    area = (reached[:, :-1] + reached[:, 1:]).sum(axis=1) / 2 / (len(scale) - 1) / values.size
    key = "ivh:area_under_curve:3d"
    assert ivh_shares(example, key)[mask] == pytest.approx(area, abs=1e-14)
    above = (values >= scale[0] + 0.1 * (scale[-1] - scale[0])) / values.size
    assert ivh_shares(example, "ivh:volume_at_intensity_fraction_10:3d")[mask] == pytest.approx(
        above, abs=1e-14
    )


def ivh_shares(example, name: str) -> np.ndarray:
    image, mask = example
    key = FeatureKey.parse(f"t1c:r:original:{name}:none:ibsi")
    value = extract({"t1c": image}, {"r": mask}, (1.0, 1.0, 1.0), [key]).values[str(key)]
    found = np.zeros(SHAPE)
    found[mask] = shares(key, value, Workspace({"t1c": image}, {"r": mask}))
    return found


def test_an_intensity_peak_stands_in_the_middle_of_its_ball():
    image = np.zeros((9, 9, 9))
    image[4, 4, 4] = 10.0
    mask = np.ones(image.shape, dtype=bool)
    key = FeatureKey.parse("t1c:r:original:local_intensity:local_intensity_peak:3d:none:ibsi")
    spacing = (3.0, 3.0, 3.0)
    value = extract({"t1c": image}, {"r": mask}, spacing, [key]).values[str(key)]
    found = np.zeros(image.shape)
    found[mask] = shares(key, value, Workspace({"t1c": image}, {"r": mask}, spacing))
    assert found[4, 4, 4] == pytest.approx(value) and np.count_nonzero(found) == 1

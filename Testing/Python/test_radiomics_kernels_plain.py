"""Lattice and plain kernels against loops over voxels, on ragged regions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from texture_loops import Loops, offsets
from virtualbiopsy.radiomics.kernels import plain
from virtualbiopsy.radiomics.lattice import DIRECTIONS, Lattice
from virtualbiopsy.radiomics.logarithms import count_logarithms

LEVELS = 4
NORMS = ("chebyshev", "manhattan", "euclidean")


def _cropped(mask: np.ndarray) -> np.ndarray:
    return mask[tuple(slice(at.min(), at.max() + 1) for at in np.nonzero(mask))]


def _masks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    smooth = ndimage.gaussian_filter(rng.normal(size=(7, 9, 8)), 1.0)
    holes = np.ones((6, 6, 7), dtype=bool)
    holes[2:4, 2:4, 2:5] = False
    holes[1, 4, 4] = False
    apart = np.zeros((8, 5, 9), dtype=bool)
    apart[:2, :3, :4] = rng.random((2, 3, 4)) < 0.8
    apart[4:, 2:, 5:] = True
    row = np.zeros((1, 1, 9), dtype=bool)
    row[0, 0, [0, 1, 2, 4, 5, 8]] = True
    masks = {
        "ragged": smooth > 0,
        "with holes": holes,
        "two components, empty slices between": apart,
        "scattered": rng.random((6, 7, 5)) < 0.15,
        "one slice": rng.random((1, 8, 9)) < 0.7,
        "one column": np.ones((7, 1, 1), dtype=bool),
        "row with gaps": row,
        "full box": np.ones((4, 5, 3), dtype=bool),
    }
    return {name: _cropped(mask) for name, mask in masks.items()}


MASKS = _masks()


@pytest.fixture(params=[(name, planar) for name in MASKS for planar in (False, True)], ids=str)
def case(request) -> tuple[Lattice, np.ndarray, Loops]:
    name, planar = request.param
    mask = MASKS[name]
    field = ndimage.uniform_filter(np.random.default_rng(9).normal(size=mask.shape), 2)[mask]
    rank = 1 + np.searchsorted(np.quantile(field, [0.3, 0.5, 0.8]), field).astype(np.int32)
    return Lattice(mask, planar), rank, Loops(mask, rank, planar)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("distance", [1, 2, 3])
@pytest.mark.parametrize("planar", [False, True])
def test_offsets(planar, distance, norm):
    lattice = Lattice(np.ones((2, 2, 2), dtype=bool), planar)
    for up_to in (False, True):
        found = lattice.offsets(distance, norm, up_to)
        assert [tuple(offset) for offset in found.tolist()] == offsets(distance, norm, planar, up_to)


def test_offsets_known():
    lattice = Lattice(np.ones((1, 1, 1), dtype=bool))
    assert np.array_equal(lattice.offsets(), DIRECTIONS)
    assert len(lattice.offsets(2, "chebyshev")) == (5**3 - 3**3) // 2
    assert len(lattice.offsets(1, "manhattan")) == 3
    assert len(lattice.offsets(1, "euclidean")) == 3
    assert len(lattice.in_slices.offsets()) == 4


def test_groups_are_the_slices_with_voxels():
    mask = np.zeros((5, 2, 3), dtype=bool)
    mask[[0, 0, 3, 4], [0, 1, 1, 0], [1, 1, 2, 0]] = True
    lattice = Lattice(mask, planar=True)
    assert lattice.slice_of.tolist() == [0, 0, 1, 2]
    assert lattice.per_slice.tolist() == [2, 1, 1]
    assert Lattice(mask).slices == 1


@pytest.mark.parametrize(
    ("distance", "norm"),
    [(1, "chebyshev"), (1, "manhattan"), (2, "chebyshev"), (2, "euclidean"), (3, "manhattan")],
)
def test_pair_counts(case, distance, norm):
    lattice, rank, loops = case
    found = plain.pair_counts(lattice, rank, LEVELS, distance, norm)
    assert np.array_equal(found, loops.pairs(LEVELS, distance, norm))


def test_run_counts(case):
    lattice, rank, loops = case
    found = plain.run_counts(lattice, rank, LEVELS)
    counted = {
        (group, d, level + 1, size + 1): int(found[group, d, level, size])
        for group, d, level, size in np.argwhere(found).tolist()
    }
    assert counted == loops.runs(LEVELS)
    assert found[..., -1].any()


def test_runs_of_an_image_without_alike_neighbours():
    lattice = Lattice(np.ones((2, 2, 2), dtype=bool))
    found = plain.run_counts(lattice, np.arange(1, 9, dtype=np.int32), 8)
    assert np.array_equal(found, np.ones((1, 13, 8, 1)))


def test_zone_labels(case):
    lattice, rank, loops = case
    label = plain.zone_labels(lattice, rank)
    zones: dict[int, set] = {}
    for voxel, zone in zip(loops.voxels, label.tolist(), strict=True):
        zones.setdefault(zone, set()).add(voxel)
    assert sorted(zones) == list(range(len(zones)))
    assert {frozenset(zone) for zone in zones.values()} == {frozenset(zone) for zone in loops.zones()}


def test_zones_that_wind_through_a_maze():
    """One long crooked zone: joining takes several rounds."""
    rng = np.random.default_rng(0)
    mask = rng.random((12, 30, 31)) < 0.14
    lattice = Lattice(_cropped(mask))
    label = plain.zone_labels(lattice, np.ones(lattice.voxels, dtype=np.int32))
    expected, count = ndimage.label(lattice.mask, np.ones((3, 3, 3)))
    expected = expected[lattice.mask]
    assert label.max() + 1 == count > 10
    assert len(np.unique(np.stack([label, expected]), axis=1).T) == count
    assert np.bincount(label).max() > 500


@pytest.mark.parametrize(
    ("alpha", "distance", "norm"),
    [(0, 1, "chebyshev"), (1, 1, "chebyshev"), (0, 2, "manhattan"), (2, 2, "euclidean")],
)
def test_alike_counts(case, alpha, distance, norm):
    lattice, rank, loops = case
    found = plain.alike_counts(lattice, rank, alpha, distance, norm)
    expected = [
        sum(abs(other - loops.level[voxel]) <= alpha for other in loops.neighbours(voxel, distance, norm))
        for voxel in loops.voxels
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("distance", "norm"), [(1, "chebyshev"), (1, "manhattan"), (2, "chebyshev"), (2, "euclidean")]
)
def test_tone_sums(case, distance, norm):
    lattice, rank, loops = case
    count, total = plain.tone_sums(lattice, rank.astype(np.float64), distance, norm)
    neighbours = [loops.neighbours(voxel, distance, norm) for voxel in loops.voxels]
    assert count.tolist() == [len(found) for found in neighbours]
    assert total.tolist() == [sum(found) for found in neighbours]


def test_depth(case):
    lattice, _, loops = case
    assert lattice.depth.tolist() == [loops.depth(voxel) for voxel in loops.voxels]


def test_lined_up(case):
    """Two voxels in a line along a direction, whether they are neighbours or not."""
    lattice, _, loops = case
    expected = []
    for step in offsets(1, "chebyshev", loops.planar):
        reach = range(1, max(lattice.mask.shape))
        far = [tuple(size * part for part in step) for size in reach]
        expected.append(
            any(tuple(np.add(voxel, gap)) in loops.level for voxel in loops.voxels for gap in far)
        )
    assert lattice.lined_up.tolist() == expected


def test_one_lattice_serves_images_in_any_order(case):
    """What kernels keep in the lattice belongs to one image at a time."""
    lattice, rank, loops = case
    other = (LEVELS + 1 - rank).astype(np.int32)
    pairs = plain.pair_counts(lattice, rank, LEVELS)
    swapped = plain.pair_counts(lattice, other, LEVELS)
    assert np.array_equal(swapped, pairs[:, :, ::-1, ::-1])
    assert np.array_equal(plain.pair_counts(lattice, rank, LEVELS), pairs)
    assert np.array_equal(plain.zone_labels(lattice, other), plain.zone_labels(lattice, rank))


@pytest.mark.parametrize("width", [25.0, 0.1, 1 / 3, 1e-3])
def test_levels_between_edges(width):
    rng = np.random.default_rng(1)
    for start in (0.0, -40.0, 1e4 * rng.normal()):
        edges = np.arange(start, start + 30 * width, width)
        values = [rng.uniform(edges[0] - width, edges[-1] + width, 100), edges]
        values += [np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
        values = np.concatenate(values)
        assert np.array_equal(
            plain.levels_between(values, edges), np.searchsorted(edges, values, side="right")
        )


def test_bounding_box():
    mask = np.zeros((5, 6, 7), dtype=bool)
    assert plain.bounding_box(mask) is None
    mask[1:3, 4, 0] = mask[3, 2, 6] = True
    assert plain.bounding_box(mask) == (slice(1, 4), slice(2, 5), slice(0, 7))


@pytest.mark.parametrize("factor", [1.0, 0.37, 1e6])
def test_logarithms_of_counts(factor):
    counts = np.random.default_rng(3).poisson(0.8, (3, 6, 5)) * factor
    logarithms, filled = count_logarithms(counts)
    assert filled.tolist() == np.count_nonzero(counts, axis=(1, 2)).tolist()
    cells = [counts[d][counts[d] > 0] for d in range(3)]
    assert logarithms == pytest.approx([float((c * np.log2(c)).sum()) for c in cells], rel=1e-13)

"""Features that follow the edits of an outline against a full extraction of every outline."""

import importlib.util

import numpy as np
import pytest
from scipy import ndimage
from virtualbiopsy.errors import VirtualBiopsyError
from virtualbiopsy.radiomics import kernels
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.kernels import choose
from virtualbiopsy.radiomics.lattice import DIRECTIONS
from virtualbiopsy.radiomics.levels import Levels
from virtualbiopsy.radiomics.live import plain_zones
from virtualbiopsy.radiomics.live.extraction import LiveExtraction
from virtualbiopsy.radiomics.live.levels import LiveLevels, Unusual
from virtualbiopsy.radiomics.live.outline import LiveOutline
from virtualbiopsy.radiomics.live.values import SortedValues
from virtualbiopsy.radiomics.live.window import Window, spliced
from virtualbiopsy.radiomics.mesh import cube_numbers, vertices
from virtualbiopsy.radiomics.zones import nearest, per_zone

SHAPE = (15, 18, 16)
SPACING = (2.5, 0.8, 1.1)
PROFILES = ("ibsi", "pyradiomics")


@pytest.fixture(params=["plain", "compiled"])
def mode(request):
    if request.param == "compiled" and importlib.util.find_spec("numba") is None:
        pytest.skip("numba is not installed")
    with choose.using(request.param):
        if request.param == "compiled":
            assert choose.wait_until_compiled()
        yield request.param


def field(seed, smooth, scale=300.0):
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    return ndimage.gaussian_filter(noise, smooth) * scale + 100


def ball(centre, radius):
    axes = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    return sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2


def edits(seed, count):
    """Outlines one after the other: strokes, holes, islands, single voxels, nearly nothing, undo and redo."""
    rng = np.random.default_rng(seed)
    mask = ball((7, 9, 8), 5)
    history = [mask.copy()]
    for n in range(count):
        kind = rng.choice(["paint", "erase", "hole", "island", "voxel", "undo", "tiny", "same"])
        inside = np.argwhere(mask)
        at = inside[rng.integers(len(inside))]
        if kind == "paint":
            mask |= ball(at, rng.choice([1.0, 1.5, 2.5]))
        elif kind == "erase":
            mask &= ~ball(at + rng.integers(-2, 3, 3), rng.choice([1.0, 1.5, 2.5]))
        elif kind == "hole":
            mask &= ~ball(at, 1.0)
        elif kind == "island":
            mask |= ball(rng.integers(0, SHAPE), 1.0)
        elif kind == "voxel":
            mask ^= ball(at + rng.integers(-1, 2, 3), 0.5)
        elif kind == "undo" and len(history) > 3:
            mask = history[-int(rng.integers(2, 4))].copy()
        elif kind == "tiny" and n % 3 == 0:
            mask = np.zeros(SHAPE, dtype=bool)
            mask[tuple(inside[0])] = mask[tuple(inside[-1])] = True
        if mask.sum() < 2:
            mask = history[0].copy()
        history.append(mask.copy())
        yield mask.copy()


def assert_same(found, expected):
    assert found.bins == expected.bins
    assert found.provenance == expected.provenance
    assert found.missing == expected.missing
    assert list(found.values) == list(expected.values)
    keys = list(expected.values)
    np.testing.assert_allclose(
        [found.values[key] for key in keys],
        [expected.values[key] for key in keys],
        rtol=1e-12,
        atol=1e-13,
        err_msg=str(keys),
    )


def keys_of(sequences, discretisations, aggregations=("3d_average", "3d_merged"), profiles=PROFILES):
    found = {}
    for profile in profiles:
        for spec in discretisations:
            for aggregation in aggregations:
                for sequence in sequences:
                    found.update(dict.fromkeys(all_keys(sequence, "tumour", spec, profile, aggregation)))
    return list(found)


def same_outcome(live, images, mask, keys, responses=None):
    """Compare results, or errors, whose name is returned."""
    outcomes = []
    for work in (
        lambda: live.update({"tumour": mask}),
        lambda: extract(images, {"tumour": mask}, SPACING, keys, responses),
    ):
        try:
            outcomes.append(work())
        except VirtualBiopsyError as error:
            outcomes.append((type(error).__name__, str(error)))
    if isinstance(outcomes[1], tuple):
        assert outcomes[0] == outcomes[1]
        return outcomes[1][0]
    assert_same(*outcomes)
    return ""


@pytest.mark.parametrize("spec", ["fbn8", "fbn32", "fbw20", "fbw90"])
def test_all_families_after_random_edits(mode, spec):
    images = {"t1c": field(1, 1.0), "t2": np.round(field(2, 2.0, 900.0))}
    keys = keys_of(images, [spec])
    families = "morphology statistics histogram glcm glrlm glszm gldzm ngtdm ngldm"
    assert set(families.split()) <= {key.family for key in keys}
    live = LiveExtraction(images, SPACING, keys)
    followed = 0
    for mask in edits(sum(map(ord, spec)), 50):
        assert_same(live.update({"tumour": mask}), extract(images, {"tumour": mask}, SPACING, keys))
        followed += live._regions["tumour"].window._edit is not None
    assert followed > 15


def test_shape(mode):
    keys = [
        key
        for profile in PROFILES
        for key in all_keys("mask", "tumour", "none", profile, "3d")
        if not key.name.endswith(("_ombb", "_mvee"))
    ]
    assert len({key.name for key in keys}) > 20
    live = LiveExtraction({}, SPACING, keys)
    for mask in edits(17, 30):
        assert_same(live.update({"tumour": mask}), extract({}, {"tumour": mask}, SPACING, keys))


def test_shape_in_one_slice(mode):
    keys = [
        f"mask:tumour:original:shape2d:{name}:2d:none:pyradiomics" for name in ("perimeter", "elongation")
    ]
    keys.append("mask:tumour:original:morphology:volume_density_ombb:3d:none:ibsi")
    live = LiveExtraction({}, SPACING, keys)
    found = []
    for mask in edits(18, 5):
        for part in (mask, mask & (np.arange(SHAPE[0]) == 7)[:, None, None]):
            if part.sum() > 3:
                vector = live.update({"tumour": part})
                assert_same(vector, extract({}, {"tumour": part}, SPACING, keys))
                found.append(len(vector.values))
    assert {1, 3} <= set(found)


@pytest.mark.parametrize("aggregation", ["2d_average", "2d_merged", "2.5d_average", "2.5d_merged"])
def test_matrices_within_slices(mode, aggregation):
    images = {"t1c": field(3, 1.0)}
    keys = keys_of(images, ["fbn16"], [aggregation])
    assert any(key.aggregation == aggregation for key in keys)
    live = LiveExtraction(images, SPACING, keys)
    for mask in edits(11, 8):
        assert_same(live.update({"tumour": mask}), extract(images, {"tumour": mask}, SPACING, keys))


def test_other_distances_weights_and_differences(mode):
    names = [
        "t1c:tumour:original:glcm:contrast:3d_average(distance=2):fbn16:ibsi",
        "t1c:tumour:original:glcm:contrast:3d_merged(weight=euclidean):fbn16:pyradiomics",
        "t1c:tumour:original:glcm:contrast:3d_merged(norm=manhattan):fbn16:ibsi",
        "t1c:tumour:original:glrlm:run_percentage:3d_merged(weight=chebyshev):fbn16:pyradiomics",
        "t1c:tumour:original:ngldm:dependence_count_entropy:3d(alpha=1):fbn16:ibsi",
        "t1c:tumour:original:ngtdm:contrast:3d(distance=2):fbn16:ibsi",
        "t1c:tumour:original:glszm:zone_percentage:3d:fbn16:ibsi",
    ]
    images = {"t1c": field(4, 1.0)}
    live = LiveExtraction(images, SPACING, names)
    for mask in edits(12, 12):
        found = live.update({"tumour": mask})
        assert_same(found, extract(images, {"tumour": mask}, SPACING, names))
        assert len(found.values) + len(found.missing) == len(names)


def test_several_regions_filtered_images_and_resegmentation(mode):
    images = {"t1c": field(5, 1.2), "adc": field(6, 1.8, 700.0)}
    made = {}

    def responses(sequence, image, profile):
        made[sequence, image, profile] = made.get((sequence, image, profile), 0) + 1
        values = images[sequence]
        return values**2 / 300 if image == "square" else np.sqrt(np.abs(values)) * 9

    keys = [
        "mask:tumour:original:morphology:sphericity:3d:none:ibsi",
        "mask:ring3:original:morphology:least_axis_length:3d:none:pyradiomics",
        "t1c:tumour:original:statistics:percentile_90:3d:none:ibsi",
        "t1c:tumour:square:statistics:kurtosis:3d:none:ibsi",
        "t1c:ring3:squareroot:glcm:joint_entropy:3d_average:fbw20:pyradiomics",
        "t1c:ring3:square:glcm:correlation:3d_merged:fbn16:pyradiomics",
        "adc:tumour:square:glszm:small_zone_emphasis:3d:fbn16:ibsi",
        "adc:tumour:square:glszm:small_zone_emphasis:3d:fbn16:pyradiomics",
        "adc:tumour(range=0..200):original:glcm:contrast:3d_average:fbw20:ibsi",
        "adc:tumour(range=0..200;outlier=2):original:statistics:mean:3d:none:ibsi",
        "adc:tumour:squareroot:ngtdm:coarseness:3d:fbn16:ibsi",
        "adc:ring3:original:ngldm:dependence_count_energy:3d:fbw20:ibsi",
        "t2:tumour:original:statistics:mean:3d:none:ibsi",
    ]
    live = LiveExtraction(images, SPACING, keys, responses)
    for mask in edits(13, 25):
        ring = ndimage.binary_dilation(mask, iterations=2) & ~mask
        masks = {"tumour": mask, "ring3": ring}
        made_before = dict(made)
        found = live.update(masks)
        assert not made_before or made == made_before
        made_now = dict(made)
        assert_same(found, extract(images, masks, SPACING, keys, responses))
        made.clear()
        made.update(made_now)
    assert set(made.values()) == {1}


def test_filters_without_a_source_of_responses(mode):
    images = {"t1c": field(7, 1.0)}
    keys = [
        f"t1c:tumour:wavelet(family=haar;bands=LLH;level=1):glcm:contrast:3d_average:fbn16:{profile}"
        for profile in PROFILES
    ]
    live = LiveExtraction(images, SPACING, keys)
    for mask in edits(14, 6):
        assert_same(live.update({"tumour": mask}), extract(images, {"tumour": mask}, SPACING, keys))


def test_undo_and_another_way_to_the_same_outline_give_the_same_bits(mode):
    images = {"t1c": field(8, 1.0), "t2": field(9, 2.0)}
    keys = keys_of(images, ["fbn16", "fbw25"], ["3d_average"])
    live = LiveExtraction(images, SPACING, keys)
    masks = [ball((7, 9, 8), 5)]
    masks += list(edits(15, 12))
    first = [live.update({"tumour": mask}) for mask in masks]
    for mask, expected in zip(masks[::-1], first[::-1], strict=True):
        assert live.update({"tumour": mask}) == expected
    assert LiveExtraction(images, SPACING, keys).update({"tumour": masks[-1]}) == first[-1]


def test_errors_are_those_of_the_full_extraction_and_leave_it_usable(mode):
    image = field(10, 1.0)
    image[2, 3, 4] = np.nan
    image[10:13, 10:13, 10:13] = 50.0
    flat = np.full(SHAPE, 7.0)
    images = {"t1c": image}
    keys = keys_of(images, ["fbw25"], ["3d_average"], ["ibsi"])
    live = LiveExtraction(images, SPACING, keys)
    good = ball((7, 9, 8), 4)
    nan = good.copy()
    single, nothing, constant = (np.zeros(SHAPE, bool) for _ in range(3))
    nan[2, 3, 4] = single[4, 4, 4] = True
    constant[10:13, 10:13, 10:13] = True
    wrong = np.zeros((4, 4, 4), bool)
    wrong[1:3, 1:3, 1:3] = True
    masks = [good, nan, good, single, nothing, good, constant, wrong, good, good.astype(np.uint8), wrong[0]]
    kinds = [same_outcome(live, images, mask, keys) for mask in masks]
    expected = "NonFinite RegionTooSmall EmptyRegion FlatRegion Geometry Dimension"
    assert [kind for kind in kinds if kind] == [f"{name}Error" for name in expected.split()]
    with pytest.raises(VirtualBiopsyError):
        live.update({"other": good})
    keys = ["t1c:tumour:square:statistics:mean:3d:none:ibsi"]
    # The image itself is not finite there, though its response is.
    clean = np.nan_to_num(image)
    live = LiveExtraction(images, SPACING, keys, lambda *_: clean)
    kinds = [same_outcome(live, images, mask, keys, lambda *_: clean) for mask in (good, nan, good)]
    assert kinds == ["", "NonFiniteError", ""]
    with pytest.raises(VirtualBiopsyError):
        LiveExtraction({"t1c": flat}, SPACING, [keys[0].replace("square", "original")]).update(
            {"tumour": good}
        )
    with pytest.raises(VirtualBiopsyError):
        LiveExtraction(images, (1.0, -1.0, 1.0), [])


def test_filtered_images_that_cannot_be_used_are_missing_while_they_cannot(mode):
    images = {"t1c": field(11, 1.0)}
    strange = images["t1c"].copy()
    strange[2:5, 3:6, 3:6] = np.inf
    strange[9:13, 9:14, 9:14] = 3.0
    strange[11, 1, 1] = 1e7

    def responses(sequence, image, profile):
        return strange

    keys = [f"t1c:tumour:square:{rest}" for rest in (
        "statistics:mean:3d:none:ibsi", "statistics:median:3d:none:ibsi",
        "glcm:contrast:3d_average:fbw25:ibsi", "ngtdm:contrast:3d:fbn16:pyradiomics",
    )]  # fmt: skip
    keys.append("t1c:tumour:original:statistics:mean:3d:none:ibsi")
    live = LiveExtraction(images, SPACING, keys, responses)
    base = ball((8, 9, 8), 4)
    constant = np.zeros(SHAPE, bool)
    constant[9:13, 9:14, 9:14] = True
    far = base.copy()
    far[11, 1, 1] = True
    missing = []
    for mask in (
        base & ~ball((3, 4, 4), 3),
        base | ball((3, 4, 4), 1),
        base & ~ball((3, 4, 4), 3),
        constant,
        base,
        far,
    ):
        found = live.update({"tumour": mask})
        assert_same(found, extract(images, {"tumour": mask}, SPACING, keys, responses))
        missing.append(len(found.missing))
    assert missing == [0, 4, 0, 4, 0, 1]


def test_a_small_edit_counts_nothing_anew(mode):
    image = field(12, 1.0)
    keys = keys_of(["t1c"], ["fbw25"], ["3d_average"], ["pyradiomics"])
    keys = [key for key in keys if key.family not in ("morphology", "gldzm", "ivh", "local_intensity")]
    live = LiveExtraction({"t1c": image}, SPACING, keys)
    mask = ball((7, 9, 8), 6)
    live.update({"tumour": mask})
    levels = dict(live._regions["tumour"].levels)
    tables = {index: dict(table._tables) for index, table in levels.items()}
    assert all(len(found) == 5 for found in tables.values())
    inner = np.argwhere(
        mask & (image > np.quantile(image[mask], 0.3)) & (image < np.quantile(image[mask], 0.7))
    )
    mask[tuple(inner[3])] = False
    live.update({"tumour": mask})
    window = live._regions["tumour"].window
    assert window._lattice is None
    assert live._regions["tumour"].levels == levels
    assert {index: table._tables for index, table in levels.items()} == tables


@pytest.mark.parametrize("bins", ["fbn2", "fbn5", "fbn24"])
def test_tables_are_those_of_a_full_count(mode, bins):
    """Few levels make zones that reach far and part and meet again."""
    rng = np.random.default_rng(int(bins[3:]))
    image = rng.normal(size=SHAPE)
    mask = np.ones(SHAPE, dtype=bool)
    mask[rng.random(SHAPE) < 0.4] = False
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    image[0, 0, 0], image[-1, -1, -1] = image.min() - 0.1, image.max() + 0.1
    window = Window(mask)
    levels = LiveLevels(window, image.reshape(-1), bins, "ibsi")
    outline = LiveOutline(window, SPACING)
    ordered = SortedValues(window, np.round(image, 1).reshape(-1))
    followed = 0
    for number in range(60):
        if number:
            corner = rng.integers(0, np.array(SHAPE) - 3)
            near = tuple(slice(c, c + rng.integers(1, 5)) for c in corner)
            mask[near] ^= rng.random(mask[near].shape) < rng.choice([0.2, 1.0])
            mask[0, 0, 0] = mask[-1, -1, -1] = True
            edit = window.follow(mask)
            outline.follow(edit)
            ordered.follow(edit)
            tables = dict(levels._tables)
            if number == 30:
                zones = tables["_Zones"]
                zones._next = len(zones.size)
            levels.follow(edit)
            followed += levels._tables == tables
        lattice = window.lattice
        values = image[mask]
        cells = Levels.of_values(values, bins, "ibsi")
        plain = kernels.plain
        np.testing.assert_array_equal(levels.levels, cells.levels)
        np.testing.assert_array_equal(levels.present + 1, cells.grey)
        count = len(cells.grey)
        np.testing.assert_array_equal(levels.pairs(), plain.pair_counts(lattice, cells.rank, count)[0])
        np.testing.assert_array_equal(levels.runs(), plain.run_counts(lattice, cells.rank, count)[0])
        label = plain.zone_labels(lattice, cells.rank)
        expected = sorted(zip(per_zone(label, cells.levels), np.bincount(label), strict=True))
        assert sorted(zip(*levels.zones(), strict=True)) == expected
        expected = sorted(zip(per_zone(label, cells.levels), nearest(label, lattice.depth), strict=True))
        assert sorted(zip(*levels.zones_by_depth(lattice.depth), strict=True)) == expected
        alike = 1 + plain.alike_counts(lattice, cells.rank)
        table, size = levels.alike()
        found = np.zeros_like(table[0])
        np.add.at(found, (cells.rank - 1, np.searchsorted(size, alike)), 1)
        np.testing.assert_array_equal(table[0], found)
        assert (table.any(axis=(0, 1))).all()
        neighbours, total = plain.tone_sums(lattice, cells.levels.astype(float))
        voxels, sums = levels.tones()
        held = neighbours > 0
        difference = np.abs(cells.levels[held] - total[held] / neighbours[held])
        np.testing.assert_array_equal(voxels, np.bincount(cells.rank[held] - 1, minlength=count))
        np.testing.assert_allclose(sums, np.bincount(cells.rank[held] - 1, difference, count), rtol=1e-13)
        np.testing.assert_array_equal(ordered.values, np.sort(np.round(image, 1)[mask]))
        padded = np.pad(mask, 1)
        moved = [np.roll(padded, step, (0, 1, 2)) for step in lattice.directions]
        np.testing.assert_array_equal(window.adjacent(), [np.sum(padded & other) for other in moved])
        numbers = cube_numbers(mask[window.box])
        cubes, positions = outline.cubes()
        kinds = np.bincount(numbers.ravel(), minlength=256)
        kinds[[0, 255]] = 0
        np.testing.assert_array_equal(cubes, kinds)
        for axis, index in enumerate(np.indices(numbers.shape)):
            sums = np.bincount(numbers.ravel(), index.ravel(), 256)
            sums[[0, 255]] = 0
            np.testing.assert_array_equal(positions[:, axis], sums)
        np.testing.assert_array_equal(outline.vertices(), vertices(mask[window.box]))
        voxels, spread = outline.covariance()
        at = np.argwhere(mask)
        np.testing.assert_array_equal(spread, voxels * (at.T @ at) - np.outer(at.sum(0), at.sum(0)))
    assert followed > 40


@pytest.mark.parametrize("profile", PROFILES)
def test_bins_of_fixed_width_that_grow_and_move(mode, profile):
    image = np.clip(field(14, 1.0), 30.0, 170.0)
    image[7, 9, 8], image[7, 9, 9], image[7, 9, 10] = 1000.0, 29.5, -500.0
    keys = keys_of(["t1c"], ["fbw25"], ["3d_average"], [profile])
    live = LiveExtraction({"t1c": image}, SPACING, keys)
    mask = ball((7, 9, 8), 5)
    mask[7, 9, 8:11] = False
    live.update({"tumour": mask})
    kept = []
    for at in (8, 9, 10, 8, 10, 9, 8, 9):
        mask[7, 9, at] ^= True
        levels = next(iter(live._regions["tumour"].levels.values()))
        tables = dict(levels._tables)
        assert_same(live.update({"tumour": mask}), extract({"t1c": image}, {"tumour": mask}, SPACING, keys))
        kept.append(levels._tables == tables)
    # With pyradiomics' bins 29.5 does not move the first one.
    moved = [True] * 3 + [False] + [True] * 4
    assert kept == [profile == "pyradiomics" and n % 2 == 1 or not move for n, move in enumerate(moved)]


def test_parts_against_labelling():
    rng = np.random.default_rng(16)
    for number in range(300):
        field = rng.integers(0, 2 + number % 2, rng.integers(5, 12, 3)).astype(np.int32)
        field *= rng.random(field.shape) < rng.random()
        field[[0, -1]] = field[:, [0, -1]] = field[:, :, [0, -1]] = 0
        flat = field.reshape(-1)
        nodes = rng.permutation(np.flatnonzero(flat))
        if not len(nodes):
            continue
        steps = DIRECTIONS @ np.array((field.shape[1] * field.shape[2], field.shape[2], 1))
        count, part = plain_zones._parts(flat, nodes, steps, np.zeros(len(flat), dtype=np.int32))
        labels = [ndimage.label(field == level, np.ones((3, 3, 3))) for level in (1, 2)]
        label = (labels[0][0] + 1000 * labels[1][0]).reshape(-1)[nodes]
        assert count == labels[0][1] + labels[1][1] == len(set(zip(part, label, strict=True)))
        assert set(part) == set(range(count))


def test_levels_of_an_image_that_cannot_be_followed():
    mask = ball((7, 9, 8), 4)
    image = np.full(SHAPE, 3.0)
    with pytest.raises(Unusual):
        LiveLevels(Window(mask), image.reshape(-1), "fbn16", "ibsi")
    image = field(13, 1.0)
    image[7, 9, 8] = np.nan
    with pytest.raises(Unusual):
        LiveLevels(Window(mask), image.reshape(-1), "fbn16", "ibsi")


@pytest.mark.parametrize("count", [3, 60, 600])
def test_spliced_arrays(count):
    rng = np.random.default_rng(count)
    pool = np.sort(rng.choice(10_000, 3000, replace=False))
    held = rng.random(len(pool)) < 0.5
    moved = np.sort(rng.choice(len(pool), count, replace=False))
    added = ~held[moved]
    before, after = pool[held], held.copy()
    after[moved] = added
    place = np.searchsorted(before, pool[moved])
    np.testing.assert_array_equal(spliced(before, place, pool[moved], added), pool[after])


def test_a_window_gives_up_what_grows_out_of_it_or_changes_too_much():
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[16:24, 16:24, 16:24] = True
    window = Window(mask)
    far = mask.copy()
    far[1, 20, 20] = True
    assert window.follow(far) is None
    much = mask.copy()
    much[16:18] = False
    assert window.follow(much) is None
    edge = mask.copy()
    edge[8, 20, 20] = edge[31, 20, 20] = True
    edit = window.follow(edge)
    assert len(edit.moved) == 2
    assert window.voxels == mask.sum() + 2
    assert len(window.follow(edge).moved) == 0

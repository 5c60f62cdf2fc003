"""Compiled kernels: equal to the plain ones, chosen without being in the way."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from virtualbiopsy.radiomics import diameters, glcm, kernels, mesh, ngtdm, sizes, statistics
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.discretise import Discretisation, discretise_values
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.glcm import EPS
from virtualbiopsy.radiomics.kernels import choose, plain
from virtualbiopsy.radiomics.keys import PROFILES
from virtualbiopsy.radiomics.lattice import Lattice
from virtualbiopsy.radiomics.levels import Levels
from virtualbiopsy.radiomics.morphology import Shape
from virtualbiopsy.radiomics.zones import count_table, per_zone

pytest.importorskip("numba")

PACKAGE = Path(kernels.__file__).parents[3]
RELATIVE = 1e-12
DISTANCES = [(1, "chebyshev"), (1, "manhattan"), (2, "chebyshev"), (2, "euclidean")]
CANCELLING = {"skewness", "cluster_shade", "information_correlation_1", "correlation"}
"""Sums of terms of both signs: where they nearly cancel, 1e-12 holds for the terms, not for the sum."""


@pytest.fixture(scope="module")
def compiled():
    before = choose.mode()
    choose.select("auto")
    assert choose.wait_until_compiled(600)
    choose.select(before)
    with choose.using("compiled") as module:
        assert module.__name__.endswith(".compiled")
        yield module


@st.composite
def regions(draw) -> tuple[Lattice, Levels]:
    """A scattered region of up to 9 × 9 × 9 voxels with few grey levels, as slices or in space."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(rng.integers(1, 10, 3)) < rng.uniform(0.05, 1)
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    mask = mask if mask.sum() > 1 else np.ones((1, 1, 2), dtype=bool)
    values = rng.integers(0, rng.integers(2, 12), np.count_nonzero(mask)) * rng.choice([1, 1, 3])
    levels = Levels.of((values + 1).astype(np.int32), int(values.max()) + 1)
    return Lattice(mask, planar=bool(rng.integers(2))), levels


def _close(value: float, expected: float, scale: float = 0.0) -> bool:
    if math.isnan(expected):
        return math.isnan(value)
    return abs(value - expected) <= RELATIVE * max(abs(expected), scale)


@settings(max_examples=80, deadline=None)
@given(regions(), st.sampled_from(DISTANCES), st.integers(0, 2))
def test_counts_are_the_same_bit_for_bit(compiled, region, distance, alpha):
    lattice, cells = region
    rank, levels = cells.rank, len(cells.grey)
    pairs = [(k.pair_counts(lattice, rank, levels, *distance)) for k in (plain, compiled)]
    assert np.array_equal(*pairs)
    alike = [k.alike_counts(lattice, cells.levels, alpha, *distance) for k in (plain, compiled)]
    assert np.array_equal(*alike)
    tones = [k.tone_sums(lattice, cells.levels.astype(float), *distance) for k in (plain, compiled)]
    assert np.array_equal(tones[0][0], tones[1][0]) and np.array_equal(tones[0][1], tones[1][1])


@settings(max_examples=80, deadline=None)
@given(regions())
def test_runs_and_zones_are_the_same_bit_for_bit(compiled, region):
    lattice, cells = region
    rank, levels = cells.rank, len(cells.grey)
    runs = [k.run_counts(lattice, rank, levels) for k in (plain, compiled)]
    assert np.array_equal(*runs)
    zones = [k.zone_labels(lattice, rank) for k in (plain, compiled)]
    assert np.array_equal(*zones)
    assert np.array_equal(*[k.paired_directions(lattice) for k in (plain, compiled)])


@settings(max_examples=80, deadline=None)
@given(regions())
def test_linked_matrices_are_those_of_the_single_functions(compiled, region):
    cells = region[1]
    lattice = Lattice(region[0].mask)
    rank, levels = cells.rank, len(cells.grey)
    linked = compiled.linked_matrices(lattice, rank, cells.grey)
    assert np.array_equal(linked.runs, plain.run_counts(lattice, rank, levels))
    label = plain.zone_labels(lattice, rank)
    assert np.array_equal(linked.zones, label)
    expected = count_table(per_zone(label, rank), levels, np.bincount(label))
    assert all(map(np.array_equal, linked.zone_sizes, expected))
    expected = count_table(rank, levels, 1 + plain.alike_counts(lattice, rank))
    assert all(map(np.array_equal, linked.alike, expected))
    expected = plain.tone_sums(lattice, cells.levels.astype(float))
    assert all(map(np.array_equal, linked.tones, expected))


@settings(max_examples=60, deadline=None)
@given(regions(), st.sampled_from(PROFILES))
def test_features_of_matrices(compiled, region, profile):
    lattice, cells = region
    levels = len(cells.grey)
    counts = plain.pair_counts(lattice, cells.rank, levels).reshape(-1, levels, levels)
    counts = counts[counts.any(axis=(1, 2))]
    if len(counts):
        expected = plain.glcm_tables(counts, cells.grey, profile, cells.n_levels)
        found = compiled.glcm_tables(counts, cells.grey, profile, cells.n_levels)
        names = ["marginal", "p_sum", "p_diff", "maximum", "energy", "entropy", "product"]
        assert (found.crossing is None) == (expected.crossing is None) == (profile == "ibsi")
        for name in names if profile == "ibsi" else [*names, "crossing"]:
            assert np.allclose(getattr(found, name), getattr(expected, name), RELATIVE, 1e-15), name
        known = compiled.averages(found)
        known["maximal_correlation_coefficient"] = glcm.FEATURES["maximal_correlation_coefficient"](
            found
        ).mean()
        assert set(known) == set(glcm.FEATURES)
        for name, value in known.items():
            size = 1.0 if name in CANCELLING else 0.0
            wanted = glcm.FEATURES[name](expected).mean()
            # The root of a difference of entropies: rounding of 1e-16 shows as its root where they are alike.
            alike = name == "information_correlation_2" and abs(value - wanted) < 1e-9
            assert alike or _close(value, wanted, max(size, 1e-3)), name
    runs = plain.run_counts(lattice, cells.rank, levels)
    runs = runs.reshape(-1, *runs.shape[2:])
    matrix = sizes.SizeMatrix(runs, cells.grey, np.arange(1.0, runs.shape[2] + 1), lattice.voxels, profile)
    known = compiled.averages(matrix)
    assert set(known) == set(sizes.FEATURES)
    for name, value in known.items():
        assert _close(value, sizes.FEATURES[name](matrix).mean(), 1e-3), name
    with choose.using("plain"):
        tones = ngtdm.tone_differences(
            cells, *plain.tone_sums(lattice, cells.levels.astype(float)), profile, None, 1
        )
    rows = compiled.tone_matrix(
        cells.rank,
        cells.grey,
        *plain.tone_sums(lattice, cells.levels.astype(float)),
        profile == "pyradiomics",
    )
    kept = rows[0] > 0
    assert bool(tones) == kept.any()
    if tones and not lattice.planar:
        assert np.array_equal(rows[0][kept] / rows[0].sum(), tones[0].p)
        assert np.array_equal(rows[1][kept], tones[0].s)
    if tones:
        known = compiled.averages(tones)
        assert set(known) == set(ngtdm.FEATURES)
        for name, value in known.items():
            assert _close(value, np.mean([ngtdm.FEATURES[name](t) for t in tones])), name


@pytest.mark.parametrize("side", [1, 2, 3, 17, 60])
def test_second_eigenvalues(compiled, side):
    rng = np.random.default_rng(side)
    near = np.exp(-(((np.arange(side)[:, None] - np.arange(side)) / (1 + side / 6)) ** 2))
    stack = [np.floor(9 * rng.random((side, side)) * f) for f in (1, near, np.eye(side), near**8)]
    stack.append(np.zeros((side, side)))
    stack[-1][:1, :1] = 7
    stack[-1][-1:, -1:] = 5
    counts = np.array([matrix + matrix.T for matrix in stack])
    counts = counts[counts.any(axis=(1, 2))]
    for epsilon in (0.0, EPS):
        found = compiled.second_eigenvalues(counts, epsilon)
        assert np.allclose(found, plain.second_eigenvalues(counts, epsilon), 0, 1e-12)
    # An epsilon that shows; not where 1 is an eigenvalue more than twice and has many eigenvectors.
    found = compiled.second_eigenvalues(counts[:2], 1e-9)
    assert np.allclose(found, plain.second_eigenvalues(counts[:2], 1e-9), 0, 1e-12)


def _samples():
    rng = np.random.default_rng(5)
    yield np.array([3.0, 1.0])
    yield rng.normal(100, 20, 143)
    yield np.round(rng.normal(-40, 9, 5000))
    yield np.concatenate((rng.normal(0, 1, 3000), [1e9]))
    yield rng.exponential(1, 700) ** 5
    yield rng.integers(0, 2, 50).astype(float)
    yield np.full(9, 4.0)
    yield rng.normal(0, 1e-300, 40)


@pytest.mark.parametrize("values", list(_samples()), ids=str)
def test_moments_and_percentiles(compiled, values):
    from virtualbiopsy.radiomics.kernels import compiled_values

    shares = np.array([0.0, 0.1, 0.25, 0.5, 0.5, 0.75, 0.9, 1.0])
    assert np.array_equal(compiled_values.percentiles(values, shares), np.percentile(values, 100 * shares))
    with np.errstate(all="ignore"):
        known = statistics.Values(values, "pyradiomics").known
        with choose.using("plain"):
            expected = statistics.Values(values, "pyradiomics")
            assert known and not expected.known
            for name, value in known.items():
                if name in statistics.FEATURES:
                    scale = 1.0 if name in CANCELLING else 1e-3 * abs(expected.mean)
                    assert _close(value, statistics.FEATURES[name](expected), scale), name


def test_percentiles_of_many_sizes(compiled):
    from virtualbiopsy.radiomics.kernels import compiled_values

    rng = np.random.default_rng(8)
    shares = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    for size in range(2, 120):
        values = rng.normal(3, 1, size)
        assert np.array_equal(
            compiled_values.percentiles(values, shares), np.percentile(values, 100 * shares)
        )


def test_mean_of_a_long_sum(compiled):
    values = np.random.default_rng(9).uniform(1e6, 2e6, 200_000)
    exact = math.fsum(values) / len(values)
    assert abs(compiled.moments(values)["mean"] - exact) <= np.spacing(exact)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(1, 40), st.booleans())
def test_levels_are_the_same_bit_for_bit(compiled, values, bins, on_edges):
    values = np.array(values)
    if on_edges:
        edges = np.linspace(values.min(), values.max() + 1, bins + 1)
        values = np.concatenate((values, edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)))
    if values.min() == values.max():
        return
    width = Discretisation("fbw", round(max((values.max() - values.min()) / bins, 0.01) * 4) / 4 or 0.25)
    for spec in (f"fbn{bins + 1}", str(width)):
        for profile in PROFILES:
            found = discretise_values(values, spec, profile)
            with choose.using("plain"):
                expected = discretise_values(values, spec, profile)
            assert np.array_equal(found[0], expected[0]) and found[1] == expected[1]


@settings(max_examples=60, deadline=None)
@given(regions(), st.tuples(*[st.floats(0.3, 4)] * 3), st.sampled_from(PROFILES))
def test_shape(compiled, region, spacing, profile):
    mask = region[0].mask
    numbers = mesh.cube_numbers(mask)
    count, position = compiled.cube_counts(mask)
    places = np.nonzero((numbers > 0) & (numbers < 255))
    assert np.array_equal(count, np.bincount(numbers[places], minlength=256))
    for axis in range(3):
        assert np.array_equal(position[axis], np.bincount(numbers[places], places[axis], 256))
    vertices = mesh.vertices(mask)
    expected = [diameters.longest(vertices * spacing)]
    expected += [diameters.maximum_planar_diameter(vertices, spacing, axis) for axis in range(3)]
    assert np.allclose(compiled.diameters(mask, spacing), expected, RELATIVE, 0)
    axes = Shape(mask, spacing, profile).axes
    wide = np.pad(mask, ((2, 0), (1, 3), (0, 4)))
    assert compiled.bounding_box(wide) == plain.bounding_box(wide)
    assert compiled.bounding_box(np.zeros_like(wide)) is None
    with choose.using("plain"):
        assert np.allclose(axes, Shape(mask, spacing, profile).axes, 1e-10, 1e-6)


def _compare(images, masks, spacing, keys) -> None:
    found = extract(images, masks, spacing, keys)
    with choose.using("plain"):
        expected = extract(images, masks, spacing, keys)
    assert found.missing == expected.missing and found.bins == expected.bins
    different = {
        key: (value, expected.values[key])
        for key, value in found.values.items()
        if not _close(value, expected.values[key], 1.0 if key.split(":")[4] in CANCELLING else 1e-6)
    }
    assert not different


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", [(1, 12, 11), (7, 9, 8), (14, 13, 12)])
def test_extraction_of_a_random_region(compiled, shape, profile):
    rng = np.random.default_rng(sum(shape))
    image, mask = rng.normal(300, 80, shape), rng.random(shape) < 0.7
    keys = all_keys("mask", profile=profile)
    for aggregation in ("3d_average", "3d_merged"):
        for spec in ("fbn16", "fbw25"):
            keys += all_keys("t1c", "tumour", spec, profile, aggregation)
    _compare({"t1c": image}, {"tumour": mask}, (2.5, 0.8, 1.1), list(dict.fromkeys(keys)))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["brain1", "breast1"])
def test_extraction_of_a_real_volume(compiled, name, profile, data_dir):
    folder = data_dir / "volumes" / "pyradiomics"
    image = sitk.ReadImage(str(folder / f"{name}_image.nrrd"))
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}_label.nrrd"))) == 1
    keys = all_keys("mask", profile=profile) + all_keys("t1", "tumour", "fbw25", profile)
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    _compare({"t1": values}, {"tumour": mask}, image.GetSpacing()[::-1], keys)


def test_threads_give_the_same_numbers(compiled):
    rng = np.random.default_rng(2)
    mask = rng.random((12, 13, 14)) < 0.8
    images = [rng.normal(100, 30, mask.shape) for _ in range(8)]
    keys = all_keys("t1c", "tumour", "fbn32", "ibsi")

    def values(image):
        return extract({"t1c": image}, {"tumour": mask}, (1, 1, 1), keys).values

    alone = [values(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(values, images)) == alone


def _run(code: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    environment |= {"PYTHONPATH": str(PACKAGE), "VIRTUALBIOPSY_KERNELS": "auto"} | variables
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done


EXTRACTION = """
import sys
import numpy as np
import virtualbiopsy
import virtualbiopsy.radiomics.extract as engine
from virtualbiopsy.radiomics.kernels import choose
assert "numba" not in sys.modules

def entropy():
    image = np.random.default_rng(1).normal(0, 1, (6, 6, 6))
    key = "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn8:ibsi"
    return engine.extract({"t1c": image}, {"tumour": image > -9}, (1, 1, 1), [key]).values[key]
"""


def test_plain_never_imports_numba():
    code = """
    import threading
    entropy()
    assert not choose.wait_until_compiled() and threading.active_count() == 1
    assert "numba" not in sys.modules
    """
    _run(EXTRACTION + textwrap.dedent(code), VIRTUALBIOPSY_KERNELS="plain")


def test_compiled_kernels_take_over():
    code = """
    assert choose.mode() == "auto"
    first = entropy()
    assert choose.wait_until_compiled(200)
    assert choose.active().__name__.endswith(".compiled")
    assert abs(entropy() - first) < 1e-12
    """
    _run(EXTRACTION + textwrap.dedent(code))


def test_the_interpreter_may_exit_while_kernels_are_compiled(tmp_path):
    done = _run(EXTRACTION + "entropy()", NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert not done.stderr


def test_numba_that_cannot_be_imported(tmp_path):
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('no LLVM here')")
    code = "entropy(); assert not choose.wait_until_compiled(60); entropy(); entropy()"
    done = _run(EXTRACTION + code, PYTHONPATH=f"{tmp_path}{os.pathsep}{PACKAGE}")
    assert done.stderr.count("no LLVM here") == 1
    done = _run(
        EXTRACTION + "entropy(); entropy()",
        PYTHONPATH=f"{tmp_path}{os.pathsep}{PACKAGE}",
        VIRTUALBIOPSY_KERNELS="compiled",
    )
    assert done.stderr.count("no LLVM here") == 1


def test_unknown_mode_of_the_environment():
    done = _run("from virtualbiopsy.radiomics.kernels import choose; print(choose.mode())")
    assert done.stdout.strip() == "auto"
    done = _run(
        "from virtualbiopsy.radiomics.kernels import choose; print(choose.mode())",
        VIRTUALBIOPSY_KERNELS="quick",
    )
    assert done.stdout.strip() == "auto" and "quick" in done.stderr
    with pytest.raises(ValueError, match="quick"):
        choose.select("quick")


TINY = """
import sys
from virtualbiopsy.radiomics.kernels.choose import Chooser
chooser = Chooser("compiled", ["tiny_kernels"])
module = chooser.module("tiny_kernels")
print(module and module.double(3.0))
"""


@pytest.fixture
def tiny(tmp_path):
    """Folder with a module of one compiled function."""
    folder = tmp_path / "modules"
    folder.mkdir()
    source = """
    from virtualbiopsy.radiomics.kernels.jit import REAL, jit

    @jit(REAL)
    def double(x):
        return 2 * x
    """
    (folder / "tiny_kernels.py").write_text(textwrap.dedent(source))
    return folder


def _run_tiny(folder: Path, **variables: str) -> subprocess.CompletedProcess:
    return _run(TINY, PYTHONPATH=f"{folder}{os.pathsep}{PACKAGE}", **variables)


def test_compiled_code_is_kept_in_the_named_directory(tiny, tmp_path):
    assert _run_tiny(tiny, NUMBA_CACHE_DIR=str(tmp_path / "cache")).stdout.strip() == "6.0"
    kept = list((tmp_path / "cache").rglob("*.nb?"))
    assert kept and not list(tiny.rglob("*.nb?"))
    for path in kept:
        path.write_bytes(b"damaged")
    done = _run_tiny(tiny, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert done.stdout.strip() == "6.0" and not done.stderr


def test_nowhere_to_keep_compiled_code(tiny, tmp_path):
    """Neither the named directory, nor the one beside the source, nor the user's can be made."""
    (tmp_path / "file").write_text("")
    (tiny / "__pycache__").write_text("")
    nowhere = str(tmp_path / "file" / "cache")
    done = _run_tiny(tiny, NUMBA_CACHE_DIR=nowhere, XDG_CACHE_HOME=nowhere, HOME=nowhere)
    assert done.stdout.strip() == "6.0" and not done.stderr


def test_a_function_that_does_not_compile(tiny):
    with (tiny / "tiny_kernels.py").open("a") as file:
        file.write("\n@jit(REAL)\ndef broken(x):\n    return x.nothing\n")
    done = _run_tiny(tiny)
    assert done.stdout.strip() == "None" and done.stderr.count("cannot compile tiny_kernels") == 1

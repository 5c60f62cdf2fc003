"""Features of co-occurrence and size matrices against their definitions, written out term by term."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.radiomics import glcm, sizes
from virtualbiopsy.radiomics.eigen import second_eigenvalues
from virtualbiopsy.radiomics.kernels import plain

EPS = np.spacing(1.0)
PROFILES = ("ibsi", "pyradiomics")


def _log2(p: np.ndarray, profile: str) -> np.ndarray:
    return np.log2(p + EPS) if profile == "pyradiomics" else np.log2(np.where(p > 0, p, 1.0))


def _entropy(p: np.ndarray, profile: str) -> float:
    return float(-(p * _log2(p, profile)).sum())


def _counts(grey: np.ndarray, seed: int, often: float = 3.0) -> np.ndarray:
    """Symmetric counts of one matrix, near the diagonal; the last level has no pairs."""
    rng = np.random.default_rng(seed)
    gap = np.abs(grey[:, None] - grey[None, :])
    table = rng.poisson(often / (1 + gap)).astype(float)
    table[-1] = table[:, -1] = 0
    return table + table.T


def _by_definition(counts: np.ndarray, grey: np.ndarray, n_levels: int, profile: str) -> dict[str, float]:
    p = counts / counts.sum()
    i, j = np.meshgrid(grey, grey, indexing="ij")
    gap, total = np.abs(i - j), i + j
    px = p.sum(axis=1)
    by_gap = np.array([p[gap == k].sum() for k in range(int(grey[-1]))])
    by_total = np.array([p[total == k].sum() for k in range(2 * int(grey[-1]) + 1)])
    k, s = np.arange(len(by_gap)), np.arange(len(by_total))
    mean = float((i * p).sum())
    variance = float(((i - mean) ** 2 * p).sum())
    diff, joint = float((gap * p).sum()), _entropy(p, profile)
    product = px[:, None] * px[None, :]
    hx = _entropy(px, profile)
    hxy1 = float(-(p * _log2(product, profile)).sum())
    hxy2 = _entropy(product, profile)
    filled = px > 0
    q = p[np.ix_(filled, filled)] / px[filled][:, None]
    eigenvalues = np.sort(np.linalg.eigvals(q @ (p[np.ix_(filled, filled)] / px[filled][:, None])).real)
    return {
        "joint_maximum": p.max(),
        "joint_average": mean,
        "joint_variance": variance,
        "joint_entropy": joint,
        "difference_average": diff,
        "difference_variance": (by_gap * (k - diff) ** 2).sum(),
        "difference_entropy": _entropy(by_gap, profile),
        "sum_average": (by_total * s).sum(),
        "sum_variance": ((total - 2 * mean) ** 2 * p).sum(),
        "sum_entropy": _entropy(by_total, profile),
        "angular_second_moment": (p**2).sum(),
        "contrast": (gap**2 * p).sum(),
        "dissimilarity": diff,
        "inverse_difference": (p / (1 + gap)).sum(),
        "normalised_inverse_difference": (p / (1 + gap / n_levels)).sum(),
        "inverse_difference_moment": (p / (1 + gap**2)).sum(),
        "normalised_inverse_difference_moment": (p / (1 + gap**2 / n_levels**2)).sum(),
        "inverse_variance": (p[gap > 0] / gap[gap > 0] ** 2).sum(),
        "correlation": ((i - mean) * (j - mean) * p).sum() / variance,
        "autocorrelation": (i * j * p).sum(),
        "cluster_tendency": ((total - 2 * mean) ** 2 * p).sum(),
        "cluster_shade": ((total - 2 * mean) ** 3 * p).sum(),
        "cluster_prominence": ((total - 2 * mean) ** 4 * p).sum(),
        "information_correlation_1": (joint - hxy1) / hx,
        "information_correlation_2": np.sqrt(1 - np.exp(-2 * (hxy2 - joint))),
        "maximal_correlation_coefficient": np.sqrt(eigenvalues[-2]),
    }


GREYS = {
    "all levels": np.arange(1.0, 9.0),
    "from 5": np.arange(5.0, 17.0),
    "with gaps": np.array([2.0, 3.0, 7.0, 8.0, 20.0, 41.0]),
    "many levels": np.arange(1.0, 61.0),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("levels", GREYS)
def test_glcm_features(levels, profile):
    grey = GREYS[levels]
    stack = np.stack([_counts(grey, seed) for seed in range(3)])
    ng = int(grey[-1]) + 2
    tables = plain.glcm_tables(stack, grey, profile, ng)
    expected = [_by_definition(counts, grey, ng, profile) for counts in stack]
    assert set(expected[0]) == set(glcm.FEATURES)
    for name, feature in glcm.FEATURES.items():
        values = [found[name] for found in expected]
        assert feature(tables) == pytest.approx(values, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("profile", PROFILES)
def test_tables_do_not_depend_on_the_scale_of_the_counts(profile):
    grey = GREYS["with gaps"]
    counts = _counts(grey, 1)[None]
    whole, weighted = (plain.glcm_tables(counts * factor, grey, profile) for factor in (1.0, 0.0137))
    for name, feature in glcm.FEATURES.items():
        assert feature(weighted) == pytest.approx(feature(whole), rel=1e-12), name


def test_epsilon_of_pyradiomics_where_levels_are_rare():
    """A million pairs in one cell and a few elsewhere: there the epsilon shows."""
    grey, name = np.arange(1.0, 5.0), "information_correlation_1"
    counts = np.array([[2e6, 1, 0, 2], [1, 0, 3, 0], [0, 3, 2, 1], [2, 0, 1, 4]])
    expected = _by_definition(counts, grey, 4, "pyradiomics")[name]
    assert _by_definition(counts, grey, 4, "ibsi")[name] != pytest.approx(expected, rel=1e-6)
    tables = plain.glcm_tables(counts[None], grey, "pyradiomics")
    assert glcm.FEATURES[name](tables)[0] == pytest.approx(expected, rel=1e-9)


def test_terms_hold_the_tables_and_the_matrices():
    counts = np.stack([_counts(np.arange(1.0, 6.0), seed) for seed in range(2)])
    terms = glcm.GlcmTerms(counts, "ibsi")
    assert terms.p.sum(axis=(1, 2)) == pytest.approx([1, 1])
    assert terms.marginal == pytest.approx(terms.p.sum(axis=2))
    assert terms.n_levels == 5


@pytest.mark.parametrize("profile", PROFILES)
def test_size_features(profile):
    rng = np.random.default_rng(5)
    counts = rng.poisson(1.5, (3, 5, 6)).astype(float)
    grey, size, voxels = (
        np.array([1.0, 2, 5, 6, 9]),
        np.array([1.0, 2, 3, 5, 8, 13]),
        np.array([90.0, 80, 70]),
    )
    matrix = sizes.SizeMatrix(counts, grey, size, voxels, profile)
    i, j = np.meshgrid(grey, size, indexing="ij")
    for d, c in enumerate(counts):
        total = c.sum()
        p = c / total
        rows, columns = c.sum(axis=1), c.sum(axis=0)
        expected = {
            "small": (c / j**2).sum() / total,
            "large": (c * j**2).sum() / total,
            "low_grey": (c / i**2).sum() / total,
            "high_grey": (c * i**2).sum() / total,
            "small_low_grey": (c / i**2 / j**2).sum() / total,
            "small_high_grey": (c * i**2 / j**2).sum() / total,
            "large_low_grey": (c * j**2 / i**2).sum() / total,
            "large_high_grey": (c * i**2 * j**2).sum() / total,
            "grey_non_uniformity": (rows**2).sum() / total,
            "grey_non_uniformity_normalised": (rows**2).sum() / total**2,
            "size_non_uniformity": (columns**2).sum() / total,
            "size_non_uniformity_normalised": (columns**2).sum() / total**2,
            "percentage": total / voxels[d],
            "grey_variance": (p * (i - (p * i).sum()) ** 2).sum(),
            "size_variance": (p * (j - (p * j).sum()) ** 2).sum(),
            "entropy": _entropy(p, profile),
            "energy": (p**2).sum(),
        }
        assert set(expected) == set(sizes.FEATURES)
        for name, value in expected.items():
            assert sizes.FEATURES[name](matrix)[d] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("levels", [2, 5, 12, 47, 90])
def test_second_eigenvalues(levels):
    """Against the whole spectrum; matrices with noise, with a strong diagonal, in two parts, alternating."""
    rng = np.random.default_rng(levels)
    grey = np.arange(levels)
    near = np.exp(-np.abs(grey[:, None] - grey[None, :]) / 3.0)
    parts = np.where((grey[:, None] < levels // 2) == (grey[None, :] < levels // 2), 1.0, 0.0)
    other = np.where((grey[:, None] + grey[None, :]) % 2, 30.0, 0.2)
    stack = [rng.poisson(2.0, near.shape), rng.poisson(20 * near), rng.poisson(3 * parts), rng.poisson(other)]
    counts = np.stack([table + table.T + np.eye(levels) for table in stack]).astype(float)
    rows = counts.sum(axis=2)
    scale = 1 / np.sqrt(rows)
    values = np.linalg.eigvalsh(counts * scale[:, :, None] * scale[:, None, :])
    expected = np.sort(np.abs(values), axis=1)[:, -2]
    assert second_eigenvalues(counts) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("rare", [1, 3e-2, 3e-4])
def test_second_eigenvalues_with_epsilon(rare):
    """pyradiomics adds the epsilon to p(i) p(k) in the denominators of Q: felt where a level is rare."""
    grey = np.arange(9)
    share = np.exp(-np.abs(grey[:, None] - grey[None, :]) / 1.5)
    share[-1] *= rare
    share[-1, -1] *= 30
    table = np.random.default_rng(2).poisson(1e6 * share).astype(float)
    counts = table + table.T
    p = counts / counts.sum()
    px = p.sum(axis=1)
    q = sum(np.outer(p[:, k], p[:, k]) / (px[:, None] * px[k] + EPS) for k in range(len(p)))
    expected = np.sqrt(np.sort(np.linalg.eigvals(q).real)[-2])
    found = second_eigenvalues(counts[None], EPS)[0]
    assert found == pytest.approx(expected, rel=1e-9)


def test_epsilon_of_a_level_that_stands_alone():
    """Without the epsilon the coefficient is 1, with it well below."""
    table = np.random.default_rng(3).poisson(1e6, (4, 4)).astype(float)
    table[-1] = table[:, -1] = 0
    table[-1, -1] = 1
    counts = np.stack([table + table.T] * 2)
    p = counts[0] / counts[0].sum()
    px = p.sum(axis=1)
    q = sum(np.outer(p[:, k], p[:, k]) / (px[:, None] * px[k] + EPS) for k in range(len(p)))
    expected = np.sqrt(np.sort(np.linalg.eigvals(q).real)[-2])
    assert expected < 0.999
    assert second_eigenvalues(counts) == pytest.approx([1, 1], rel=1e-12)
    assert second_eigenvalues(counts, EPS) == pytest.approx([expected] * 2, rel=1e-9)

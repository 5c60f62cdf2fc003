"""The latent biology: prevalences, directions of the published associations, overlap, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from virtualbiopsy.case.clinical import check_clinical
from virtualbiopsy.simulate.biology import LOADINGS, draw_biology, read_signs


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(11)
    return [draw_biology(rng) for _ in range(4000)]


def rho(a, b) -> float:
    return float(stats.spearmanr(a, b).statistic)


def auc(scores, labels) -> float:
    scores, labels = np.asarray(scores), np.asarray(labels, dtype=bool)
    u = stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    return float(u / (labels.sum() * (~labels).sum()))


def test_prevalences(population):
    assert np.mean([b.ki67_high for b in population]) == pytest.approx(0.33, abs=0.04)
    assert np.mean([b.pr_positive for b in population]) == pytest.approx(0.75, abs=0.04)
    grades = np.bincount([b.who_grade for b in population], minlength=4) / len(population)
    assert 0.7 < grades[1] < 0.88 and 0.1 < grades[2] < 0.26 and 0.005 < grades[3] < 0.06
    first = [b for b in population if b.who_grade == 1]
    assert 0.70 <= np.mean([b.pr_positive for b in first]) <= 0.85
    assert 0.55 < np.mean([b.sex == "female" for b in population]) < 0.78


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("size", 1),
        ("irregularity", 1),
        ("interface", 1),
        ("adc", -1),
        ("texture", 1),
        ("necrosis", 1),
        ("oedema", 1),
    ],
)
def test_proliferation_shows_in_the_published_direction(population, name, sign):
    """M1-M4 diameter, M5 margin and interface, M6-M7 ADC, M8/M10 heterogeneity."""
    r = rho([b.ki67_percent for b in population], [b.properties[name] for b in population])
    assert 0.2 < sign * r < 0.65


@pytest.mark.parametrize(
    ("name", "sign"), [("adc_tail", -1), ("texture", -1), ("tail", 1), ("enhancement", 1)]
)
def test_receptor_shows_in_the_published_direction(population, name, sign):
    """M19 dural tail, M21/M23 skewness and low percentiles of the ADC, M25 entropy."""
    r = rho([b.pr_percent for b in population], [b.properties[name] for b in population])
    assert 0.1 < sign * r < 0.65


def test_receptor_is_higher_at_the_skull_base(population):
    """M16, M17."""
    base = np.array(["skull_base" in b.location for b in population])
    positive = np.array([b.pr_positive for b in population])
    assert positive[base].mean() > positive[~base].mean() + 0.03


def test_high_grade_means_high_ki67_and_little_receptor(population):
    high = [b for b in population if b.who_grade > 1]
    low = [b for b in population if b.who_grade == 1]
    assert np.median([b.ki67_percent for b in high]) > 1.8 * np.median([b.ki67_percent for b in low])
    assert np.mean([b.pr_positive for b in high]) < np.mean([b.pr_positive for b in low])


def test_no_single_sign_gives_the_answer_away(population):
    labels = [b.ki67_high for b in population]
    for name in LOADINGS:
        values = [b.properties[name] for b in population]
        assert 0.22 < auc(values, labels) < 0.79
    assert 0.6 < auc([b.diameter_mm for b in population], labels) < 0.75


def test_sampling_error_moves_some_labels(population):
    """K6: the index found in a sample is not that of the whole tumour."""
    moved = np.mean([(b.ki67_percent >= 5) != b.ki67_high for b in population])
    assert 0.02 < moved < 0.20
    ratio = np.array([b.ki67_observed / b.ki67_percent for b in population if b.ki67_percent > 4])
    assert 0.12 < ratio.std() < 0.30


def test_signs_are_clinical_values(population):
    rng = np.random.default_rng(0)
    for b in population[:200]:
        signs = read_signs(b, rng)
        assert check_clinical(signs) == signs


def test_same_generator_same_tumour():
    first, second = (draw_biology(np.random.default_rng(5)) for _ in range(2))
    assert first == second
    assert draw_biology(np.random.default_rng(6)) != first


def test_unknown_property():
    with pytest.raises(ValueError, match="colour"):
        draw_biology(np.random.default_rng(1)).with_properties(colour=1.0)

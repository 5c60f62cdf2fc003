"""The latent biology of simulated breast cancers: prevalences, published directions, overlap, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from virtualbiopsy.case.clinical import check_clinical
from virtualbiopsy.simulate.breast.biology import (
    CHANGES,
    HER2_CLASSES,
    LOADINGS,
    PREVALENCE,
    breast_signs,
    draw_breast_biology,
)


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(5)
    return [draw_breast_biology(rng) for _ in range(3000)]


def auc(scores, labels) -> float:
    scores, labels = np.asarray(scores), np.asarray(labels, dtype=bool)
    u = stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    return float(u / (labels.sum() * (~labels).sum()))


def share(values) -> float:
    return float(np.mean(list(values)))


def test_prevalences(population):
    """15-20 % HER2-positive; three in four with oestrogen receptors; about one in three with pCR."""
    for name, wanted in zip(HER2_CLASSES, PREVALENCE, strict=True):
        assert share(b.her2_class == name for b in population) == pytest.approx(wanted, abs=0.03)
    assert 0.70 < share(b.er_positive for b in population) < 0.84
    assert all(b.er_positive for b in population if b.pr_positive)
    assert 0.25 < share(b.pcr for b in population) < 0.42
    positive = [b for b in population if b.her2_positive]
    assert share(b.pcr for b in positive) > share(b.pcr for b in population) + 0.15
    grades = np.bincount([b.histological_grade for b in population], minlength=4) / len(population)
    assert grades[0] == 0 and grades[1:].min() > 0.12


@pytest.mark.parametrize("name", ["ktrans", "texture", "adc", "adc_texture", "t2", "oedema", "necrosis"])
def test_her2_shows_in_the_published_direction_and_the_classes_overlap(population, name):
    """H2 Ktrans, kep and entropy; H3 lower ADC; H5 T2, necrosis and oedema; H10 heterogeneity."""
    sign = -1 if name == "adc" else 1
    found = auc([sign * b.properties[name] for b in population], [b.her2_positive for b in population])
    assert 0.60 < found < 0.80
    low = [b for b in population if not b.her2_positive]
    assert 0.52 < auc([sign * b.properties[name] for b in low], [b.her2_class == "low" for b in low]) < 0.75


def test_properties_have_unit_variance(population):
    for name in LOADINGS:
        values = [b.properties[name] for b in population]
        assert np.mean(values) == pytest.approx(0, abs=0.08) and np.std(values) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("name", "sign"), [("volume", -1), ("ktrans", -1), ("adc", 1)])
def test_response_shows_in_the_change(population, name, sign):
    """H9, H11: responders shrink, lose perfusion and gain diffusion after the first cycle."""
    found = auc([sign * b.changes[name] for b in population], [b.pcr for b in population])
    assert 0.65 < found < 0.85
    assert np.mean([b.changes[name] for b in population]) * sign > 0
    assert set(population[0].changes) == set(CHANGES)


def test_a_selected_series_changes_the_shares_not_the_cases(population):
    rng = np.random.default_rng(6)
    selected = [draw_breast_biology(rng, prevalence=(0.2, 0.2, 0.6)) for _ in range(1500)]
    assert share(b.her2_positive for b in selected) == pytest.approx(0.6, abs=0.04)
    for name in HER2_CLASSES:
        ours, theirs = (
            [b.properties["ktrans"] for b in people if b.her2_class == name]
            for people in (population, selected)
        )
        assert stats.ks_2samp(ours, theirs).pvalue > 0.001


@pytest.mark.parametrize("wrong", [(0.5, 0.6, 0.1), (-0.1, 0.9, 0.2)])
def test_shares_must_be_shares(wrong):
    with pytest.raises(ValueError, match="sum to one"):
        draw_breast_biology(np.random.default_rng(1), prevalence=wrong)


def test_signs_are_clinical_values(population):
    for b in population[:100]:
        assert check_clinical(breast_signs(b)) == breast_signs(b)


def test_same_generator_same_cancer():
    first, second = (draw_breast_biology(np.random.default_rng(5)) for _ in range(2))
    assert first == second
    assert draw_breast_biology(np.random.default_rng(6)) != first


def test_unknown_names():
    biology = draw_breast_biology(np.random.default_rng(1))
    with pytest.raises(ValueError, match="colour"):
        biology.with_properties(colour=1.0)
    with pytest.raises(ValueError, match="mood"):
        biology.with_changes(mood=1.0)

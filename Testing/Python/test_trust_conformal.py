"""Conformal answers: by definition, their coverage within binomial bounds, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from support import toy_model
from virtualbiopsy.errors import VirtualBiopsyError
from virtualbiopsy.trust.conformal import ALPHA, conformal_set, coverage_interval, model_set, p_value


def simulated_scores(rng, n, prevalence=0.35, apart=1.6):
    """Log-odds and labels of n cases: heavy-tailed, skewed, classes overlapping, without ties."""
    labels = (rng.random(n) < prevalence).astype(int)
    return apart * labels + rng.standard_t(3, n) + 0.4 * rng.exponential(1.0, n), labels


def test_p_values_by_counting():
    known = np.array([0.1, 0.2, 0.3, 0.4])
    assert p_value(known, 0.25) == 3 / 5
    assert p_value(known, 0.3) == 3 / 5  # a tie counts
    assert p_value(known, 9.0) == 1 / 5
    assert p_value(known, -9.0) == 1.0


def test_the_set_by_hand():
    low, high = np.arange(-10.0, 0.0), np.arange(0.0, 10.0) - 4.5  # ten of each
    scores, labels = np.concatenate([low, high]), np.repeat([0, 1], 10)
    found = conformal_set(scores, labels, -2.0, alpha=0.2)
    assert found.p_low == ((low >= -2.0).sum() + 1) / 11 == 3 / 11
    assert found.p_high == ((high <= -2.0).sum() + 1) / 11 == 4 / 11
    assert found.labels == ("high", "low") and found.answer == "uncertain"
    assert found.calibration == (10, 10)
    assert conformal_set(scores, labels, 8.0, alpha=0.2).answer == "high"
    assert conformal_set(scores, labels, -20.0, alpha=0.2).answer == "low"
    apart = np.concatenate([low - 50, high + 50])
    neither = conformal_set(apart, labels, 0.0, alpha=0.2)
    assert neither.labels == () and neither.answer == "uncertain"


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25])
def test_coverage_of_each_class_lies_within_beta_binomial_bounds(alpha):
    """Over many calibration sets, the number of covered new cases of a class is beta-binomial (Vovk 2012).

    The sum over the sets is compared with its expectation, and the distribution over the sets with the
    beta-binomial's own.
    """
    rng = np.random.default_rng(20)
    new, covered, law = 200, {0: [], 1: []}, {0: [], 1: []}
    for _ in range(150):
        scores, labels = simulated_scores(rng, 160)
        others, truth = simulated_scores(rng, 4 * new)
        for label, name in ((0, "low"), (1, "high")):
            chosen = others[truth == label][:new]
            n = int((labels == label).sum())
            ruled_out = int(np.floor(alpha * (n + 1) + 1e-9))
            sets = [conformal_set(scores, labels, own, alpha) for own in chosen]
            covered[label].append(sum(name in found.labels for found in sets))
            law[label].append(stats.betabinom(chosen.size, n + 1 - ruled_out, ruled_out))
    for label in (0, 1):
        counts, laws = np.array(covered[label]), law[label]
        mean, var = sum(d.mean() for d in laws), sum(d.var() for d in laws)
        assert abs(counts.sum() - mean) <= 3.3 * np.sqrt(var)
        # Mid-p values of the counts under their own law are uniform.
        places = np.array([d.cdf(c) - 0.5 * d.pmf(c) for d, c in zip(laws, counts, strict=True)])
        assert stats.kstest(places, "uniform").pvalue > 1e-3


def test_marginal_sets_would_fail_the_rare_class():
    """The reason for p-values by class: one threshold for all cases misses the rare class far too often."""
    rng = np.random.default_rng(3)
    scores, labels = simulated_scores(rng, 3000, prevalence=0.08)
    others, truth = simulated_scores(rng, 6000, prevalence=0.08)
    scores, others = scores - 3.0, others - 3.0  # log-odds where positives are rare
    strange = np.where(labels > 0, -scores, scores)
    marginal = np.array([p_value(strange, -own) > 0.1 for own in others[truth > 0]]).mean()
    by_class = np.array([conformal_set(scores, labels, own).p_high > 0.1 for own in others[truth > 0]]).mean()
    assert marginal < 0.8 and by_class > 0.86


def test_coverage_interval_is_that_of_the_beta_distribution():
    low, high = coverage_interval(53, 0.1)
    law = stats.beta(54 - 5, 5)
    assert low == pytest.approx(law.ppf(0.025), abs=1e-12) and high == pytest.approx(
        law.ppf(0.975), abs=1e-12
    )
    assert coverage_interval(9, 0.1)[0] < 0.7
    assert coverage_interval(19, 0.05) == pytest.approx(stats.beta(19, 1).ppf([0.025, 0.975]))


@pytest.mark.parametrize(
    ("positive", "negative", "alpha"),
    [(8, 100, 0.1), (100, 8, 0.1), (50, 50, 0.019), (50, 50, 0), (50, 50, 1)],
)
def test_an_error_that_so_few_cases_cannot_hold_is_refused(positive, negative, alpha):
    scores = np.linspace(-1, 1, positive + negative)
    labels = np.repeat([1, 0], [positive, negative])
    with pytest.raises(VirtualBiopsyError, match="calibration cases of the class"):
        conformal_set(scores, labels, 0.0, alpha)


def test_the_smallest_error_that_can_be_held_is_not_refused():
    scores, labels = np.linspace(-1, 1, 18), np.repeat([0, 1], 9)
    assert conformal_set(scores, labels, 5.0, 0.1).answer == "high"
    with pytest.raises(VirtualBiopsyError):
        coverage_interval(8, 0.1)


def test_models_without_scores_or_with_too_few_give_no_set():
    assert model_set(toy_model(), 0.0) is None
    few = toy_model(conformal_scores=(np.linspace(-1, 1, 20), np.repeat([0, 1], [12, 8])))
    assert model_set(few, 0.0) is None
    enough = toy_model(conformal_scores=(np.linspace(-1, 1, 21), np.repeat([0, 1], [12, 9])))
    assert model_set(enough, 0.0).calibration == (12, 9)


def test_the_caveat_gives_the_interval_for_so_few_cases():
    found = model_set(toy_model(conformal_scores=(np.linspace(-1, 1, 162), np.arange(162) % 3 == 0)), 0.0)
    low, high = coverage_interval(54, ALPHA)
    assert f"{100 * low:.0f}–{100 * high:.0f} % for “high” (54 cases)" in found.caveat
    assert "unlike the training ones" in found.caveat

"""Stability of a case as the session asks for it: outlines measured, noise added, the same figures again."""

from __future__ import annotations

import numpy as np
import pytest
from support import TOY_KEYS
from trust_support import FAST, sample
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.perturb import stability
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical
from virtualbiopsy.session import Session
from virtualbiopsy.trust.stability import image_noise, noise_level
from virtualbiopsy.variants import Variants

KEYS = [FeatureKey.parse(key) for key in TOY_KEYS if not is_clinical(key)]


@pytest.fixture(scope="module")
def measured():
    case = sample()
    measuring = Measuring(prepare_case(case, FAST), KEYS)
    return measuring, measuring.measure(case.regions["tumour"])


def test_no_noise_changes_nothing_and_noise_what_it_should(measured):
    variants = Variants(*measured, KEYS, 6.0)
    plain = variants.vector(variants.tumour)
    assert variants.noisy_vector(variants.tumour, {}).values == pytest.approx(plain.values, rel=1e-9)
    level = noise_level(variants.arrays["t1c"], variants.tumour)
    noise = image_noise(variants.tumour.shape, level, 7, "t1c")
    noisy = variants.noisy_vector(variants.tumour, {"t1c": noise})
    for key, value in plain.values.items():
        same = noisy.values[key] == pytest.approx(value, rel=1e-9)
        assert same != key.startswith("t1c"), key
    mean = "t1c:tumour:original:statistics:mean:3d:none:ibsi"
    expected = plain.values[mean] + noise[variants.tumour].mean()
    assert noisy.values[mean] == pytest.approx(expected, rel=1e-9)


def test_what_was_measured_stays_as_it_was(measured):
    measuring, on = measured
    before = (on.masks["tumour"].copy(), dict(on.vector.values))
    seen = []
    stability(measuring, on, lambda vector: seen.append(vector.values) or {})
    assert np.array_equal(on.masks["tumour"], before[0]) and on.vector.values == before[1]
    assert len(seen) == 22
    assert seen[0] == pytest.approx(before[1], rel=1e-9)
    # Every perturbation moves some feature; noise moves no shape.
    shape = "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi"
    assert all(values != seen[0] for values in seen[1:])
    assert all(values[shape] == seen[0][shape] for values in seen[-4:])


def test_two_sessions_give_the_same_figures():
    entries = []
    for _ in range(2):
        session = Session(sample(), builtin_models("meningioma")[:1])
        session.set_preparation(register=False, spacing=FAST.spacing, interpolator=FAST.interpolator)
        session.set_region(session.case.regions["tumour"])
        entries.append(session.stability())
    assert entries[0] == entries[1]
    (entry,) = entries[0]
    assert entry.variants >= 20
    assert entry.low <= entry.p5 <= entry.median <= entry.p95 <= entry.high
    assert {reason.code for reason in session.result.trust[0].reasons} >= {"stability", "spacing"}

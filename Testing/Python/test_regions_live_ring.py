"""Rings that follow edits equal rings measured anew."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.regions import live_ring
from virtualbiopsy.regions.derive import near_surface
from virtualbiopsy.regions.live_ring import LiveRings

SHAPE = (24, 40, 44)


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (3.0, 0.7, 1.1)])
def test_every_edit_gives_the_ring_of_a_new_measurement(spacing, monkeypatch):
    small = []
    monkeypatch.setattr(
        live_ring, "near_surface", lambda part, *a: small.append(part.size) or near_surface(part, *a)
    )
    rng = np.random.default_rng(1)
    axes = np.meshgrid(*(np.arange(n) * s for n, s in zip(SHAPE, spacing, strict=True)), indexing="ij")
    inside = np.zeros(SHAPE, dtype=bool)
    rings = LiveRings()
    for n in range(40):
        # Now and then at the border of the image, everything erased once, twice nothing changed.
        at = rng.uniform(0, 1, 3) * np.multiply(SHAPE, spacing)
        ball = sum((a - c) ** 2 for a, c in zip(axes, at, strict=True)) <= rng.uniform(1, 5) ** 2
        if n == 20:
            inside = np.zeros(SHAPE, dtype=bool)
        elif n not in (10, 11):
            inside = inside | ball if n % 3 else inside & ~ball
        for mm in (2.0, 4.5):
            assert np.array_equal(rings.near(inside, mm, spacing), near_surface(inside, mm, spacing)), n
    assert min(small) < 0.5 * inside.size


def test_another_grid_starts_anew():
    rings = LiveRings()
    inside = np.zeros(SHAPE, dtype=bool)
    inside[10:14, 10:20, 10:20] = True
    rings.near(inside, 3.0, (1.0, 1.0, 1.0))
    part = inside[5:, 5:, 5:]
    assert np.array_equal(rings.near(part, 3.0, (1.0, 1.0, 1.0)), near_surface(part, 3.0, (1.0, 1.0, 1.0)))

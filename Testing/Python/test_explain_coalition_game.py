"""Shapley values of small games: exact ones by the definition, sampled ones by their statistics."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from virtualbiopsy.explain.coalition_game import (
    all_coalitions,
    antithetic_orders,
    shapley_matrix,
    shapley_values,
)


def game(m: int, seed: int = 0):
    """A random game, and how often each coalition was asked for."""
    table = np.random.default_rng(seed).normal(size=2**m)
    asked = []

    def worth(chosen, progress):
        numbers = chosen @ (1 << np.arange(m))
        asked.extend(numbers.tolist())
        return table[numbers]

    return worth, table, asked


def by_orders(table: np.ndarray, m: int) -> np.ndarray:
    """The definition: the mean over all orders of what each player adds."""
    psi = np.zeros(m)
    for order in itertools.permutations(range(m)):
        number = 0
        for player in order:
            psi[player] += table[number | 1 << player] - table[number]
            number |= 1 << player
    return psi / math.factorial(m)


@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_exact_values_are_those_of_all_orders(m):
    worth, table, _ = game(m, m)
    found = shapley_values(worth, m, max_exact=10)
    np.testing.assert_allclose(found.psi, by_orders(table, m), atol=1e-13)
    assert not found.error.any() and found.orders == 0 and found.evaluations == 2**m


def test_coalitions_are_numbered_by_bits():
    assert all_coalitions(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]
    np.testing.assert_allclose(shapley_matrix(2), [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]])


def test_every_second_order_is_a_reverse():
    orders = antithetic_orders(7, 10, seed=3)
    assert orders.shape == (10, 7)
    np.testing.assert_array_equal(orders[1::2], orders[0::2, ::-1])
    assert (np.sort(orders, axis=1) == np.arange(7)).all()
    assert not np.array_equal(orders, antithetic_orders(7, 10, seed=4))


@pytest.mark.parametrize("orders", [4, 6, 64])
def test_the_sum_is_exact_whatever_the_orders(orders):
    worth, table, asked = game(12)
    found = shapley_values(worth, 12, max_exact=10, orders=orders)
    assert abs(found.psi.sum() - (table[-1] - table[0])) <= 1e-12
    assert found.orders == orders and found.evaluations == len(asked) == len(set(asked))
    assert (found.error > 0).all()


def test_sampling_is_unbiased_and_its_error_is_the_stated_one():
    worth, table, _ = game(6, 1)
    exact = by_orders(table, 6)
    found = [shapley_values(worth, 6, 0, orders=16, seed=seed) for seed in range(600)]
    off = np.array([values.psi for values in found]) - exact
    true = off.std(axis=0)
    assert (np.abs(off.mean(axis=0)) < 4 * true / math.sqrt(len(off))).all()
    stated = np.sqrt(np.mean([values.error**2 for values in found], axis=0))
    np.testing.assert_allclose(stated, true, rtol=0.12)


def test_the_error_falls_with_the_root_of_the_orders():
    worth, table, _ = game(6, 2)
    exact = by_orders(table, 6)

    def spread(orders: int) -> float:
        psi = [shapley_values(worth, 6, 0, orders=orders, seed=seed).psi for seed in range(300)]
        return float(np.sqrt(((np.array(psi) - exact) ** 2).mean()))

    few, many = spread(8), spread(128)
    assert few / many == pytest.approx(4.0, rel=0.15)


def test_the_same_seed_gives_the_same_bytes():
    worth, _, _ = game(11)
    first, again, other = (shapley_values(worth, 11, 10, seed=seed) for seed in (5, 5, 6))
    assert first.psi.tobytes() == again.psi.tobytes() and first.error.tobytes() == again.error.tobytes()
    assert first.psi.tobytes() != other.psi.tobytes()


@pytest.mark.parametrize("orders", [0, 2, 7])
def test_orders_must_come_in_pairs(orders):
    with pytest.raises(ValueError, match="even number"):
        shapley_values(game(3)[0], 3, 10, orders=orders)

"""Shapley values of a game of few players, by all coalitions or by sampled orders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..progress import Progress, silent

Worth = Callable[[np.ndarray, Progress], np.ndarray]
"""Worth (C,) of coalitions (C, m) bool."""

ORDERS = 128
"""Sampled orders, half of them the reverses of the others."""


@dataclass(frozen=True, eq=False)
class Values:
    """Shapley values `psi` (m,), their standard errors `error` (m,), 0 where exact, and how they were found.

    orders : 0 if all coalitions were evaluated. evaluations : different coalitions.
    """

    psi: np.ndarray
    error: np.ndarray
    orders: int
    evaluations: int


def all_coalitions(m: int) -> np.ndarray:
    """(2^m, m) bool; player b is in coalition n if bit b of n is set."""
    return (np.arange(2**m)[:, None] >> np.arange(m)) & 1 == 1


def shapley_matrix(m: int) -> np.ndarray:
    """(m, 2^m): times the worth of :func:`all_coalitions`, it gives the Shapley values (Shapley 1953)."""
    inside = all_coalitions(m)
    size = inside.sum(axis=1)
    share = np.array([1.0 / (m * math.comb(m - 1, s)) for s in range(m)])
    joined = share[np.maximum(size - 1, 0)]
    left = share[np.minimum(size, m - 1)]
    return np.where(inside, joined[:, None], -left[:, None]).T


def antithetic_orders(m: int, orders: int, seed: int) -> np.ndarray:
    """(orders, m) permutations, each second one the reverse of the one before it."""
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.permutation(m) for _ in range(orders // 2)])
    return np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(-1, m)


def shapley_values(
    worth: Worth, m: int, max_exact: int, orders: int = ORDERS, seed: int = 0, progress: Progress = silent
) -> Values:
    """Shapley values of a game of m players.

    Up to `max_exact` players exact, by all 2^m coalitions. Above that, the mean over sampled orders and
    their reverses (antithetic; Castro et al., Comput Oper Res 2009;36:1726; Mitchell et al., JMLR
    2022;23(43)) of what each player adds to those before it: unbiased, with a standard error that falls
    with 1/√orders, and the sum of the values is the worth of all less the worth of none whatever the
    orders.

    Raises
    ------
    ValueError : `orders` is odd or below 4. Cancelled
    """
    if orders < 4 or orders % 2:
        raise ValueError(f"{orders} orders; an even number from 4 is needed")
    if m <= max_exact:
        values = worth(all_coalitions(m), progress)
        return Values(shapley_matrix(m) @ values, np.zeros(m), 0, len(values))
    order = antithetic_orders(m, orders, seed)
    place = np.argsort(order, axis=1)
    before = place[:, None, :] < np.arange(m + 1)[None, :, None]
    values, evaluations = distinct(worth, before.reshape(-1, m), progress)
    added = np.diff(values.reshape(orders, m + 1), axis=1)
    gains = np.take_along_axis(added, place, axis=1)
    return Values(*paired(gains), orders, evaluations)


def paired(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of (orders, m) and its standard error, from the means of each order with its reverse."""
    pairs = (gains[0::2] + gains[1::2]) / 2
    return pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs))


def distinct(worth: Worth, chosen: np.ndarray, progress: Progress) -> tuple[np.ndarray, int]:
    """Worth of coalitions (C, m), each different one evaluated once; and how many these are."""
    packed = np.packbits(chosen, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return worth(chosen[first], progress)[inverse.ravel()], len(first)

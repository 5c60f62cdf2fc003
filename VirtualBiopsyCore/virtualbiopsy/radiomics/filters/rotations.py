"""The right-angle rotations of a separable filter.

Source: IBSI reference manual part 2, section 3.7 (rotation invariance of separable filters).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import permutations, product


def rotations(letters: Sequence[Hashable]) -> list[tuple[tuple[Hashable, bool], ...]]:
    """All proper rotations: for each axis which kernel stands there and whether it is reversed.

    4 in the plane, 24 in space, in a fixed order, the unrotated filter among them; `letters` names the
    kernels of the axes.
    """
    found = []
    for order in permutations(range(len(letters))):
        swaps = sum(order[a] > order[b] for a in range(len(order)) for b in range(a + 1, len(order)))
        for signs in product((False, True), repeat=len(letters)):
            if (swaps + sum(signs)) % 2 == 0:
                found.append(tuple((letters[n], sign) for n, sign in zip(order, signs, strict=True)))
    return found

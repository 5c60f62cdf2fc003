"""Low- and high-pass taps of orthogonal wavelets, computed from their defining equations.

Daubechies wavelets by spectral factorisation (the factor of minimal phase), Coiflets by Newton's method on
the equations of orthonormality, both with 60 decimal digits, so that the taps are exact to the last bit of
a double on every machine.

Source: I. Daubechies, Ten Lectures on Wavelets, SIAM 1992, sections 6.1 and 8.2; the order and signs of the
taps are those of decomposition filters in PyWavelets.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from .spec import wavelet_length

_DIGITS = 60
# Where Newton's method starts (rounded); from zero it finds Coiflets 1 to 3, but other solutions for 4 and 5.
_START = {
    4: (-0.1, -0.2, 0.8, 1.7, -3.4, -9.6, 4.5, 41.4),
    5: (0.1, 0.1, -0.8, -1.5, 4.4, 9.7, -14.7, -42.6, 14.1, 157.2),
}
Poly = list[Decimal]


@cache
def wavelet_taps(family: str) -> tuple[np.ndarray, np.ndarray]:
    """Decomposition low-pass and high-pass taps (float64, read-only) of "haar", "dbN" or "coifN".

    The low-pass taps sum to √2.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        if family.startswith("coif"):
            low = _coiflet(int(family[4:]))
        else:
            low = _daubechies(1 if family == "haar" else int(family[2:]))
        taps = np.array([float(tap) for tap in low])
    assert len(taps) == wavelet_length(family)
    high = taps[::-1] * (-1.0) ** (np.arange(len(taps)) + 1)
    taps.setflags(write=False)
    high.setflags(write=False)
    return taps, high


def _times(a: Poly, b: Poly) -> Poly:
    product = [Decimal(0)] * (len(a) + len(b) - 1)
    for n, x in enumerate(a):
        for m, y in enumerate(b):
            product[n + m] += x * y
    return product


def _power(a: Poly, n: int) -> Poly:
    product = [Decimal(1)]
    for _ in range(n):
        product = _times(product, a)
    return product


def _binomials(order: int) -> list[Decimal]:
    """Coefficients of P(y) = Σ C(N-1+k, k) y^k, k < N."""
    return [Decimal(math.comb(order - 1 + k, k)) for k in range(order)]


def _daubechies(order: int) -> Poly:
    """(1 + z)^N Π (z - z_n): z_n the zeros inside the unit circle that belong to P((2 - z - 1/z) / 4)."""
    binomials = _binomials(order)
    product = _power([Decimal(1), Decimal(1)], order)
    starts = np.roots([float(b) for b in reversed(binomials)]) if order > 1 else ()
    for start in starts:
        if start.imag < -1e-9:
            continue
        real, imaginary = _zero_in_circle(*_polished(binomials, complex(start)))
        if abs(imaginary) < Decimal("1e-30"):
            product = _times(product, [-real, Decimal(1)])
        else:
            product = _times(product, [real * real + imaginary * imaginary, -2 * real, Decimal(1)])
    scale = Decimal(2).sqrt() / sum(product)
    return [scale * value for value in product]


def _complex_times(a: tuple, b: tuple) -> tuple[Decimal, Decimal]:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _complex_over(a: tuple, b: tuple) -> tuple[Decimal, Decimal]:
    norm = b[0] * b[0] + b[1] * b[1]
    real, imaginary = _complex_times(a, (b[0], -b[1]))
    return real / norm, imaginary / norm


def _polished(coefficients: list[Decimal], start: complex) -> tuple[Decimal, Decimal]:
    """The zero of a polynomial near `start`, by Newton's method."""
    zero = Decimal(start.real), Decimal(start.imag)
    for _ in range(60):
        value, slope = (Decimal(0), Decimal(0)), (Decimal(0), Decimal(0))
        for coefficient in reversed(coefficients):
            slope = tuple(s + v for s, v in zip(_complex_times(slope, zero), value, strict=True))
            real, imaginary = _complex_times(value, zero)
            value = real + coefficient, imaginary
        step = _complex_over(value, slope)
        zero = zero[0] - step[0], zero[1] - step[1]
        if abs(step[0]) + abs(step[1]) < Decimal("1e-50"):
            break
    return zero


def _zero_in_circle(real: Decimal, imaginary: Decimal) -> tuple[Decimal, Decimal]:
    """The z with |z| < 1 and y = (2 - z - 1/z) / 4, that is z² - (2 - 4y) z + 1 = 0."""
    half = 1 - 2 * real, -2 * imaginary
    square = _complex_times(half, half)
    root = _complex_root(square[0] - 1, square[1])
    candidates = [(half[0] + sign * root[0], half[1] + sign * root[1]) for sign in (1, -1)]
    return min(candidates, key=lambda z: z[0] * z[0] + z[1] * z[1])


def _complex_root(real: Decimal, imaginary: Decimal) -> tuple[Decimal, Decimal]:
    size = (real * real + imaginary * imaginary).sqrt()
    first = (max(Decimal(0), size + real) / 2).sqrt()
    second = (max(Decimal(0), size - real) / 2).sqrt()
    return first, second.copy_sign(imaginary)


def _coiflet(order: int) -> Poly:
    """cos^2K (P_K(sin²) + sin^2K f): the trigonometric polynomial f of 2K terms makes it orthonormal."""
    cosine, sine = ([Decimal(n) / 4 for n in line] for line in ((1, 2, 1), (-1, 2, -1)))
    width = 2 * order - 1
    fixed = [Decimal(0)] * (2 * width + 1)
    for k, binomial in enumerate(_binomials(order)):
        for n, value in enumerate(_power(sine, k)):
            fixed[width - k + n] += binomial * value
    fixed = _times(_power(cosine, order), fixed)[:]
    free = _times(_power(cosine, order), _power(sine, order))
    # With its 2K terms beginning 2K-1 before the middle, f stretches the taps to 6K, from 4K-1 before it.
    shift = (len(free) // 2 + width) - len(fixed) // 2
    length = 6 * order
    columns = [[Decimal(0)] * n + free + [Decimal(0)] * (length - len(free) - n) for n in range(2 * order)]
    base = [fixed[n - shift] if 0 <= n - shift < len(fixed) else Decimal(0) for n in range(length)]
    unknown = [Decimal(str(x)) for x in _START.get(order, (0,) * (2 * order))]
    for _ in range(200):
        taps = [b + sum(u * c[n] for u, c in zip(unknown, columns, strict=True)) for n, b in enumerate(base)]
        equations, matrix = _orthonormality(taps, columns)
        step = _solve(matrix, equations)
        unknown = [u - s for u, s in zip(unknown, step, strict=True)]
        if max(abs(s) for s in step) < Decimal("1e-45"):
            break
    else:
        raise ArithmeticError(f"Newton's method did not converge for coif{order}.")
    return [tap * Decimal(2).sqrt() for tap in taps]


def _orthonormality(taps: Poly, columns: list[Poly]) -> tuple[Poly, list[Poly]]:
    """Σ 2 h(n) h(n + 2m) - [m = 0] for the shifts m, and its derivatives; as many shifts as unknowns."""
    n = len(taps)
    equations: Poly = []
    matrix: list[Poly] = []
    for shift in range(0, n, 2):
        value = 2 * sum((taps[a] * taps[a + shift] for a in range(n - shift)), Decimal(0))
        equations.append(value - (1 if shift == 0 else 0))
        matrix.append(
            [
                2
                * sum((taps[a] * c[a + shift] + c[a] * taps[a + shift] for a in range(n - shift)), Decimal(0))
                for c in columns
            ]
        )
    return equations, matrix


def _solve(matrix: list[Poly], right: Poly) -> Poly:
    """Least squares by the normal equations and elimination with pivots."""
    size = len(matrix[0])
    rows = [
        [sum((row[a] * row[b] for row in matrix), Decimal(0)) for b in range(size)]
        + [sum((row[a] * value for row, value in zip(matrix, right, strict=True)), Decimal(0))]
        for a in range(size)
    ]
    for a in range(size):
        pivot = max(range(a, size), key=lambda n: abs(rows[n][a]))
        rows[a], rows[pivot] = rows[pivot], rows[a]
        for b in range(size):
            if b != a:
                factor = rows[b][a] / rows[a][a]
                rows[b] = [x - factor * y for x, y in zip(rows[b], rows[a], strict=True)]
    return [rows[a][-1] / rows[a][a] for a in range(size)]

"""The Tofts model and the extended Tofts model: concentration in tissue from the arterial input.

    C(t) = vp Cp(t) + Ktrans ∫₀ᵗ Cp(u) exp(−kep (t − u)) du,   kep = Ktrans / ve

with vp = 0 in the Tofts model (Tofts et al. 1999, J Magn Reson Imaging 10:223, eq. 8; OSIPI CAPLEX M.IC1.004
and M.IC1.005). Cp is linear between its points, for which the integral is exact at whatever times. Rates are
per minute, times in seconds, concentrations in mmol/L.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ...errors import KineticsError
from .aif import ArterialInput

MODELS = ("tofts", "extended_tofts")
_COMPLEX_STEP = 1e-30

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Washout:
    """kep ∫₀ᵗ Cp(u) exp(−kep (t − u)) du for several kep, at any times.

    Multiplied by ve this is the extravascular part of the tissue curve. The factor kep keeps it within the
    range of Cp for every kep.

    Parameters
    ----------
    arterial : the input. kep : (n,) rates in 1/min, positive (complex ones give derivatives).
    end_s : up to which time it is wanted.
    """

    def __init__(self, arterial: ArterialInput, kep: ArrayLike, end_s: float) -> None:
        self.arterial = arterial
        self.kep = np.asarray(kep) / 60.0
        keep = int(np.searchsorted(arterial.times_s, end_s, side="left")) + 1
        self._times = arterial.times_s[:keep]
        plasma = arterial.plasma[:keep]
        # Populations have steps of one length: their weights are needed once.
        steps, which = np.unique(np.diff(self._times), return_inverse=True)
        stay, first, last = _weights(steps, self.kep)
        self._amounts = np.zeros((len(plasma), len(self.kep)), dtype=stay.dtype)
        for n, k in enumerate(which.tolist()):
            self._amounts[n + 1] = stay[k] * self._amounts[n] + plasma[n] * first[k] + plasma[n + 1] * last[k]

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """(times, kep) values; zero before the first point of the input.

        Raises
        ------
        ArterialInputError : the input ends before the last time.
        """
        plasma = self.arterial.at(times_s)
        start = np.searchsorted(self._times, times_s, side="right") - 1
        inside = start >= 0
        start = np.clip(start, 0, None)
        since = np.where(inside, times_s - self._times[start], 0.0)
        stay, first, last = _weights(since, self.kep)
        values = stay * self._amounts[start]
        values += self.arterial.plasma[start][:, None] * first + plasma[:, None] * last
        values[~inside] = 0.0
        return values


def _weights(steps: np.ndarray, kep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How one linear piece of the input acts, each (steps, kep), for pieces of this length in s, kep in 1/s.

    What stays of the amount before, and kep ∫ of a piece that falls from 1 to 0 and of one that rises from 0
    to 1: 1 − e⁻ˣ less the second, and (x − 1 + e⁻ˣ) / x, with x = kep · length.
    """
    x = np.multiply.outer(steps, kep)
    small = np.abs(x) < 1e-2
    safe = np.where(small, 1.0, x)
    leave = -np.expm1(-x)
    # The series, where the difference would cancel.
    series = x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6))))
    rise = np.where(small, series, (safe + np.expm1(-safe)) / safe)
    return 1.0 - leave, leave - rise, rise


class WashoutTable:
    """:class:`Washout` at fixed times for any kep: cubic Hermite interpolation in log kep between nodes.

    With 257 nodes from 0.005 to 60 1/min the error stays below 1e-8 of the largest plasma value of the
    population inputs.

    Parameters
    ----------
    arterial : the input. times_s : (phases,). delay_s : by how much the input arrives later than it says.
    kep_range : smallest and largest kep, 1/min.
    """

    def __init__(
        self,
        arterial: ArterialInput,
        times_s: ArrayLike,
        *,
        delay_s: float = 0.0,
        kep_range: tuple[float, float] = (0.005, 60.0),
        nodes: int = 257,
    ) -> None:
        self.arterial = arterial
        self.times_s = np.asarray(times_s, dtype=np.float64)
        self.log_kep = np.linspace(np.log(kep_range[0]), np.log(kep_range[1]), nodes)
        # A complex step in log kep: the imaginary part is the derivative to the last digit.
        complex_kep = np.exp(self.log_kep + 1j * _COMPLEX_STEP)
        end = float(self.times_s.max()) - min(delay_s, 0.0) + 60.0
        self._washout = Washout(arterial, complex_kep, end)
        self.delay_s = delay_s

    def delayed(self, delay_s: float) -> WashoutTable:
        """The same with another delay, without a new integration; at most 60 s earlier than this one."""
        other = object.__new__(WashoutTable)
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k not in ("_both", "plasma")})
        other.delay_s = delay_s
        return other

    @cached_property
    def plasma(self) -> np.ndarray:
        """(phases,) plasma concentration at the times, mmol/L."""
        return self.arterial.at(self.times_s - self.delay_s)

    @cached_property
    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        values = self._washout.at(self.times_s - self.delay_s).T
        return np.ascontiguousarray(values.real), np.ascontiguousarray(values.imag) / _COMPLEX_STEP

    @property
    def values(self) -> np.ndarray:
        """(nodes, phases) at the nodes."""
        return self._both[0]

    @property
    def slopes(self) -> np.ndarray:
        """(nodes, phases) derivatives by log kep at the nodes."""
        return self._both[1]

    def curves(self, kep: ArrayLike) -> np.ndarray:
        """(n, phases) for kep (n,) in 1/min, which is clipped to the range of the table."""
        log_kep = np.log(np.maximum(np.asarray(kep, dtype=np.float64), 1e-300))
        log_kep = np.clip(log_kep, self.log_kep[0], self.log_kep[-1])
        node, weights = hermite(log_kep, self.log_kep)
        before, before_slope, behind, behind_slope = (w[:, None] for w in weights)
        result = before * self.values[node]
        result += before_slope * self.slopes[node]
        result += behind * self.values[node + 1]
        result += behind_slope * self.slopes[node + 1]
        return result


def hermite(x: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, Weights]:
    """Cubic interpolation between evenly spaced nodes: the node before each x, and four weights.

    The weights are those of the value and the slope before and of the value and the slope behind.
    """
    step = nodes[1] - nodes[0]
    position = (x - nodes[0]) / step
    node = np.clip(position.astype(np.int64), 0, len(nodes) - 2)
    u = position - node
    rest = 1.0 - u
    inner = u * rest * step
    return node, ((1.0 + 2.0 * u) * rest * rest, inner * rest, u * u * (3.0 - 2.0 * u), -inner * u)


def tofts_concentration(
    arterial: ArterialInput,
    times_s: ArrayLike,
    ktrans: ArrayLike,
    ve: ArrayLike,
    vp: ArrayLike = 0.0,
    *,
    delay_s: float = 0.0,
) -> np.ndarray:
    """Concentration in tissue, mmol/L: (phase, …) for Ktrans (1/min), ve and vp of shape (…).

    Exact to 1e-8 of the largest plasma value (:class:`WashoutTable`) for kep in 0.0001…200 1/min, outside of
    which kep is taken as the nearer end. Voxels with Ktrans or ve of zero have only their plasma part.

    Raises
    ------
    KineticsError : a parameter is negative or not finite.
    ArterialInputError : the input ends before the last time.
    """
    ktrans, ve, vp = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (ktrans, ve, vp)))
    for name, values in (("Ktrans", ktrans), ("ve", ve), ("vp", vp)):
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise KineticsError(f"{name} holds values that are negative or not finite.")
    times = np.asarray(times_s, dtype=np.float64)
    table = WashoutTable(arterial, times, delay_s=delay_s, kep_range=(1e-4, 200.0), nodes=513)
    result = np.multiply.outer(table.plasma, vp)
    leaky = (ktrans > 0) & (ve > 0)
    result[:, leaky] += (table.curves(ktrans[leaky] / ve[leaky]) * ve[leaky][:, None]).T
    return result

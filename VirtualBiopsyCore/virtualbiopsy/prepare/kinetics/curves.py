"""Least-squares fit of the Tofts models to curves of concentration, all curves at once.

Given kep the models are linear in ve and vp, so least squares is a search along kep alone (variable
projection, Golub and Pereyra 1973). Sums over the phases are formed once on a grid of kep values, which finds
the best of all minima; a search between the neighbours of the best node refines it. The result is the
least-squares solution within the bounds, not one that depends on a start value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArterialInputError, KineticsError, PhaseTimeError
from ...progress import Progress, silent
from .aif import ArterialInput
from .search import smooth_maximum
from .tofts import MODELS, WashoutTable, hermite

OUTSIDE, FITTED, NO_UPTAKE, NOT_CONVERTIBLE, AT_KEP_BOUND = range(5)
STATUS: Mapping[int, str] = {
    OUTSIDE: "outside the mask",
    FITTED: "fitted",
    NO_UPTAKE: "no uptake",
    NOT_CONVERTIBLE: "signal fits no concentration",
    AT_KEP_BOUND: "kep at its bound",
}
FAILED = (NOT_CONVERTIBLE, AT_KEP_BOUND)

CHUNK = 2048
# Every so many nodes are enough to tell the best of several minima.
_COARSE = 4
_SINGULAR = 1e-12
_NEAR_BOUND = 1e-3
# Largest fitted concentration in mmol/L that is taken for the rounding of nothing.
_NO_UPTAKE = 1e-6


@dataclass(frozen=True)
class Bounds:
    """Where the parameters are sought: 0 ≤ Ktrans ≤ ktrans (1/min), 0 ≤ ve ≤ ve, 0 ≤ vp ≤ vp, kep in 1/min.

    Ktrans, ve and vp as in OSIPI's tests of DCE models (0…5 1/min, 0…1, 0…1).
    """

    ktrans: float = 5.0
    ve: float = 1.0
    vp: float = 1.0
    kep: tuple[float, float] = (0.005, 60.0)


@dataclass(frozen=True, eq=False)
class CurveFit:
    """Parameters of n curves, each (n,).

    Attributes
    ----------
    ktrans, kep : 1/min. ve, vp : volume fractions; vp is zero in the Tofts model.
    residual : root mean square of the residuals, mmol/L.
    status : uint8, key of :data:`STATUS`. Failed ones (:data:`FAILED`) are NaN in all parameters; those
        without uptake have Ktrans = ve = kep = 0.
    """

    ktrans: np.ndarray
    kep: np.ndarray
    ve: np.ndarray
    vp: np.ndarray
    residual: np.ndarray
    status: np.ndarray


def fit_curves(
    concentration: ArrayLike,
    times_s: ArrayLike,
    arterial: ArterialInput,
    *,
    model: str = "tofts",
    delay_s: float = 0.0,
    bounds: Bounds | None = None,
    progress: Progress = silent,
) -> CurveFit:
    """Fit a Tofts model to curves of concentration by least squares within bounds.

    Parameters
    ----------
    concentration : (phases, n) mmol/L. times_s : (phases,) strictly increasing, not necessarily uniform, on
        the time scale of the input. delay_s : by how much the input arrives later than it says.

    Raises
    ------
    KineticsError : unknown model, impossible bounds, or too few phases.
    PhaseTimeError : times missing, equal or unsorted.
    ArterialInputError : the input is zero or negative at all phases, or ends before the last.
    """
    values = np.asarray(concentration, dtype=np.float64)
    times = check_times(times_s, len(values))
    bounds = bounds or Bounds()
    table = WashoutTable(arterial, times, delay_s=delay_s, kep_range=check_bounds(bounds).kep)
    return fit_table(values, table, model=model, bounds=bounds, progress=progress)


def fit_table(
    values: np.ndarray,
    table: WashoutTable,
    *,
    model: str,
    bounds: Bounds,
    progress: Progress = silent,
) -> CurveFit:
    """:func:`fit_curves` with a table that is there already; raises as it does."""
    fitter = CurveFitter(table, model, bounds)
    parts = []
    for start in range(0, values.shape[1], CHUNK):
        progress(start / values.shape[1], "Fitting the pharmacokinetic model")
        parts.append(fitter.fit(values[:, start : start + CHUNK]))
    return joined(parts)


def joined(parts: Sequence[CurveFit]) -> CurveFit:
    """The fits of several sets of curves as one."""
    names = [field.name for field in fields(CurveFit)]
    return CurveFit(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def check_times(times_s: ArrayLike, phases: int) -> np.ndarray:
    """The times as float64 (phases,).

    Raises
    ------
    PhaseTimeError : their number differs from that of the phases, or they are not finite or do not increase.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if times.shape != (phases,):
        raise PhaseTimeError(
            f"There are {times.size} times for {phases} phases.", "Enter the time of every phase."
        )
    if not np.isfinite(times).all():
        raise PhaseTimeError("The time of a phase is missing.", "Enter the time of every phase.")
    if not (np.diff(times) > 0).all():
        raise PhaseTimeError(
            "The times of the phases do not increase from each to the next.",
            "Sort the phases by time, and give each its own.",
        )
    return times


def check_bounds(bounds: Bounds) -> Bounds:
    """The bounds themselves, if they leave room for a solution; else a KineticsError."""
    low, high = bounds.kep
    if not (0 < low < high < np.inf and min(bounds.ktrans, bounds.ve, bounds.vp) > 0):
        raise KineticsError(f"No parameters can lie within these bounds: {bounds}.")
    return bounds


def check_model(model: str, table: WashoutTable) -> str:
    """The model itself, if it is known and the phases can determine it.

    Raises
    ------
    KineticsError : unknown model, or fewer phases after the bolus than parameters.
    ArterialInputError : the input is zero or negative at all phases.
    """
    if model not in MODELS:
        raise KineticsError(
            f"There is no pharmacokinetic model called {model!r}.", f"Choose {' or '.join(MODELS)}."
        )
    after = int(np.sum(table.times_s > table.arterial.times_s[0] + table.delay_s))
    needed = 3 if model == "tofts" else 4
    if after < needed:
        raise KineticsError(
            f"{after} phases lie after the arrival of the contrast agent; the model needs {needed} or more.",
            "Use the semi-quantitative maps instead.",
        )
    if not (table.values > 0).any():
        raise ArterialInputError(
            "The arterial input is zero or negative at all phases of the dynamic series.",
            "Check its times, or choose a population arterial input.",
        )
    return model


class CurveFitter:
    """Fits curves with one table; the sum of squares that is explained is a function of log kep alone.

    With ve and vp at their best it is

    J = 2 (ve P + vp Y) − (ve² Q + 2 ve vp R + vp² A) with P = g·c, Y = a·c, Q = g·g, R = g·a, A = a·a,
    where c is the curve, a the plasma concentration and g the washout of unit ve.

    Raises
    ------
    KineticsError, ArterialInputError : see :func:`check_model`.
    """

    def __init__(self, table: WashoutTable, model: str, bounds: Bounds) -> None:
        self.table, self.bounds = table, bounds
        self.extended = check_model(model, table) == "extended_tofts"
        values, slopes = table.values, table.slopes
        self.q, self.q_slope = (values**2).sum(axis=1), 2.0 * (values * slopes).sum(axis=1)
        self.r, self.r_slope = values @ table.plasma, slopes @ table.plasma
        self.a = float(table.plasma @ table.plasma)

    def fit(self, curves: np.ndarray) -> CurveFit:
        """Fit curves (phases, n); those with values that are not finite get the status NOT_CONVERTIBLE."""
        usable = np.isfinite(curves).all(axis=0)
        if usable.all():
            return self._fit(curves)
        part, count = self._fit(curves[:, usable]), curves.shape[1]
        found = {name: np.full(count, np.nan) for name in ("ktrans", "kep", "ve", "vp", "residual")}
        for name, values in found.items():
            values[usable] = getattr(part, name)
        status = np.full(count, NOT_CONVERTIBLE, dtype=np.uint8)
        status[usable] = part.status
        return CurveFit(**found, status=status)

    def _fit(self, curves: np.ndarray) -> CurveFit:
        nodes = self.table.log_kep
        plasma_part = self.table.plasma @ curves
        at_nodes, slopes = self.table.values @ curves, self.table.slopes @ curves
        few = slice(None, None, _COARSE)
        limit = self._limit(nodes[few])[:, None]
        explained = self._linear(at_nodes[few], self.q[few, None], plasma_part, self.r[few, None], limit)[2]
        middle = nodes[few][explained.argmax(axis=0)]
        column = np.arange(curves.shape[1])

        def objective(log_kep: np.ndarray) -> np.ndarray:
            node, w = hermite(log_kep, nodes)
            p = w[0] * at_nodes[node, column] + w[1] * slopes[node, column]
            p += w[2] * at_nodes[node + 1, column] + w[3] * slopes[node + 1, column]
            q = w[0] * self.q[node] + w[1] * self.q_slope[node]
            q += w[2] * self.q[node + 1] + w[3] * self.q_slope[node + 1]
            r = None
            if self.extended:
                r = w[0] * self.r[node] + w[1] * self.r_slope[node]
                r += w[2] * self.r[node + 1] + w[3] * self.r_slope[node + 1]
            return self._linear(p, q, plasma_part, r, self._limit(log_kep))[2]

        reach = _COARSE * (nodes[1] - nodes[0])
        low, high = np.maximum(middle - reach, nodes[0]), np.minimum(middle + reach, nodes[-1])
        return self._result(curves, smooth_maximum(objective, low, high), plasma_part)

    def _at(
        self, curves: np.ndarray, washout: np.ndarray, plasma_part: np.ndarray, log_kep: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Best ve and vp with these washouts (phases, n)."""
        p, q = np.einsum("tn,tn->n", washout, curves), np.einsum("tn,tn->n", washout, washout)
        r = self.table.plasma @ washout
        return self._linear(p, q, plasma_part, r, self._limit(log_kep))[:2]

    def _limit(self, log_kep: np.ndarray) -> np.ndarray:
        return np.minimum(self.bounds.ve, self.bounds.ktrans * np.exp(-log_kep))

    def _result(self, curves: np.ndarray, log_kep: np.ndarray, plasma_part: np.ndarray) -> CurveFit:
        """ve, vp and the residual from the curves themselves; status."""
        kep = np.exp(log_kep)
        washout = self.table.curves(kep).T
        ve, vp = self._at(curves, washout, plasma_part, log_kep)
        misfit = curves - ve * washout - np.multiply.outer(self.table.plasma, vp)
        residual = np.sqrt(np.einsum("tn,tn->n", misfit, misfit) / len(curves))
        ends = self.table.log_kep[[0, -1]]
        status = np.full(len(kep), FITTED, dtype=np.uint8)
        status[np.abs(log_kep[:, None] - ends).min(axis=1) < _NEAR_BOUND] = AT_KEP_BOUND
        none = ve * np.abs(washout).max(axis=0) < _NO_UPTAKE
        status[none] = NO_UPTAKE
        ve, kep = np.where(none, 0.0, ve), np.where(none, 0.0, kep)
        found = {"ktrans": ve * kep, "kep": kep, "ve": ve, "vp": vp}
        failed = status == AT_KEP_BOUND
        for values in found.values():
            values[failed] = np.nan
        return CurveFit(**found, residual=residual, status=status)

    def _linear(
        self, p: np.ndarray, q: np.ndarray, y: np.ndarray, r: np.ndarray | None, limit: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best ve and vp within their bounds, and the sum of squares that they explain."""
        if not self.extended:
            ve = np.clip(p / q, 0.0, limit)
            return ve, np.zeros_like(ve), ve * (2.0 * p - ve * q)
        a, most = self.a, self.bounds.vp

        # A convex parabola over a rectangle: its top, or the best point of an edge where that lies outside.
        determinant = q * a - r * r
        with np.errstate(divide="ignore", invalid="ignore"):
            ve = (p * a - y * r) / determinant
            vp = (y * q - p * r) / determinant
        explained = ve * p + vp * y
        inside = (ve >= 0) & (ve <= limit) & (vp >= 0) & (vp <= most)
        inside &= determinant > _SINGULAR * q * a
        out = np.nonzero(~inside)
        p, q, y, r, limit = (np.broadcast_to(x, inside.shape)[out] for x in (p, q, y, r, limit))
        best = np.full(len(out[0]), -np.inf)
        edges = (
            (np.clip(p / q, 0.0, limit), np.zeros_like(p)),
            (np.clip((p - most * r) / q, 0.0, limit), np.full_like(p, most)),
            (np.zeros_like(p), np.clip(y / a, 0.0, most)),
            (limit, np.clip((y - limit * r) / a, 0.0, most)),
        )
        best_ve, best_vp = np.zeros_like(p), np.zeros_like(p)
        for edge_ve, edge_vp in edges:
            gain = 2.0 * (edge_ve * p + edge_vp * y)
            gain -= edge_ve * edge_ve * q + 2.0 * edge_ve * edge_vp * r + edge_vp * edge_vp * a
            better = gain > best
            best[better], best_ve[better], best_vp[better] = gain[better], edge_ve[better], edge_vp[better]
        ve[out], vp[out], explained[out] = best_ve, best_vp, best
        return ve, vp, explained

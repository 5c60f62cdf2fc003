"""Contrast agent in one patient: the arterial input, and concentrations in tissues and voxels over time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from ...prepare.kinetics.aif import population_input
from ...prepare.kinetics.tofts import WashoutTable
from .tissues import UPTAKE, Uptake

HAEMATOCRIT = 0.42


@lru_cache(maxsize=4)
def _population_table(times_s: tuple[float, ...]) -> WashoutTable:
    population = population_input("parker", haematocrit=HAEMATOCRIT)
    return WashoutTable(population, times_s, kep_range=(0.01, 20.0), nodes=128)


class PatientUptake:
    """Extended Tofts kinetics (:mod:`virtualbiopsy.prepare.kinetics.tofts`) with one patient's input.

    Parameters
    ----------
    times_s : (phases,) seconds after the injection.
    scale : of the population's (Parker's) arterial input. late_s : how much later the bolus arrives.
    """

    def __init__(self, times_s: ArrayLike, *, scale: float = 1.0, late_s: float = 0.0) -> None:
        self.scale, self.late_s = scale, late_s
        self._table = _population_table(tuple(float(t) for t in np.asarray(times_s)))

    def concentration(
        self, ktrans: ArrayLike, ve: ArrayLike, vp: ArrayLike, *, delay_s: float = 0.0
    ) -> np.ndarray:
        """Return mmol/L (phases, n) for Ktrans (1/min, not zero), ve and vp of shape (n,)."""
        table = self._table.delayed(self.late_s + delay_s)
        ktrans, ve, vp = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (ktrans, ve, vp)))
        return self.scale * (
            np.multiply.outer(table.plasma, vp) + (table.curves(ktrans / ve) * ve[:, None]).T
        )

    def tissues(self, names: tuple[str, ...]) -> np.ndarray:
        """Return mmol/L (tissues, phases); tissues without uptake stay at zero."""
        rows = []
        for name in names:
            u = UPTAKE.get(name, Uptake())
            row = self.scale * self._table.delayed(self.late_s + u.delay_s).plasma * u.vp
            if u.ktrans > 0:
                row = self.concentration([u.ktrans], [u.ve], [u.vp], delay_s=u.delay_s)[:, 0]
            rows.append(row)
        return np.array(rows)


def draw_uptake(times_s: ArrayLike, rng: np.random.Generator, spread: float = 1.0) -> PatientUptake:
    """Draw a patient: input scaled by 8 % (sd), bolus up to 2 s late, both times `spread`."""
    scale = float(np.exp(0.08 * spread * rng.standard_normal()))
    return PatientUptake(times_s, scale=scale, late_s=float(spread * rng.uniform(0.0, 2.0)))

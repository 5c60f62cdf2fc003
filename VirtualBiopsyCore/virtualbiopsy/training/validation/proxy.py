"""Whether a model recognises the site (or scanner) instead of the disease.

Where sites differ in how frequent the outcome is, a model that tells sites apart ranks well over all sites
and not at all within one (Zech et al. 2018, PLoS Med 15:e1002683).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from ..dataset import BINARY, SURVIVAL, Dataset
from ..survival import log_rank
from .leak import SITE, Leak
from .ranking import within_parts_auc, within_parts_concordance
from .resampling import interval
from .run import HeldOut

SMALLEST_DROP = 0.05


@dataclass(frozen=True)
class SiteCheck:
    """How much of the ranking is the site's.

    Attributes
    ----------
    variable : "site" or "scanner". p : of no association with the outcome (chi-squared or log-rank test).
    alone : AUC (concordance) of the site alone, by the rate of the outcome in the training part.
    over_all, within : AUC over all pairs of a test part, and over pairs from the same site.
    drop, low, high : over_all − within with its bootstrap interval. leak : if the site is a proxy.
    """

    variable: str
    p: float
    alone: float
    over_all: float
    within: float
    drop: float
    low: float
    high: float
    leak: Leak | None


def site_checks(held_out: HeldOut, data: Dataset, drawn: np.ndarray) -> tuple[SiteCheck, ...]:
    """Check site and scanner where the cases have at least two; for two classes and survival."""
    if data.outcome.kind not in (BINARY, SURVIVAL):
        return ()
    known = (("site", data.site), ("scanner", data.scanner))
    return tuple(
        _check(name, np.asarray(values), held_out, data, drawn)
        for name, values in known
        if values is not None and np.unique(values).size > 1
    )


def _check(
    variable: str, values: np.ndarray, held_out: HeldOut, data: Dataset, drawn: np.ndarray
) -> SiteCheck:
    _, of_row = np.unique(values, return_inverse=True)
    p = _association(data, values)
    weights = np.concatenate([np.ones((1, drawn.shape[1])), drawn])
    scores, numbers = held_out.scores(), held_out.numbers()
    rates = _rates(held_out, data, of_row)
    over_all, within, alone = [], [], []
    for score, number, rate in zip(scores, numbers, rates, strict=True):
        rows = np.isfinite(score)
        if not rows.any():
            continue
        both = number * (of_row.max() + 1) + of_row
        over_all.append(_ranking(data, score, number, rows, weights))
        within.append(_ranking(data, score, both, rows, weights))
        alone.append(_ranking(data, rate, number, rows, weights[:1])[0])
    total, inside = np.mean(over_all, axis=0), np.mean(within, axis=0)
    low, high = interval((total - inside)[1:])
    drop = float(total[0] - inside[0])
    leak = None
    told = f"The {variable} alone gives {np.mean(alone):.2f}; the model {total[0]:.2f} over all"
    if np.isnan(inside[0]):
        told += f", and no {variable} has cases to compare: disease and {variable} cannot be told apart. Add "
        leak = Leak(SITE, variable, f"{told}cases of both kinds from one place.")
    elif p < 0.05 and drop >= SMALLEST_DROP and low > 0:
        told += (
            f" but {inside[0]:.2f} within one {variable}: it recognises the {variable}. Harmonise, balance, "
        )
        leak = Leak(SITE, variable, f"{told}or test by leaving one site out.")
    return SiteCheck(
        variable, p, float(np.mean(alone)), float(total[0]), float(inside[0]), drop, low, high, leak
    )


def _association(data: Dataset, values: np.ndarray) -> float:
    events = data.outcome.labels > 0
    if not events.any() or (data.outcome.time is None and events.all()):
        return 1.0
    if data.outcome.time is not None:
        return log_rank(data.outcome.time, data.outcome.labels, values).p
    table = [[(of & (values == value)).sum() for of in (events, ~events)] for value in np.unique(values)]
    return float(chi2_contingency(np.array(table)).pvalue)


def _ranking(
    data: Dataset, score: np.ndarray, part: np.ndarray, rows: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    outcome = data.outcome.rows(rows)
    if outcome.time is None:
        return within_parts_auc(outcome.labels > 0, score[rows], part[rows], weights[:, rows])
    return within_parts_concordance(outcome.time, outcome.labels, score[rows], part[rows], weights[:, rows])


def _rates(held_out: HeldOut, data: Dataset, of_row: np.ndarray) -> np.ndarray:
    """(repeats, n) rate of the outcome at the case's site in the training part; over all at a new site."""
    found = np.full((held_out.repeats, of_row.size), np.nan)
    length = np.ones(of_row.size) if data.outcome.time is None else data.outcome.time
    events = (data.outcome.labels > 0).astype(np.float64)
    for part in held_out.parts:
        train, test = part.split.train, part.split.test
        size = int(of_row.max()) + 1
        seen = np.bincount(of_row[train], weights=length[train], minlength=size)
        hits = np.bincount(of_row[train], weights=events[train], minlength=size)
        over_all = hits.sum() / max(seen.sum(), 1e-300)
        rate = np.where(seen > 0, hits / np.where(seen > 0, seen, 1.0), over_all)
        found[part.split.repeat, test] = rate[of_row[test]]
    return found

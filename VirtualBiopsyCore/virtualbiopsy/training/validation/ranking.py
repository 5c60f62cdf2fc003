"""How well scores rank cases: AUC and concordance, with weights of the cases.

Held-out cases of a cross-validation are scored by different models. A pair of cases is only compared where
the same model scored both (Airola et al. 2011, Comput Stat Data Anal 55:1828): AUC over pairs across folds is
biased downwards. `part` names the model of each case.
"""

from __future__ import annotations

import numpy as np


def within_parts_auc(
    positive: np.ndarray, scores: np.ndarray, part: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """AUC over all pairs of a positive and a negative case of the same part; ties count half.

    Parameters
    ----------
    positive : (n,) bool. scores : (n,), finite. part : (n,) int. weights : (b, n), how often a case counts.

    Returns
    -------
    (b,); NaN where no pair is left.
    """
    won, of = np.zeros(len(weights)), np.zeros(len(weights))
    for number in np.unique(part):
        ones = np.flatnonzero((part == number) & positive)
        zeros = np.flatnonzero((part == number) & ~positive)
        if not ones.size or not zeros.size:
            continue
        table = np.heaviside(scores[ones][:, None] - scores[zeros][None, :], 0.5)
        won += ((weights[:, ones] @ table) * weights[:, zeros]).sum(axis=1)
        of += weights[:, ones].sum(axis=1) * weights[:, zeros].sum(axis=1)
    return _ratio(won, of)


def within_parts_concordance(
    time: np.ndarray, event: np.ndarray, scores: np.ndarray, part: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Harrell's C over comparable pairs of the same part, (b,); a higher score means an earlier event.

    A pair is comparable if the case with the shorter time had the event, or if at equal times one had it and
    the other was censored (Harrell et al. 1996, Stat Med 15:361). Equal scores count half.
    """
    won, of = np.zeros(len(weights)), np.zeros(len(weights))
    for number in np.unique(part):
        rows = np.flatnonzero(part == number)
        t, e, s = time[rows], event[rows] > 0, scores[rows]
        later = (t[:, None] < t[None, :]) | ((t[:, None] == t[None, :]) & ~e[None, :])
        comparable = (e[:, None] & later).astype(np.float64)
        table = comparable * np.heaviside(s[:, None] - s[None, :], 0.5)
        w = weights[:, rows]
        won += ((w @ table) * w).sum(axis=1)
        of += ((w @ comparable) * w).sum(axis=1)
    return _ratio(won, of)


def null_error(positive: np.ndarray, part: np.ndarray) -> float:
    """Standard error of :func:`within_parts_auc` where the scores say nothing (Mann & Whitney 1947)."""
    variance, of = 0.0, 0.0
    for number in np.unique(part):
        n1 = float((positive & (part == number)).sum())
        n0 = float((~positive & (part == number)).sum())
        variance += n1 * n0 * (n1 + n0 + 1) / 12
        of += n1 * n0
    return float(np.sqrt(variance) / of) if of else float("nan")


def roc_points(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False and true positive rates and the lowest score that is called positive, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last = np.append(np.diff(ranked) != 0, True)
    tpr = np.concatenate([[0.0], np.cumsum(hits)[last] / max(int(hits.sum()), 1)])
    fpr = np.concatenate([[0.0], np.cumsum(~hits)[last] / max(int((~hits).sum()), 1)])
    return fpr, tpr, np.concatenate([[np.inf], ranked[last]])


def _ratio(won: np.ndarray, of: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(of > 0, won / of, np.nan)

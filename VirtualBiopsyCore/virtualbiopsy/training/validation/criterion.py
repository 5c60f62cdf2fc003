"""One number by which options are chosen in the inner folds."""

from __future__ import annotations

import numpy as np

from ..dataset import BINARY, MULTICLASS, ORDINAL, Outcome
from .ranking import within_parts_auc, within_parts_concordance


def criterion(outcome: Outcome, scores: np.ndarray, part: np.ndarray) -> float:
    """How well scores rank cases of the same part: higher is better, NaN where nothing can be compared.

    AUC for two classes, mean AUC of the cuts for ordered ones, mean one-against-rest AUC of the logits for
    several, Harrell's C for survival.
    """
    one = np.ones((1, part.size))
    labels = np.asarray(outcome.labels)
    if outcome.kind == BINARY:
        return float(within_parts_auc(labels > 0, scores, part, one)[0])
    if outcome.kind == ORDINAL:
        cuts = range(scores.shape[1])
        return float(np.mean([within_parts_auc(labels > k, scores[:, k], part, one)[0] for k in cuts]))
    if outcome.kind == MULTICLASS:
        chance = softmax(scores)
        classes = range(scores.shape[1])
        return float(np.mean([within_parts_auc(labels == k, chance[:, k], part, one)[0] for k in classes]))
    assert outcome.time is not None
    return float(within_parts_concordance(outcome.time, labels, scores, part, one)[0])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (…, classes) of logits, without overflow."""
    power = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)

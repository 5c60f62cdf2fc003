"""An estimator after its fit, as the numbers that a model file holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.calibration import Calibrator
from ...models.classifier import SOFTMAX_KINDS, Classifier
from ..survival.cox import Baseline


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was learnt; its scores are those of the exported model, not of the library that fitted it.

    Attributes
    ----------
    classifier : numbers on scaled features. calibrator : Platt's, which belongs to support vector machines;
        "none" for others.
    shifts : of the cuts between ordered classes from the cut of the classifier, falling; () unless ordinal.
    baseline, slope : of survival: the probability to be free of the event at t is
        exp(−H₀(t) exp(slope · score)). None and 1 for others.
    importance : (p,) not negative, of the features, in the kind's own measure; None if it has none.
    told : what was fitted, one sentence.
    """

    classifier: Classifier
    calibrator: Calibrator = Calibrator()
    shifts: tuple[float, ...] = ()
    baseline: Baseline | None = None
    slope: float = 1.0
    importance: np.ndarray | None = None
    told: str = ""

    def score(self, values: np.ndarray) -> np.ndarray:
        """Score of complete, scaled rows (n, p).

        (n,) log-odds of two classes; (n, cuts) log-odds of lying above each cut of ordered ones; (n, classes)
        logits of others; (n,) log hazard ratio of survival, or logarithm of the mortality of a forest.
        """
        if self.classifier.kind in SOFTMAX_KINDS:
            return self.classifier.class_scores(values)
        score = self.calibrator(self.classifier.raw_score(values))
        return score[:, None] + np.array(self.shifts) if self.shifts else score

    def survival(self, values: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Probability (n, m) of rows (n, p) to be free of the event at times (m,); survival only."""
        if self.baseline is None:
            raise ValueError("only a survival model has a curve over time")
        return self.baseline.survival(self.slope * self.score(values), times)

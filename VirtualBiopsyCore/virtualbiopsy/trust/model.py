"""Whether to trust a number: types of the trust card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stability:
    """Probability of one model over variants of the outline.

    Attributes
    ----------
    model_id : the model.
    variants : number of outlines tried, the user's own included.
    low, high : smallest and largest probability.
    flips : number of variants on the other side of the model's threshold.
    median, p5, p95 : of the probability over the variants; NaN where they were not computed.
    """

    model_id: str
    variants: int
    low: float
    high: float
    flips: int
    median: float = math.nan
    p5: float = math.nan
    p95: float = math.nan

    @property
    def flip_rate(self) -> float:
        return self.flips / self.variants


LIGHTS = ("green", "amber", "red")


@dataclass(frozen=True)
class Reason:
    """One finding on the trust card.

    Attributes
    ----------
    light : "green" (as expected), "amber" (look twice) or "red" (the number means nothing here).
    code : stable short name, "feature_range", "spacing", "wrong_sequence", …
    text : one sentence for the reader, with the figures.
    role : the sequence that it is about; "" if it is about none or several.
    """

    light: str
    code: str
    text: str
    role: str = ""


@dataclass(frozen=True)
class ConformalSet:
    """Class-conditional conformal answer at error rate alpha.

    Attributes
    ----------
    labels : the answers that cannot be ruled out: ("high",), ("low",), both ("uncertain") or none.
    p_high, p_low : conformal p-values of the two classes.
    alpha : tolerated error for each class. calibration : (cases low, cases high) behind it.
    caveat : what the coverage means, with its interval for so few cases.
    """

    labels: tuple[str, ...]
    p_high: float
    p_low: float
    alpha: float
    calibration: tuple[int, int]
    caveat: str

    @property
    def answer(self) -> str:
        """ "high", "low" or "uncertain"."""
        return self.labels[0] if len(self.labels) == 1 else "uncertain"


@dataclass(frozen=True)
class ImageFacts:
    """What is known about the images of a case, by role; compared with what the model was trained on.

    Attributes
    ----------
    protocol : acquisition parameters by role and DICOM keyword, spacing and thickness (mm) measured on the
        image among them ("PixelSpacing", "SpacingBetweenSlices").
    figures : measured on the voxels by role: "snr", and what tells sequences apart.
    findings : faults that need no model: wrong sequence in a role, swapped phases, unit of the ADC, outline
        of another series, left and right exchanged.
    """

    protocol: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    findings: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class TrustCard:
    """Whether the number of one model may be trusted on this case.

    Attributes
    ----------
    model_id : the model. light : the worst of the reasons.
    reasons : worst first.
    mahalanobis_percentile, neighbour_percentile : share (%) of the background cases that lie nearer to the
        rest of the background than this case does; NaN if unknown.
    conformal : None if the model holds no calibration scores.
    published : what was published for such a model, external beside internal; "" if nothing.
    """

    model_id: str
    light: str
    reasons: tuple[Reason, ...]
    mahalanobis_percentile: float = math.nan
    neighbour_percentile: float = math.nan
    conformal: ConformalSet | None = None
    published: str = ""

"""The latent biology of a simulated breast cancer and what it does to the picture.

Three latent variables drive a case: `her2` (towards overexpression), `proliferation` and `hormone` (towards
hormone receptors). Every visible property is a loading on them plus noise of its own. The signs follow the
publications of the review that the demonstration models follow (H-numbers: Docs/simulation-breast.md), the
sizes are chosen so that the classes overlap as in real series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

HER2_CLASSES = ("zero", "low", "positive")

#: Shares of HER2-zero, HER2-low and HER2-positive in an unselected series.
PREVALENCE = (0.34, 0.48, 0.18)

#: Correlations of the latent variables.
HER2_PROLIFERATION, HER2_HORMONE, PROLIFERATION_HORMONE = 0.20, -0.20, -0.35

#: Loadings of the visible properties: (her2, proliferation, hormone); own noise fills up to unit variance.
LOADINGS: Mapping[str, tuple[float, float, float]] = {
    "size": (0.08, 0.32, -0.05),
    "spiculation": (-0.02, -0.22, 0.34),
    "lobulation": (0.10, 0.24, -0.12),
    "ktrans": (0.46, 0.22, 0.00),
    "ve": (-0.10, -0.16, 0.00),
    "rim": (0.20, 0.26, -0.16),
    "texture": (0.46, 0.20, -0.05),
    "texture_scale": (-0.14, -0.06, 0.00),
    # Lower, as the review has it (H3); a meta-analysis found it higher (Iima, Korean J Radiol 25:623, 2024).
    "adc": (-0.38, -0.26, 0.00),
    "adc_texture": (0.34, 0.12, 0.00),
    "t2": (0.36, 0.06, -0.05),
    "oedema": (0.40, 0.22, -0.04),
    "necrosis": (0.32, 0.28, -0.10),
    "vessels": (0.24, 0.18, 0.00),
}

#: What the first cycle of therapy changes: (loading on the latent response, mean, sd).
#: Logarithms of ratios, for `necrosis` and `fragmentation` standard deviations.
CHANGES: Mapping[str, tuple[float, float, float]] = {
    "volume": (-0.62, -0.50, 0.42),
    "ktrans": (-0.60, -0.30, 0.30),
    "ve": (-0.15, -0.05, 0.12),
    "adc": (0.55, 0.12, 0.11),
    "t2": (-0.20, -0.04, 0.08),
    "necrosis": (0.25, 0.15, 0.40),
    "fragmentation": (0.45, 0.00, 1.00),
    "background": (0.10, -0.15, 0.20),
    "oedema": (-0.25, -0.10, 0.35),
}


@dataclass(frozen=True)
class BreastBiology:
    """What a simulated cancer is, and how it looks.

    Attributes
    ----------
    her2, proliferation, hormone, response : latent variables (standard normal in an unselected series).
    her2_class : "zero" (IHC 0), "low" (1+, or 2+ without amplification) or "positive" (3+ or amplified).
    er_positive, pr_positive : hormone receptors.  histological_grade : 1, 2 or 3.
    pcr : pathological complete response after neoadjuvant therapy.
    age : years.  menopausal_status : "premenopausal" or "postmenopausal".
    side : 1 left, -1 right.  quadrant : angle of the lesion seen from the front, degrees, 0 lateral, 90 up.
    density : share of fibroglandular tissue, standardised (0: scattered to heterogeneous).
    background : enhancement of normal gland, standardised.
    diameter_mm : intended largest diameter.
    properties : standardised visible properties by name of :data:`LOADINGS` (mean 0, sd 1).
    changes : change from the earlier to the later time point by name of :data:`CHANGES`.
    """

    her2: float
    proliferation: float
    hormone: float
    response: float
    her2_class: str
    er_positive: bool
    pr_positive: bool
    histological_grade: int
    pcr: bool
    age: float
    menopausal_status: str
    side: int
    quadrant: float
    density: float
    background: float
    diameter_mm: float
    properties: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)

    @property
    def her2_positive(self) -> bool:
        return self.her2_class == "positive"

    def with_properties(self, **properties: float) -> BreastBiology:
        """Return the same biology with some visible properties set by hand."""
        return replace(self, properties=_changed(self.properties, properties, LOADINGS))

    def with_changes(self, **changes: float) -> BreastBiology:
        """Return the same biology with some changes under therapy set by hand."""
        return replace(self, changes=_changed(self.changes, changes, CHANGES))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _changed(
    old: Mapping[str, float], new: Mapping[str, float], known: Mapping[str, Any]
) -> dict[str, float]:
    unknown = set(new) - set(known)
    if unknown:
        raise ValueError(f"unknown properties {sorted(unknown)}; known: {sorted(known)}")
    return {**old, **new}


def _latents(her2: float, rng: np.random.Generator) -> tuple[float, float]:
    """Proliferation and hormone given her2, with the stated correlations."""
    proliferation = HER2_PROLIFERATION * her2 + np.sqrt(1 - HER2_PROLIFERATION**2) * rng.standard_normal()
    a = HER2_PROLIFERATION
    given = np.linalg.solve([[1, a], [a, 1]], [HER2_HORMONE, PROLIFERATION_HORMONE])
    left = 1 - given @ [HER2_HORMONE, PROLIFERATION_HORMONE]
    hormone = given @ [her2, proliferation] + np.sqrt(left) * rng.standard_normal()
    return float(proliferation), float(hormone)


def draw_breast_biology(
    rng: np.random.Generator,
    *,
    overlap: float = 1.0,
    prevalence: tuple[float, float, float] = PREVALENCE,
) -> BreastBiology:
    """Draw one cancer.

    Parameters
    ----------
    overlap : 1 for the documented overlap; smaller values make the classes easier to tell apart (the noise
        of the visible properties is scaled by it), larger ones harder.
    prevalence : shares of HER2-zero, -low and -positive. Other shares than :data:`PREVALENCE` are a selected
        series: within a class the cases stay as they are.

    Raises
    ------
    ValueError : the shares are negative or do not sum to one.
    """
    if min(prevalence) < 0 or abs(sum(prevalence) - 1) > 1e-6:
        raise ValueError(f"prevalence {prevalence} must be three shares that sum to one")
    number = int(np.searchsorted(np.cumsum(prevalence)[:2], rng.random(), side="right"))
    cuts = np.concatenate([[0.0], np.cumsum(PREVALENCE)])
    cuts[-1] = 1.0
    # The assay reads the latent variable with an error (0.35 sd): classes are cut on what it reads.
    read = float(ndtri(np.clip(rng.uniform(cuts[number], cuts[number + 1]), 1e-6, 1 - 1e-6)))
    reliability = 1 / (1 + 0.35**2)
    her2 = float(np.sqrt(reliability) * read + np.sqrt(1 - reliability) * rng.standard_normal())
    proliferation, hormone = _latents(her2, rng)
    her2_class = HER2_CLASSES[number]
    er = bool(hormone + 0.35 * rng.standard_normal() > -0.80)
    pr = bool(er and hormone + 0.6 * rng.standard_normal() > -0.35)
    score = 0.80 * proliferation + 0.25 * her2 - 0.25 * hormone + 0.5 * rng.standard_normal()
    grade = 1 + int(score > -0.85) + int(score > 0.35)
    age = float(np.clip(55 + 11.5 * rng.standard_normal() - 1.5 * proliferation, 26, 86))
    menopausal = "postmenopausal" if rng.random() < ndtr((age - 50.5) / 3.0) else "premenopausal"
    latent = (her2, proliferation, hormone)
    correlation = np.array(
        [
            [1, HER2_PROLIFERATION, HER2_HORMONE],
            [HER2_PROLIFERATION, 1, PROLIFERATION_HORMONE],
            [HER2_HORMONE, PROLIFERATION_HORMONE, 1],
        ]
    )
    properties = {}
    for name, loading in LOADINGS.items():
        row = np.array(loading)
        own = np.sqrt(max(1 - row @ correlation @ row, 0.05)) * overlap
        properties[name] = float(row @ latent + own * rng.standard_normal())
    # Response to neoadjuvant therapy: HER2-directed therapy, proliferation, no hormone receptors, size (H9).
    mean = 0.75 * (her2_class == "positive") + 0.35 * proliferation - 0.30 * hormone
    response = float(mean - 0.14 - 0.20 * properties["size"] + 0.80 * rng.standard_normal())
    pcr = bool(response + 0.30 * rng.standard_normal() > 0.45)
    changes = {}
    for name, (loading, centre, spread) in CHANGES.items():
        own = np.sqrt(1 - loading**2) * overlap
        changes[name] = float(centre + spread * (loading * response + own * rng.standard_normal()))
    return BreastBiology(
        her2,
        proliferation,
        hormone,
        response,
        her2_class,
        er,
        pr,
        grade,
        pcr,
        round(age, 1),
        menopausal,
        int(rng.choice((-1, 1))),
        float(
            rng.choice((35.0, 60.0, 120.0, 215.0, 320.0), p=(0.3, 0.25, 0.2, 0.1, 0.15)) + 15 * rng.normal()
        ),
        float(np.clip(rng.normal(-0.025 * (age - 55), 0.9), -2.0, 2.0)),
        float(rng.standard_normal() + (0.35 if menopausal == "premenopausal" else -0.25)),
        float(np.clip(25.0 * np.exp(0.36 * properties["size"]), 11.0, 62.0)),
        properties,
        changes,
    )


def breast_signs(biology: BreastBiology) -> dict[str, Any]:
    """Return the clinical variables of the case, names of :mod:`virtualbiopsy.case.clinical`."""
    return {
        "age": biology.age,
        "menopausal_status": biology.menopausal_status,
        "er_positive": biology.er_positive,
        "pr_positive": biology.pr_positive,
        "histological_grade": biology.histological_grade,
    }

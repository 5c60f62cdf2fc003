"""The latent biology of a simulated meningioma and what it does to the picture.

Two latent standard-normal variables drive a case: `proliferation` (towards a high Ki-67 index) and `receptor`
(towards a high progesterone-receptor index). Every visible property is a loading on the two plus noise of its
own; the signs follow published associations (M-numbers: Docs/simulation.md), the sizes are chosen so that
the classes overlap as in real series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

#: Share of locations, and the change of its logarithm for one sd of the receptor variable (M16, M17).
LOCATIONS: Mapping[str, tuple[float, float]] = {
    "convexity": (0.34, -0.20),
    "parasagittal": (0.18, -0.15),
    "falx": (0.12, -0.05),
    "skull_base": (0.18, 0.30),
    "medial_skull_base": (0.12, 0.45),
    "posterior_fossa": (0.06, 0.0),
}

KI67_CUTOFF = 5.0
PR_CUTOFF = 10.0

#: Loadings of the visible properties: (proliferation, receptor); own noise fills up to unit variance.
LOADINGS: Mapping[str, tuple[float, float]] = {
    "size": (0.44, -0.06),
    "irregularity": (0.54, -0.08),
    "interface": (0.46, -0.05),
    "adc": (-0.52, 0.10),
    "adc_tail": (0.12, -0.58),
    "t2": (0.08, -0.08),
    "texture": (0.42, -0.50),
    "texture_scale": (-0.22, 0.34),
    "enhancement": (-0.15, 0.26),
    "necrosis": (0.40, -0.18),
    "oedema": (0.30, -0.10),
    "tail": (-0.12, 0.42),
    "calcification": (-0.30, 0.05),
}

_AGE = (58.0, 12.5)


@dataclass(frozen=True)
class Biology:
    """What a simulated tumour is, and how it looks.

    Attributes
    ----------
    proliferation, receptor : latent standard-normal variables.
    ki67_percent, pr_percent : indices of the whole tumour, percent of nuclei.
    ki67_observed, pr_observed : the same as a pathologist finds them in a sample (sampling error, K6).
    who_grade : 1, 2 or 3.  age : years.  sex : "female" or "male".
    location : key of :data:`LOCATIONS`.  side : -1 right, 1 left.
    diameter_mm : intended largest diameter.
    properties : standardised visible properties by name of :data:`LOADINGS` (mean 0, sd 1).
    """

    proliferation: float
    receptor: float
    ki67_percent: float
    ki67_observed: float
    pr_percent: float
    pr_observed: float
    who_grade: int
    age: float
    sex: str
    location: str
    side: int
    diameter_mm: float
    properties: Mapping[str, float] = field(default_factory=dict)

    @property
    def ki67_high(self) -> bool:
        """Label of the case: observed Ki-67 ≥ 5 %."""
        return self.ki67_observed >= KI67_CUTOFF

    @property
    def pr_positive(self) -> bool:
        """Label of the case: observed PR ≥ 10 % of nuclei."""
        return self.pr_observed >= PR_CUTOFF

    def with_properties(self, **properties: float) -> Biology:
        """Return the same biology with some visible properties set by hand."""
        unknown = set(properties) - set(LOADINGS)
        if unknown:
            raise ValueError(f"unknown properties {sorted(unknown)}; known: {sorted(LOADINGS)}")
        return replace(self, properties={**self.properties, **properties})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _indices(proliferation: float, receptor: float) -> tuple[float, float]:
    """Ki-67 % (log-normal, median 3.6, P(>= 5) about 0.33) and PR % (logit-normal, P(>= 10) about 0.76)."""
    ki67 = float(np.clip(3.6 * np.exp(0.74 * proliferation), 0.2, 60.0))
    pr = float(100 / (1 + np.exp(-(-0.55 + 2.35 * receptor))))
    return ki67, pr


def _sampled(percent: float, spread: float, nuclei: int, rng: np.random.Generator) -> float:
    """Index counted in one sample, whose log-odds differ from those of the whole tumour by `spread` (sd)."""
    share = np.clip(percent / 100, 1e-4, 1 - 1e-4)
    odds = np.log(share / (1 - share)) + spread * rng.standard_normal()
    return float(100 * rng.binomial(nuclei, 1 / (1 + np.exp(-odds))) / nuclei)


def draw_biology(rng: np.random.Generator, *, overlap: float = 1.0) -> Biology:
    """Draw one tumour.

    Parameters
    ----------
    overlap : 1 for the documented overlap; smaller values make the classes easier to tell apart (the noise
        of the visible properties is scaled by it), larger ones harder.
    """
    proliferation = float(rng.standard_normal())
    receptor = float(-0.38 * proliferation + np.sqrt(1 - 0.38**2) * rng.standard_normal())
    ki67, pr = _indices(proliferation, receptor)
    ki67_observed = _sampled(ki67, 0.18, 1000, rng)
    pr_observed = _sampled(pr, 0.35, 500, rng)
    grade_score = 0.80 * proliferation - 0.18 * receptor + 0.57 * rng.standard_normal()
    who_grade = 1 + int(grade_score > 0.86) + int(grade_score > 2.05)
    age = float(np.clip(_AGE[0] + _AGE[1] * rng.standard_normal() - 1.2 * receptor, 22, 88))
    # About two of three patients are women, fewer in proliferating tumours.
    woman = 1 / (1 + np.exp(-(0.85 - 0.28 * proliferation + 0.15 * receptor)))
    sex = "female" if rng.random() < woman else "male"
    names = list(LOCATIONS)
    weights = np.array([share * np.exp(slope * receptor) for share, slope in LOCATIONS.values()])
    location = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    side = int(rng.choice((-1, 1)))
    properties = {}
    for name, (p, r) in LOADINGS.items():
        explained = p**2 + r**2 + 2 * p * r * -0.38
        own = np.sqrt(max(1 - explained, 0.05)) * overlap
        properties[name] = float(p * proliferation + r * receptor + own * rng.standard_normal())
    scale = {"convexity": 36, "parasagittal": 37, "falx": 33, "skull_base": 33, "medial_skull_base": 29}
    diameter = scale.get(location, 30) * np.exp(0.26 * properties["size"])
    return Biology(
        proliferation,
        receptor,
        ki67,
        ki67_observed,
        pr,
        pr_observed,
        who_grade,
        round(age, 1),
        sex,
        location,
        side,
        float(np.clip(diameter, 16, 68)),
        properties,
    )


def read_signs(biology: Biology, rng: np.random.Generator, errors: float = 0.08) -> dict[str, Any]:
    """Return the clinical variables as a reader notes them; some signs are misread."""
    p = biology.properties

    def sign(present: bool) -> bool:
        return bool(present) != bool(rng.random() < errors)

    return {
        "age": biology.age,
        "sex": biology.sex,
        "location": biology.location,
        "who_grade": biology.who_grade,
        "margin": "irregular" if sign(p["irregularity"] > 0.45) else "regular",
        "brain_interface": "blurred" if sign(p["interface"] > 0.55) else "clear",
        "enhancement_pattern": "heterogeneous"
        if sign(max(p["texture"], p["necrosis"] - 0.5) > 0.35)
        else "homogeneous",
        "dural_tail": sign(p["tail"] > -0.35),
    }

"""Numbers in the place of measured features of simulated cases, for tests of recipes."""

from __future__ import annotations

import numpy as np
from virtualbiopsy.training.plan import plans
from virtualbiopsy.training.stand_in import GRADE, stand_in_keys
from virtualbiopsy.training.table import FeatureTable

PLANS = plans()
LABELS = ("ki67_percent", "ki67_high", "pr_positive", "her2_level", "her2_positive", "her2_negative")


def numbers_table(cases: int = 80, seed: int = 1, signal: float = 0.5) -> FeatureTable:
    """All labels follow one hidden variable, the features follow it with the weight `signal`."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal(cases)
    columns = (*LABELS, "her2_low", "pcr", *stand_in_keys(PLANS.values()))
    level = np.digitize(hidden, [-0.4, 0.5])
    known = {
        "ki67_percent": 3.6 * np.exp(0.74 * hidden),
        "her2_level": level,
        "her2_negative": level < 2,
        "her2_low": level == 1,
        GRADE: 1 + (hidden > 1) + (hidden > 2),
        **dict.fromkeys(("ki67_high", "pr_positive", "her2_positive", "pcr"), hidden > 0.4),
    }
    values = np.stack(
        [known[c] if c in known else rng.standard_normal(cases) + signal * hidden for c in columns], axis=1
    )
    names = tuple(f"case-{n}" for n in range(cases))
    return FeatureTable(
        names, columns, values.astype(float), ("Simulated.", f"Cohort seed 5, {cases} cases.")
    )

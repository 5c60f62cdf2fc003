"""What the objects are called: who made them, their codes, and their identifiers."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from ... import RESEARCH_USE_ONLY, __version__

SCHEME = "99VIRTUALBIOPSY"
_LO = 64
"""Longest text of a Long String, in characters."""

MAKER: dict[str, Any] = {
    "manufacturer": "VirtualBiopsy",
    "manufacturer_model_name": "VirtualBiopsy",
    "software_versions": __version__,
    "device_serial_number": "0",
}
UTF8 = "ISO_IR 192"

LOG_ODDS = Code("{logodds}", "UCUM", "log-odds")
LOG_ODDS_PER_VOXEL = Code("{logodds}/{vox}", "UCUM", "log-odds per voxel")
NO_UNITS = Code("1", "UCUM", "no units")

MAGNETIC_RESONANCE = Code("25056-3", "LN", "MRI unspecified body region")
MAP = Code("VB-MAP", SCHEME, "Where the features sit: contribution of the voxel")
PROBABILITY = Code("VB-PROBABILITY", SCHEME, "Estimated probability")
TOTAL = Code("VB-LOGODDS", SCHEME, "Log-odds of the estimate")
BASELINE = Code("VB-BASELINE", SCHEME, "Baseline: log-odds of the average training case")
SCORE = Code("VB-SCORE", SCHEME, "Score of the estimate before calibration")
SCORE_BASELINE = Code("VB-BASESCORE", SCHEME, "Baseline: score of the average training case")
MAP_SUM = Code("VB-MAPSUM", SCHEME, "Sum of the voxels of the contribution map")
REST = Code("VB-REST", SCHEME, "Sum of the contributions without a place")
THRESHOLD = Code("VB-THRESHOLD", SCHEME, "Threshold of the model")
ENDPOINT = Code("VB-ENDPOINT", SCHEME, "What the probability is estimated of")
NOTICE = Code("VB-NOTICE", SCHEME, "Notice")
RESEARCH = Code("VB-RESEARCH", SCHEME, RESEARCH_USE_ONLY)
MODEL_NOT_BIOLOGY = Code("VB-MODEL", SCHEME, "The map explains the model, not the biology")
TRAINING = Code("VB-TRAINING", SCHEME, "Training data")
SIMULATED = Code("VB-SIMULATED", SCHEME, "simulated")
TRUST = Code("VB-TRUST", SCHEME, "Trust in the estimate on this case")
REASON = Code("VB-REASON", SCHEME, "Reason")
SUMS_TO = Code("VB-SUMSTO", SCHEME, "What baseline and contributions add up to")


class Scale(NamedTuple):
    """Concepts and units of what baseline and contributions add up to."""

    total: Code
    baseline: Code
    unit: Code
    per_voxel: Code


def scale_of(sums_to: str) -> Scale:
    """Those that go with :attr:`virtualbiopsy.explain.model.Explanation.sums_to`; scores before a calibration
    that is not affine have no unit."""
    if sums_to == "log-odds":
        return Scale(TOTAL, BASELINE, LOG_ODDS, LOG_ODDS_PER_VOXEL)
    return Scale(SCORE, SCORE_BASELINE, NO_UNITS, NO_UNITS)


def free_code(prefix: str, identity: str, meaning: str) -> Code:
    """A private code for something that has none: its value follows from `identity`, at most 16 letters."""
    digest = hashlib.sha256(identity.encode()).hexdigest()[: 15 - len(prefix)]
    return Code(f"{prefix}-{digest.upper()}", SCHEME, short(meaning))


def short(text: str) -> str:
    """Text that a Long String holds."""
    text = " ".join(text.replace("\\", "/").split())
    return text if len(text) <= _LO else text[: _LO - 1] + "…"


def uid(*parts: str) -> str:
    """An identifier that follows from what the object is about: the same result gives the same object."""
    return generate_uid(entropy_srcs=["virtualbiopsy", __version__, *parts])

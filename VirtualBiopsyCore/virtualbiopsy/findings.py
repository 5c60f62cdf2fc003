"""What is known, noticed and recorded about a measured outline beside its predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import SimpleITK as sitk

from . import __version__
from .case.model import Case
from .evidence.facts import FACTS
from .groundwork import Groundwork
from .measure import Measured
from .models.radmodel import RadModel
from .radiomics.vector import FeatureVector
from .regions.model import RegionFacts

BINS_ADVISED = (4, 64)


def evidence_facts(
    case: Case, facts: RegionFacts, outline: sitk.Image, measured: Mapping[str, Measured]
) -> dict[str, object]:
    """What the published rules may ask, by the names of :data:`virtualbiopsy.evidence.facts.FACTS`."""
    known: dict[str, object] = {
        **case.clinical,
        "diameter_mm": facts.diameter_mm,
        "volume_ml": facts.volume_ml,
    }
    first = next(iter(measured.values()))
    tumour = first.masks["tumour"]
    for role, array in first.arrays.items():
        if f"{role}_mean" in FACTS:
            known[f"{role}_mean"] = float(array[tumour].mean())
    if "adc" in first.arrays:
        values = first.arrays["adc"][tumour]
        centred = values - values.mean()
        known["adc_p10"] = float(np.percentile(values, 10))
        if values.std() > 0:
            known["adc_skewness"] = float((centred**3).mean() / values.std() ** 3)
    if case.has("t1c"):
        known.update(_enhancement(case.sequence("t1c").image, outline))
    if "aptw" in first.arrays:
        known["aptw_max"] = float(first.arrays["aptw"][tumour].max())
    return known


def outline_warnings(
    case: Case,
    facts: RegionFacts,
    features: FeatureVector,
    measured: Mapping[str, Measured],
    ground: Groundwork,
    models: Iterable[RadModel],
) -> tuple[str, ...]:
    """What the reader must know before the numbers, one sentence each."""
    found = list(case.warnings)
    if facts.touches_border:
        found.append("The outline touches the border of the image: part of the tumour may be missing.")
    if facts.components > 1:
        found.append(f"The outline has {facts.components} separate parts; all of them count as one tumour.")
    left_out = dict.fromkeys(why for on in measured.values() for why in on.left_out.values())
    found += [f"{why}; it is not used." for why in left_out]
    maps = {role: why for model in models for role, why in ground.left_out(model).items()}
    by_reason: dict[str, list[str]] = {}
    for role, why in maps.items():
        by_reason.setdefault(why, []).append(role)
    found += [f"Not computed: {', '.join(roles)} ({why})." for why, roles in by_reason.items()]
    low, high = BINS_ADVISED
    for name, bins in features.bins.items():
        if not low <= bins <= high:
            found.append(
                f"{bins} grey levels in {name} (advised: {low}–{high}); texture features are unreliable."
            )
    if departures := str(ground.departures):
        found.append(f"The preparation departs from the models' own ({departures}).")
    return tuple(found)


def provenance(ground: Groundwork, models: Iterable[RadModel], features: FeatureVector) -> tuple[str, ...]:
    """Every step with its parameters, in processing order."""
    steps = [f"VirtualBiopsy {__version__}"]
    for model in models:
        steps += [s for s in ground.prepared(model).steps if s not in steps]
    steps += [s for s in features.provenance if s not in steps]
    steps += [f"Model {m.model_id} {m.version}, SHA-256 {m.sha256}" for m in models]
    return tuple(steps)


def _enhancement(image: sitk.Image, mask: sitk.Image) -> dict[str, float]:
    """Coefficient of variation of the contrast-enhanced image inside the outline, as acquired."""
    near = sitk.Resample(image, mask, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat64)
    values = sitk.GetArrayFromImage(near)[sitk.GetArrayFromImage(mask) > 0]
    if values.size == 0 or values.mean() <= 0:
        return {}
    return {"enhancement_cov": float(values.std() / values.mean())}

"""All guards in one call: what would make a test look better than the model is."""

from __future__ import annotations

import numpy as np

from ..dataset import Dataset
from ..method import Method
from .audit import audit, procedure_of
from .leak import VALUES, Leak
from .parts import Parts
from .proxy import site_checks
from .resampling import patient_weights
from .run import HeldOut
from .splits import strata
from .suspects import telling_columns, twins


def find_leaks(
    method: Method, data: Dataset, held_out: HeldOut, parts: Parts | None = None, bootstraps: int = 500
) -> tuple[Leak, ...]:
    """Leaks of a tested method: twins, telling columns, site as a proxy, and an audit of one split.

    The audit fits the method three times more. Shuffled labels
    (:func:`virtualbiopsy.training.validation.shuffle.shuffled_labels`) cost more and are asked for apart. A
    method that says that it harmonises a new site by the features of its cases is not blamed for it.
    """
    seed = method.validation.seed
    drawn = patient_weights(data.patients, strata(data.outcome), bootstraps, seed)
    found = [*twins(data), *telling_columns(data)]
    found += [check.leak for check in site_checks(held_out, data, drawn) if check.leak is not None]
    fitted = [p for p in held_out.parts if p.scores is not None and np.isfinite(p.scores).all()]
    if fitted:
        named = audit(procedure_of(method, parts), data, fitted[0].split, seed)
        found += [leak for leak in named if leak.name != VALUES or not _learns_new_sites(method)]
    return tuple(found)


def _learns_new_sites(method: Method) -> bool:
    return any(step.kind == "combat" and step.options.get("unknown") == "sample" for step in method.steps)

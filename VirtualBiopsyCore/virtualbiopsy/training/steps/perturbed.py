"""Features on outlines drawn with an unsteady hand: repeated measurements where there is one reader only.

Zwanenburg et al., Sci Rep 2019;9:614: what does not survive small changes of the outline does not survive
another reader either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np

from ...errors import FeatureError, ImageError, RegionError, TrainingError
from ...measure import Measured, Measuring
from ...perturb import REACH_VOXELS
from ...progress import Progress, silent
from ...radiomics.keys import FeatureKey
from ...trust.stability import BOUNDARY_VARIANTS, SEED, variants
from ...variants import Variants
from .repeats import Repeated

SOURCE = "perturbed outlines"


def perturbed_features(
    measuring: Measuring,
    measured: Measured,
    keys: Iterable[FeatureKey],
    outlines: int = 4,
    seed: int = SEED,
    progress: Progress = silent,
) -> np.ndarray:
    """Measure a case on outlines near its own.

    Parameters
    ----------
    measuring, measured : the case's outline; left as they are.
    outlines : how many, at most :data:`virtualbiopsy.trust.stability.BOUNDARY_VARIANTS`; the outline itself
        is not among them, so that all are alike, as ICC(1,1) supposes.
    seed : of what is drawn.

    Returns
    -------
    (outlines, p) values in the order of the keys, NaN where one cannot be measured.

    Raises
    ------
    TrainingError : more outlines than there are. Cancelled.
    """
    if not 2 <= outlines <= BOUNDARY_VARIANTS:
        raise TrainingError(f"Between 2 and {BOUNDARY_VARIANTS} outlines can be drawn, not {outlines}.")
    keys = tuple(keys)
    near = Variants(measuring, measured, keys, REACH_VOXELS * max(measured.spacing))
    drawn = (one.mask for one in variants(near.tumour, near.spacing, seed) if one.kind == "boundary")
    values = np.full((outlines, len(keys)), np.nan)
    for row, mask in enumerate(islice(drawn, outlines)):
        progress(row / outlines, "Measuring outlines near the drawn one")
        try:
            found = near.vector(mask).values
        except (RegionError, ImageError, FeatureError):
            continue
        values[row] = [found.get(str(key), np.nan) for key in keys]
    progress(1.0, "Measuring outlines near the drawn one")
    return values


def perturbed_cases(values: Mapping[str, np.ndarray], keys: Sequence[FeatureKey]) -> Repeated:
    """Gather :func:`perturbed_features` of several cases, by name, all with as many outlines.

    The cases are their own patients; :func:`virtualbiopsy.training.steps.repeats.with_repeats` joins them
    with the data set.
    """
    cases = tuple(values)
    table = np.array([values[case] for case in cases])
    measurements = tuple(f"outline {n}" for n in range(1, table.shape[1] + 1))
    return Repeated(cases, np.array(cases), measurements, tuple(str(key) for key in keys), table)

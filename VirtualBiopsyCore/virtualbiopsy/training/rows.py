"""Rows of a feature table: what is known about one prepared case beside its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..case.model import Case
from ..prepare.model import Preparation, PreparedCase
from ..trust import images as measured_on
from ..trust.images import CaseImages
from .table import FeatureTable, parse_table, table_text

IMAGE, HEADER = "image:", "protocol:"
"""How the columns of what was measured on the images and of their acquisition parameters begin, for example
"image:t1c:snr" and "protocol:t1c:EchoTime"."""

RANGED = frozenset(
    {
        measured_on.SNR,
        measured_on.STRIPPED,
        measured_on.ASYMMETRY,
        measured_on.SPREAD,
        measured_on.DEPTH_CORRELATION,
        measured_on.REFERENCE_CORRELATION,
        measured_on.T2_CORRELATION,
        measured_on.BRAIN_MEDIAN,
        measured_on.LOW_SHARE,
        measured_on.HIGH_SHARE,
        measured_on.OUTLINE_CONTRAST,
    }
)
"""Figures whose training range is kept; the others serve findings that need no model."""

Row = tuple[str, dict[str, float]]
"""Name of a case and its values by column."""


@dataclass(frozen=True)
class SimulatedRow:
    """What turns a simulated case into a row; picklable, for use in worker processes.

    Attributes
    ----------
    keys : feature keys, ``clinical:`` ones and changes included.
    preparation : as in the recipes.
    """

    keys: tuple[str, ...]
    preparation: Preparation

    def row(
        self,
        name: str,
        labels: Mapping[str, float],
        values: Mapping[str, float],
        case: Case,
        prepared: PreparedCase,
    ) -> Row:
        """Labels, then the keys, NaN where there is no value, then what is known about the images."""
        found = {
            **labels,
            **{key: values.get(key, np.nan) for key in self.keys},
            **image_columns(case, prepared, case.regions["tumour"]),
        }
        return name, {column: float(value) for column, value in found.items()}


def image_columns(case: Case, prepared: PreparedCase, outline: sitk.Image) -> dict[str, float]:
    """What was measured on the images, and their acquisition parameters, by column."""
    found: dict[str, float] = {}
    images = CaseImages(case, prepared)
    for figures in (images.facts.figures, images.outline(outline)):
        found |= {name: v for name, v in _flat(IMAGE, figures).items() if name.split(":")[-1] in RANGED}
    return found | _flat(HEADER, images.facts.protocol)


def _flat(prefix: str, values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{prefix}{role}:{name}": value for role, row in values.items() for name, value in row.items()}


def row_table(
    rows: Sequence[tuple[str, Mapping[str, float]]], known: Sequence[str], notes: Sequence[str]
) -> FeatureTable:
    """Return a table of rows, rounded as it will be stored.

    Columns are the `known` ones, then by name what else the rows hold; NaN where a case has none.
    """
    columns = [*known, *sorted({name for _, row in rows for name in row} - set(known))]
    values = np.array([[row.get(name, np.nan) for name in columns] for _, row in rows])
    table = FeatureTable(tuple(name for name, _ in rows), tuple(columns), values, tuple(notes))
    return parse_table(table_text(table))

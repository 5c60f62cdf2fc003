"""Every feature of the profile "ibsi" against the published values of the IBSI digital phantom."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import ibsi_phantom
import numpy as np
import pytest
from virtualbiopsy.radiomics.definitions import DEFINITIONS, MASK
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey

TABLE = Path(__file__).parent / "data" / "ibsi1_digital_phantom.csv"

NO_REFERENCE: dict[tuple[str, str, str], str] = {}
"""(family, name, aggregation) of features with an IBSI profile but no published value, and why."""


def _rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


ROWS = _rows()


def _key(row: dict[str, str]) -> FeatureKey:
    found = DEFINITIONS[row["family"], row["feature"]]
    return FeatureKey(
        "ct" if found.needs_image else MASK,
        "tumour",
        "original",
        found.family,
        found.name,
        row["aggregation"],
        "fbw1" if found.discretised else "none",
        "ibsi",
    )


def _allowed(row: dict[str, str]) -> float:
    """Published tolerance, but not less than half a unit of the third significant digit, as printed."""
    value = abs(float(row["value"]))
    printed = 0.5 * 10 ** (math.floor(math.log10(value)) - 2) if value else 0.0
    return max(float(row["tolerance"]), printed) * (1 + 1e-9) + 1e-12


@pytest.fixture(scope="module")
def features() -> dict[str, float]:
    result = extract(
        {"ct": ibsi_phantom.IMAGE},
        {"tumour": ibsi_phantom.MASK},
        ibsi_phantom.SPACING,
        [_key(r) for r in ROWS],
    )
    assert not result.missing
    return dict(result.values)


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['family']}-{row['feature']}-{row['aggregation']}"
)
def test_equals_the_published_value(row, features):
    assert features[str(_key(row))] == pytest.approx(float(row["value"]), abs=_allowed(row), rel=0)


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['family']}-{row['feature']}-{row['aggregation']}"
)
def test_code_of_the_table_is_the_code_of_the_definition(row):
    assert DEFINITIONS[row["family"], row["feature"]].ibsi_code == row["ibsi_code"]


def test_every_ibsi_feature_has_a_reference_or_a_reason():
    tested = {(row["family"], row["feature"], row["aggregation"]) for row in ROWS}
    wanted = {
        (d.family, d.name, aggregation)
        for d in DEFINITIONS.values()
        if "ibsi" in d.profiles
        for aggregation in d.aggregations
    }
    assert wanted - tested == set(NO_REFERENCE)
    assert tested <= wanted


def test_table_and_phantom_are_the_published_ones(data_dir):
    sitk = pytest.importorskip("SimpleITK")
    folder = data_dir / "reference" / "ibsi1"
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "digital_phantom_image.nii.gz")))
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "digital_phantom_mask.nii.gz")))
    assert np.array_equal(image, ibsi_phantom.IMAGE)
    assert np.array_equal(mask > 0, ibsi_phantom.MASK)
    with (folder / "ibsi_1_dig_phantom.csv").open(encoding="utf-8") as lines:
        published = {
            (row["reference value"], row["tolerance"]) for row in csv.DictReader(lines, delimiter=";")
        }
    assert {(row["value"], row["tolerance"]) for row in ROWS} <= published

"""Every feature of the profile "ibsi" against the published values of the IBSI digital phantom."""

from __future__ import annotations

import csv

import ibsi_phantom
import numpy as np
import pytest
from virtualbiopsy.radiomics.definitions import DEFINITIONS, MASK
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey

ROWS = ibsi_phantom.read_table("digital_phantom")
VALUED = [row for row in ROWS if row["value"]]

NO_REFERENCE = {
    ("morphology", "volume_density_ombb"),
    ("morphology", "area_density_ombb"),
    ("morphology", "volume_density_mvee"),
    ("morphology", "area_density_mvee"),
    ("ivh", "area_under_curve"),
}
"""(family, name) of features for which the IBSI gives no value; closed forms stand in test_radiomics_boxes.py
and test_radiomics_ivh.py."""


def _key(row: dict[str, str]) -> FeatureKey:
    found = DEFINITIONS[row["family"], row["feature"]]
    return FeatureKey(
        "ct" if found.needs_image else MASK,
        "tumour",
        "original",
        found.family,
        found.name,
        row["aggregation"],
        "fbw1" if found.discretised and found.family != "ivh" else "none",
        "ibsi",
    )


@pytest.fixture(scope="module")
def features() -> dict[str, float]:
    result = extract(
        {"ct": ibsi_phantom.IMAGE},
        {"tumour": ibsi_phantom.MASK},
        ibsi_phantom.SPACING,
        [_key(r) for r in ROWS],
    )
    assert not result.missing
    assert len(result.values) == len(ROWS) == 487
    return dict(result.values)


def _name(row: dict[str, str]) -> str:
    return f"{row['family']}-{row['feature']}-{row['aggregation']}"


@pytest.mark.parametrize("row", VALUED, ids=_name)
def test_equals_the_published_value(row, features):
    found = features[str(_key(row))]
    assert found == pytest.approx(float(row["value"]), abs=ibsi_phantom.allowed(row), rel=0)


def test_codes_of_the_table_are_those_of_the_definitions():
    for row in ROWS:
        assert DEFINITIONS[row["family"], row["feature"]].ibsi_code == row["ibsi_code"]


def test_every_ibsi_feature_has_a_reference_or_a_reason():
    listed = {(row["family"], row["feature"], row["aggregation"]) for row in ROWS}
    wanted = {
        (d.family, d.name, aggregation)
        for d in DEFINITIONS.values()
        if "ibsi" in d.profiles
        for aggregation in d.aggregations
    }
    assert listed == wanted
    assert {(row["family"], row["feature"]) for row in ROWS if not row["value"]} == NO_REFERENCE


def test_table_and_phantom_are_the_published_ones(data_dir):
    sitk = pytest.importorskip("SimpleITK")
    folder = data_dir / "reference" / "ibsi1"
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "digital_phantom_image.nii.gz")))
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "digital_phantom_mask.nii.gz")))
    assert np.array_equal(image, ibsi_phantom.IMAGE)
    assert np.array_equal(mask > 0, ibsi_phantom.MASK)
    with (folder / "ibsi_1_dig_phantom.csv").open(encoding="utf-8") as lines:
        published = [
            (row["reference value"], row["tolerance"]) for row in csv.DictReader(lines, delimiter=";")
        ]
    assert [(row["value"], row["tolerance"]) for row in ROWS] == published

"""Every feature of the profile "ibsi" against the published values of the IBSI phantoms."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.radiomics.definitions import DEFINITIONS
from virtualbiopsy.radiomics.reference import (
    CONFIGURATIONS,
    DIAGNOSTICS,
    Reference,
    digital_phantom,
    measure,
    reference,
)

ROWS = reference("digital")
PUBLISHED = [row for row in ROWS if row.value is not None]

NO_REFERENCE = {
    ("morphology", "volume_density_ombb"),
    ("morphology", "area_density_ombb"),
    ("morphology", "volume_density_mvee"),
    ("morphology", "area_density_mvee"),
    ("ivh", "area_under_curve"),
}
"""(family, name) for which the IBSI gives no value; test_radiomics_boxes.py and test_radiomics_ivh.py have
closed forms."""

SIZES = {"a": (411, 406), "b": (411, 406), "c": (275, 270), "d": (275, 270), "e": (275, 270)}
"""Rows of the tables of the CT phantom, and rows with a value."""


@pytest.fixture(scope="module")
def found() -> dict[Reference, float | None]:
    return measure("digital", *digital_phantom())[0]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row.family}-{row.feature}-{row.aggregation}")
def test_equals_the_published_value(row, found):
    assert found[row] == pytest.approx(row.value, abs=row.allowed, rel=0)


def test_all_of_the_table_is_computed(found):
    assert len(found) == len(ROWS) == 487
    assert len(PUBLISHED) == 482
    assert None not in found.values()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_codes_of_the_tables_are_those_of_the_definitions(name):
    for row in reference(name):
        if row.family != DIAGNOSTICS:
            assert DEFINITIONS[row.family, row.feature].ibsi_code == row.ibsi_code


def test_every_ibsi_feature_has_a_reference_or_a_reason():
    wanted = {
        (d.family, d.name, aggregation)
        for d in DEFINITIONS.values()
        if "ibsi" in d.profiles
        for aggregation in d.aggregations
    }
    assert {(row.family, row.feature, row.aggregation) for row in ROWS} == wanted
    assert {(row.family, row.feature) for row in ROWS if row.value is None} == NO_REFERENCE


def test_table_and_phantom_are_the_published_ones(data_dir):
    folder = data_dir / "reference" / "ibsi1"
    image, mask = (sitk.GetArrayFromImage(one) for one in digital_phantom())
    assert np.array_equal(_read(folder / "digital_phantom_image.nii.gz"), image)
    assert np.array_equal(_read(folder / "digital_phantom_mask.nii.gz"), mask)
    for name, table in (
        ("digital", "dig_phantom"),
        ("a", "chest_config_a"),
        ("c", "chest_config_c"),
    ):
        with (folder / f"ibsi_1_{table}.csv").open(encoding="utf-8") as lines:
            published = [
                (row["reference value"], float(row["tolerance"] or 0))
                for row in csv.DictReader(lines, delimiter=";")
            ]
        ours = reference(name)
        assert [None if not value else float(value) for value, _ in published] == [row.value for row in ours]
        assert [tolerance for _, tolerance in published] == [row.tolerance for row in ours]


def _read(path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@pytest.fixture(scope="module")
def ct_phantom(data_dir) -> tuple[sitk.Image, sitk.Image]:
    folder = data_dir / "reference" / "ibsi1"
    image, mask = (sitk.ReadImage(str(folder / f"ct_phantom_{part}.nii.gz")) for part in ("image", "mask"))
    return image, mask


@pytest.mark.parametrize("name", SIZES)
def test_ct_phantom_is_within_the_published_tolerances(name, ct_phantom):
    """Diagnostics of each step, and all features."""
    found, _ = measure(name, *ct_phantom)
    published = [row for row in found if row.value is not None]
    assert (len(found), len(published)) == SIZES[name]
    wrong = {
        f"{row.family}:{row.feature}:{row.aggregation}": (found[row], row.value, row.tolerance)
        for row in published
        if not row.agrees(found[row])
    }
    assert not wrong
    assert all(value is not None for value in found.values())


def test_a_value_outside_the_tolerance_does_not_agree():
    row = Reference("statistics", "mean", "3d", "Q4LE", 12.3, 0.1)
    assert row.agrees(12.4) and row.agrees(12.2)
    assert not row.agrees(12.41) and not row.agrees(None)
    exact = Reference("statistics", "mean", "3d", "Q4LE", 12.3, 0.0)
    assert exact.agrees(12.349) and not exact.agrees(12.36)

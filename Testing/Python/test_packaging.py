"""The wheel holds every package and everything that is looked up in Resources."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "VirtualBiopsyCore" / "virtualbiopsy"
NOT_SHIPPED = {"Screenshots"}


def setuptools_table() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_every_package_is_listed():
    found = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(setuptools_table()["packages"]) == found | {"virtualbiopsy.resources"}


def test_every_folder_of_resources_is_shipped():
    patterns = setuptools_table()["package-data"]["virtualbiopsy.resources"]
    shipped = {path for pattern in patterns for path in (ROOT / "Resources").glob(pattern) if path.is_file()}
    wanted = {
        path
        for path in (ROOT / "Resources").rglob("*")
        if path.is_file() and path.relative_to(ROOT / "Resources").parts[0] not in NOT_SHIPPED
    }
    assert shipped == wanted

"""Tiny replicas of cohorts: folders of small images with outlines, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

SIZE = (8, 7, 6)


def image(seed: int = 0, spacing: float = 1.0, size=SIZE) -> sitk.Image:
    """A small image of noise, (i, j, k) `size`."""
    values = np.random.default_rng(seed).normal(100, 10, size[::-1]).astype(np.float32)
    found = sitk.GetImageFromArray(values)
    found.SetSpacing([spacing] * 3)
    return found


def labels(*values: int, spacing: float = 1.0, size=SIZE) -> sitk.Image:
    """A mask in which each label has a slab of its own."""
    array = np.zeros(size[::-1], dtype=np.uint8)
    for n, value in enumerate(values):
        array[n + 1, 2:5, 2:6] = value
    found = sitk.GetImageFromArray(array)
    found.SetSpacing([spacing] * 3)
    return found


def put(path: Path, found: sitk.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(found, str(path))
    return path


def workbook(path: Path, sheets: dict[str, list[list]]) -> Path:
    """Write an Excel workbook."""
    openpyxl = pytest.importorskip("openpyxl")

    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def plain_cohort(root: Path, n: int = 4) -> Path:
    """A folder with cohort.csv and a folder for each patient: t1c, flair, a mask with labels 1 and 2."""
    lines = ["patient,site,split,age,sex,who_grade,date,t1c,flair,mask,endpoint:Ki-67"]
    for number in range(1, n + 1):
        name = f"P{number}"
        for k, role in enumerate(("t1c", "flair")):
            put(root / name / f"{name}_{role}.nii.gz", image(10 * number + k))
        put(root / name / "seg.nii.gz", labels(1, 2))
        lines.append(
            f"{name},{'AB'[number % 2]},{'train' if number % 2 else 'test'},{50 + number},{'fm'[number % 2]},"
            f"{1 + number % 2},2020-01-{number:02d},{name}/*t1c.nii.gz,{name}/{name}_flair.nii.gz,"
            f"{name}/seg.nii.gz,{number % 2}"
        )
    (root / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root

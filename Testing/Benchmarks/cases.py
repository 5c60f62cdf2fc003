"""What is measured on: real volumes where VIRTUALBIOPSY_DATA has them, else the sample case (simulated)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SAMPLE = "meningioma-sample (simulated)"
SARCOMAS = ("STS_025", "STS_018")
ROLES = ("t1c", "t2", "adc")


@dataclass(frozen=True)
class BenchCase:
    """Files of one case.

    Attributes
    ----------
    images : path by role; the first is the image of the rows that take one.
    mask : path, label 1.
    """

    name: str
    images: dict[str, Path]
    mask: Path

    @property
    def image(self) -> Path:
        return next(iter(self.images.values()))


def data() -> Path | None:
    """Folder of the real volumes, None without VIRTUALBIOPSY_DATA."""
    path = os.environ.get("VIRTUALBIOPSY_DATA")
    folder = Path(path or "") / "volumes"
    return folder if path and folder.is_dir() else None


def sample(folder: Path) -> BenchCase:
    """The sample case with its three sequences, written to `folder`."""
    # Here, since the processes that are measured import this file and must not pay for readers of files.
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.resources import resource

    case = read_case(resource("Cases/meningioma-sample"))
    images = {}
    for role in ROLES:
        images[role] = folder / f"sample_{role}.nrrd"
        if not images[role].exists():
            sitk.WriteImage(case.sequence(role).image, str(images[role]))
    mask = folder / "sample_mask.nrrd"
    sitk.WriteImage(sitk.Cast(case.regions["tumour"] > 0, sitk.sitkUInt8), str(mask))
    return BenchCase(SAMPLE, images, mask)


def single(folder: Path) -> list[BenchCase]:
    """Cases with one image: brain1, brain2, breast1 and sarcomas of three sizes; else the sample case."""
    volumes = data()
    if volumes is None:
        return [sample(folder)]
    found = []
    for name in ("brain1", "brain2", "breast1"):
        base = volumes / "pyradiomics"
        found.append(BenchCase(name, {"t1c": base / f"{name}_image.nrrd"}, base / f"{name}_label.nrrd"))
    found += [head for head in (_glioma(volumes, folder), _lower_grade(volumes, folder)) if head is not None]
    for name in SARCOMAS:
        base = volumes / "sts_mr_t1" / name
        found.append(BenchCase(name, {"t1c": base / "MR_T1_image.nii.gz"}, base / "MR_T1_mask.nii.gz"))
    return [case for case in found if case.image.exists()] or [sample(folder)]


def triple(folder: Path) -> list[BenchCase]:
    """Cases with three sequences: a glioma with T1c, T2 and FLAIR, and brain1 and STS_025 with two images
    that were made from their only one (square root, inverted); else the sample case."""
    volumes = data()
    if volumes is None:
        return [sample(folder)]
    found = [_glioma(volumes, folder)]
    for case in single(folder):
        if case.name in ("brain1", "STS_025"):
            found.append(_three_of_one(case, folder))
    return [case for case in found if case is not None] or [sample(folder)]


def _tumour(labels: Path, path: Path) -> Path:
    """Write the mask of all labels above zero."""
    if not path.exists():
        sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(labels)) > 0, sitk.sitkUInt8), str(path))
    return path


def _glioma(volumes: Path, folder: Path) -> BenchCase | None:
    """A whole head of the BraTS 2018 set, 240×240×155 voxels."""
    base = volumes / "brats18_glioma" / "Brats18_2013_2_1"
    labels = base / f"{base.name}_seg.nii.gz"
    if not labels.exists():
        return None
    names = {"t1c": "t1ce", "t2": "t2", "flair": "flair"}
    images = {role: base / f"{base.name}_{name}.nii.gz" for role, name in names.items()}
    return BenchCase("Brats18_2013_2", images, _tumour(labels, folder / "brats18_tumour.nrrd"))


def _lower_grade(volumes: Path, folder: Path) -> BenchCase | None:
    """A whole head of the TCGA-LGG set, 240×240×155 voxels; its labels are fused by algorithm."""
    base = volumes / "tcga_lgg" / "TCGA-DU-7294"
    labels = base / f"{base.name}_seg_fused.nii.gz"
    if not labels.exists():
        return None
    mask = _tumour(labels, folder / "tcga_tumour.nrrd")
    return BenchCase(base.name, {"t1c": base / f"{base.name}_t1c_bet.nii.gz"}, mask)


def _three_of_one(case: BenchCase, folder: Path) -> BenchCase:
    image = sitk.ReadImage(str(case.image))
    array = sitk.GetArrayFromImage(image).astype(np.float64)
    made = {
        "t1c": array,
        "t2": np.sqrt(array - array.min()) * np.sqrt(np.ptp(array)),
        "adc": array.max() - array,
    }
    images = {}
    for role, values in made.items():
        images[role] = folder / f"{case.name}_{role}.nrrd"
        made_image = sitk.GetImageFromArray(values.astype(np.float32))
        made_image.CopyInformation(image)
        sitk.WriteImage(made_image, str(images[role]))
    return BenchCase(f"{case.name} (one image made three)", images, case.mask)

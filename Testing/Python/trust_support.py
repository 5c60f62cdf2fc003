"""What the tests of the trust card share: the sample case, prepared quickly, and the real glioma cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.case.read import read_case
from virtualbiopsy.prepare.model import Preparation, PreparedCase
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.resources import resource
from virtualbiopsy.trust.images import image_facts
from virtualbiopsy.trust.model import ImageFacts

FAST = Preparation(spacing=(2.0, 2.0, 2.0), interpolator="linear", register=False)

GLIOMAS: Mapping[str, tuple[Mapping[str, str], str | None]] = {
    "brats18": (
        {
            role: f"brats18_glioma/Brats18_2013_2_1/Brats18_2013_2_1_{name}.nii.gz"
            for role, name in (("t1", "t1"), ("t1c", "t1ce"), ("t2", "t2"), ("flair", "flair"))
        },
        "brats18_glioma/Brats18_2013_2_1/Brats18_2013_2_1_seg.nii.gz",
    ),
    "tcga_lgg": (
        {
            role: f"tcga_lgg/TCGA-DU-7294/TCGA-DU-7294_{name}_bet.nii.gz"
            for role, name in (("t1", "t1"), ("t1c", "t1c"), ("t2", "t2"), ("flair", "fla"))
        },
        "tcga_lgg/TCGA-DU-7294/TCGA-DU-7294_seg_fused.nii.gz",
    ),
    "brats2013_0001": (
        {
            "t1c": "brats2013_glioma/brats_2013_pat0001_1/T1c_subtrMeanDivStd.nii.gz",
            "flair": "brats2013_glioma/brats_2013_pat0001_1/Flair_subtrMeanDivStd.nii.gz",
        },
        "brats2013_glioma/brats_2013_pat0001_1/OTMultiClass.nii.gz",
    ),
    "brats2013_0005": (
        {
            "t1c": "brats2013_glioma/brats_2013_pat0005_1/T1c_subtrMeanDivStd.nii.gz",
            "flair": "brats2013_glioma/brats_2013_pat0005_1/Flair_subtrMeanDivStd.nii.gz",
        },
        "brats2013_glioma/brats_2013_pat0005_1/OTMultiClass.nii.gz",
    ),
    "brats_met": (
        {
            role: f"brats_met/BraTS-MET-00110-000-{name}.nii.gz"
            for role, name in (("t1", "t1n"), ("t1c", "t1c"), ("t2", "t2w"), ("flair", "t2f"))
        },
        None,
    ),
}


def sample() -> Case:
    """The sample case that ships with the product (simulated)."""
    return read_case(resource("Cases") / "meningioma-sample")


def glioma(folder: Path, name: str) -> Case:
    """A real case of the test data; a ball stands in for the outline where there is none."""
    roles, outline = GLIOMAS[name]
    images = {role: sitk.ReadImage(str(folder / "volumes" / path)) for role, path in roles.items()}
    if outline is None:
        mask = ball(images["t1c"], [n / 2 for n in images["t1c"].GetSize()], 15.0)
    else:
        mask = sitk.Cast(sitk.ReadImage(str(folder / "volumes" / outline)) > 0, sitk.sitkUInt8)
    return Case(name, tuple(Sequence(r, r, i) for r, i in images.items()), {"tumour": mask})


def ball(image: sitk.Image, centre: list[float], radius: float) -> sitk.Image:
    """uint8 mask of a ball around a voxel (i, j, k) of an image, radius in mm."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in image.GetSize()[::-1])]
    di, dj, dk = image.GetSpacing()
    distance = ((i - centre[0]) * di) ** 2 + ((j - centre[1]) * dj) ** 2 + ((k - centre[2]) * dk) ** 2
    mask = sitk.GetImageFromArray((distance <= radius**2).astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def with_images(case: Case, **images: sitk.Image) -> Case:
    """The case with other images in some roles; None takes the sequence away."""
    changed = []
    for sequence in case.sequences:
        image = images.get(sequence.role, sequence.image)
        if image is not None:
            changed.append(replace(sequence, image=image))
    return replace(case, sequences=tuple(changed))


def with_image(case: Case, role: str, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    """The case with the voxels (k, j, i) of one image changed."""
    old = case.sequence(role).image
    image = sitk.GetImageFromArray(np.ascontiguousarray(change(sitk.GetArrayFromImage(old))))
    image.CopyInformation(old)
    return with_images(case, **{role: image})


def flipped(array: np.ndarray) -> np.ndarray:
    return array[:, :, ::-1]


def prepared_and_facts(case: Case, mask: sitk.Image | None = None) -> tuple[PreparedCase, ImageFacts]:
    prepared = prepare_case(case, FAST)
    return prepared, image_facts(case, prepared, None, case.regions["tumour"] if mask is None else mask)


def facts(case: Case, mask: sitk.Image | None = None) -> ImageFacts:
    return prepared_and_facts(case, mask)[1]


def codes(found: ImageFacts) -> set[tuple[str, str]]:
    """(code, role) of the findings."""
    return {(reason.code, reason.role) for reason in found.findings}

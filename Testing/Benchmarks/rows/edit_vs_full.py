"""12 features over 3 sequences after a 3 mm edit, against everything again with pyradiomics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from cases import triple
from context import Context
from timing import Task

from rows.filtered_all_classes import PEER_TYPES
from rows.original_all_classes import CLASSES

NAME = "edit_vs_full"
BRUSH_MM = 3.0
SETTINGS = {"binCount": 32, "resampledPixelSpacing": [1, 1, 1]}
LOG, WAVELET = "log(sigma=3)", "wavelet(family=coif1;bands=LLH;level=1)"
FEATURES = (
    (None, "original", "morphology", "sphericity"),
    (None, "original", "morphology", "maximum_3d_diameter"),
    (0, "original", "statistics", "mean"),
    (0, "original", "glcm", "joint_entropy"),
    (0, LOG, "glrlm", "short_runs_emphasis"),
    (0, WAVELET, "statistics", "variance"),
    (1, "original", "statistics", "percentile_90"),
    (1, LOG, "glcm", "contrast"),
    (1, WAVELET, "glszm", "zone_percentage"),
    (2, "original", "statistics", "percentile_10"),
    (2, LOG, "ngldm", "dependence_count_entropy"),
    (2, WAVELET, "ngtdm", "coarseness"),
)
"""Number of the sequence, image type, family and name."""


def keys(roles: list[str]) -> list[str]:
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    found = []
    for number, image, family, name in FEATURES:
        known = DEFINITIONS[family, name]
        aggregation = "3d_average" if "3d_average" in known.aggregations else "3d"
        rule = "fbn32" if known.discretised else "none"
        role = "mask" if number is None else roles[number]
        found.append(f"{role}:tumour:{image}:{family}:{name}:{aggregation}:{rule}:ibsi")
    return found


def strokes(mask: sitk.Image, count: int) -> Iterator[sitk.Image]:
    """Paint and erase a ball at random places of the surface in turn, one stroke after the other."""
    rng = np.random.default_rng(7)
    inside = sitk.GetArrayFromImage(mask) > 0
    spacing = np.asarray(mask.GetSpacing()[::-1])
    for n in range(count):
        rim = np.argwhere(inside & ~_eroded(inside))
        centre = rim[rng.integers(len(rim))]
        reach = np.ceil(BRUSH_MM / spacing).astype(int)
        box = tuple(
            slice(max(0, c - r), min(s, c + r + 1))
            for c, r, s in zip(centre, reach, inside.shape, strict=True)
        )
        axes = np.meshgrid(*(np.arange(b.start, b.stop) for b in box), indexing="ij")
        distance = sum(((a - c) * s) ** 2 for a, c, s in zip(axes, centre, spacing, strict=True))
        ball = distance <= BRUSH_MM**2
        inside = inside.copy()
        inside[box] = inside[box] | ball if n % 2 == 0 else inside[box] & ~ball
        image = sitk.GetImageFromArray(inside.astype(np.uint8))
        image.CopyInformation(mask)
        yield image


def _eroded(inside: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return ndimage.binary_erosion(inside)


def written(case, folder: Path, count: int) -> list[str]:
    """Files of the outline and its edits."""
    target = folder / f"edits-{case.name.split()[0]}-{count}"
    target.mkdir(exist_ok=True)
    mask = sitk.Cast(sitk.ReadImage(str(case.mask)) == 1, sitk.sitkUInt8)
    paths = []
    for n, image in enumerate([mask, *strokes(mask, count)]):
        path = target / f"{n:02}.nrrd"
        if not path.exists():
            sitk.WriteImage(image, str(path))
        paths.append(str(path))
    return paths


def tasks(context: Context, features: Callable[[list[str]], tuple[dict, dict]]) -> list[Task]:
    found = []
    runs = context.runs(7)
    for case in context.pick(triple(context.folder)):
        masks = written(case, context.folder, runs + 1)
        images = {role: str(path) for role, path in case.images.items()}
        wanted, types = features(list(images))
        ours = {"row": NAME, "images": images, "masks": masks}
        peer = {
            "kind": "extract",
            "images": images,
            "masks": masks[1:],
            "features": wanted,
            "settings": SETTINGS,
            "image_types": types,
        }
        found.append(Task(case.name, ours, peer, runs))
    return found


def everything(roles: list[str]) -> tuple[dict, dict]:
    return {role: {name: [] for name in CLASSES} for role in roles}, dict.fromkeys(roles, PEER_TYPES)


def measure(context: Context) -> dict[str, dict[str, Any]]:
    entries, _ = context.compare(NAME, tasks(context, everything))
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], Mapping[str, float]]:
    from virtualbiopsy.case.model import Case, Sequence
    from virtualbiopsy.measure import Measuring
    from virtualbiopsy.prepare.model import Preparation
    from virtualbiopsy.prepare.prepare import prepare_case
    from virtualbiopsy.radiomics.keys import FeatureKey
    from virtualbiopsy.regions.crop import crop_mask

    sequences = tuple(Sequence(role, role, sitk.ReadImage(path)) for role, path in request["images"].items())
    roles = list(request["images"])
    settings = Preparation(reference=roles[0], normalise="none", register=False)
    case = prepare_case(Case("bench", sequences), settings)
    measuring = Measuring(case, [FeatureKey.parse(key) for key in keys(roles)])
    masks = [sitk.ReadImage(path) for path in request["masks"]]
    measuring.measure(crop_mask(masks[0]))
    step = iter(masks[1:])

    def run() -> Mapping[str, float]:
        return measuring.measure(crop_mask(next(step))).vector.values

    return run

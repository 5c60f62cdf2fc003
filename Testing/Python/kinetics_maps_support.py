"""Dynamic series for tests: a synthetic one with known curves, and the real UCSF study."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from support import oblique_grid
from virtualbiopsy.case.dynamic import DynamicSeries, Phase

SHAPE = (10, 48, 40)
KINDS = ("none", "persistent", "plateau", "washout")


@dataclass(frozen=True, eq=False)
class Curves:
    """A synthetic series, and where which curve is (bool, k j i).

    Every voxel of the body has the signal `base` before contrast agent; `enhancement` gives the percent
    enhancement of every phase by kind of curve.
    """

    series: DynamicSeries
    where: dict[str, np.ndarray]
    base: float
    enhancement: dict[str, tuple[float, ...]]


def image_of(values: np.ndarray, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    return image


def curves(
    *,
    starts: tuple[float, ...] = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0),
    precontrast: int = 1,
    duration: float | None = 60.0,
    noise: float = 0.0,
    base: float = 200.0,
    seed: int = 0,
) -> Curves:
    """An oblique box of tissue in air with four quadrants, one for each of :data:`KINDS`."""
    rng = np.random.default_rng(seed)
    count = len(starts) - precontrast
    rise = np.concatenate([np.zeros(precontrast), np.ones(count)])
    later = np.concatenate([np.zeros(precontrast), np.arange(count)])
    enhancement = {
        "none": 0.0 * rise,
        "persistent": 50.0 * rise + 30.0 * later,
        "plateau": 100.0 * rise + 1.0 * later,
        "washout": 200.0 * rise - 25.0 * later,
    }
    k, j, i = np.indices(SHAPE)
    body = (k >= 1) & (k < 9) & (j >= 8) & (j < 40) & (i >= 8) & (i < 32)
    quadrant = 2 * (j >= 24) + (i >= 20)
    where = {kind: body & (quadrant == n) for n, kind in enumerate(KINDS)}
    grid = oblique_grid(SHAPE, (3.0, 1.5, 1.5))
    phases = []
    for number, start in enumerate(starts):
        signal = np.zeros(SHAPE)
        for kind in KINDS:
            signal[where[kind]] = base * (1 + enhancement[kind][number] / 100)
        if noise:
            signal = np.hypot(signal + rng.normal(0, noise, SHAPE), rng.normal(0, noise, SHAPE))
        image = image_of(signal.astype(np.float32), grid)
        phases.append(Phase(f"phase {number + 1}", image, start, "given", number < precontrast))
    series = DynamicSeries(
        "dynamic",
        tuple(phases),
        "the first",
        duration,
        frame_of_reference="1.2.3",
        protocol={"FlipAngle": "12"},
    )
    return Curves(series, where, base, {kind: tuple(values) for kind, values in enhancement.items()})


@dataclass(frozen=True, eq=False)
class RealStudy:
    """The study UCSF-BR-06: 1 phase before and 2 after contrast agent, and the maps that came with it."""

    series: DynamicSeries
    pe: np.ndarray
    ser: np.ndarray


def ucsf_study(data: Path) -> RealStudy:
    """Read the study from its archive: phases by ContentTime, slices by position along their normal."""
    archive = zipfile.ZipFile(data / "volumes" / "breast_dce_dicom" / "UCSF-BR-06.zip")
    slices: dict[str, dict[float, pydicom.Dataset]] = defaultdict(dict)
    for name in archive.namelist():
        if name.endswith(".dcm") and "/image_" in name:
            dataset = pydicom.dcmread(io.BytesIO(archive.read(name)))
            folder = name.split("/")[1]
            key = str(dataset.ContentTime) if folder.endswith("orig") else folder
            slices[key][float(dataset.ImagePositionPatient[0])] = dataset
    first = next(iter(slices["102551"].values()))
    across, down = np.reshape(list(map(float, first.ImageOrientationPatient)), (2, 3))
    normal = np.cross(across, down)
    volumes = {}
    for key, found in slices.items():
        ordered = [found[x] for x in sorted(found, key=lambda x: x * normal[0])]
        slope = float(ordered[0].get("RescaleSlope", 1))
        volumes[key] = np.stack([d.pixel_array for d in ordered]).astype(np.float32) * np.float32(slope)
    positions = sorted(slices["102551"], key=lambda x: x * normal[0])
    grid = sitk.Image([256, 256, 60], sitk.sitkUInt8)
    row, column = (float(s) for s in first.PixelSpacing)
    grid.SetSpacing((column, row, abs(positions[1] - positions[0])))
    grid.SetOrigin((positions[0], *map(float, first.ImagePositionPatient[1:])))
    grid.SetDirection(np.stack([across, down, normal], axis=1).ravel().tolist())
    starts = {"102551": 0.0, "103238": 407.0, "103832": 761.0}
    phases = tuple(
        Phase(f"phase {n + 1}", image_of(volumes[key], grid), start, "ContentTime (0008,0033)", n == 0)
        for n, (key, start) in enumerate(starts.items())
    )
    series = DynamicSeries("UCSF-BR-06", phases, "the first", 354.0)
    return RealStudy(series, volumes["image_dce_pe1"], volumes["image_dce_ser"])

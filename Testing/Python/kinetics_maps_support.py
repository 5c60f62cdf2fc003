"""Dynamic series for tests: a synthetic one with known curves, and the real UCSF studies."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
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
    """A study with one phase before and two after contrast agent, and the maps that came with it.

    `times_s` are the centres of the phases relative to the injection that the scanner's maps state.
    """

    series: DynamicSeries
    pe: np.ndarray
    ser: np.ndarray
    times_s: tuple[float, ...]


STUDIES = ("UCSF-BR-06", "UCSF-BR-08")
_PRIVATE = ((0x0117, 0x1031), (0x0117, 0x1034))


def ucsf_study(data: Path, name: str = "UCSF-BR-06") -> RealStudy:
    """Read a study from its archive: phases by ContentTime, slices by position on their normal; or skip."""
    path = data / "volumes" / "breast_dce_dicom" / f"{name}.zip"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the test data.")
    archive = zipfile.ZipFile(path)
    images, maps = [], defaultdict(dict)
    for entry in archive.namelist():
        if entry.endswith(".dcm") and "/image_" in entry:
            dataset = pydicom.dcmread(io.BytesIO(archive.read(entry)))
            folder = entry.split("/")[1]
            if folder.endswith("orig"):
                images.append(dataset)
            else:
                maps[folder][_position(dataset)] = dataset
    # Slices of one phase may bear times that differ by a second.
    times = sorted({_seconds(dataset) for dataset in images})
    starts = [t for n, t in enumerate(times) if n == 0 or t > times[n - 1] + 10]
    slices: list[dict[float, pydicom.Dataset]] = [{} for _ in starts]
    for dataset in images:
        slices[sum(start <= _seconds(dataset) for start in starts) - 1][_position(dataset)] = dataset
    first = images[0]
    positions = sorted(slices[0])
    across, down = np.reshape(list(map(float, first.ImageOrientationPatient)), (2, 3))
    grid = sitk.Image([int(first.Columns), int(first.Rows), len(positions)], sitk.sitkUInt8)
    row, column = (float(s) for s in first.PixelSpacing)
    grid.SetSpacing((column, row, positions[1] - positions[0]))
    grid.SetOrigin(list(map(float, slices[0][positions[0]].ImagePositionPatient)))
    grid.SetDirection(np.stack([across, down, np.cross(across, down)], axis=1).ravel().tolist())
    phases = tuple(
        Phase(f"phase {n + 1}", image_of(_volume(found), grid), start - starts[0], "ContentTime", n == 0)
        for n, (found, start) in enumerate(zip(slices, starts, strict=True))
    )
    stated = next(iter(maps["image_dce_pe1"].values()))
    duration, centres = (stated[tag].value for tag in _PRIVATE)
    return RealStudy(
        DynamicSeries(name, phases, "the first", float(duration)),
        _volume(maps["image_dce_pe1"]),
        _volume(maps["image_dce_ser"]),
        tuple(float(t) for t in centres),
    )


def _position(dataset: pydicom.Dataset) -> float:
    """Where a slice lies along its normal, mm."""
    across, down = np.reshape(list(map(float, dataset.ImageOrientationPatient)), (2, 3))
    return round(float(np.cross(across, down) @ list(map(float, dataset.ImagePositionPatient))), 3)


def _seconds(dataset: pydicom.Dataset) -> float:
    text = str(dataset.ContentTime)
    return 3600.0 * int(text[:2]) + 60.0 * int(text[2:4]) + float(text[4:])


def _volume(slices: dict[float, pydicom.Dataset]) -> np.ndarray:
    ordered = [slices[position] for position in sorted(slices)]
    slope = float(ordered[0].get("RescaleSlope", 1))
    return np.stack([dataset.pixel_array for dataset in ordered]).astype(np.float32) * np.float32(slope)

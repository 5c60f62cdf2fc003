"""Reference data of pharmacokinetics: QIBA's and PkModeling's digital reference objects, OSIPI's tables."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

# Tables of OSIPI hold whole curves in one cell.
csv.field_size_limit(16 * 1024**2)


def osipi_rows(data_dir: Path, name: str) -> list[dict[str, str]]:
    """Rows of a table of the OSIPI code collection (Apache-2.0), or skip."""
    path = data_dir / "dce" / "osipi" / name
    if not path.exists():
        pytest.skip(f"{name} of the OSIPI code collection is not among the test data.")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def numbers(cell: str) -> np.ndarray:
    """The numbers of a cell, separated by spaces."""
    return np.array(cell.split(), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class ReferenceObject:
    """A dynamic series with known parameters, and what it was made with.

    Attributes
    ----------
    series : (phase, k, j, i). ktrans, ve, vp, delay_s : truth, (k, j, i). t1_ms : (k, j, i) or scalar.
    """

    series: np.ndarray
    times_s: np.ndarray
    precontrast: np.ndarray
    ktrans: np.ndarray
    ve: np.ndarray
    vp: np.ndarray
    delay_s: np.ndarray
    t1_ms: np.ndarray
    tr_ms: float
    flip_degrees: float
    relaxivity: float
    haematocrit: float


QIBA_KTRANS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35)
QIBA_VE = (0.01, 0.05, 0.1, 0.2, 0.5)


def qiba_version_6(data_dir: Path) -> tuple[ReferenceObject, np.ndarray, np.ndarray]:
    """QIBA's DCE reference object, version 6, without noise; and times and values of its plasma curve.

    Truth: description of the object (Barboriak), as in DCEMRI.jl src/validate.jl.
    """
    path = data_dir / "dce" / "qiba" / "qiba6.mat"
    if not path.exists():
        pytest.skip("QIBA's reference object version 6 is not among the test data.")
    from scipy.io import loadmat

    content = loadmat(path)
    times, plasma = content["t"].ravel(), content["Cp"].ravel()
    ktrans, ve = np.meshgrid(QIBA_KTRANS, QIBA_VE, indexing="ij")
    nothing = np.zeros((1, *ktrans.shape))
    known = ReferenceObject(
        series=content["DCEdata"][:, None],
        times_s=times,
        precontrast=times < 60.0,
        ktrans=ktrans[None],
        ve=ve[None],
        vp=nothing,
        delay_s=nothing,
        t1_ms=1e3 / content["R10"][None],
        tr_ms=1e3 * float(content["TR"][0, 0]),
        flip_degrees=float(content["DCEflip"][0, 0]),
        relaxivity=float(content["relaxivity"][0, 0]),
        haematocrit=0.0,
    )
    return known, times, plasma


def pkmodeling(
    data_dir: Path, name: str
) -> tuple[ReferenceObject, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """A reference object of PkModeling, masks of its vessel and its tissue, and PkModeling's own maps.

    Truth and settings: GenerationParametersScreenShot.png and RegressionTests.cmake of the repository
    (millerjv/PkModeling): Ktrans by blocks of three columns, in each arrival 0, 2 and 4 s later than in the
    vessel; ve by blocks of four rows, in each vp 0 to 0.03; T1 of blood 1600 ms.
    """
    folder = data_dir / "dce" / "pkmodeling_dro"
    if not (folder / f"{name}.nrrd").exists():
        pytest.skip(f"{name} of PkModeling is not among the test data.")

    def read(file: str) -> np.ndarray:
        return sitk.GetArrayFromImage(sitk.ReadImage(str(folder / file)))

    image = sitk.ReadImage(str(folder / f"{name}.nrrd"))
    times = np.array(image.GetMetaData("MultiVolume.FrameLabels").split(","), dtype=float) / 1e3
    rows, columns = np.arange(12)[:, None], np.arange(15)[None]
    truth = {
        "ktrans": np.array([0.05, 0.1, 0.2, 0.3, 0.4])[columns // 3] + 0.0 * rows,
        "ve": np.array([0.15, 0.25, 0.35])[rows // 4] + 0.0 * columns,
        "vp": 0.01 * (rows % 4) + 0.0 * columns,
        "delay_s": 2.0 * (columns % 3) + 0.0 * rows,
    }
    known = ReferenceObject(
        series=np.moveaxis(sitk.GetArrayFromImage(image), -1, 0).astype(np.float64),
        times_s=times,
        precontrast=times <= 20.0,
        **{key: np.pad(values, ((1, 0), (1, 0)))[None] for key, values in truth.items()},
        t1_ms=read("DRO-T1Map.nrrd").astype(np.float64),
        tr_ms=5.0,
        flip_degrees=15.0,
        relaxivity=3.7,
        haematocrit=0.45,
    )
    theirs = {
        key: read(f"reference/{name}_AllOutputsExceptFpv-{key}.nrrd").astype(float)
        for key in ("ktrans", "ve")
    }
    return known, read("DRO-AIF.nrrd") > 0, read("DRO-ROI.nrrd") > 0, theirs

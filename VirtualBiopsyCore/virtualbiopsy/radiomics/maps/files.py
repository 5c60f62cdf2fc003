"""Maps as files: one NRRD per feature."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ... import RESEARCH_USE_ONLY
from ...errors import ExistingFileError, UnreadableFileError


def map_name(label: str) -> str:
    """File name of a map: ``glcm_joint_entropy.nrrd`` for "glcm:joint_entropy"."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in label) + ".nrrd"


def write_maps(
    folder: Path,
    maps: Mapping[str, np.ndarray],
    grid: sitk.Image,
    settings: Mapping[str, str],
    overwrite: bool = False,
) -> list[Path]:
    """Write maps (k, j, i) on a grid as float64 NRRD with NaN where they are undefined; all or none.

    Parameters
    ----------
    folder : made if it does not exist. settings : written into each header, behind ``virtualbiopsy_``.
    overwrite : replace files that are there.

    Raises
    ------
    ExistingFileError : a file exists and must not be replaced. UnreadableFileError : they cannot be written.
    """
    targets = {label: Path(folder) / map_name(label) for label in maps}
    for path in targets.values():
        if path.exists() and not overwrite:
            raise ExistingFileError(f"{path} exists already.", "Choose another folder, or allow overwriting.")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".virtualbiopsy-", dir=folder) as scratch:
            for label, path in targets.items():
                image = sitk.GetImageFromArray(maps[label])
                image.CopyInformation(grid)
                header = {"feature": label, **settings, "note": f"{RESEARCH_USE_ONLY}."}
                for key, text in header.items():
                    image.SetMetaData(f"virtualbiopsy_{key}", text)
                sitk.WriteImage(image, str(Path(scratch) / path.name), useCompression=True)
            for path in targets.values():
                os.replace(Path(scratch) / path.name, path)
    except (OSError, RuntimeError) as error:
        raise UnreadableFileError(f"The maps cannot be written to {folder}: {error}") from error
    return list(targets.values())

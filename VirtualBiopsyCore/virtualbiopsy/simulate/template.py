"""The ICBM 152 template: where its files are, how they are read, and its notice.

The T1-weighted template and the grey- and white-matter maps (ICBM 152 nonlinear symmetric 2009a; Fonov et
al., NeuroImage 54:313-327, 2011) are carried by the nilearn wheel. They are read as files; nilearn itself is
never imported.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import UnreadableFileError, VirtualBiopsyError

NOTICE = (
    "Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute, "
    "McGill University. Permission to use, copy, modify, and distribute this software and its documentation "
    "for any purpose and without fee is hereby granted, provided that the above copyright notice appear in "
    "all copies."
)

_FILES = {name: f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz" for name in ("t1", "gm", "wm")}


class TemplateMissingError(VirtualBiopsyError):
    """The anatomical template that simulated cases are built on is not installed."""


@dataclass(frozen=True, eq=False)
class Template:
    """The template on its own 1 mm grid, axes turned to LPS.

    Attributes
    ----------
    t1, gm, wm : uint8 (k, j, i); i runs to the patient's left, j to posterior, k to superior.
    origin : position (z, y, x) of voxel (0, 0, 0) in mm, LPS, template space.
    """

    t1: np.ndarray
    gm: np.ndarray
    wm: np.ndarray
    origin: tuple[float, float, float]


def template_folder() -> Path:
    """Return the folder of the template files inside the installed nilearn.

    Raises
    ------
    TemplateMissingError : if nilearn is not installed or does not carry the files.
    """
    spec = importlib.util.find_spec("nilearn")
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    for place in places:
        folder = Path(place) / "datasets" / "data"
        if all((folder / name).is_file() for name in _FILES.values()):
            return folder
    why = "nilearn is not installed" if not places else f"nilearn in {places[0]} does not carry them"
    raise TemplateMissingError(
        f"Simulated cases need the ICBM 152 template files that come with nilearn, and {why}.",
        'Install them with: pip install "virtualbiopsy[simulate]"',
    )


def read_template(folder: Path | None = None) -> Template:
    """Read the three template files.

    Raises
    ------
    TemplateMissingError : if they are not installed.
    UnreadableFileError : if one of them is damaged.
    """
    folder = template_folder() if folder is None else Path(folder)
    arrays = {}
    origin = (0.0, 0.0, 0.0)
    for name, file_name in _FILES.items():
        path = folder / file_name
        try:
            image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
        except RuntimeError as error:
            raise UnreadableFileError(
                f"The template file {path} cannot be read.", 'Reinstall "virtualbiopsy[simulate]".'
            ) from error
        arrays[name] = sitk.GetArrayFromImage(image).astype(np.uint8)
        x, y, z = image.GetOrigin()
        origin = (z, y, x)
    return Template(arrays["t1"], arrays["gm"], arrays["wm"], origin)

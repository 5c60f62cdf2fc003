"""Write a simulated case to a folder.

::

    <folder>/
      t1.nii.gz t1c.nii.gz t2.nii.gz flair.nii.gz adc.nii.gz   what a reader sees
      t1.json t1c.json …                                       their protocol, as BIDS sidecars
      tumour_mask.nii.gz                                       outline on the grid of t1c
      clinical.json                                            variables of `virtualbiopsy.case.clinical`
      README.txt                                               "Simulated; not a patient"
      truth.json                                               what a reader does not see
      truth/oedema_mask.nii.gz necrosis_mask.nii.gz dural_tail_mask.nii.gz
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY
from ..case.tags import BIDS_SECONDS
from .meningioma import SimulatedCase
from .template import NOTICE

README = """Simulated; not a patient.

{ruo}

This case was computed by VirtualBiopsy (virtualbiopsy.simulate) with seed {seed}. The anatomy is derived
from the ICBM 152 template:
{notice}

truth.json and truth/ hold what the simulation knows and a reader does not: Ki-67, PR, masks of oedema,
necrosis and dural tail.
"""


def write_case(case: SimulatedCase, out_dir: Path | str, *, compression: int = 4) -> Path:
    """Write the case; the folder appears whole or not at all. Returns the folder.

    Parameters
    ----------
    compression : gzip level of the images, 1 (fast) to 9 (small).

    Raises
    ------
    FileExistsError : if the folder exists and is not empty (nothing is overwritten).
    """

    def fill(work: Path) -> None:
        for role, image in case.images.items():
            write_image(work, role, image, case.scanner.header(role), compression)
        write_image(work, "tumour_mask", case.masks["tumour"])
        for name, values in (("clinical", case.clinical), ("truth", case.truth)):
            write_json(work, name, values)
        text = README.format(ruo=RESEARCH_USE_ONLY, seed=case.seed, notice=NOTICE)
        (work / "README.txt").write_text(text, encoding="utf-8")
        truth = work / "truth"
        truth.mkdir()
        for name, mask in case.masks.items():
            if name != "tumour":
                write_image(truth, f"{name}_mask", mask)

    return write_whole(out_dir, fill)


def write_whole(out_dir: Path | str, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write into a folder that appears whole or not at all. Returns the folder.

    Raises
    ------
    FileExistsError : if the folder exists and is not empty (nothing is overwritten).
    """
    out = Path(out_dir)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} exists and is not empty; simulated cases do not overwrite anything")
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        os.chmod(work, 0o755)
        fill(work)
        if out.exists():
            out.rmdir()
        work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return out


def write_image(
    folder: Path,
    name: str,
    image: sitk.Image,
    header: Mapping[str, str] | None = None,
    compression: int = -1,
) -> None:
    """Write `name`.nii.gz and, with a header by DICOM keyword, its BIDS sidecar."""
    path = str(folder / f"{name}.nii.gz")
    sitk.WriteImage(image, path, useCompression=True, compressionLevel=compression)
    if header is not None:
        write_json(folder, name, sidecar(header))


def write_json(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write `name`.json."""
    (folder / f"{name}.json").write_text(json.dumps(dict(values), indent=2) + "\n", encoding="utf-8")


def sidecar(header: Mapping[str, str]) -> dict[str, float]:
    """Acquisition parameters as BIDS has them: numbers, times in seconds."""
    return {
        keyword: float(f"{float(text) / 1000.0:.9g}") if keyword in BIDS_SECONDS else float(text)
        for keyword, text in header.items()
    }

"""Write a simulated breast case to a folder.

::

    <folder>/
      dce.seq.nrrd dce.json          the dynamic series with the times of its phases
      t2.nii.gz dwi_b0.nii.gz dwi_b800.nii.gz adc.nii.gz, each with its sidecar
      tumour_mask.nii.gz             outline on the grid of the dynamic series
      breast_mask.nii.gz             both breasts
      clinical.json                  variables of `virtualbiopsy.case.clinical`
      README.txt                     "Simulated; not a patient"
      truth.json                     what a reader does not see
      truth/                         masks of oedema, necrosis and gland; maps of Ktrans, ve, vp, T1 and ADC

With two time points these are those of the later one, and `earlier/` is a folder of the same shape for the
examination before therapy; the truth of the case lies in the outer one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ... import RESEARCH_USE_ONLY
from ..write import sidecar, write_image, write_json, write_whole
from .case import Examination, SimulatedBreastCase
from .sequence_file import write_sequence_file

README = """Simulated; not a patient.

{ruo}

This case was computed by VirtualBiopsy (virtualbiopsy.simulate.breast) with seed {seed}; no image of a person
went into it.

truth.json and truth/ hold what the simulation knows and a reader does not: HER2 status, response to therapy,
kinetic parameters, masks of oedema, necrosis and gland.
"""
_SHOWN = ("tumour", "breast")


def write_breast(
    case: SimulatedBreastCase, out_dir: Path | str, *, compression: int = 4, truth_maps: bool = True
) -> Path:
    """Write the case; the folder appears whole or not at all. Returns the folder.

    Parameters
    ----------
    compression : gzip level of the images, 1 (fast) to 9 (small).
    truth_maps : write the true maps too.

    Raises
    ------
    FileExistsError : if the folder exists and is not empty (nothing is overwritten).
    """

    def fill(work: Path) -> None:
        for found in case.examinations:
            folder = work
            if found is case.earlier and case.later is not None:
                folder = work / "earlier"
                folder.mkdir()
            _examination(found, folder, compression, truth_maps)
            write_json(folder, "clinical", case.clinical)
            text = README.format(ruo=RESEARCH_USE_ONLY, seed=case.seed)
            (folder / "README.txt").write_text(text, encoding="utf-8")
        write_json(work, "truth", case.truth)

    return write_whole(out_dir, fill)


def _examination(found: Examination, folder: Path, compression: int, truth_maps: bool) -> None:
    scanner = found.scanner
    if found.phases:
        path = folder / "dce.seq.nrrd"
        write_sequence_file(path, found.phases, scanner.starts_s, compression=compression)
        write_json(folder, "dce", {**sidecar(scanner.header("dce")), **_times(found)})
    for role, image in found.images.items():
        header = dict(scanner.header("dwi" if role in ("dwi_b0", "adc") else role))
        name = role
        if role in ("dwi", "dwi_b0"):
            b = 0.0 if role == "dwi_b0" else scanner.protocols["dwi"].timing["b"]
            header["DiffusionBValue"] = f"{b:g}"
            name = f"dwi_b{b:.0f}"
        write_image(folder, name, image, header, compression)
    for name in _SHOWN:
        write_image(folder, f"{name}_mask", found.masks[name], None, compression)
    truth = folder / "truth"
    truth.mkdir()
    for name, mask in found.masks.items():
        if name not in _SHOWN:
            write_image(truth, f"{name}_mask", mask, None, compression)
    if truth_maps:
        for name, image in found.maps.items():
            write_image(truth, name, image, None, compression)


def _times(found: Examination) -> dict[str, Any]:
    """Entries of the sidecar of the dynamic series, seconds (names as in BIDS)."""
    scanner = found.scanner
    return {
        "VolumeTiming": list(scanner.starts_s),
        "AcquisitionDuration": scanner.duration_s,
        "InjectionStart": scanner.injection_s,
        "PreContrastVolumes": scanner.precontrast,
    }

"""Simulate one meningioma case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..case.model import Case
from ..case.model import Sequence as CaseSequence
from ..progress import Progress, part, silent
from .acquisition import acquire
from .anatomy import Anatomy, build_anatomy, csf_thickness
from .biology import Biology, draw_biology, read_signs
from .head import template_head
from .imaging import grid_image
from .pose import draw_pose, scanner_axes
from .scanner import SEQUENCES, Scanner, draw_scanner
from .tumour import draw_site, grow_tumour


@dataclass(frozen=True)
class SimulationSettings:
    """How cases are simulated.

    Attributes
    ----------
    sequences : which images are made; leaving some out saves time and changes nothing in the others.
    overlap : scale of the noise between biology and picture, see :func:`draw_biology`.
    motion : scale of the patient's motion between sequences (1: about 0.5 mm and 0.4 degrees), 0 for none.
    grid : spacing (dk, dj, di) in mm of the contrast-enhanced T1 image; None to draw it.
    pixel : pixel size in mm of the thick-slice images; None to draw it.
    white_level : about the value of white matter in the images of arbitrary unit.
    mask_air : set the air around the head to 0, as some scanners do; makes files much smaller.
    scanner : "A", or "B" for one that the bundled models do not know, see
        :func:`virtualbiopsy.simulate.scanner.draw_scanner`.
    """

    sequences: tuple[str, ...] = SEQUENCES
    overlap: float = 1.0
    motion: float = 1.0
    grid: tuple[float, float, float] | None = None
    pixel: float | None = None
    white_level: float = 600.0
    mask_air: bool = False
    scanner: str = "A"


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """One simulated case. Simulated; not a patient.

    Attributes
    ----------
    name : see :func:`case_name`.
    images : int16 images by role; ADC in 10⁻⁶ mm²/s.
    masks : uint8 masks on the grid of `t1c`: tumour, oedema, necrosis, dural_tail.
    clinical : values as a reader notes them, names of :mod:`virtualbiopsy.case.clinical`.
    biology : the truth.
    scanner : field strength and protocols.
    site : where on the dura it is attached.
    truth : what `truth.json` says.
    """

    name: str
    seed: int
    images: Mapping[str, sitk.Image]
    masks: Mapping[str, sitk.Image]
    clinical: Mapping[str, Any]
    biology: Biology
    scanner: Scanner
    site: str
    truth: Mapping[str, Any] = field(default_factory=dict)

    def as_case(self) -> Case:
        """Return what a reader sees, with the tumour mask as region "tumour"."""
        sequences = tuple(
            CaseSequence(
                role,
                role,
                image,
                reason="simulated",
                unit="10⁻⁶ mm²/s" if role == "adc" else None,
                protocol=self.scanner.header(role),
            )
            for role, image in self.images.items()
        )
        return Case(
            self.name,
            sequences,
            {"tumour": self.masks["tumour"]},
            dict(self.clinical),
            ("Simulated; not a patient.",),
        )


def case_name(seed: int, scanner: str = "A") -> str:
    """ "meningioma-<seed>", with "-B" behind it on scanner B."""
    return f"meningioma-{seed}" + ("" if scanner == "A" else f"-{scanner}")


def simulate_meningioma(
    seed: int,
    out_dir: Path | str | None = None,
    biology: Biology | None = None,
    settings: SimulationSettings | None = None,
    *,
    progress: Progress = silent,
) -> SimulatedCase:
    """Simulate one case; the same seed and settings give the same voxels.

    Parameters
    ----------
    seed : non-negative; anatomy, tumour, scanner and noise follow from it, and the biology if none is given.
    out_dir : folder to write the case to, see :func:`virtualbiopsy.simulate.write.write_case`.
    biology : the tumour's biology; drawn from the seed if None.

    Raises
    ------
    TemplateMissingError : if the anatomical template is not installed.
    """
    settings = settings or SimulationSettings()
    streams = np.random.default_rng(seed).spawn(7)
    for_biology, for_pose, for_site, for_tumour, for_anatomy, for_scanner, for_signs = streams
    progress(0.0, "Reading the template")
    head = template_head()
    drawn = draw_biology(for_biology, overlap=settings.overlap)
    biology = drawn if biology is None else biology
    scanner = draw_scanner(for_scanner, settings.scanner)
    grid = settings.grid or scanner.grid
    axes = scanner_axes(grid)
    progress(0.1, "Posing the head")
    ventricle_mm = float(np.clip(0.045 * (biology.age - 40) + 0.9 * for_pose.standard_normal(), -1.0, 3.5))
    pose = draw_pose(head, axes, for_pose, ventricle_mm)
    site = draw_site(head, biology, for_site)
    csf_mm = csf_thickness(biology, for_anatomy)
    progress(0.25, "Growing the tumour")
    tumour = grow_tumour(head, pose, site, biology, csf_mm, for_tumour)
    progress(0.4, "Assembling the tissues")
    anatomy = build_anatomy(head, pose, biology, tumour, csf_mm, for_anatomy)
    scanner = scanner.with_grid(grid, settings.pixel)
    images = acquire(
        anatomy,
        axes,
        scanner,
        for_scanner,
        motion=settings.motion,
        sequences=settings.sequences,
        white_level=settings.white_level,
        mask_air=settings.mask_air,
        progress=part(progress, 0.6, 0.95),
    )
    progress(0.95, "Writing the truth")
    masks = _masks(anatomy, axes)
    clinical = read_signs(biology, for_signs)
    case = SimulatedCase(
        case_name(seed, settings.scanner),
        seed,
        images,
        masks,
        clinical,
        biology,
        scanner,
        site.name,
        _truth(seed, biology, scanner, site.name, masks),
    )
    if out_dir is not None:
        from .write import write_case

        write_case(case, out_dir)
    progress(1.0, "Done")
    return case


def _masks(anatomy: Anatomy, axes: Sequence[np.ndarray]) -> dict[str, sitk.Image]:
    t = anatomy.tumour
    box_maps = {
        "tumour": t.share >= 0.5,
        "necrosis": (t.necrosis >= 0.5) & (t.share >= 0.5),
        "dural_tail": t.tail >= 0.5,
    }
    box_maps["dural_tail"] &= ~box_maps["tumour"]
    out = {}
    for name, values in box_maps.items():
        mask = np.zeros(anatomy.shape, dtype=np.uint8)
        mask[t.box] = values
        out[name] = grid_image(mask, axes)
    # Oedema of the tumour, not the spots of small vessel disease elsewhere.
    near = np.zeros(anatomy.shape, dtype=bool)
    near[t.box] = t.oedema > 0.5
    oedema = np.zeros(anatomy.shape, dtype=np.uint8)
    oedema.ravel()[anatomy.oedema] = 1
    oedema[~near] = 0
    oedema[t.box][box_maps["tumour"]] = 0
    out["oedema"] = grid_image(oedema, axes)
    return out


def _truth(
    seed: int, biology: Biology, scanner: Scanner, site: str, masks: Mapping[str, sitk.Image]
) -> dict[str, Any]:
    volumes = {}
    for name, mask in masks.items():
        volumes[name] = float(sitk.GetArrayViewFromImage(mask).sum() * np.prod(mask.GetSpacing()) / 1000)
    return {
        "simulated": True,
        "note": "Simulated; not a patient. Research use only - not for diagnosis or treatment.",
        "seed": seed,
        "ki67_percent": round(biology.ki67_observed, 2),
        "ki67_percent_whole_tumour": round(biology.ki67_percent, 3),
        "ki67_high": biology.ki67_high,
        "pr_percent": round(biology.pr_observed, 2),
        "pr_percent_whole_tumour": round(biology.pr_percent, 3),
        "pr_positive": biology.pr_positive,
        "who_grade": biology.who_grade,
        "location": biology.location,
        "site": site,
        "side": "left" if biology.side > 0 else "right",
        "scanner": scanner.name,
        "tesla": scanner.tesla,
        "contrast_t1": scanner.protocols["t1c"].kind,
        "volumes_ml": {name: round(v, 3) for name, v in volumes.items()},
        "latent": {
            "proliferation": round(biology.proliferation, 6),
            "receptor": round(biology.receptor, 6),
            "properties": {k: round(v, 6) for k, v in biology.properties.items()},
        },
    }

"""Simulate one breast case, at one or two time points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...case.diffusion import DiffusionSeries
from ...case.dynamic import DynamicSeries, Phase
from ...case.model import Case
from ...case.model import Sequence as CaseSequence
from ...case.phase_times import early_phase
from ...progress import Progress, part, silent
from ..imaging import grid_image
from .acquisition import Scene, acquire_breast
from .biology import PREVALENCE, BreastBiology, breast_signs, draw_breast_biology
from .body import Body, build_body
from .frame import draw_frame, scan_axes
from .lesion import Lesion, grow_lesion, lesion_centre
from .scanner import SEQUENCES, BreastScanner, draw_breast_scanner
from .tissues import TISSUES

TIME_POINTS = ("earlier", "later")
EARLY_S = 120.0


@dataclass(frozen=True)
class BreastSettings:
    """How breast cases are simulated.

    Attributes
    ----------
    time_points : 1, or 2 for another examination after the first cycle of neoadjuvant therapy.
    scanner : "A", or "B" for one that the bundled models do not know, see
        :func:`virtualbiopsy.simulate.breast.scanner.draw_breast_scanner`.
    prevalence : shares of HER2-zero, -low and -positive, see :func:`draw_breast_biology`.
    sequences : which are made of "dce", "t2", "dwi" (with adc); leaving some out changes nothing else.
    overlap : scale of the noise between biology and picture.
    motion : scale of breathing and motion, 0 for none.
    grid : spacing (dk, dj, di) in mm of the dynamic series; None to draw it.
    pixel : pixel size in mm of the T2 image; None to draw it.
    gland_level : about the value of gland in the images of arbitrary unit.
    mask_air : set the air around the body to 0, as some scanners do; makes files much smaller.
    noise : scale of the noise of all images.
    input_spread : scale of how far the patient's arterial input is from the population's.
    """

    time_points: int = 1
    scanner: str = "A"
    prevalence: tuple[float, float, float] = PREVALENCE
    sequences: tuple[str, ...] = SEQUENCES
    overlap: float = 1.0
    motion: float = 1.0
    grid: tuple[float, float, float] | None = None
    pixel: float | None = None
    gland_level: float = 250.0
    mask_air: bool = False
    noise: float = 1.0
    input_spread: float = 1.0


#: For cohorts: a coarse grid and nothing outside the body, which takes a third of the time.
COHORT = BreastSettings(grid=(2.5, 1.3, 1.3), mask_air=True)


@dataclass(frozen=True, eq=False)
class Examination:
    """One time point of a simulated case.

    Attributes
    ----------
    time_point : "earlier" or "later".
    phases : int16 images of the dynamic series in order; () if it was left out.
    images : int16 images by role: "t2", "dwi" (weighted), "adc" (10⁻⁶ mm²/s), and "dwi_b0".
    masks : uint8 masks on the grid of the dynamic series: tumour, breast (both), oedema, necrosis, gland.
    maps : float32 truth on the same grid, 0 outside the cancer: ktrans (1/min), ve, vp, t1 (ms),
        adc (10⁻⁶ mm²/s) of its solid part.
    scanner : field strength, protocols, times.
    """

    time_point: str
    phases: tuple[sitk.Image, ...]
    images: Mapping[str, sitk.Image]
    masks: Mapping[str, sitk.Image]
    maps: Mapping[str, sitk.Image]
    scanner: BreastScanner

    def series(self) -> DynamicSeries | None:
        """The dynamic series with its times; None if it was left out."""
        if not self.phases:
            return None
        before = self.scanner.precontrast
        phases = tuple(
            Phase(f"phase {n + 1}", image, float(start), "simulated", n < before)
            for n, (image, start) in enumerate(zip(self.phases, self.scanner.starts_s, strict=True))
        )
        return DynamicSeries(
            "dce",
            phases,
            "Known, because the series is simulated.",
            self.scanner.duration_s,
            self.scanner.injection_s,
            "Known, because the series is simulated.",
            self.scanner.header("dce"),
        )

    def diffusion(self) -> DiffusionSeries | None:
        """The diffusion series (b = 0 and the b-value of the protocol); None if it was left out."""
        if "dwi" not in self.images:
            return None
        header = self.scanner.header("dwi")
        return DiffusionSeries(
            "dwi",
            (0.0, float(self.scanner.protocols["dwi"].timing["b"])),
            (self.images["dwi_b0"], self.images["dwi"]),
            (1, 3),
            "Known, because the series is simulated.",
            header,
        )


@dataclass(frozen=True, eq=False)
class SimulatedBreastCase:
    """One simulated case. Simulated; not a patient.

    Attributes
    ----------
    name : "breast-<seed>", with "-B" behind it on scanner B.
    earlier : the examination before therapy. later : after the first cycle; None with one time point.
    clinical : values, names of :mod:`virtualbiopsy.case.clinical`.
    biology : the truth. truth : what `truth.json` says.
    """

    name: str
    seed: int
    earlier: Examination
    later: Examination | None
    clinical: Mapping[str, Any]
    biology: BreastBiology
    truth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def examinations(self) -> tuple[Examination, ...]:
        return (self.earlier,) if self.later is None else (self.earlier, self.later)

    def as_case(self, time_point: str = "earlier") -> Case:
        """Return what a reader sees at a time point, with regions "tumour" and "breast".

        Raises
        ------
        ValueError : the case has no such time point.
        """
        found = {e.time_point: e for e in self.examinations}.get(time_point)
        if found is None:
            raise ValueError(f"{self.name} has no time point {time_point!r}")
        series = found.series()
        sequences = []
        if series is not None:
            early = series.phases[early_phase(series, EARLY_S)].image
            sequences.append(CaseSequence("dce", "dce", early, reason="simulated", protocol=series.protocol))
        for role in ("t2", "dwi", "adc"):
            if role in found.images:
                sequences.append(
                    CaseSequence(
                        role,
                        role,
                        found.images[role],
                        reason="simulated",
                        unit="10⁻⁶ mm²/s" if role == "adc" else None,
                        protocol=found.scanner.header("dwi" if role == "adc" else role),
                    )
                )
        return Case(
            self.name if self.later is None else f"{self.name}-{time_point}",
            tuple(sequences),
            {"tumour": found.masks["tumour"], "breast": found.masks["breast"]},
            dict(self.clinical),
            ("Simulated; not a patient.",),
            dynamic=series,
            diffusion=found.diffusion(),
        )


def case_name(seed: int, scanner: str = "A") -> str:
    """ "breast-<seed>", with "-B" behind it on scanner B."""
    return f"breast-{seed}" + ("" if scanner == "A" else f"-{scanner}")


def simulate_breast(
    seed: int,
    out_dir: Path | str | None = None,
    biology: BreastBiology | None = None,
    settings: BreastSettings | None = None,
    *,
    progress: Progress = silent,
) -> SimulatedBreastCase:
    """Simulate one case; the same seed and settings give the same voxels.

    Parameters
    ----------
    seed : non-negative; anatomy, cancer, scanner and noise follow from it, and the biology if none is given.
    out_dir : folder to write the case to, see :func:`virtualbiopsy.simulate.breast.write.write_breast`.
    biology : the cancer's biology; drawn from the seed if None.

    Raises
    ------
    ValueError : the number of time points is not 1 or 2, or there is no such scanner.
    """
    settings = settings or BreastSettings()
    if settings.time_points not in (1, 2):
        raise ValueError(f"a case has 1 or 2 time points, not {settings.time_points}")
    streams = np.random.default_rng(seed).spawn(7)
    for_biology, for_frame, for_body, for_site, for_scanner, for_earlier, for_later = streams
    lesion_seed = int(np.random.SeedSequence([seed, 7]).generate_state(1)[0])
    progress(0.0, "Shaping the chest")
    drawn = draw_breast_biology(for_biology, overlap=settings.overlap, prevalence=settings.prevalence)
    biology = drawn if biology is None else biology
    scanner = draw_breast_scanner(for_scanner, settings.scanner)
    scanner = scanner.with_grid(settings.grid or scanner.grid, None)
    if settings.pixel is not None:
        scanner = scanner.with_pixel("t2", settings.pixel)
    scanner = scanner.with_noise(settings.noise)
    axes = scan_axes(scanner.grid)
    frame = draw_frame(for_frame)
    body = build_body(frame, biology, axes, for_body)
    centre = lesion_centre(frame, biology, body, axes, for_site)
    examinations = []
    for number, stream in zip(range(settings.time_points), (for_earlier, for_later), strict=False):
        treated = number == 1
        low, high = 0.3 + 0.33 * number, 0.3 + 0.33 * (number + 1)
        progress(low, "Growing the cancer")
        lesion = grow_lesion(
            biology,
            body,
            centre,
            axes,
            np.random.default_rng(lesion_seed),
            treated=treated,
        )
        scene = Scene(
            body,
            lesion,
            axes,
            scanner,
            settings.motion,
            settings.gland_level,
            settings.mask_air,
            settings.input_spread,
        )
        phases, images = acquire_breast(
            scene,
            stream,
            sequences=settings.sequences,
            progress=part(progress, low, high),
        )
        masks, maps = _truth_images(body, lesion, axes, scanner.tesla)
        examinations.append(Examination(TIME_POINTS[number], phases, images, masks, maps, scanner))
    case = SimulatedBreastCase(
        case_name(seed, settings.scanner),
        seed,
        examinations[0],
        examinations[1] if len(examinations) > 1 else None,
        breast_signs(biology),
        biology,
        _truth(seed, biology, scanner, examinations),
    )
    if out_dir is not None:
        from .write import write_breast

        write_breast(case, out_dir)
    progress(1.0, "Done")
    return case


def _truth_images(
    body: Body, lesion: Lesion, axes: Sequence[np.ndarray], tesla: float
) -> tuple[dict[str, sitk.Image], dict[str, sitk.Image]]:
    inside = lesion.share >= 0.5
    parts = {
        "tumour": inside,
        "necrosis": inside & (lesion.necrosis >= 0.5 * lesion.share),
        "oedema": (lesion.oedema >= 0.35) & ~inside,
    }
    masks = {}
    for name, values in parts.items():
        mask = np.zeros(body.shape, dtype=np.uint8)
        mask[lesion.box] = values
        masks[name] = grid_image(mask, axes)
    breast = body.breast.astype(np.uint8)
    breast[lesion.box] |= inside.astype(np.uint8)
    masks["breast"] = grid_image(breast, axes)
    masks["gland"] = grid_image((body.gland >= 0.5).astype(np.uint8), axes)
    maps = {}
    t1 = np.float32(TISSUES["tumour"].t1[int(tesla == 3.0)])
    for name, unit in (("ktrans", 1), ("ve", 1), ("vp", 1), ("t1", t1), ("adc", 1)):
        values = np.zeros(body.shape, dtype=np.float32)
        values[lesion.box] = np.where(inside, getattr(lesion, name) * np.float32(unit), 0)
        maps[name] = grid_image(values, axes)
    return masks, maps


def _truth(
    seed: int,
    biology: BreastBiology,
    scanner: BreastScanner,
    examinations: Sequence[Examination],
) -> dict[str, Any]:
    volumes = {
        e.time_point: {
            name: round(
                float(sitk.GetArrayViewFromImage(mask).sum(dtype=float) * np.prod(mask.GetSpacing()) / 1000),
                3,
            )
            for name, mask in e.masks.items()
        }
        for e in examinations
    }
    return {
        "simulated": True,
        "note": "Simulated; not a patient. Research use only - not for diagnosis or treatment.",
        "seed": seed,
        "her2_class": biology.her2_class,
        "her2_positive": biology.her2_positive,
        "pcr": biology.pcr,
        "er_positive": biology.er_positive,
        "pr_positive": biology.pr_positive,
        "histological_grade": biology.histological_grade,
        "side": "left" if biology.side > 0 else "right",
        "scanner": scanner.name,
        "tesla": scanner.tesla,
        "volumes_ml": volumes,
        "latent": {
            name: round(float(getattr(biology, name)), 6)
            for name in (
                "her2",
                "proliferation",
                "hormone",
                "response",
                "density",
                "background",
            )
        }
        | {
            "properties": {k: round(v, 6) for k, v in biology.properties.items()},
            "changes": {k: round(v, 6) for k, v in biology.changes.items()},
        },
    }

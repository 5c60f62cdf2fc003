"""Examinations: field strength and protocols, of two simulated scanners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from .signal import null_ti

SEQUENCES = ("t1", "t1c", "t2", "flair", "adc")
SCANNERS = ("A", "B")

# DICOM keywords of the timing (ms, degrees, s/mm²).
_KEYWORDS = {
    "tr": "RepetitionTime",
    "te": "EchoTime",
    "ti": "InversionTime",
    "flip": "FlipAngle",
    "b": "DiffusionBValue",
}


@dataclass(frozen=True)
class Protocol:
    """One sequence.

    Attributes
    ----------
    kind : "spin_echo", "flair", "spoiled", "mprage" or "diffusion".
    timing : keyword arguments of the signal equation (ms, degrees); for diffusion `te` and `b` in s/mm².
    in_plane : pixel size in mm; None for the scanner grid itself (3D).
    slice_mm, gap_mm : thickness and gap of the slices.
    snr : signal of white matter over the noise of one channel.
    contrast : whether contrast agent is present.
    kernel_mm : full width at half maximum of the reconstruction's smoothing in the slice; 0 for none.
    fat : share of the fat signal that the fat suppression leaves; 1 without.
    """

    kind: str
    timing: Mapping[str, float]
    in_plane: float | None
    slice_mm: float
    gap_mm: float
    snr: float
    contrast: bool = False
    kernel_mm: float = 0.0
    fat: float = 1.0


@dataclass(frozen=True)
class Scanner:
    """One examination.

    Attributes
    ----------
    tesla : field strength.
    grid : spacing (dk, dj, di) in mm of the contrast-enhanced T1 image.
    protocols : by role.
    name : one of :data:`SCANNERS`.
    level : factor of the arbitrary intensity units.
    """

    tesla: float
    grid: tuple[float, float, float]
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    name: str = "A"
    level: float = 1.0

    def header(self, role: str) -> dict[str, str]:
        """Acquisition parameters of one sequence by DICOM keyword, as a reader finds them in its header."""
        protocol = self.protocols[role]
        found = {"MagneticFieldStrength": f"{self.tesla:g}", "SliceThickness": f"{protocol.slice_mm:g}"}
        for name, keyword in _KEYWORDS.items():
            if name in protocol.timing:
                found[keyword] = f"{protocol.timing[name]:g}"
        return found

    def with_grid(self, grid: tuple[float, float, float], pixel: float | None) -> Scanner:
        """Return the same examination on another grid, and with another pixel size of the thick slices."""
        protocols = dict(self.protocols)
        for name, protocol in protocols.items():
            if protocol.in_plane is None:
                protocols[name] = replace(protocol, slice_mm=grid[0])
            elif pixel is not None and protocol.kind != "diffusion":
                protocols[name] = replace(protocol, in_plane=pixel)
        return replace(self, grid=grid, protocols=protocols)

    def with_noise(self, scale: float) -> Scanner:
        """Return the same examination with noise scaled by a factor."""
        changed = {name: replace(p, snr=p.snr / scale) for name, p in self.protocols.items()}
        return replace(self, protocols=changed)

    def with_pixel(self, role: str, pixel: float) -> Scanner:
        """Return the same examination with another pixel size of one thick-slice sequence."""
        changed = replace(self.protocols[role], in_plane=pixel)
        return replace(self, protocols={**self.protocols, role: changed})


def draw_snr(
    rng: np.random.Generator,
    tesla: float,
    at_three_tesla: float,
    *,
    at_less: float = 0.72,
    spread: tuple[float, float] = (0.8, 1.25),
) -> float:
    """Draw a signal over noise: that at 3 T, times `at_less` at less, times a factor between `spread`."""
    return float(at_three_tesla * (1.0 if tesla == 3.0 else at_less) * rng.uniform(*spread))


def check_scanner(name: str) -> None:
    """Raise a ValueError unless there is a scanner of this name."""
    if name not in SCANNERS:
        raise ValueError(f"there is no simulated scanner {name!r}, only {', '.join(SCANNERS)}")


def draw_scanner(rng: np.random.Generator, name: str = "A") -> Scanner:
    """Draw an examination on a scanner, "A" (the one of the training cohorts) or "B".

    Raises
    ------
    ValueError : there is no such scanner.
    """
    check_scanner(name)
    return _draw_a(rng) if name == "A" else _draw_b(rng)


def _draw_a(rng: np.random.Generator) -> Scanner:
    """A usual examination: 1.5 T or 3 T, MPRAGE or spoiled gradient echo, thick slices else."""
    tesla = 3.0 if rng.random() < 0.6 else 1.5
    strong = tesla == 3.0
    grid = ((1.0, 1.0, 1.0), (1.0, 0.94, 0.94), (1.2, 0.98, 0.98))[int(rng.integers(3))]

    snr = partial(draw_snr, rng, tesla)
    if rng.random() < 0.65:
        timing = {
            "tr": 2000.0 if strong else 1900.0,
            "ti": 950.0 if strong else 880.0,
            "te": 2.6,
            "flip": 9.0,
            "spacing": 6.6,
            "echoes": 176,
        }
        t1c = Protocol("mprage", timing, None, grid[0], 0.0, snr(27), True)
    else:
        timing = {"tr": float(rng.uniform(8.0, 11.0)), "te": 3.2, "flip": float(rng.uniform(15, 20))}
        t1c = Protocol("spoiled", timing, None, grid[0], 0.0, snr(27), True)
    thick = float(rng.choice((4.0, 5.0, 5.0)))
    gap = float(rng.choice((0.0, 0.5, 1.0)))
    pixel = float(rng.choice((0.72, 0.8, 0.86)))
    t1 = {"tr": float(rng.uniform(480, 620)), "te": 11.0}
    t2 = {"tr": float(rng.uniform(4200, 5600)), "te": float(rng.uniform(92, 106))}
    # The inversion time nulls cerebrospinal fluid.
    tr_flair, fluid = (9000.0, 4100.0) if strong else (8500.0, 3900.0)
    flair = {"tr": tr_flair, "te": float(rng.uniform(95, 125)), "ti": float(null_ti(fluid, tr_flair))}
    diffusion_pixel = float(rng.choice((1.5, 1.72, 1.9)))
    return Scanner(
        tesla,
        grid,
        {
            "t1": Protocol("spin_echo", t1, pixel, thick, gap, snr(48)),
            "t1c": t1c,
            "t2": Protocol("spin_echo", t2, pixel, thick, gap, snr(36)),
            "flair": Protocol("flair", flair, pixel, thick, gap, snr(30)),
            "adc": Protocol("diffusion", {"b": 1000.0, "te": 85.0}, diffusion_pixel, 5.0, gap, snr(38)),
        },
    )


def _draw_b(rng: np.random.Generator) -> Scanner:
    """Another house: mostly 1.5 T, a fast and little T1-weighted spoiled gradient echo with smoothing, heavy
    T2 weighting, thick slices, lower b value and more noise, intensities on another scale."""
    tesla = 1.5 if rng.random() < 0.8 else 3.0
    strong = tesla == 3.0
    grid = ((1.8, 0.86, 0.86), (2.0, 0.9, 0.9), (2.4, 0.94, 0.94))[int(rng.integers(3))]

    snr = partial(draw_snr, rng, tesla)
    t1c = {
        "tr": float(rng.uniform(6.0, 7.5)),
        "te": float(rng.uniform(2.2, 3.0)),
        "flip": float(rng.uniform(10, 13)),
    }
    thick, gap = float(rng.choice((6.0, 6.5, 7.0))), float(rng.choice((0.6, 1.2, 1.5)))
    pixel = float(rng.choice((0.6, 0.65, 0.94)))
    t1 = {"tr": float(rng.uniform(380, 450)), "te": 14.0}
    t2 = {"tr": float(rng.uniform(3000, 3600)), "te": float(rng.uniform(118, 135))}
    tr_flair, fluid = (8000.0, 4100.0) if strong else (7500.0, 3900.0)
    flair = {"tr": tr_flair, "te": float(rng.uniform(135, 150)), "ti": float(null_ti(fluid, tr_flair))}
    diffusion = {"b": 800.0, "te": float(rng.uniform(98, 110))}
    kernel = float(rng.uniform(1.4, 1.9))
    return Scanner(
        tesla,
        grid,
        {
            "t1": Protocol("spin_echo", t1, pixel, thick, gap, snr(30), kernel_mm=kernel),
            "t1c": Protocol("spoiled", t1c, None, grid[0], 0.0, snr(15), True, kernel),
            "t2": Protocol("spin_echo", t2, pixel, thick, gap, snr(22), kernel_mm=kernel),
            "flair": Protocol("flair", flair, pixel, thick, gap, snr(18), kernel_mm=kernel),
            "adc": Protocol("diffusion", diffusion, 2.4, 6.0, gap, snr(20)),
        },
        "B",
        float(rng.uniform(0.3, 0.5)),
    )

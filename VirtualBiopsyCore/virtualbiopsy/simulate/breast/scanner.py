"""Breast examinations on two simulated scanners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..scanner import Protocol, Scanner, check_scanner, draw_snr

SEQUENCES = ("dce", "t2", "dwi")


@dataclass(frozen=True)
class BreastScanner(Scanner):
    """One breast examination.

    Attributes
    ----------
    starts_s : when each phase of the dynamic series began, seconds after the first began.
    duration_s : acquisition time of one phase.
    precontrast : how many phases come before the contrast agent.
    injection_s : when the contrast agent arrives in the aorta as the protocol has it, seconds after the first
        phase began.
    relaxivity : of the contrast agent, 1/(mmol/l)/s.
    """

    starts_s: tuple[float, ...] = ()
    duration_s: float = 0.0
    precontrast: int = 1
    injection_s: float = 0.0
    relaxivity: float = 4.5

    @property
    def effective_s(self) -> np.ndarray:
        """Centre of each phase in seconds after the injection."""
        return np.array(self.starts_s) + self.duration_s / 2 - self.injection_s


def draw_breast_scanner(rng: np.random.Generator, name: str = "A") -> BreastScanner:
    """Draw an examination on a scanner, "A" (the one of the training cohorts) or "B".

    Raises
    ------
    ValueError : there is no such scanner.
    """
    check_scanner(name)
    return _draw_a(rng) if name == "A" else _draw_b(rng)


def _timing(duration: float, fast: int, late: tuple[float, ...]) -> dict:
    """One phase before the agent, `fast` ones after it without a gap (past two minutes), then late ones."""
    first = duration + 12.0
    starts = [0.0, *(first + duration * n for n in range(fast)), *(first + s for s in late)]
    return {"starts_s": tuple(starts), "duration_s": duration, "precontrast": 1, "injection_s": first}


def _draw_a(rng: np.random.Generator) -> BreastScanner:
    """Mostly 3 T, fat suppression, a phase every 14.5 s for more than two minutes, then two late ones."""
    tesla = 3.0 if rng.random() < 0.7 else 1.5
    grid = ((2.0, 1.1, 1.1), (2.4, 1.2, 1.2), (2.4, 1.1, 1.1))[int(rng.integers(3))]

    snr = partial(draw_snr, rng, tesla, at_less=0.75, spread=(0.85, 1.2))
    dce = {
        "tr": float(rng.uniform(4.2, 5.2)),
        "te": float(rng.uniform(1.5, 2.1)),
        "flip": float(rng.uniform(11, 13)),
    }
    t2 = {"tr": float(rng.uniform(4200, 5600)), "te": float(rng.uniform(72, 88))}
    pixel = float(rng.choice((0.85, 0.9, 1.0)))
    diffusion_pixel = float(rng.choice((1.6, 1.8, 2.0)))
    return BreastScanner(
        tesla,
        grid,
        {
            "dce": Protocol("spoiled", dce, None, grid[0], 0.0, snr(32), True, fat=0.17),
            "t2": Protocol("spin_echo", t2, pixel, 3.5, 0.0, snr(30), fat=0.16),
            "dwi": Protocol(
                "diffusion", {"b": 800.0, "te": 62.0}, diffusion_pixel, 4.0, 0.0, snr(42), fat=0.5
            ),
        },
        **_timing(14.5, 9, (210.0, 345.0)),
    )


def _draw_b(rng: np.random.Generator) -> BreastScanner:
    """Another house: mostly 1.5 T, little fat suppression, a phase every 18 s, larger flip angle, thicker
    slices, more noise with smoothing, T2 without fat suppression, another intensity scale."""
    tesla = 1.5 if rng.random() < 0.85 else 3.0
    grid = ((3.0, 1.3, 1.3), (3.2, 1.25, 1.25))[int(rng.integers(2))]

    snr = partial(draw_snr, rng, tesla, at_less=0.75, spread=(0.85, 1.2))
    dce = {
        "tr": float(rng.uniform(5.8, 7.0)),
        "te": float(rng.uniform(2.6, 3.2)),
        "flip": float(rng.uniform(15, 18)),
    }
    t2 = {"tr": float(rng.uniform(3000, 3800)), "te": float(rng.uniform(98, 115))}
    kernel = float(rng.uniform(1.3, 1.8))
    return BreastScanner(
        tesla,
        grid,
        {
            "dce": Protocol("spoiled", dce, None, grid[0], 0.0, snr(18), True, kernel, fat=0.40),
            "t2": Protocol("spin_echo", t2, 1.1, 4.5, 0.5, snr(20), kernel_mm=kernel),
            "dwi": Protocol("diffusion", {"b": 800.0, "te": 84.0}, 2.3, 5.0, 0.5, snr(26), fat=0.7),
        },
        "B",
        float(rng.uniform(0.3, 0.5)),
        relaxivity=4.1,
        **_timing(18.0, 8, (215.0, 300.0)),
    )

"""Examinations: field strength and protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .signal import null_ti

SEQUENCES = ("t1", "t1c", "t2", "flair", "adc")


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
    """

    kind: str
    timing: Mapping[str, float]
    in_plane: float | None
    slice_mm: float
    gap_mm: float
    snr: float
    contrast: bool = False


@dataclass(frozen=True)
class Scanner:
    """Field strength, grid of the contrast-enhanced T1 image (dk, dj, di in mm), and protocols by role."""

    tesla: float
    grid: tuple[float, float, float]
    protocols: Mapping[str, Protocol] = field(default_factory=dict)

    def with_grid(self, grid: tuple[float, float, float], pixel: float | None) -> Scanner:
        """Return the same examination on another grid, and with another pixel size of the thick slices."""
        protocols = dict(self.protocols)
        for name, protocol in protocols.items():
            if protocol.in_plane is None:
                protocols[name] = replace(protocol, slice_mm=grid[0])
            elif pixel is not None and protocol.kind != "diffusion":
                protocols[name] = replace(protocol, in_plane=pixel)
        return replace(self, grid=grid, protocols=protocols)


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw a usual examination: 1.5 T or 3 T, MPRAGE or spoiled gradient echo, thick slices else."""
    tesla = 3.0 if rng.random() < 0.6 else 1.5
    strong = tesla == 3.0
    grid = ((1.0, 1.0, 1.0), (1.0, 0.94, 0.94), (1.2, 0.98, 0.98))[int(rng.integers(3))]

    def snr(at_three_tesla: float) -> float:
        return float(at_three_tesla * (1.0 if strong else 0.72) * rng.uniform(0.8, 1.25))

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

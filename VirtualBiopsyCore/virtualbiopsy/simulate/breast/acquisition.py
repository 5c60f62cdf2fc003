"""What a scanner makes of a chest with a cancer: the dynamic series, T2, diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ...progress import Progress, silent
from .. import signal
from ..imaging import (
    acquire_slices,
    finish,
    grid_image,
    patient_motion,
    receive_field,
    slice_grid,
    smoothed,
)
from ..scanner import Protocol
from .body import Body
from .lesion import Lesion
from .paint import NAMES, Painter, diffusion_signals, dynamic_signals, t2_signals
from .scanner import SEQUENCES, BreastScanner
from .uptake import draw_uptake

_GLAND = NAMES.index("gland")


@dataclass(frozen=True, eq=False)
class Scene:
    """What is imaged, and how.

    Attributes
    ----------
    body, lesion : on the grid of `axes`, voxel positions (z, y, x), mm.
    motion : scale of breathing between phases (sd 0.2 mm, front to back) and of the patient's motion between
        sequences (sd 0.4 mm, 0.2 degrees); 0 for none.
    gland_level : about the value of gland before contrast agent in the images of arbitrary unit.
    mask_air : set the air around the body to 0.
    input_spread : scale of how far the patient's arterial input is from the population's.
    """

    body: Body
    lesion: Lesion
    axes: Sequence[np.ndarray]
    scanner: BreastScanner
    motion: float = 1.0
    gland_level: float = 250.0
    mask_air: bool = False
    input_spread: float = 1.0

    def painter(self, protocol: Protocol, rng: np.random.Generator) -> Painter:
        return Painter(self.body, self.lesion, self.axes, rng, protocol.fat < 1)

    def inside(self) -> np.ndarray:
        """Where the body is, bool (k, j, i)."""
        mask = np.zeros(int(np.prod(self.body.shape)), dtype=bool)
        mask[self.body.voxels] = True
        return mask.reshape(self.body.shape)

    def level(self, gland: float, rng: np.random.Generator) -> float:
        """Factor from signal to values; `gland` is the signal of gland."""
        return self.gland_level * self.scanner.level / gland * float(rng.uniform(0.85, 1.2))

    def slices(
        self, protocol: Protocol, rng: np.random.Generator
    ) -> tuple[sitk.Image, sitk.Transform, np.ndarray | None]:
        """Grid of a thick-slice sequence, the motion before it, and the body on it if the air is masked."""
        centre = [(a[0] + a[-1]) / 2 for a in self.axes[::-1]]
        extent = [a[-1] - a[0] for a in self.axes[::-1]]
        reference = slice_grid(protocol, centre, (extent[0], extent[1], extent[2] + protocol.slice_mm))
        moved = patient_motion(centre, 0.2 * self.motion, 0.4 * self.motion, rng)
        if not self.mask_air:
            return reference, moved, None
        share = acquire_slices(self.inside().astype(np.float32), protocol, self.axes, reference, moved)
        return reference, moved, share > 0.5


def acquire_breast(
    scene: Scene,
    rng: np.random.Generator,
    *,
    sequences: Sequence[str] = SEQUENCES,
    progress: Progress = silent,
) -> tuple[tuple[sitk.Image, ...], dict[str, sitk.Image]]:
    """Return the phases of the dynamic series, and the other images by role.

    The others are "t2", "dwi_b0", "dwi" (the b-value of the protocol) and "adc" (10⁻⁶ mm²/s); all int16.
    """
    # One stream for each sequence: leaving one out does not change the others.
    for_dce, for_t2, for_dwi = rng.spawn(3)
    phases: tuple[sitk.Image, ...] = ()
    images: dict[str, sitk.Image] = {}
    if "dce" in sequences:
        phases = _dynamic(scene, for_dce, progress)
    progress(0.75, "Acquiring t2 and diffusion")
    if "t2" in sequences:
        images["t2"] = _t2(scene, for_t2)
    if "dwi" in sequences:
        images |= _diffusion(scene, for_dwi)
    return phases, images


def _dynamic(scene: Scene, rng: np.random.Generator, progress: Progress) -> tuple[sitk.Image, ...]:
    axes, protocol = scene.axes, scene.scanner.protocols["dce"]
    uptake = draw_uptake(scene.scanner.effective_s, rng, scene.input_spread)
    tissues, own = dynamic_signals(scene.lesion, scene.scanner, uptake)
    gland = float(tissues[_GLAND, 0])
    level = scene.level(gland, rng)
    field = receive_field(axes, scene.scanner.tesla, rng)
    paint = scene.painter(protocol, rng)
    inside = scene.inside() if scene.mask_air else None
    pixel = float(axes[1][1] - axes[1][0])
    sigma = gland / protocol.snr
    shift = 0.0
    phases = []
    count = tissues.shape[1]
    for number in range(count):
        progress(0.7 * number / count, f"Acquiring phase {number + 1} of {count}")
        volume = paint(tissues[:, number], own[number])
        volume *= field
        if scene.motion > 0 and number > 0:
            shift = 0.6 * shift + 0.16 * scene.motion * rng.standard_normal()
            part = np.float32(min(abs(shift) / pixel, 1.0))
            volume = (1 - part) * volume + part * np.roll(volume, 1 if shift > 0 else -1, axis=1)
        if inside is None:
            volume = signal.rician(volume, sigma, rng)
        else:
            volume[inside] = signal.rician(volume[inside], sigma, rng)
        noisy = smoothed(volume, protocol, (axes[1], axes[2]))
        if inside is not None:
            noisy[~inside] = 0
        phases.append(finish(noisy * level, grid_image(volume, axes)))
    return tuple(phases)


def _t2(scene: Scene, rng: np.random.Generator) -> sitk.Image:
    protocol = scene.scanner.protocols["t2"]
    tissues, own = t2_signals(scene.lesion, scene.scanner)
    gland = float(tissues[_GLAND])
    volume = scene.painter(protocol, rng)(tissues, own)
    volume *= receive_field(scene.axes, scene.scanner.tesla, rng)
    level = scene.level(gland, rng)
    reference, moved, inside = scene.slices(protocol, rng)
    thick = acquire_slices(volume, protocol, scene.axes, reference, moved)
    noisy = smoothed(signal.rician(thick, gland / protocol.snr, rng), protocol)
    return finish(_masked(noisy, inside) * level, reference)


def _diffusion(scene: Scene, rng: np.random.Generator) -> dict[str, sitk.Image]:
    protocol = scene.scanner.protocols["dwi"]
    b = protocol.timing["b"]
    paint = scene.painter(protocol, rng)
    field = receive_field(scene.axes, scene.scanner.tesla, rng)
    signals = [diffusion_signals(scene.lesion, scene.scanner, weight) for weight in (0.0, b)]
    gland = float(signals[0][0][_GLAND])
    sigma = gland / protocol.snr
    level = scene.level(gland, rng)
    reference, moved, inside = scene.slices(protocol, rng)
    thick = [acquire_slices(paint(*one) * field, protocol, scene.axes, reference, moved) for one in signals]
    plain = signal.rician(thick[0], sigma, rng)
    # The three directions of the trace are averaged: less noise in the weighted image.
    weighted = sum(signal.rician(thick[1], sigma, rng) for _ in range(3)) / 3
    seen = ndimage.gaussian_filter(plain, (0, 1, 1)) > 0.10 * gland
    seen = ndimage.binary_opening(seen, np.ones((1, 3, 3)))
    measured = np.where(seen, np.clip(signal.adc_from(plain, weighted, b), 0, 4000), 0)
    return {
        "dwi_b0": finish(_masked(plain, inside) * level, reference),
        "dwi": finish(_masked(weighted, inside) * level, reference),
        "adc": finish(measured, reference),
    }


def _masked(values: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
    return values if inside is None else values * inside

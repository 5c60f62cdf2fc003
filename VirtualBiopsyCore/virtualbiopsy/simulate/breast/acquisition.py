"""What a scanner makes of a chest with a cancer: the dynamic series, T2, diffusion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ...prepare.kinetics.signal import signal_from_concentration
from ...progress import Progress, silent
from .. import signal
from ..fields import Lattice
from ..imaging import acquire_slices, finish, grid_image, receive_field, slice_grid, smoothed
from ..scanner import Protocol
from ..tissues import parameters
from .body import Body
from .lesion import Lesion
from .scanner import SEQUENCES, BreastScanner
from .tissues import TISSUES
from .uptake import PatientUptake, draw_uptake

_NAMES = tuple(TISSUES)
_FATTY = ("fat", "marrow")


def dynamic_signals(
    body: Body, lesion: Lesion, scanner: BreastScanner, uptake: PatientUptake
) -> tuple[np.ndarray, np.ndarray]:
    """Return the noise-free signal of each tissue of the body, then of oedema and necrosis (tissues, phases),
    and that of the cancer's own tissue (phases, k, j, i of its box; 0 outside the cancer)."""
    protocol = scanner.protocols["dce"]
    names = (*body.names, "oedema", "necrosis")
    at = [_NAMES.index(name) for name in names]
    p = parameters(scanner.tesla, TISSUES)
    gradient_echo = {
        "tr_ms": protocol.timing["tr"],
        "flip_degrees": protocol.timing["flip"],
        "relaxivity": scanner.relaxivity,
    }
    echo = np.exp(-protocol.timing["te"] / p.t2star) * p.pd
    fat = np.array([protocol.fat if name in _FATTY else 1.0 for name in names])
    tissues = signal_from_concentration(
        uptake.tissues(names), p.t1[at][:, None], s0=(echo[at] * fat)[:, None], **gradient_echo
    )
    own = _NAMES.index("tumour")
    inside = lesion.share > 0
    c = uptake.concentration(
        lesion.ktrans[inside], lesion.ve[inside], lesion.vp[inside], delay_s=lesion.delay_s
    )
    inner = np.zeros((len(c), *inside.shape), dtype=np.float32)
    t1 = p.t1[own] * lesion.t1[inside]
    inner[:, inside] = signal_from_concentration(c, t1, s0=float(echo[own]), **gradient_echo)
    return tissues.astype(np.float32), inner


class _Painter:
    """Puts tissue signals on the grid."""

    def __init__(
        self,
        body: Body,
        lesion: Lesion,
        axes: Sequence[np.ndarray],
        rng: np.random.Generator,
        suppressed: bool,
    ) -> None:
        self.body, self.lesion = body, lesion
        self._shares = body.shares
        if suppressed:
            # Fat suppression is never even: some fat stays brighter.
            lattice = Lattice(axes, (45.0, 60.0, 60.0))
            uneven = np.exp(0.30 * lattice.noise(rng)).ravel()[body.voxels]
            self._shares = body.shares.copy()
            for name in _FATTY:
                if name in body.names:
                    self._shares[body.names.index(name)] *= uneven
        self._grain = 1 + np.float32(0.015) * rng.standard_normal(len(body.voxels), dtype=np.float32)

    def __call__(self, values: np.ndarray, oedema: float, necrosis: float, own: np.ndarray) -> np.ndarray:
        """Return the volume for the signal of each tissue of the body, of oedema and necrosis, and the
        cancer's own on its box."""
        body, lesion = self.body, self.lesion
        volume = np.zeros(int(np.prod(body.shape)), dtype=np.float32)
        volume[body.voxels] = (values.astype(np.float32) @ self._shares) * self._grain
        volume = volume.reshape(body.shape)
        box = volume[lesion.box]
        box *= 1 - lesion.oedema
        box += lesion.oedema * np.float32(oedema)
        box *= 1 - lesion.share
        solid = own * (1 - lesion.necrosis) + np.float32(necrosis) * lesion.necrosis
        box += lesion.share * solid
        return volume


def acquire_breast(
    body: Body,
    lesion: Lesion,
    axes: Sequence[np.ndarray],
    scanner: BreastScanner,
    rng: np.random.Generator,
    *,
    motion: float = 1.0,
    sequences: Sequence[str] = SEQUENCES,
    gland_level: float = 250.0,
    mask_air: bool = False,
    input_spread: float = 1.0,
    progress: Progress = silent,
) -> tuple[tuple[sitk.Image, ...], dict[str, sitk.Image]]:
    """Return the phases of the dynamic series, and the other images by role.

    The others are "t2", "dwi_b0", "dwi" (the b-value of the protocol) and "adc" (10⁻⁶ mm²/s); all int16.

    Parameters
    ----------
    motion : scale of breathing between phases (sd 0.2 mm, front to back) and of the patient's motion between
        sequences (sd 0.4 mm, 0.2 degrees); 0 for none.
    gland_level : about the value of gland before contrast agent.
    mask_air : set the air around the body to 0.
    """
    for_dce, for_t2, for_dwi = rng.spawn(3)
    phases: tuple[sitk.Image, ...] = ()
    images: dict[str, sitk.Image] = {}
    inside = _inside(body) if mask_air else None
    if "dce" in sequences:
        phases = _dynamic(
            body, lesion, axes, scanner, for_dce, motion, gland_level, inside, input_spread, progress
        )
    progress(0.75, "Acquiring t2 and diffusion")
    if "t2" in sequences:
        images["t2"] = _t2(body, lesion, axes, scanner, for_t2, motion, gland_level, inside)
    if "dwi" in sequences:
        images |= _diffusion(body, lesion, axes, scanner, for_dwi, motion, gland_level, inside)
    return phases, images


def _inside(body: Body) -> np.ndarray:
    mask = np.zeros(int(np.prod(body.shape)), dtype=bool)
    mask[body.voxels] = True
    return mask.reshape(body.shape)


def _level(scanner: BreastScanner, gland: float, gland_level: float, rng: np.random.Generator) -> float:
    return gland_level * scanner.level / gland * float(rng.uniform(0.85, 1.2))


def _dynamic(
    body: Body,
    lesion: Lesion,
    axes: Sequence[np.ndarray],
    scanner: BreastScanner,
    rng: np.random.Generator,
    motion: float,
    gland_level: float,
    inside: np.ndarray | None,
    input_spread: float,
    progress: Progress,
) -> tuple[sitk.Image, ...]:
    protocol = scanner.protocols["dce"]
    uptake = draw_uptake(scanner.effective_s, rng, input_spread)
    tissues, own = dynamic_signals(body, lesion, scanner, uptake)
    gland = float(tissues[body.names.index("gland"), 0])
    level = _level(scanner, gland, gland_level, rng)
    field = receive_field(axes, scanner.tesla, rng)
    paint = _Painter(body, lesion, axes, rng, protocol.fat < 1)
    pixel = float(axes[1][1] - axes[1][0])
    shift = 0.0
    phases = []
    count = tissues.shape[1]
    for number in range(count):
        progress(0.7 * number / count, f"Acquiring phase {number + 1} of {count}")
        volume = paint(tissues[:-2, number], tissues[-2, number], tissues[-1, number], own[number])
        volume *= field
        if motion > 0 and number > 0:
            shift = 0.6 * shift + 0.16 * motion * rng.standard_normal()
            part = np.float32(min(abs(shift) / pixel, 1.0))
            volume = (1 - part) * volume + part * np.roll(volume, 1 if shift > 0 else -1, axis=1)
        sigma = gland / protocol.snr
        if inside is None:
            volume = signal.rician(volume, sigma, rng)
        else:
            volume[inside] = signal.rician(volume[inside], sigma, rng)
        noisy = smoothed(volume, protocol, (axes[1], axes[2]))
        if inside is not None:
            noisy[~inside] = 0
        phases.append(finish(noisy * level, grid_image(volume, axes)))
    return tuple(phases)


def _reference(
    protocol: Protocol, axes: Sequence[np.ndarray], rng: np.random.Generator, motion: float
) -> tuple[sitk.Image, sitk.Transform]:
    centre = [(a[0] + a[-1]) / 2 for a in axes[::-1]]
    extent = [a[-1] - a[0] for a in axes[::-1]]
    reference = slice_grid(protocol, centre, (extent[0], extent[1], extent[2] + protocol.slice_mm))
    moved = sitk.Euler3DTransform()
    moved.SetCenter(centre)
    moved.SetRotation(*(float(x) for x in np.deg2rad(rng.normal(0, 0.2 * motion, 3))))
    moved.SetTranslation(rng.normal(0, 0.4 * motion, 3).tolist())
    return reference, moved


def _static(
    body: Body, lesion: Lesion, scanner: BreastScanner, kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Signal and ADC of each tissue and of the cancer without contrast agent, for "t2" or "dwi"."""
    protocol = scanner.protocols[kind]
    p = parameters(scanner.tesla, TISSUES)
    te = protocol.timing["te"]
    fat = np.array([protocol.fat if name in _FATTY else 1.0 for name in _NAMES])
    own = _NAMES.index("tumour")
    if kind == "t2":
        tr = protocol.timing["tr"]
        flow = np.array([0.2 if name in ("blood", "vein", "heart") else 1.0 for name in _NAMES])
        # Fast spin echo keeps fat bright.
        bright = np.array([2.0 if name in _FATTY else 1.0 for name in _NAMES])
        values = signal.spin_echo(p.pd, p.t1, p.t2, tr=tr, te=te) * flow * bright * fat
        inner = signal.spin_echo(p.pd[own], p.t1[own], p.t2[own] * lesion.t2, tr=tr, te=te)
    else:
        values = p.pd * np.exp(-te / p.t2) * p.dwi * fat
        inner = p.pd[own] * np.exp(-te / (p.t2[own] * lesion.t2))
    return values, p.adc, inner.astype(np.float32), lesion.adc, protocol


def _t2(body, lesion, axes, scanner, rng, motion, gland_level, inside) -> sitk.Image:
    values, _, inner, _, protocol = _static(body, lesion, scanner, "t2")
    at = [_NAMES.index(name) for name in body.names]
    paint = _Painter(body, lesion, axes, rng, protocol.fat < 1)
    gland = float(values[_NAMES.index("gland")])
    volume = paint(values[at], values[_NAMES.index("oedema")], values[_NAMES.index("necrosis")], inner)
    volume *= receive_field(axes, scanner.tesla, rng)
    level = _level(scanner, gland, gland_level, rng)
    reference, moved = _reference(protocol, axes, rng, motion)
    thick = acquire_slices(volume, protocol, axes, reference, moved)
    noisy = smoothed(signal.rician(thick, gland / protocol.snr, rng), protocol)
    if inside is not None:
        noisy *= acquire_slices(inside.astype(np.float32), protocol, axes, reference, moved) > 0.5
    return finish(noisy * level, reference)


def _diffusion(body, lesion, axes, scanner, rng, motion, gland_level, inside) -> dict[str, sitk.Image]:
    values, adc, inner, inner_adc, protocol = _static(body, lesion, scanner, "dwi")
    at = [_NAMES.index(name) for name in body.names]
    b = protocol.timing["b"]
    paint = _Painter(body, lesion, axes, rng, True)
    field = receive_field(axes, scanner.tesla, rng)
    gland = float(values[_NAMES.index("gland")])
    sigma = gland / protocol.snr
    level = _level(scanner, gland, gland_level, rng)
    reference, moved = _reference(protocol, axes, rng, motion)
    thick = []
    for weight in (0.0, b):
        table = signal.diffusion(values, adc, weight)
        own = signal.diffusion(inner, inner_adc, weight).astype(np.float32)
        volume = paint(table[at], table[_NAMES.index("oedema")], table[_NAMES.index("necrosis")], own)
        thick.append(acquire_slices(volume * field, protocol, axes, reference, moved))
    plain = signal.rician(thick[0], sigma, rng)
    # The three directions of the trace are averaged: less noise in the weighted image.
    weighted = sum(signal.rician(thick[1], sigma, rng) for _ in range(3)) / 3
    seen = ndimage.gaussian_filter(plain, (0, 1, 1)) > 0.10 * gland
    seen = ndimage.binary_opening(seen, np.ones((1, 3, 3)))
    measured = np.where(seen, np.clip(signal.adc_from(plain, weighted, b), 0, 4000), 0)
    if inside is not None:
        body_here = acquire_slices(inside.astype(np.float32), protocol, axes, reference, moved) > 0.5
        plain, weighted = plain * body_here, weighted * body_here
    return {
        "dwi_b0": finish(plain * level, reference),
        "dwi": finish(weighted * level, reference),
        "adc": finish(measured, reference),
    }

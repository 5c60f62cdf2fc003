"""What a scanner makes of an anatomy: signal, bias field, slices, noise, and the ADC map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..progress import Progress, silent
from . import signal
from .anatomy import Anatomy, tissue_rows
from .imaging import (
    acquire_slices,
    finish,
    grid_image,
    patient_motion,
    receive_field,
    slice_grid,
    smoothed,
)
from .scanner import SEQUENCES, Protocol, Scanner
from .tissues import NAMES, R1, R2, Parameters, parameters


def _signal(
    protocol: Protocol,
    pd: np.ndarray,
    t1: np.ndarray,
    t2: np.ndarray,
    t2star: np.ndarray,
    c: np.ndarray,
    tesla: float,
) -> np.ndarray:
    """Signal of tissue with these parameters and contrast agent concentration `c` in mmol/l."""
    at = int(tesla == 3.0)
    if protocol.contrast:
        t1 = signal.shortened(t1, R1[at], c)
        t2 = signal.shortened(t2, R2[at], c)
        t2star = signal.shortened(t2star, R2[at], c)
    if protocol.kind == "spin_echo":
        return signal.spin_echo(pd, t1, t2, **protocol.timing)
    if protocol.kind == "flair":
        return signal.inversion_recovery(pd, t1, t2, **protocol.timing)
    if protocol.kind == "spoiled":
        return signal.spoiled_gradient_echo(pd, t1, t2star, **protocol.timing)
    if protocol.kind == "mprage":
        return signal.mprage(pd, t1, t2star, **protocol.timing)
    return pd * np.exp(-protocol.timing["te"] / t2)


def tissue_signals(protocol: Protocol, tesla: float) -> np.ndarray:
    """Return the signal of each pure tissue in the order of :data:`NAMES`; for diffusion that of b = 0."""
    p = parameters(tesla)
    values = _signal(protocol, p.pd, p.t1, p.t2, p.t2star, p.gadolinium, tesla)
    if protocol.kind in ("spin_echo", "flair"):
        # Flowing blood leaves the slice between excitation and refocusing; more so at long echo times.
        long = protocol.timing["te"] > 40
        values = values * np.where(long, p.flow, np.sqrt(p.flow))
        if protocol.kind == "spin_echo":
            # Fast spin echo keeps fat bright: J-coupling is broken up by the refocusing train.
            values = values * np.where(np.isin(NAMES, ["fat", "marrow"]) & long, 2.1, 1.0)
    elif protocol.kind == "diffusion":
        values = values * p.dwi
    elif protocol.kind in ("spoiled", "mprage"):
        values = values * np.where(np.isin(NAMES, ["artery"]), 1.1, 1.0)
    return values


def _tumour_signal(
    anatomy: Anatomy, protocol: Protocol, tesla: float, p: Parameters
) -> tuple[np.ndarray, np.ndarray]:
    """Signal of the tumour's own tissue on its box, and its ADC (10⁻⁶ mm²/s)."""
    t = anatomy.tumour
    at = {name: i for i, name in enumerate(NAMES)}
    base = at["tumour"]
    values = [
        p.pd[base] * t.pd,
        p.t1[base] * t.t1,
        p.t2[base] * t.t2,
        p.t2star[base] * t.t2,
        p.gadolinium[base] * t.gadolinium,
        p.adc[base] * t.adc,
    ]
    for name in ("necrosis", "calcification", "capsule"):
        share, other = getattr(t, name), at[name]
        if not share.any():
            continue
        for i, table in enumerate((p.pd, p.t1, p.t2, p.t2star, p.gadolinium, p.adc)):
            values[i] = values[i] * (1 - share) + table[other] * share
    pd, t1, t2, t2star, c, adc = values
    return _signal(protocol, pd, t1, t2, t2star, c, tesla), adc


def _paint(anatomy: Anatomy, protocol: Protocol, tesla: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Noise-free signal on the scanner grid, and for diffusion the b-weighted one."""
    p = parameters(tesla)
    pure = tissue_signals(protocol, tesla)
    diffusion = protocol.kind == "diffusion"
    volumes = []
    tables = [pure]
    if diffusion:
        tables.append(signal.diffusion(pure, p.adc, protocol.timing["b"]))
    own, adc = _tumour_signal(anatomy, protocol, tesla, p)
    owns = [own]
    if diffusion:
        owns.append(signal.diffusion(own, adc, protocol.timing["b"]))
    share = anatomy.tumour.share
    tail = anatomy.tumour.tail
    tail_signal_at = NAMES.index("dura")
    for table, inner in zip(tables, owns, strict=True):
        flat = np.zeros(int(np.prod(anatomy.shape)), dtype=np.float32)
        for part in ("brain", "outer"):
            row = table[tissue_rows(anatomy.names[part])].astype(np.float32)
            values = row @ anatomy.shares[part]
            if part == "brain":
                values *= 1 + np.float32(0.012) * anatomy.grain
            flat[anatomy.voxels[part]] = values
        volume = flat.reshape(anatomy.shape)
        box = volume[anatomy.tumour.box]
        bright = table[tail_signal_at] if not protocol.contrast else table[NAMES.index("tumour")]
        box *= 1 - tail
        box += tail * np.float32(bright)
        box *= 1 - share
        box += share * inner.astype(np.float32)
        volumes.append(volume)
    return volumes[0], volumes[1] if diffusion else None


def _slices(
    protocol: Protocol, axes: Sequence[np.ndarray], rng: np.random.Generator, motion: float
) -> tuple[sitk.Image, sitk.Transform]:
    """Reference grid of a thick-slice sequence, slightly oblique, and the patient's motion before it."""
    centre = [(a[0] + a[-1]) / 2 for a in axes[::-1]]
    tilt = sitk.Euler3DTransform()
    tilt.SetRotation(*(float(x) for x in np.deg2rad(rng.normal(0, (4.0, 0.8, 1.0)))))
    direction = np.array(tilt.GetMatrix()).reshape(3, 3)
    field_of_view = (186.0, 236.0, axes[0][-1] - axes[0][0] - 22)
    centre = np.array(centre) + (0, 0, 9.0) + rng.normal(0, (1.0, 1.0, 1.5))
    reference = slice_grid(protocol, centre, field_of_view, direction)
    return reference, patient_motion(centre, 0.35 * motion, 0.45 * motion, rng)


def acquire(
    anatomy: Anatomy,
    axes: Sequence[np.ndarray],
    scanner: Scanner,
    rng: np.random.Generator,
    *,
    motion: float = 1.0,
    sequences: Sequence[str] = SEQUENCES,
    white_level: float = 600.0,
    mask_air: bool = False,
    progress: Progress = silent,
) -> dict[str, sitk.Image]:
    """Return the images by role, int16; ADC in 10⁻⁶ mm²/s, the others in arbitrary units.

    Parameters
    ----------
    axes : voxel positions (z, y, x) of the scanner grid in mm, LPS.
    motion : scale of the patient's motion between sequences; 0 for none.
    white_level : about the value of white matter.
    mask_air : set the air around the head to 0.
    """
    images: dict[str, sitk.Image] = {}
    # One stream for each sequence: leaving one out does not change the others.
    streams = dict(zip(SEQUENCES, rng.spawn(len(SEQUENCES)), strict=True))
    head = _head_mask(anatomy) if mask_air else None
    chosen = [name for name in SEQUENCES if name in sequences]
    for number, name in enumerate(chosen):
        progress(number / len(chosen), f"Acquiring {name}")
        own = streams[name]
        protocol = scanner.protocols[name]
        white = float(tissue_signals(protocol, scanner.tesla)[NAMES.index("white")])
        sigma = white / protocol.snr
        level = white_level * scanner.level / white * float(own.uniform(0.85, 1.2))
        volume, weighted = _paint(anatomy, protocol, scanner.tesla)
        bias = receive_field(axes, scanner.tesla, own)
        volume *= bias
        if protocol.in_plane is None:
            noisy = smoothed(signal.rician(volume, sigma, own), protocol, (axes[1], axes[2]))
            if head is not None:
                noisy *= head
            images[name] = finish(noisy * level, grid_image(volume, axes))
            continue
        reference, moved = _slices(protocol, axes, own, motion)
        noisy = signal.rician(acquire_slices(volume, protocol, axes, reference, moved), sigma, own)
        noisy = smoothed(noisy, protocol)
        if weighted is None:
            if head is not None:
                noisy *= acquire_slices(head, protocol, axes, reference, moved) > 0.05
            images[name] = finish(noisy * level, reference)
            continue
        weighted *= bias
        thick = acquire_slices(weighted, protocol, axes, reference, moved)
        # The three directions of the trace are averaged: less noise in the weighted image.
        noisy_b = sum(signal.rician(thick, sigma, own) for _ in range(3)) / 3
        adc = signal.adc_from(noisy, noisy_b, protocol.timing["b"])
        mask = ndimage.gaussian_filter(noisy, (0, 1, 1)) > 0.22 * white
        mask = ndimage.binary_opening(mask, np.ones((1, 3, 3)))
        images[name] = finish(np.where(mask, np.clip(adc, 0, 4000), 0), reference)
    return images


def _head_mask(anatomy: Anatomy) -> np.ndarray:
    """1 in the head with its air spaces and a margin of some mm, 0 in the air around it; float32."""
    mask = np.zeros(int(np.prod(anatomy.shape)), dtype=bool)
    for part in anatomy.voxels.values():
        mask[part] = True
    mask = ndimage.binary_dilation(mask.reshape(anatomy.shape), iterations=2)
    return mask.astype(np.float32)

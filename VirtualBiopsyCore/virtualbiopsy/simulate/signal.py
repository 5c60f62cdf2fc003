"""Signal equations. Times in ms, flip angles in degrees, signals relative to fully relaxed water."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def shortened(t: Array | float, relaxivity: float, concentration: Array | float) -> Array:
    """Return T1 (or T2) in ms with contrast agent: 1/T' = 1/T + r C (r in l/(mmol s), C in mmol/l)."""
    return 1.0 / (1.0 / np.asarray(t, dtype=float) + relaxivity * np.asarray(concentration) / 1000.0)


def spin_echo(pd: Array, t1: Array, t2: Array, *, tr: float, te: float) -> Array:
    """Spin echo, TE much shorter than TR: S = PD (1 - exp(-TR/T1)) exp(-TE/T2)."""
    return pd * (1 - np.exp(-tr / t1)) * np.exp(-te / t2)


def inversion_recovery(pd: Array, t1: Array, t2: Array, *, tr: float, te: float, ti: float) -> Array:
    """Magnitude inversion-recovery spin echo: S = PD |1 - 2 exp(-TI/T1) + exp(-TR/T1)| exp(-TE/T2).

    `te` is the effective echo time; nulls T1 where TI = T1 (ln 2 - ln(1 + exp(-TR/T1))).
    """
    return pd * np.abs(1 - 2 * np.exp(-ti / t1) + np.exp(-tr / t1)) * np.exp(-te / t2)


def null_ti(t1: float, tr: float) -> float:
    """Return the inversion time that nulls a tissue with this T1 in :func:`inversion_recovery`."""
    return t1 * (np.log(2.0) - np.log1p(np.exp(-tr / t1)))


def spoiled_gradient_echo(pd: Array, t1: Array, t2star: Array, *, tr: float, te: float, flip: float) -> Array:
    """Ernst equation: S = PD sin a (1 - E1) / (1 - cos a E1) exp(-TE/T2*), E1 = exp(-TR/T1)."""
    angle = np.deg2rad(flip)
    e1 = np.exp(-tr / t1)
    return pd * np.sin(angle) * (1 - e1) / (1 - np.cos(angle) * e1) * np.exp(-te / t2star)


def mprage(
    pd: Array,
    t1: Array,
    t2star: Array,
    *,
    tr: float,
    ti: float,
    te: float,
    flip: float,
    spacing: float,
    echoes: int,
) -> Array:
    """Magnetisation-prepared rapid gradient echo, signal at the centre of k-space, in the steady state.

    Inversion; `echoes` pulses of `flip` every `spacing` ms, the middle one at `ti`; recovery until `tr`.
    Between pulses the magnetisation relaxes towards PD, each pulse multiplies it with cos(flip); the steady
    state over cycles is solved in closed form (Deichmann et al., NeuroImage 12:112, 2000).
    """
    angle = np.deg2rad(flip)
    before = ti - echoes / 2 * spacing
    after = tr - before - echoes * spacing
    if before < 0 or after < 0:
        raise ValueError("the echo train does not fit between the inversion and the next cycle")
    relax = np.exp(-spacing / t1)
    keep = np.cos(angle) * relax
    target = pd * (1 - relax) / (1 - keep)
    half, full = keep ** (echoes / 2), keep**echoes
    e_before, e_after = np.exp(-before / t1), np.exp(-after / t1)
    # Affine maps m -> a m + b of one cycle, from just before the inversion.
    a = -e_before * full * e_after
    b = (pd * (1 - e_before) * full + target * (1 - full)) * e_after + pd * (1 - e_after)
    start = b / (1 - a)
    centre = (-start * e_before + pd * (1 - e_before)) * half + target * (1 - half)
    return np.abs(centre) * np.sin(angle) * np.exp(-te / t2star)


def diffusion(s0: Array, adc: Array, b: float) -> Array:
    """Mono-exponential diffusion weighting: S = S0 exp(-b ADC), b in s/mm², ADC in 10⁻⁶ mm²/s."""
    return s0 * np.exp(-b * np.asarray(adc) * 1e-6)


def adc_from(s0: Array, sb: Array, b: float) -> Array:
    """ADC in 10⁻⁶ mm²/s from two magnitude images; 0 where either is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(s0 / sb) / b * 1e6
    return np.where((s0 > 0) & (sb > 0) & np.isfinite(value), value, 0.0)


def rician(signal: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Magnitude of the signal with complex Gaussian noise of standard deviation `sigma` in each channel.

    Without signal the result is Rayleigh: mean sigma sqrt(pi/2).
    """
    signal = np.asarray(signal, dtype=np.float32)
    real = rng.standard_normal(signal.shape, dtype=np.float32)
    real *= np.float32(sigma)
    real += signal
    imaginary = rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary *= np.float32(sigma)
    return np.hypot(real, imaginary)

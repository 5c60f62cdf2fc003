"""Signals of the tissues of a chest and of the cancer in it, and their picture without noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...prepare.kinetics.signal import signal_from_concentration
from .. import signal
from ..fields import Lattice
from ..scanner import Protocol
from ..tissues import Parameters, parameters
from .body import Body
from .lesion import Lesion
from .scanner import BreastScanner
from .tissues import TISSUES
from .uptake import PatientUptake

NAMES = tuple(TISSUES)
_FATTY = ("fat", "marrow")
_OWN = NAMES.index("tumour")


def dynamic_signals(
    lesion: Lesion, scanner: BreastScanner, uptake: PatientUptake
) -> tuple[np.ndarray, np.ndarray]:
    """Return the signal of each tissue of :data:`NAMES` (tissues, phases), and that of the cancer itself
    (phases, k, j, i of its box; 0 outside the cancer)."""
    protocol = scanner.protocols["dce"]
    p = parameters(scanner.tesla, TISSUES)
    gradient_echo = {
        "tr_ms": protocol.timing["tr"],
        "flip_degrees": protocol.timing["flip"],
        "relaxivity": scanner.relaxivity,
    }
    echo = np.exp(-protocol.timing["te"] / p.t2star) * p.pd
    tissues = signal_from_concentration(
        uptake.tissues(NAMES),
        p.t1[:, None],
        s0=(echo * _fat_left(protocol))[:, None],
        **gradient_echo,
    )
    inside = lesion.share > 0
    c = uptake.concentration(
        lesion.ktrans[inside],
        lesion.ve[inside],
        lesion.vp[inside],
        delay_s=lesion.delay_s,
    )
    inner = np.zeros((len(c), *inside.shape), dtype=np.float32)
    t1 = p.t1[_OWN] * lesion.t1[inside]
    inner[:, inside] = signal_from_concentration(c, t1, s0=float(echo[_OWN]), **gradient_echo)
    return tissues.astype(np.float32), inner


def t2_signals(lesion: Lesion, scanner: BreastScanner) -> tuple[np.ndarray, np.ndarray]:
    """Return the T2-weighted signal of each tissue of :data:`NAMES`, and the cancer's own on its box."""
    protocol = scanner.protocols["t2"]
    p = parameters(scanner.tesla, TISSUES)
    flow = np.array([0.2 if name in ("blood", "vein", "heart") else 1.0 for name in NAMES])
    # Fast spin echo keeps fat bright.
    bright = np.array([2.0 if name in _FATTY else 1.0 for name in NAMES])
    values = signal.spin_echo(p.pd, p.t1, p.t2, **protocol.timing) * flow * bright * _fat_left(protocol)
    own = signal.spin_echo(p.pd[_OWN], p.t1[_OWN], p.t2[_OWN] * lesion.t2, **protocol.timing)
    return values, own.astype(np.float32)


def diffusion_signals(lesion: Lesion, scanner: BreastScanner, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the signal at a b-value (s/mm²) of each tissue of :data:`NAMES`, and the cancer's own."""
    protocol = scanner.protocols["dwi"]
    p: Parameters = parameters(scanner.tesla, TISSUES)
    te = protocol.timing["te"]
    values = p.pd * np.exp(-te / p.t2) * p.dwi * _fat_left(protocol)
    own = (p.pd[_OWN] * np.exp(-te / (p.t2[_OWN] * lesion.t2))).astype(np.float32)
    return signal.diffusion(values, p.adc, b), signal.diffusion(own, lesion.adc, b).astype(np.float32)


def _fat_left(protocol: Protocol) -> np.ndarray:
    return np.array([protocol.fat if name in _FATTY else 1.0 for name in NAMES])


class Painter:
    """Puts signals on the grid.

    Parameters
    ----------
    suppressed : whether fat is suppressed; never evenly, some fat stays brighter.
    """

    def __init__(
        self,
        body: Body,
        lesion: Lesion,
        axes: Sequence[np.ndarray],
        rng: np.random.Generator,
        suppressed: bool,
    ) -> None:
        self.body, self.lesion = body, lesion
        self._rows = [NAMES.index(name) for name in body.names]
        self._shares = body.shares
        if suppressed:
            lattice = Lattice(axes, (45.0, 60.0, 60.0))
            uneven = np.exp(0.30 * lattice.noise(rng)).ravel()[body.voxels]
            self._shares = body.shares.copy()
            for name in _FATTY:
                if name in body.names:
                    self._shares[body.names.index(name)] *= uneven
        self._grain = 1 + np.float32(0.015) * rng.standard_normal(len(body.voxels), dtype=np.float32)

    def __call__(self, tissues: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the volume for the signals of the tissues of :data:`NAMES` and of the cancer on its box."""
        body, lesion = self.body, self.lesion
        tissues = tissues.astype(np.float32)
        volume = np.zeros(int(np.prod(body.shape)), dtype=np.float32)
        volume[body.voxels] = (tissues[self._rows] @ self._shares) * self._grain
        volume = volume.reshape(body.shape)
        box = volume[lesion.box]
        box *= 1 - lesion.oedema
        box += lesion.oedema * tissues[NAMES.index("oedema")]
        box *= 1 - lesion.share
        solid = own * (1 - lesion.necrosis) + tissues[NAMES.index("necrosis")] * lesion.necrosis
        box += lesion.share * solid
        return volume

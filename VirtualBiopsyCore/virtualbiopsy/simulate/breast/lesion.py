"""The cancer: an irregular body with spicules or lobes, and the Tofts parameters, T2 and ADC inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..fields import fractal_noise, open_axes, radial_noise, ramp, smooth_noise
from ..shapes import smooth_min, tube_distance
from .biology import BreastBiology
from .body import Body
from .frame import Frame


@dataclass(frozen=True, eq=False)
class Lesion:
    """The cancer on its box of the grid; all arrays float32 (k, j, i) of the box.

    Attributes
    ----------
    box : slices of the grid.
    share : of each voxel. necrosis : share of the cancer without blood supply. oedema : around it.
    ktrans, ve, vp : 1/min, fractions. t1, t2 : before contrast agent, relative to the tissue table.
    adc : 10⁻⁶ mm²/s. delay_s : arrival after the arterial input.
    """

    box: tuple[slice, slice, slice]
    share: np.ndarray
    necrosis: np.ndarray
    oedema: np.ndarray
    ktrans: np.ndarray
    ve: np.ndarray
    vp: np.ndarray
    t1: np.ndarray
    t2: np.ndarray
    adc: np.ndarray
    delay_s: float


def lesion_centre(
    frame: Frame, biology: BreastBiology, body: Body, axes: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Position (z, y, x) of the cancer: in gland or beside it, off the skin and the muscle."""
    side = biology.side
    nipple = frame.nipple(side)
    angle = np.deg2rad(biology.quadrant)
    radius = biology.diameter_mm / 2
    best, best_score = None, -np.inf
    for _ in range(60):
        back = rng.uniform(0.25, 0.85)
        away = rng.uniform(8, 36)
        turn = angle + rng.normal(0, 0.25)
        point = np.array(
            [
                nipple[0] + away * np.sin(turn),
                nipple[1] + back * frame.length * frame.scale(side),
                nipple[2] + side * away * np.cos(turn),
            ]
        )
        index = tuple(
            int(np.clip(np.searchsorted(a, p), 0, len(a) - 1)) for a, p in zip(axes, point, strict=True)
        )
        room = min(float(body.skin_depth[index]) - radius - 4.0, float(body.wall_depth[index]) - radius - 2.0)
        inner = min(axes[0][-1] - 8 - radius - point[0], point[0] - axes[0][0] - 8 - radius)
        score = min(room, 0.0) + min(inner, 0.0) + 6.0 * float(body.gland[index]) + rng.uniform(0, 2)
        if score > best_score:
            best, best_score = point, score
    return best


def grow_lesion(
    biology: BreastBiology,
    body: Body,
    centre: np.ndarray,
    axes: Sequence[np.ndarray],
    rng: np.random.Generator,
    *,
    treated: bool = False,
) -> Lesion:
    """Grow the cancer at `centre`; with `treated`, as it is after the first cycle of therapy.

    The same generator state gives the same cancer before and after: only size, supply and water change.
    """
    p = biology.properties
    change = biology.changes if treated else dict.fromkeys(biology.changes, 0.0)
    radius = biology.diameter_mm / 2
    reach = radius * 1.9 + 20
    box, axs = [], []
    for axis, c in zip(axes, centre, strict=True):
        low, high = np.searchsorted(axis, (c - reach, c + reach))
        box.append(slice(int(low), int(high)))
        axs.append(axis[low:high])
    box = tuple(box)
    z, y, x = open_axes(axs, centre)
    offset = np.stack(np.broadcast_arrays(z, y, x))
    for_shape, for_inside, for_around = rng.spawn(3)

    distance = _shape(p, radius, offset, axs, for_shape)
    # Never through the skin or into the muscle.
    distance = np.maximum(distance, np.maximum(2.2 - body.skin_depth[box], 1.0 - body.wall_depth[box]))
    inside = distance < 0
    labels, count = ndimage.label(inside)
    if count > 1:
        largest = np.bincount(labels.ravel())[1:].argmax() + 1
        distance = np.where(inside & (labels != largest), np.float32(0.8), distance)
    spacing = [float(a[1] - a[0]) for a in axs]
    patchy = smooth_noise(axs, max(radius * 0.5, 5.0), for_around)
    if treated:
        # A thinner rim all round, and parts that melt away.
        shrink = radius * (1 - np.exp(change["volume"] / 3))
        melted = np.clip(0.20 * radius * change["fragmentation"], 0, 0.35 * radius)
        distance = distance + shrink + melted * np.clip(patchy, 0, 2)
        if not (distance < 0).any():
            distance = distance - distance.min() - 2.0
    share = ramp(distance, 1.2)
    inside = share >= 0.5
    depth = ndimage.distance_transform_edt(inside, sampling=spacing).astype(np.float32)
    euclid = ndimage.distance_transform_edt(~inside, sampling=spacing).astype(np.float32)
    oedema = _oedema(p["oedema"] + change["oedema"], radius, euclid, patchy, axs, body, box, for_around)

    texture = float(np.clip(0.26 + 0.085 * p["texture"], 0.07, 0.60))
    grain = float(np.clip(6.0 * np.exp(0.22 * p["texture_scale"]), 3.2, 11.0))
    cells = fractal_noise(axs, grain, for_inside, 3, 0.75)
    coarse = fractal_noise(axs, grain * 1.8, for_inside, 2)
    water = 0.65 * fractal_noise(axs, grain, for_inside, 2) - 0.45 * cells + 0.35 * coarse
    hollow = fractal_noise(axs, max(radius * 0.5, 5.0), for_inside, 3, 0.5)
    deep = np.clip((depth - 2.0) / 4.0, 0, 1)
    amount = float(np.clip(p["necrosis"] + change["necrosis"] - 0.35, 0, 2.6))
    limit = 2.2 - 0.85 * amount - 0.03 * (radius - 12)
    core = np.clip((hollow + 0.8 * deep - limit) / 0.25, 0, 1) * deep * (amount > 0)
    necrosis = (core * share).astype(np.float32)

    rim = float(np.clip(0.30 + 0.22 * p["rim"], 0.0, 0.85))
    edge = np.exp(-depth / (1.2 + 0.13 * radius))
    profile = 1 + rim * (1.1 * edge - 0.55 * deep)
    level = 0.20 * np.exp(0.30 * p["ktrans"] + change["ktrans"])
    ktrans = level * profile * np.exp(texture * (0.9 * cells + 0.5 * coarse))
    ve = 0.42 * np.exp(0.16 * p["ve"] + change["ve"]) * np.exp(0.35 * texture * water)
    vp = 0.035 * np.clip(profile * np.exp(0.8 * texture * coarse), 0.2, 3) * np.exp(0.15 * p["vessels"])
    spread = float(np.clip(0.10 + 0.035 * p["adc_texture"], 0.03, 0.22))
    adc = 1000.0 * np.exp(0.105 * p["adc"] + change["adc"]) * np.exp(spread * water)
    t2 = np.exp(0.13 * p["t2"] + change["t2"]) * np.exp(0.6 * spread * water)
    return Lesion(
        box,
        share,
        necrosis,
        oedema,
        np.clip(ktrans, 0.01, 2.0).astype(np.float32),
        np.clip(ve, 0.08, 0.9).astype(np.float32),
        np.clip(vp, 0.0, 0.2).astype(np.float32),
        (1 + 0.25 * (np.clip(t2, 0.5, 2.2) - 1)).astype(np.float32),
        np.clip(t2, 0.5, 2.2).astype(np.float32),
        np.clip(adc, 450, 2600).astype(np.float32),
        3.0,
    )


def _shape(
    p: dict[str, float],
    radius: float,
    offset: np.ndarray,
    axs: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Signed distance of the cancer, mm; before it is confined to the breast."""
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0].astype(np.float32)
    a, b, c = np.tensordot(turn, offset, axes=1)
    radii = radius * np.array([0.95, rng.uniform(0.70, 0.92), rng.uniform(0.62, 0.88)])
    norm = np.sqrt((a / radii[0]) ** 2 + (b / radii[1]) ** 2 + (c / radii[2]) ** 2)
    distance = ((norm - 1) * radii.mean()).astype(np.float32)
    lobed = float(np.clip(1.2 + 0.9 * p["lobulation"], 0, 4))
    for _ in range(int(rng.poisson(lobed))):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        at = direction * radius * 0.62
        size = radius * rng.uniform(0.32, 0.5)
        ball = np.sqrt(((offset - at.astype(np.float32)[:, None, None, None]) ** 2).sum(axis=0)) - size
        distance = smooth_min(distance, ball, 2.0)
    bumps = radius * (0.085 + 0.02 * p["lobulation"]) * smooth_noise(axs, max(radius * 0.6, 6), rng)
    bumps += radius * 0.06 * radial_noise(offset, rng, stretch=7.0, reach=0.02)
    bumps += 0.55 * smooth_noise(axs, 3.4, rng)
    distance = distance + bumps
    many = int(rng.poisson(np.clip(9 + 6 * p["spiculation"], 0.5, 28)))
    for _ in range(many):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        length = radius * rng.uniform(0.25, 0.6) + rng.uniform(3, 9)
        start = direction * radius * 0.55
        bend = 0.16 * rng.standard_normal(3)
        middle = direction * (radius * 0.8 + length * 0.4) + bend * length
        tip = direction * (radius * 0.8 + length) + 2.2 * bend * length
        spike = tube_distance(tuple(offset), (start, middle, tip), (1.9, 1.1, 0.3))
        distance = smooth_min(distance, spike, 1.6)
    return distance.astype(np.float32)


def _oedema(
    level: float,
    radius: float,
    euclid: np.ndarray,
    patchy: np.ndarray,
    axs: Sequence[np.ndarray],
    body: Body,
    box: tuple[slice, slice, slice],
    rng: np.random.Generator,
) -> np.ndarray:
    """Share of oedema around the cancer, mostly in gland, in strands in fat, towards the skin."""
    reach = float(np.clip(1.0 + 4.5 * level, 0, 13)) * (0.7 + 0.3 * radius / 14)
    if reach < 2:
        return np.zeros_like(euclid)
    uneven = np.clip(1 + 0.55 * patchy, 0.1, 2.2)
    share = np.clip((reach * uneven - euclid) / (2 + 0.3 * reach), 0, 1)
    strands = np.clip(0.45 - np.abs(smooth_noise(axs, 5.0, rng)), 0, 1) * 2
    host = np.clip(body.gland[box] + 0.55 * strands, 0, 1)
    return (share * host * (euclid > 0) * (body.skin_depth[box] > 1.5)).astype(np.float32)

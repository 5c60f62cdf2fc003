"""The tumour: where it is attached, its shape, what it does to the brain, and what is inside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .biology import Biology
from .fields import Lattice, fractal_noise, radial_noise, ramp, smooth_noise
from .head import Head
from .pose import Pose, sample
from .shapes import smooth_min


@dataclass(frozen=True, eq=False)
class Site:
    """Where a tumour is attached: position and inward normal, template space, (z, y, x) LPS mm."""

    position: np.ndarray
    normal: np.ndarray
    midline: bool
    name: str


@dataclass(frozen=True, eq=False)
class Tumour:
    """A tumour on a box of the scanner grid; all maps float32 on the box (k, j, i).

    Attributes
    ----------
    box : the box, three slices of the scanner grid.
    distance : signed distance to the tumour surface in mm, negative inside.
    share : share of the voxel that is tumour (blurred at the brain where the interface is blurred).
    tail : share of the voxel that is enhancing, thickened dura beside the tumour.
    cleft : share of the voxel that is the CSF cleft between tumour and brain.
    necrosis, calcification, capsule : shares within the tumour.
    oedema : how far (0…1) white matter here is replaced by oedema.
    t1, t2, adc, gadolinium, pd : factors on the parameters of tumour tissue.
    push : lattice coefficients (3, …) of the displacement of the brain in mm, (z, y, x), scanner space.
    push_lattice : the lattice of `push`, over the whole scanner grid.
    """

    box: tuple[slice, slice, slice]
    distance: np.ndarray
    share: np.ndarray
    tail: np.ndarray
    cleft: np.ndarray
    necrosis: np.ndarray
    calcification: np.ndarray
    capsule: np.ndarray
    oedema: np.ndarray
    t1: np.ndarray
    t2: np.ndarray
    adc: np.ndarray
    gadolinium: np.ndarray
    pd: np.ndarray
    push: np.ndarray
    push_lattice: Lattice


# Starting points in RAS mm, right side taken for either side; they are moved onto the hull of the brain.
_BASE_SITES = {
    "skull_base": {
        "sphenoid wing": (46, 24, -16),
        "middle fossa floor": (50, -6, -40),
        "anterior fossa, orbital roof": (28, 44, -22),
        "cerebellopontine angle": (30, -38, -42),
    },
    "medial_skull_base": {
        "olfactory groove": (5, 40, -24),
        "planum sphenoidale": (6, 22, -22),
        "anterior clinoid": (16, 12, -22),
        "petroclival": (14, -24, -46),
    },
}


def _value(volume: np.ndarray, head: Head, point: np.ndarray) -> float:
    index = [[p - axis[0]] for p, axis in zip(point, head.axes, strict=True)]
    return float(ndimage.map_coordinates(volume, index, order=1, mode="nearest")[0])


def _gradient(volume: np.ndarray, head: Head, point: np.ndarray, step: float) -> np.ndarray:
    g = np.array(
        [
            _value(volume, head, point + step * unit) - _value(volume, head, point - step * unit)
            for unit in np.eye(3)
        ]
    )
    return g / max(np.linalg.norm(g), 1e-6)


def _to_hull(head: Head, point: np.ndarray) -> np.ndarray:
    for _ in range(12):
        point = point - 0.8 * _value(head.hull, head, point) * _gradient(head.hull, head, point, 4.0)
    return point


def draw_site(head: Head, biology: Biology, rng: np.random.Generator) -> Site:
    """Draw where on the dura a tumour of this location is attached."""
    side = biology.side
    location = biology.location
    name = location
    midline = False
    if location in _BASE_SITES:
        sites = _BASE_SITES[location]
        name = list(sites)[int(rng.integers(len(sites)))]
        x, y, z = np.array(sites[name]) + rng.normal(0, (2, 4, 2))
        point = _to_hull(head, np.array([z, -y, side * x]))
        normal = -_gradient(head.hull, head, point, 9.0)
        return Site(point, normal, False, name)
    if location == "posterior_fossa":
        direction = np.array([-0.35 + 0.1 * rng.standard_normal(), 0.85, side * rng.uniform(0.25, 0.6)])
        point = np.array([-36.0, 62.0, side * 8.0])
    elif location in ("parasagittal", "falx"):
        y = rng.uniform(-62, 48)
        point = np.array([30.0, -y, side * (9.0 if location == "parasagittal" else 1.5)])
        direction = np.array([1.0, -0.2 * np.sign(y), 0.0])
        midline = True
    else:
        azimuth = np.deg2rad(rng.uniform(-65, 65))
        elevation = np.deg2rad(rng.uniform(2, 52))
        direction = np.array(
            [
                np.sin(elevation),
                -np.sin(azimuth) * np.cos(elevation),
                side * np.cos(azimuth) * np.cos(elevation),
            ]
        )
        point = np.array([14.0, 18.0, side * 12.0])
    direction = direction / np.linalg.norm(direction)
    while _value(head.hull, head, point) < 0:
        point = point + 0.5 * direction
    normal = -_gradient(head.hull, head, point, 10.0)
    if location == "falx":
        depth = rng.uniform(13, 24)
        point = point + depth * normal
        point[2] = side * 0.8
        normal = np.array([0.12 * rng.standard_normal(), 0.12 * rng.standard_normal(), side * 1.0])
    elif location == "parasagittal":
        normal = normal + np.array([0.0, 0.0, side * 0.35])
    return Site(point, normal / np.linalg.norm(normal), midline, name)


def _frame(normal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    helper = rng.standard_normal(3)
    first = helper - normal * (helper @ normal)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal])


def grow_tumour(
    head: Head, pose: Pose, site: Site, biology: Biology, csf_mm: float, rng: np.random.Generator
) -> Tumour:
    """Grow the tumour of `biology` at `site`.

    Parameters
    ----------
    csf_mm : distance from the hull of the brain to the dura.
    """
    p = biology.properties
    inverse = np.linalg.inv(pose.linear)
    anchor = pose.locate(site.position)
    normal = inverse @ site.normal
    normal /= np.linalg.norm(normal)
    radius = biology.diameter_mm / 2
    reach = radius * 2 + 34
    box, axes = [], []
    for axis, centre in zip(pose.axes, anchor + normal * radius * 0.6, strict=True):
        low, high = np.searchsorted(axis, (centre - reach, centre + reach))
        box.append(slice(int(low), int(high)))
        axes.append(axis[low:high])
    box = tuple(box)
    hull = sample(head.hull, pose.box(box), outside=30.0)
    q = (
        np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
        - anchor.astype(np.float32)[:, None, None, None]
    )
    frame = _frame(normal, rng)
    a, b, h = np.tensordot(frame.astype(np.float32), q, axes=1)

    # Body: a flattened ellipsoid whose centre lies less than one depth radius below the dura, with lobes.
    irregular = p["irregularity"]
    ra, rb = radius, radius * rng.uniform(0.78, 0.98)
    rh = radius * rng.uniform(0.72, 0.98)
    h0 = rh * rng.uniform(0.18, 0.52)
    bumps = (
        smooth_noise(axes, max(radius * 0.75, 7), rng)
        * radius
        * np.clip(0.07 + 0.035 * irregular, 0.03, 0.18)
    )
    bumps += (
        smooth_noise(axes, max(radius * 0.38, 5), rng)
        * radius
        * np.clip(0.03 + 0.025 * irregular, 0.01, 0.11)
    )
    bumps += smooth_noise(axes, 3.2, rng) * np.clip(0.25 + 0.22 * irregular, 0.08, 0.9)
    norm = np.sqrt((a / ra) ** 2 + (b / rb) ** 2 + ((h - h0) / rh) ** 2)
    distance = (norm - 1) * (ra + rb + rh) / 3
    for _ in range(int(rng.poisson(np.clip(0.7 + 0.9 * irregular, 0.1, 3.5)))):
        angle, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.85)
        lobe = radius * rng.uniform(0.3, 0.55)
        ca, cb = (
            np.cos(angle) * ra * np.sqrt(1 - rise**2) * 0.8,
            np.sin(angle) * rb * np.sqrt(1 - rise**2) * 0.8,
        )
        away = np.sqrt((a - ca) ** 2 + (b - cb) ** 2 + (h - h0 - rise * rh * 0.8) ** 2) - lobe
        distance = smooth_min(distance, away, 3.0)
    distance = distance + bumps
    # A collar where the tumour creeps along the dura.
    distance -= np.clip(2.5 - np.abs(hull - csf_mm + 1.5), 0, 2.5) * np.clip(0.9 - 0.3 * irregular, 0.2, 1.4)
    wall = hull - csf_mm
    side_x = biology.side * (pose.index[2][box] + np.float32(pose.template_axes[2][0]))
    if site.midline:
        wall = np.maximum(wall, 0.6 - side_x)
    distance = np.maximum(distance, wall).astype(np.float32)
    inside = distance < 0
    labels, count = ndimage.label(inside)
    if count > 1:
        largest = np.bincount(labels.ravel())[1:].argmax() + 1
        distance = np.where(inside & (labels != largest), np.float32(0.6), distance)
        inside = labels == largest
    spacing = [float(axis[1] - axis[0]) for axis in axes]
    euclid = ndimage.distance_transform_edt(~inside, sampling=spacing).astype(np.float32)
    depth = ndimage.distance_transform_edt(inside, sampling=spacing).astype(np.float32)
    distance = np.where(
        inside, np.maximum(distance, -depth), np.maximum(np.minimum(distance, euclid), euclid - 0.7)
    )

    # Border: sharp against the dura, sharp or infiltrating against the brain.
    blur = float(np.clip(0.7 + 1.0 * p["interface"], 0, 3.5))
    fingers = smooth_noise(axes, 4.0, rng) * np.float32(0.55 * blur)
    to_brain = np.clip(-wall / 3, 0, 1)
    share = (
        ramp(distance + fingers * to_brain, 1.0) * (1 - to_brain)
        + ramp(distance + fingers, 1.0 + 0.8 * blur) * to_brain
    )
    share *= ramp(wall, 1.0)
    width = float(np.clip(0.95 - 0.75 * p["interface"], 0.0, 2.2))
    patchy = np.clip(0.55 + 0.6 * smooth_noise(axes, 9.0, rng), 0, 1.4)
    cleft = (
        np.clip(ramp(distance - width * patchy, 1.0) - ramp(distance, 1.0), 0, 1) * to_brain * (width > 0.1)
    )
    cleft = np.minimum(cleft, 1 - share)

    # Dural tail: the dura beside the tumour, thickened, fading with distance, not all the way round.
    strength = float(np.clip(0.55 + 0.55 * p["tail"], 0, 2.0))
    extent = (8 + 9 * strength) * np.clip(0.5 + 0.75 * smooth_noise(axes, 24.0, rng), 0.02, 1.5)
    fade = np.clip(1 - euclid / extent, 0, 1)
    thickness = (0.35 + 0.5 * min(strength, 1.5)) * np.sqrt(fade)
    sheet = np.abs(wall + 0.35 * thickness)
    tail = ramp(sheet - thickness, 1.0) * (fade > 0) * np.clip(2.2 * fade, 0, 1) * (strength > 0.12)
    tail = np.minimum(tail, 1 - share)

    # Inside.
    texture = float(np.clip(0.13 + 0.055 * p["texture"], 0.035, 0.34))
    grain = float(np.clip(6.0 * np.exp(0.28 * p["texture_scale"]), 3.0, 13.0))
    coarse = fractal_noise(axes, grain * 1.6, rng, 2)
    cells = fractal_noise(axes, grain, rng, 3, 0.75)
    spokes = radial_noise(np.stack([a, b, h + 4]), rng, stretch=11.0)
    perfusion = 0.55 * cells + 0.45 * coarse + 0.45 * spokes
    water = 0.6 * fractal_noise(axes, grain, rng, 2) + 0.5 * coarse - 0.5 * spokes
    density = 0.75 * fractal_noise(axes, grain * 1.2, rng, 2) - 0.45 * perfusion
    pockets = np.clip(fractal_noise(axes, grain * 0.9, rng, 2) - 0.45, 0, None)
    deep = np.clip((depth - 2.5) / 3, 0, 1)
    amount = float(np.clip(p["necrosis"] - 0.75, 0, 2.5))
    hollow = fractal_noise(axes, max(radius * 0.55, 6), rng, 3, 0.5)
    limit = 2.1 - 0.75 * amount - 0.012 * (radius - 15)
    necrosis = np.clip((hollow - limit) / 0.22, 0, 1) * deep * (amount > 0) * share
    chalk = float(np.clip(p["calcification"] - 0.9, 0, 2.0))
    calcification = (
        np.clip((fractal_noise(axes, 4.5, rng, 2) + 0.5 * coarse - 1.95 + 0.45 * chalk) / 0.4, 0, 0.9)
        * (chalk > 0)
        * share
    )
    calcification *= (1 - necrosis) * np.clip(depth / 2, 0, 1)
    capsule = (
        ramp(np.abs(distance + 0.4) - 0.35, 1.0)
        * to_brain
        * float(np.clip(0.55 - 0.3 * p["interface"], 0, 0.9))
        * share
    )

    tail_adc = float(np.clip(0.55 + 0.5 * p["adc_tail"], 0, 2.2))
    adc = float(np.clip(1.03 * np.exp(0.115 * p["adc"]), 0.66, 1.6))
    adc_map = (
        adc * np.exp((0.045 + 0.25 * texture) * density) * (1 - 0.065 * tail_adc) + 0.34 * tail_adc * pockets
    )
    necrosis = necrosis.astype(np.float32)
    t2_level = np.exp(0.10 * p["t2"] + 0.25 * (adc - 1.03))
    oedema = _oedema(p["oedema"], radius, euclid, axes, np.clip(0.5 + side_x / 3, 0, 1), rng)
    push, lattice = _mass_effect(pose, axes, inside, euclid, anchor, normal, radius, site)
    one = np.float32(1)
    return Tumour(
        box,
        distance.astype(np.float32),
        share.astype(np.float32),
        tail.astype(np.float32),
        cleft.astype(np.float32),
        necrosis,
        calcification.astype(np.float32),
        capsule.astype(np.float32),
        oedema,
        np.clip(one + 0.5 * texture * water, 0.7, 1.5).astype(np.float32),
        (t2_level * np.clip(one + 0.85 * texture * water + 0.25 * pockets * tail_adc, 0.5, 2.2)).astype(
            np.float32
        ),
        np.clip(adc_map, 0.45, 3.2).astype(np.float32),
        np.clip(
            (1 + 0.16 * p["enhancement"]) * (1 + 2.1 * texture * perfusion - 0.3 * tail_adc * pockets),
            0.12,
            2.6,
        ).astype(np.float32),
        np.clip(one + 0.25 * texture * water, 0.85, 1.12).astype(np.float32),
        push,
        lattice,
    )


def _oedema(
    level: float,
    radius: float,
    euclid: np.ndarray,
    axes: list,
    own_side: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """How far white matter is replaced by oedema, before it is confined to white matter of the same side."""
    reach = float(np.clip(3.5 + 8.5 * level, 0, 22)) * (0.6 + 0.4 * radius / 20)
    if reach < 3:
        return np.zeros_like(euclid)
    uneven = 1 + 0.5 * smooth_noise(axes, 20.0, rng) + 0.25 * smooth_noise(axes, 9.0, rng)
    share = np.clip((reach * np.clip(uneven, 0.1, 2) - euclid) / (2.5 + 0.25 * reach), 0, 1)
    return (share * own_side).astype(np.float32)


def _mass_effect(
    pose: Pose,
    axes: list,
    inside: np.ndarray,
    euclid: np.ndarray,
    anchor: np.ndarray,
    normal: np.ndarray,
    radius: float,
    site: Site,
) -> tuple[np.ndarray, Lattice]:
    """Displacement of the brain: the surface of the tumour is where the surface of the brain was pressed to.

    A point of the tumour surface at height h over the dura and lateral offset l shows the tissue of the brain
    surface at 0.45 l; farther away the displacement is that of the nearest point of the tumour, decaying.
    """
    lattice = Lattice(pose.axes, 4.0)
    sub = (slice(None, None, 2),) * 3
    coarse_axes = [axis[::2] for axis in axes]
    mask = inside[sub]
    spacing = [float(axis[1] - axis[0]) for axis in coarse_axes]
    distance, nearest = ndimage.distance_transform_edt(~mask, sampling=spacing, return_indices=True)
    near = np.stack([axis[i] - c for axis, i, c in zip(coarse_axes, nearest, anchor, strict=True)])
    height = np.tensordot(normal, near, axes=1)
    lateral = near - normal[:, None, None, None] * height
    move = normal[:, None, None, None] * np.clip(height, 0, None) + 0.5 * lateral
    decay = np.exp(-distance / (7 + 0.55 * radius)) * np.clip(1 - distance / (2 * radius + 34), 0, 1)
    move = move * decay
    knots = np.meshgrid(*lattice.knots, indexing="ij")
    index = np.stack(
        [(k - axis[0]) / (axis[1] - axis[0]) for k, axis in zip(knots, coarse_axes, strict=True)]
    )
    push = [ndimage.map_coordinates(m.astype(np.float32), index, order=1, mode="constant") for m in move]
    return np.stack(push).astype(np.float32), lattice

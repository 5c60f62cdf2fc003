"""Tissue shares of one case on its scanner grid: the posed head, the displaced brain, the tumour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .biology import Biology
from .fields import Lattice, ramp, smooth_noise
from .head import Head
from .pose import Pose
from .tissues import NAMES
from .tumour import Tumour

_BRAIN = ("grey", "white", "csf", "oedema", "dura", "artery", "blood", "choroid")
_OUTER = (
    "csf",
    "dura",
    "cortical_bone",
    "marrow",
    "fat",
    "muscle",
    "skin",
    "mucosa",
    "vitreous",
    "sclera",
    "lens",
    "artery",
    "blood",
    "pituitary",
    "white",
    "air",
)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tissue shares, as rows for the voxels that hold something.

    Attributes
    ----------
    shape : of the scanner grid (k, j, i).
    voxels : flat indices of the voxels of each part ("brain", "outer").
    shares : float32 (tissues, voxels) of each part, in the order of `names` of the part.
    names : tissue names of each part.
    grain : relative fluctuation of the brain signal for each brain voxel (fine texture of real tissue).
    tumour : the tumour; its shares are laid over everything else.
    oedema_volume_ml, oedema : volume, and flat indices of voxels at least half oedema.
    """

    shape: tuple[int, int, int]
    voxels: Mapping[str, np.ndarray]
    shares: Mapping[str, np.ndarray]
    names: Mapping[str, tuple[str, ...]]
    grain: np.ndarray
    tumour: Tumour
    oedema: np.ndarray


def csf_thickness(biology: Biology, rng: np.random.Generator) -> float:
    """Distance from the hull of the brain to the dura in mm; grows with age."""
    return float(np.clip(1.0 + 0.030 * (biology.age - 45) + 0.35 * rng.standard_normal(), 0.6, 3.0))


def build_anatomy(
    head: Head, pose: Pose, biology: Biology, tumour: Tumour, csf_mm: float, rng: np.random.Generator
) -> Anatomy:
    """Assemble the tissue shares of a case."""
    everything = (slice(None),) * 3
    skin = pose.sample(head.skin, everything, outside=20.0)
    in_head = np.flatnonzero(skin.ravel() < 0.6)
    where = np.unravel_index(in_head, pose.shape)
    hull = pose.sample(head.hull, where, outside=30.0)
    is_brain = hull < csf_mm - 0.5
    brain, outer = in_head[is_brain], in_head[~is_brain]
    shares_brain, grain = _brain(head, pose, biology, tumour, brain, hull[is_brain], rng)
    shares_outer = _outer(
        head, pose, biology, outer, hull[~is_brain], skin.ravel()[outer], csf_mm, tumour, rng
    )
    oedema = brain[shares_brain[_BRAIN.index("oedema")] >= 0.5]
    return Anatomy(
        pose.shape,
        {"brain": brain, "outer": outer},
        {"brain": shares_brain, "outer": shares_outer},
        {"brain": _BRAIN, "outer": _OUTER},
        grain,
        tumour,
        oedema,
    )


def _box_values(
    volume: np.ndarray, box: tuple[slice, ...], shape: tuple[int, ...], flat: np.ndarray, fill: float
) -> np.ndarray:
    """Return the values of a map on the box at flat indices of the whole grid; `fill` outside the box."""
    whole = np.full(shape, fill, dtype=np.float32)
    whole[box] = volume
    return whole.ravel()[flat]


def _brain(
    head: Head,
    pose: Pose,
    biology: Biology,
    tumour: Tumour,
    flat: np.ndarray,
    hull: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    where = np.unravel_index(flat, pose.shape)
    rigid = Pose(pose.axes, pose.linear, pose.index, pose.template_axes)
    points = np.stack([pose.index[axis][where] for axis in range(3)])
    push = np.stack([tumour.push_lattice.upsample(tumour.push[axis]).ravel()[flat] for axis in range(3)])
    points = points - np.tensordot(pose.linear.astype(np.float32), push, axes=1)

    def at(volume: np.ndarray, outside: float = 0.0) -> np.ndarray:
        return ndimage.map_coordinates(
            volume, points, order=1, mode="constant", cval=outside, output=np.float32
        )

    csf = at(head.csf, 1.0)
    white = at(head.white)
    # Sulci widen with age and differ from place to place; cortex is not equally thick everywhere.
    lattice = Lattice(pose.axes, 14.0)
    local = lattice.noise(rng).ravel()[flat]
    atrophy = 0.02 * (biology.age - 50) / 10 + 0.05 * local
    csf = np.clip((csf - 0.12 + atrophy) / (0.80 - 0.12), 0, 1)
    white = np.clip((white - 0.08 + 0.05 * Lattice(pose.axes, 9.0).noise(rng).ravel()[flat]) / 0.86, 0, 1) * (
        1 - csf
    )
    grey = 1 - csf - white
    structures = {name: rigid.sample(head.structures[name], where) for name in ("dura", "artery", "blood")}
    structures["choroid"] = at(head.structures["choroid"])
    # Small vessel disease: caps and halo at the ventricles, spots in deep white matter.
    ventricle = at(head.ventricles, 50.0)
    burden = float(np.clip((biology.age - 45) / 40 + 0.25 * rng.standard_normal(), 0, 1.2))
    spots = smooth_noise(pose.axes, 5.5, rng).ravel()[flat]
    lesions = np.clip((burden * 3.2 + 1.2 * spots - ventricle) / 2.5, 0, 0.75) * white
    lesions += np.clip((spots - 3.3 + 0.9 * burden) / 0.3, 0, 0.75) * white * (ventricle > 6) * (hull < -14)
    swelling = _box_values(tumour.oedema, tumour.box, pose.shape, flat, 0.0)
    oedema = np.clip(lesions + swelling * np.clip((white - 0.25) / 0.4, 0, 1), 0, 1)
    taken = np.minimum(oedema, white + 0.35 * grey * (swelling > 0.7))
    white_left = np.clip(white - taken, 0, 1)
    rest = np.clip(taken - white, 0, 1)
    shares = np.zeros((len(_BRAIN), len(flat)), dtype=np.float32)
    row = {name: i for i, name in enumerate(_BRAIN)}
    shares[row["grey"]], shares[row["white"]], shares[row["csf"]] = grey - rest, white_left, csf
    shares[row["oedema"]] = taken
    for name in ("dura", "choroid", "artery", "blood"):
        share = structures[name]
        shares *= 1 - share
        shares[row[name]] += share
    del grey, white, csf
    cleft = _box_values(tumour.cleft, tumour.box, pose.shape, flat, 0.0)
    shares *= 1 - cleft
    shares[row["csf"]] += cleft
    fine = smooth_noise(pose.axes, 2.6, rng).ravel()[flat]
    return shares, (0.6 * fine + 0.6 * spots).astype(np.float32)


def _outer(
    head: Head,
    pose: Pose,
    biology: Biology,
    flat: np.ndarray,
    hull: np.ndarray,
    skin: np.ndarray,
    csf_mm: float,
    tumour: Tumour,
    rng: np.random.Generator,
) -> np.ndarray:
    where = np.unravel_index(flat, pose.shape)
    row = {name: i for i, name in enumerate(_OUTER)}
    shares = np.zeros((len(_OUTER), len(flat)), dtype=np.float32)

    def lay(name: str, share: np.ndarray) -> None:
        np.multiply(shares, 1 - share, out=shares)
        shares[row[name]] += share

    uneven = Lattice(pose.axes, 26.0).noise(rng).ravel()[flat]
    marble = smooth_noise(pose.axes, 7.0, rng).ravel()[flat]
    fine = smooth_noise(pose.axes, 4.0, rng).ravel()[flat]
    # Scalp and face from outside: skin, fat, then muscle marbled with fat.
    thick = float(np.clip(4.2 + 1.1 * rng.standard_normal(), 2.4, 7.0)) * (1 + 0.15 * uneven)
    marbled = np.clip(0.22 + 0.35 * marble + 0.2 * fine, 0, 1)
    shares[row["muscle"]] = 1 - marbled
    shares[row["fat"]] = marbled
    lay("fat", ramp(-skin - 1.6 - thick, 1.2))
    lay("muscle", ramp(np.abs(-skin - 1.6 - thick * 0.8) - 0.35, 1.0) * 0.6 * (hull < 22))
    lay("skin", ramp(-skin - 1.6, 1.0))
    facial = pose.sample(head.structures["muscle"], where)
    lay("muscle", facial * np.clip(0.95 - 0.4 * np.clip(marble, 0, 2), 0, 1))
    lay("fat", pose.sample(head.structures["orbit_fat"], where))
    # Skull: two tables of compact bone with marrow between; only around the brain.
    scale = pose.sample(head.skull_scale, where, outside=1.0)
    thickness = float(np.clip(6.4 + 0.8 * rng.standard_normal(), 4.6, 9.0)) * scale * (1 + 0.10 * uneven)
    inner = hull - csf_mm - 1.0
    vault = ramp(inner - thickness, 1.0) * (pose.sample(head.structures["bone"], where) < 0.2)
    lay("cortical_bone", vault)
    table = 1.25 + 0.15 * fine
    diploe = np.minimum(inner - table, thickness - table - inner)
    lay("marrow", vault * ramp(-diploe, 1.0) * np.clip(0.85 + 0.18 * marble, 0.3, 1.0))
    facial_bone = pose.sample(head.structures["bone"], where)
    lay("cortical_bone", facial_bone)
    pocket = np.clip(0.5 + 0.75 * marble + 0.35 * fine, 0, 1) * facial_bone**3
    lay("marrow", pocket * np.clip((inner - 1.2) / 1.0, 0, 1))
    lay("cortical_bone", ramp(np.abs(inner - 0.6) - 0.7, 1.0) * facial_bone)
    lay("dura", ramp(hull - csf_mm - 1.0, 1.0) * (hull < 6))
    lay("csf", ramp(hull - csf_mm, 1.0))
    for name in ("mucosa", "sclera", "vitreous", "lens", "artery", "blood", "pituitary", "air"):
        share = pose.sample(head.structures[name], where)
        if name in ("air", "mucosa"):
            share = share * np.clip((inner - 0.5) / 1.0, 0, 1)
        lay(name, share)
    lay("white", pose.sample(head.structures["nerve"], where))
    outside = np.clip(skin + 0.5, 0, 1)
    shares *= 1 - outside
    shares[row["air"]] += outside
    return shares


def tissue_rows(names: tuple[str, ...]) -> np.ndarray:
    """Return the positions of tissue names in :data:`virtualbiopsy.simulate.tissues.NAMES`."""
    return np.array([NAMES.index(name) for name in names])

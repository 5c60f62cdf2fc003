"""Tissue shares of one case on its scanner grid: the posed head, the displaced brain, the tumour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .biology import Biology
from .fields import ramp, smooth_noise
from .head import Head
from .pose import Pose, lookup, sample
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
    candidates = _near_head(head, pose)
    points = pose.points(candidates)
    skin = sample(head.skin, points, outside=20.0)
    keep = skin < 0.6
    flat, skin, points = candidates[keep], skin[keep], points[:, keep]
    hull = sample(head.hull, points, outside=30.0)
    is_brain = hull < csf_mm - 0.5
    brain, outer = flat[is_brain], flat[~is_brain]
    for_brain, for_outer = rng.spawn(2)
    shares_brain, grain = _brain(
        head, pose, biology, tumour, brain, points[:, is_brain], hull[is_brain], for_brain
    )
    shares_outer = _outer(
        head, pose, outer, points[:, ~is_brain], hull[~is_brain], skin[~is_brain], csf_mm, for_outer
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


def _near_head(head: Head, pose: Pose) -> np.ndarray:
    """Flat indices of the voxels that may lie in the head, from a coarse look."""
    step = 4
    coarse = sample(head.skin, pose.index[:, ::step, ::step, ::step], outside=20.0) < 2.5 * step
    for axis in range(3):
        coarse = np.repeat(coarse, step, axis=axis)
    return np.flatnonzero(coarse[tuple(slice(0, n) for n in pose.shape)])


def _box_values(
    volume: np.ndarray, box: tuple[slice, ...], shape: tuple[int, ...], flat: np.ndarray, fill: float
) -> np.ndarray:
    """Return the values of a map on the box at flat indices of the whole grid; `fill` outside the box."""
    whole = np.full(shape, fill, dtype=np.float32)
    whole[box] = volume
    return whole.ravel()[flat]


def _structures(head: Head, present: np.ndarray, points: np.ndarray) -> Callable[[str], np.ndarray]:
    """Return a function that samples a structure, looking only where there may be one."""
    some = np.flatnonzero(lookup(present, points))
    places = points[:, some]

    def structure(name: str) -> np.ndarray:
        out = np.zeros(points.shape[1], dtype=np.float32)
        out[some] = sample(head.structures[name], places)
        return out

    return structure


def _brain(
    head: Head,
    pose: Pose,
    biology: Biology,
    tumour: Tumour,
    flat: np.ndarray,
    points: np.ndarray,
    hull: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    structure = _structures(head, head.inner, points)
    push = np.stack([tumour.push_lattice.upsample(tumour.push[axis]).ravel()[flat] for axis in range(3)])
    points = points - np.tensordot(pose.linear.astype(np.float32), push, axes=1)

    def noise(step: float) -> np.ndarray:
        return smooth_noise(pose.axes, step, rng).ravel()[flat]

    # Sulci widen with age and differ from place to place; cortex is not equally thick everywhere.
    spots = noise(5.5)
    csf, white = sample(head.csf, points, 1.0), sample(head.white, points)
    csf = np.clip((csf - 0.12 + 0.02 * (biology.age - 50) / 10 + 0.07 * noise(14.0)) / 0.68, 0, 1)
    white = np.clip((white - 0.08 + 0.05 * noise(9.0)) / 0.86, 0, 1) * (1 - csf)
    grey = 1 - csf - white
    # Small vessel disease: caps and halo at the ventricles, spots in deep white matter.
    ventricle = sample(head.ventricles, points, 50.0)
    burden = float(np.clip((biology.age - 45) / 40 + 0.25 * rng.standard_normal(), 0, 1.2))
    lesions = np.clip((burden * 3.0 + 1.2 * spots - ventricle) / 2.5, 0, 0.75) * white
    lesions += np.clip((spots - 3.3 + 0.9 * burden) / 0.3, 0, 0.75) * white * (ventricle > 6) * (hull < -14)
    swelling = _box_values(tumour.oedema, tumour.box, pose.shape, flat, 0.0)
    swollen = swelling * np.clip((white - 0.25) / 0.4, 0, 1)
    taken = np.clip(lesions + swollen, 0, white + 0.3 * grey * (swelling > 0.7))
    rest = np.clip(taken - white, 0, 1)
    shares = np.zeros((len(_BRAIN), len(flat)), dtype=np.float32)
    row = {name: i for i, name in enumerate(_BRAIN)}
    shares[row["grey"]], shares[row["white"]], shares[row["csf"]] = (
        grey - rest,
        np.clip(white - taken, 0, 1),
        csf,
    )
    shares[row["oedema"]] = taken
    layers = {name: structure(name) for name in ("dura", "artery", "blood")}
    layers["choroid"] = sample(head.structures["choroid"], points)
    layers["csf"] = _box_values(tumour.cleft, tumour.box, pose.shape, flat, 0.0)
    for name in ("dura", "choroid", "artery", "blood", "csf"):
        share = layers[name]
        at = np.flatnonzero(share)
        shares[:, at] *= 1 - share[at]
        shares[row[name], at] += share[at]
    return shares, (0.6 * noise(2.6) + 0.6 * spots).astype(np.float32)


def _outer(
    head: Head,
    pose: Pose,
    flat: np.ndarray,
    points: np.ndarray,
    hull: np.ndarray,
    skin: np.ndarray,
    csf_mm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    row = {name: i for i, name in enumerate(_OUTER)}
    shares = np.zeros((len(_OUTER), len(flat)), dtype=np.float32)
    structure = _structures(head, head.outer, points)

    def lay(name: str, share: np.ndarray) -> None:
        at = np.flatnonzero(share)
        if 2 * len(at) > len(share):
            np.multiply(shares, 1 - share, out=shares)
            shares[row[name]] += share
        else:
            shares[:, at] *= 1 - share[at]
            shares[row[name], at] += share[at]

    def noise(step: float) -> np.ndarray:
        return smooth_noise(pose.axes, step, rng).ravel()[flat]

    uneven, marble, fine = noise(26.0), noise(7.0), noise(4.0)
    depth = -skin
    # Scalp and face from outside: skin, fat, then muscle marbled with fat.
    thick = float(np.clip(4.6 + 1.1 * rng.standard_normal(), 2.8, 7.5)) * (1 + 0.15 * uneven)
    marbled = np.clip(0.22 + 0.35 * marble + 0.2 * fine, 0, 1)
    shares[row["muscle"]] = 1 - marbled
    shares[row["fat"]] = marbled
    lay("fat", ramp(depth - 1.6 - thick, 1.2) * np.clip(0.92 + 0.06 * fine, 0.7, 1.0))
    # Galea: a thin dark line in the deep scalp.
    lay("muscle", ramp(np.abs(depth - 1.6 - thick * 0.85) - 0.25, 1.0) * (0.65 * (hull < 24)))
    lay("skin", ramp(depth - 1.6, 1.0))
    lay("muscle", structure("muscle") * np.clip(0.95 - 0.4 * np.clip(marble, 0, 2), 0, 1))
    lay("fat", structure("orbit_fat"))
    # Skull: two tables of compact bone with marrow between; at the base, marrow in pockets.
    scale = sample(head.skull_scale, points, outside=1.0)
    thickness = float(np.clip(6.6 + 0.9 * rng.standard_normal(), 4.8, 9.0)) * scale * (1 + 0.10 * uneven)
    thickness = np.minimum(thickness, np.maximum(hull + depth - csf_mm - 1 - 3.4, 2.0))
    inner = hull - csf_mm - 1.0
    base = structure("bone")
    vault = ramp(inner - thickness, 1.0) * (base < 0.2)
    lay("cortical_bone", vault)
    table = 1.2 + 0.12 * fine
    diploe = np.minimum(inner - table, thickness - table - inner)
    lay("marrow", vault * ramp(-diploe, 1.0) * np.clip(0.9 + 0.10 * marble + 0.08 * fine, 0.5, 1.0))
    lay("cortical_bone", base)
    pocket = np.clip(0.5 + 0.75 * marble + 0.35 * fine, 0, 1) * base**3
    lay("marrow", pocket * np.clip((inner - 1.2) / 1.0, 0, 1))
    lay("dura", ramp(hull - csf_mm - 1.0, 1.0) * (hull < 6))
    lay("csf", ramp(hull - csf_mm, 1.0))
    for name in ("mucosa", "sclera", "vitreous", "lens", "artery", "blood", "pituitary", "air"):
        share = structure(name)
        if name in ("air", "mucosa"):
            share = share * np.clip((inner - 0.5) / 1.0, 0, 1)
        lay(name, share)
    lay("white", structure("nerve"))
    lay("air", np.clip(skin + 0.5, 0, 1))
    return shares


def tissue_rows(names: tuple[str, ...]) -> np.ndarray:
    """Return the positions of tissue names in :data:`virtualbiopsy.simulate.tissues.NAMES`."""
    return np.array([NAMES.index(name) for name in names])

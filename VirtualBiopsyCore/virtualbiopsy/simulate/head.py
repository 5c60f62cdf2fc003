"""A whole head around the template brain, built once for each process.

The template is a brain without its head. Cerebrospinal fluid spaces, dura, skull, scalp, face, orbits, air
spaces, venous sinuses and large arteries are built around it from distance transforms and a few dozen
analytic shapes. Positions in the comments and tables are RAS millimetres of the template space (right of the
midline mirrored to the left), arrays are (k, j, i) with i to the patient's left and j to posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from .fields import smooth_noise
from .shapes import Body, Shapes, smooth_min
from .structures import build_structures
from .template import Template, read_template

#: Box of the head in RAS millimetres: inferior, superior, posterior, anterior, half width.
_BOX = {"inferior": -108, "superior": 110, "posterior": -132, "anterior": 118, "half": 98}


@dataclass(frozen=True, eq=False)
class Head:
    """Maps of the template head on a 1 mm grid; float32 (k, j, i), distances in mm.

    Attributes
    ----------
    axes : positions (z, y, x) of the voxels, LPS mm, template space.
    grey, white, csf : shares of the brain tissues inside the hull, summing to 1 there.
    hull : signed distance to the smooth hull of the brain, negative inside.
    skin : signed distance to the surface of the head, negative inside.
    ventricles : signed distance to the lateral and third ventricles, negative inside.
    falx_depth : how far (mm) the free edge of the falx lies below the hull at this voxel of the mid-plane
        (constant along x); 0 where there is no falx.
    skull_scale : thickness of the skull relative to its mean (temporal squama thin, occiput thick).
    structures : soft maps (0…1) by name of :data:`virtualbiopsy.simulate.structures.STRUCTURES`.
    inner, outer : where (bool) any structure may lie inside the hull, and outside it.
    """

    axes: tuple[np.ndarray, np.ndarray, np.ndarray]
    grey: np.ndarray
    white: np.ndarray
    csf: np.ndarray
    hull: np.ndarray
    skin: np.ndarray
    ventricles: np.ndarray
    falx_depth: np.ndarray
    skull_scale: np.ndarray
    structures: dict[str, np.ndarray]
    inner: np.ndarray
    outer: np.ndarray


def signed_distance(mask: np.ndarray, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Return the float32 signed distance in mm to the border of `mask`, negative inside."""
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    return (outside - inside).astype(np.float32) + np.where(mask, 0.5, -0.5).astype(np.float32) * np.float32(
        min(spacing)
    )


def _axes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = np.arange(_BOX["inferior"], _BOX["superior"] + 1, dtype=np.float64)
    y = np.arange(-_BOX["anterior"], -_BOX["posterior"] + 1, dtype=np.float64)
    x = np.arange(-_BOX["half"], _BOX["half"] + 1, dtype=np.float64)
    return z, y, x


def _place(volume: np.ndarray, template: Template, axes: Sequence[np.ndarray]) -> np.ndarray:
    """Put a template volume on the larger head grid (both 1 mm, whole-millimetre origins)."""
    out = np.zeros(tuple(len(a) for a in axes), dtype=volume.dtype)
    to, frm = [], []
    for axis, origin, size in zip(axes, template.origin, volume.shape, strict=True):
        start = round(origin - axis[0])
        low, high = max(start, 0), min(start + size, len(axis))
        to.append(slice(low, high))
        frm.append(slice(low - start, high - start))
    out[tuple(to)] = volume[tuple(frm)]
    return out


def _extend_cord(volumes: list[np.ndarray], first: int) -> None:
    """Continue the lowest template slice (medulla, cord) below the template, drifting to posterior."""
    slab = [v[first + 1].copy() for v in volumes]
    brain, _ = ndimage.label(slab[0] > 0)
    centre = brain[:, brain.shape[1] // 2]
    label = np.bincount(centre[centre > 0]).argmax() if np.any(centre > 0) else 0
    keep = brain == label
    for k in range(first + 1):
        shift = round(0.22 * (first + 1 - k))
        for volume, source in zip(volumes, slab, strict=True):
            volume[k] = np.roll(np.where(keep, source, 0), shift, axis=0)


def _brain_shares(
    t1: np.ndarray, gm: np.ndarray, wm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of grey, white and CSF from the template intensity, steered by the tissue maps.

    The averaged template keeps deep sulci as dark lines while its tissue maps call them grey; the intensity
    between CSF (about 65) and grey (about 165) and between grey and white (about 223) gives the partial
    volume.
    """
    value = t1.astype(np.float32)
    csf = np.clip((146 - value) / 62, 0, 1)
    known = gm.astype(np.float32) + wm
    csf = np.where(known < 60, np.maximum(csf, np.clip((150 - value) / 40, 0, 1)), csf)
    white = np.clip((value - 170) / (220 - 170), 0, 1)
    share = wm.astype(np.float32) / np.maximum(known, 1)
    white = np.clip(0.7 * white + 0.6 * share * white + 0.15 * (share - 0.5), 0, 1) * (1 - csf)
    return np.clip(1 - csf - white, 0, 1), white, csf


def _face_and_neck(s: Shapes, hull: np.ndarray, static: np.random.Generator, axes: Sequence) -> np.ndarray:
    """Signed distance to the skin."""
    smooth = ndimage.gaussian_filter(ndimage.zoom(hull, 0.5, order=1), 3.5)
    smooth = ndimage.zoom(smooth, np.array(hull.shape) / smooth.shape, order=1)
    skin = np.maximum(smooth, hull - 1.5) - (14.5 + 0.9 * smooth_noise(axes, 45, static))

    def join(body: Body, radius: float) -> None:
        skin[body.box] = smooth_min(skin[body.box], body.distance, radius)

    s.margin = 34.0
    join(s.ellipsoid((0, 28, -62), (66, 62, 66)), 18)
    join(s.ellipsoid((0, 62, -70), (44, 38, 52)), 14)
    join(s.tube([(0, 83, -30), (0, 100, -62), (0, 84, -70)], [6, 10, 9]), 8)
    join(s.tube([(0, -48, -40), (0, -52, -130)], [62, 54]), 22)
    # The eyes lie in a hollow beside the nose.
    hollow = s.ellipsoid((34, 93, -38), (18, 16, 14))
    skin[hollow.box] = np.maximum(skin[hollow.box], -hollow.distance)
    s.margin = 8.0
    return skin.astype(np.float32)


def _halves(shape: tuple[int, ...]) -> np.ndarray:
    return np.indices(shape, dtype=np.float32) / 2


def build_head(template: Template) -> Head:
    """Build the head around the template brain; takes some seconds."""
    axes = _axes()
    static = np.random.default_rng(152)
    s = Shapes(axes)
    t1, gm, wm = (_place(v, template, axes) for v in (template.t1, template.gm, template.wm))
    _extend_cord([t1, gm, wm], round(template.origin[0] - axes[0][0]))
    brain = ndimage.binary_opening(t1 > 0, iterations=2)
    half = brain[::2, ::2, ::2]
    gap = ndimage.distance_transform_edt(~half, sampling=2.0)

    def closed(radius: float) -> np.ndarray:
        return signed_distance(
            ndimage.distance_transform_edt(gap < radius, sampling=2.0) > radius, (2.0, 2.0, 2.0)
        )

    # Over the convexity the dura spans the sulci; at the base it follows the brain more closely.
    high = np.clip((s.z[::2] - 2) / 22, 0, 1)
    hull = closed(4.5) * (1 - high) + ndimage.gaussian_filter(closed(13.0), 1.2) * high
    hull = ndimage.gaussian_filter(hull.astype(np.float32), 0.9)
    hull = ndimage.map_coordinates(hull, _halves(brain.shape), order=1, mode="nearest", output=np.float32)
    grey, white, csf = _brain_shares(t1, gm, wm)
    outside = ~brain
    csf[outside], grey[outside], white[outside] = 1, 0, 0
    # Ventricles: pure CSF well inside the hull, near the middle.
    core = (csf > 0.5) & (hull < -24) & (s.x < 48) & (s.z > -20) & (s.z < 40)
    labels, count = ndimage.label(core)
    if count:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        core = np.isin(labels, np.flatnonzero(sizes > 400))
    ventricles = ndimage.gaussian_filter(signed_distance(core), 1.0)
    # Falx: a sheet in the mid-plane, deeper behind than in front.
    depth = np.interp(s.y[0, :, 0], [-110, -60, -10, 30, 60, 80], [46, 46, 33, 27, 22, 10]).astype(np.float32)
    falx = np.broadcast_to(depth[None, :, None], hull.shape) * ((s.z > 8) | (s.y > 30) & (s.z > -14))
    # Tentorium: a tent between the occipital lobes and the cerebellum, open in front for the brain stem.
    roof = 6 - 0.36 * np.maximum(s.x - 3, 0) - 0.18 * np.maximum(-s.y - 48, 0) - 0.05 * np.abs(s.y + 48)
    opening = np.sqrt((s.x / 25) ** 2 + ((s.y + 24) / 34) ** 2)
    tentorium = np.where((opening > 1) & (s.y < -16), (s.z - roof) * 0.9, 9).astype(np.float32)
    skin = _face_and_neck(s, hull, static, axes)
    structures = build_structures(s, axes, hull, skin, ventricles, falx, tentorium, static)
    scale = 1 - 0.5 * np.exp(-(((s.x - 66) / 14) ** 2) - ((s.z + 12) / 26) ** 2 - ((s.y + 5) / 45) ** 2)
    scale = scale + 0.35 * np.exp(-(((s.y + 95) / 25) ** 2)) + 0.15 * np.exp(-(((s.y - 70) / 20) ** 2))
    scale = scale * (1 + 0.10 * smooth_noise(axes, 30, static))
    some = np.zeros(hull.shape, dtype=bool)
    for name in ("dura", "artery", "blood", "choroid"):
        some |= structures[name] > 0
    inner = ndimage.binary_dilation(some & (hull < 4), iterations=2)
    for values in structures.values():
        some |= values > 0
    outer = ndimage.binary_dilation(some & (hull > -2), iterations=2)
    return Head(
        axes,
        grey,
        white,
        csf,
        hull,
        skin,
        ventricles,
        falx.astype(np.float32),
        scale.astype(np.float32),
        structures,
        inner,
        outer,
    )


@lru_cache(maxsize=1)
def template_head() -> Head:
    """Return the head around the installed template; the first call in a process builds it.

    Raises
    ------
    TemplateMissingError : if the template is not installed.
    """
    return build_head(read_template())

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

from .fields import fractal_noise, ramp, smooth_noise
from .template import Template, read_template

#: Box of the head in RAS millimetres: inferior, superior, posterior, anterior, half width.
_BOX = {"inferior": -108, "superior": 110, "posterior": -132, "anterior": 118, "half": 98}

STRUCTURES: tuple[str, ...] = (
    "air",
    "vitreous",
    "lens",
    "sclera",
    "orbit_fat",
    "muscle",
    "bone",
    "mucosa",
    "artery",
    "blood",
    "dura",
    "choroid",
    "pituitary",
)


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
    structures : soft maps (0…1) by name of :data:`STRUCTURES`.
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


def signed_distance(mask: np.ndarray, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Return the float32 signed distance in mm to the border of `mask`, negative inside."""
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    return (outside - inside).astype(np.float32) + np.where(mask, 0.5, -0.5).astype(np.float32)


def _smooth_min(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    blend = np.clip(0.5 + 0.5 * (b - a) / radius, 0, 1)
    return b + (a - b) * blend - radius * blend * (1 - blend)


class _Shapes:
    """Distance fields of simple bodies; coordinates RAS, x taken as the distance from the midline."""

    def __init__(self, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        z, y, x = axes
        self.z = z.astype(np.float32)[:, None, None]
        self.y = -y.astype(np.float32)[None, :, None]
        self.signed_x = -x.astype(np.float32)[None, None, :]
        self.x = np.abs(self.signed_x)

    def ellipsoid(self, centre: Sequence[float], radii: Sequence[float], tilt: float = 0.0) -> np.ndarray:
        """Approximate distance to an ellipsoid; centre and radii (x, y, z), `tilt` degrees about the x axis."""
        dx, dy, dz = self.x - centre[0], self.y - centre[1], self.z - centre[2]
        if tilt:
            c, s = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
            dy, dz = c * dy + s * dz, -s * dy + c * dz
        norm = np.sqrt((dx / radii[0]) ** 2 + (dy / radii[1]) ** 2 + (dz / radii[2]) ** 2)
        return ((norm - 1) * min(radii)).astype(np.float32)

    def tube(
        self, points: Sequence[Sequence[float]], radii: float | Sequence[float], mirrored: bool = True
    ) -> np.ndarray:
        """Distance to a chain of round cones through `points` (x, y, z)."""
        points = [np.asarray(p, dtype=np.float32) for p in points]
        widths = np.broadcast_to(np.asarray(radii, dtype=np.float32), (len(points),))
        x = self.x if mirrored else self.signed_x
        best: np.ndarray | None = None
        for a, b, ra, rb in zip(points[:-1], points[1:], widths[:-1], widths[1:], strict=True):
            d = b - a
            length = float(d @ d)
            t = np.clip(((x - a[0]) * d[0] + (self.y - a[1]) * d[1] + (self.z - a[2]) * d[2]) / length, 0, 1)
            gap = np.sqrt(
                (x - a[0] - t * d[0]) ** 2 + (self.y - a[1] - t * d[1]) ** 2 + (self.z - a[2] - t * d[2]) ** 2
            ) - (ra + (rb - ra) * t)
            best = gap if best is None else np.minimum(best, gap)
        return best.astype(np.float32)


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
    between CSF (about 65) and grey (about 165) and between grey and white (about 223) gives the partial volume.
    """
    value = t1.astype(np.float32)
    csf = np.clip((146 - value) / 62, 0, 1)
    known = gm.astype(np.float32) + wm
    csf = np.where(known < 60, np.maximum(csf, np.clip((150 - value) / 40, 0, 1)), csf)
    white = np.clip((value - 170) / (220 - 170), 0, 1)
    share = wm.astype(np.float32) / np.maximum(known, 1)
    white = np.clip(0.7 * white + 0.6 * share * white + 0.15 * (share - 0.5), 0, 1) * (1 - csf)
    return np.clip(1 - csf - white, 0, 1), white, csf


def _face_and_neck(s: _Shapes, hull: np.ndarray, static: np.random.Generator, axes: Sequence) -> np.ndarray:
    """Signed distance to the skin."""
    vault = hull - (14.0 + 1.2 * smooth_noise(axes, 45, static))
    vault -= 3.0 * np.exp(-(((s.z - 12) / 16) ** 2)) * (s.y > 45) * np.clip((s.y - 45) / 20, 0, 1)
    skin = _smooth_min(vault, s.ellipsoid((0, 28, -62), (66, 62, 66)), 18)
    skin = _smooth_min(skin, s.ellipsoid((0, 62, -70), (44, 38, 52)), 14)
    skin = _smooth_min(skin, s.tube([(0, 83, -30), (0, 100, -62), (0, 84, -70)], [6, 10, 9]), 8)
    skin = _smooth_min(skin, s.tube([(0, -48, -40), (0, -52, -130)], [62, 54]), 22)
    skin = _smooth_min(skin, s.ellipsoid((86, -22, -40), (5, 15, 26), tilt=-15), 5)
    # The eyes lie in a hollow beside the nose.
    hollow = s.ellipsoid((34, 92, -38), (19, 17, 15))
    return np.maximum(skin, -_smooth_min(hollow, hollow + 50, 1)).astype(np.float32)


def _structures(
    s: _Shapes, hull: np.ndarray, skin: np.ndarray, maps: dict[str, np.ndarray], axes: Sequence, static
) -> dict[str, np.ndarray]:
    out = {name: np.zeros(hull.shape, dtype=np.float32) for name in STRUCTURES}

    def add(name: str, distance: np.ndarray, width: float = 1.4) -> None:
        np.maximum(out[name], ramp(distance, width), out=out[name])

    deep = skin < -4
    cells = fractal_noise(axes, 7, static, 2)
    # Orbit: a cone of fat behind the globe, muscles and nerve inside it, bone around it.
    cone = s.tube([(33, 62, -37), (27, 40, -33), (15, 20, -27)], [17.5, 14, 4])
    add("bone", np.abs(cone - 1.4) - 1.3)
    out["bone"] *= skin < -3
    add("orbit_fat", cone)
    for a, b in (((43, 58, -37), (17, 22, -27)), ((23, 58, -37), (13, 22, -27))):
        add("muscle", s.tube([a, tuple((np.add(a, b) / 2) + (0, 2, 0)), b], [1.6, 2.8, 1.2]))
    for a, b in (((33, 57, -26), (16, 22, -24)), ((33, 57, -48), (16, 22, -30))):
        add("muscle", s.tube([a, tuple((np.add(a, b) / 2) + (0, 2, 0)), b], [1.6, 2.6, 1.2]))
    globe = s.ellipsoid((33.5, 63, -37), (12.2, 12.2, 12.2))
    add("sclera", globe - 0.6)
    add("vitreous", globe + 0.9)
    add("lens", s.ellipsoid((33.5, 71.5, -37), (4.6, 2.2, 4.6)))
    nerve = s.tube([(32, 51, -36), (24, 36, -33), (14, 18, -26), (5, 4, -20)], [1.7, 1.7, 1.7, 2.0])
    maps["nerve"] = ramp(nerve, 1.4)
    # Bone of the skull base, the face and the upper neck.
    base = (hull > 1.5) & (hull < 12) & (s.z < -12)
    add("bone", np.where(base & deep, -1.0, 1.0).astype(np.float32))
    for centre, radii in (
        ((0, 2, -50), (15, 16, 12)),
        ((34, -22, -42), (22, 10, 11)),
        ((56, -32, -48), (13, 16, 16)),
    ):
        add("bone", s.ellipsoid(centre, radii))
    add("bone", s.tube([(0, -20, -46), (0, -28, -62)], [9, 8]))
    add("bone", s.tube([(24, 62, -62), (48, 50, -58), (66, 20, -50), (66, -14, -42)], [7, 6, 3.5, 4]))
    add("bone", s.tube([(40, 66, -22), (10, 76, -16), (0, 78, -14)], [4, 5, 5]))
    add("bone", s.tube([(51, 4, -56), (50, 0, -80), (44, 12, -112)], [5, 6, 6]))
    add("bone", np.maximum(np.abs(s.tube([(26, 45, -68), (25, 55, -70)], 17)) - 1.2, 6 - s.x))
    add("bone", s.ellipsoid((0, -38, -88), (20, 16, 9)) * 1.0)
    add("bone", s.tube([(0, -22, -72), (0, -26, -110)], [7, 9]))
    out["bone"] *= deep
    # Muscles of mastication, of the neck, and the temporal muscle.
    for points, radii in (
        ([(63, 12, 2), (62, 10, -28), (56, 10, -56)], [4, 8, 8]),
        ([(60, 12, -62), (54, 16, -110)], [8, 10]),
        ([(38, 8, -54), (42, 0, -84)], [11, 9]),
        ([(14, -64, -66), (18, -66, -120)], [16, 18]),
        ([(38, -56, -66), (40, -52, -120)], [12, 15]),
        ([(14, -8, -66), (14, -12, -120)], [9, 9]),
    ):
        add("muscle", s.tube(points, radii) + 1.2 * cells)
    out["muscle"] *= skin < -3
    # Air: frontal, ethmoid, sphenoid and maxillary sinuses, nasal cavity, pharynx, mastoid, ear canal.
    air = s.ellipsoid((9, 80, -3), (11, 4.0, 10))
    air = np.minimum(air, s.ellipsoid((9, 42, -38), (7.5, 22, 9)) + 2.2 * np.maximum(cells, 0))
    air = np.minimum(air, s.ellipsoid((8, 15, -44), (8, 11, 9)))
    air = np.minimum(air, s.tube([(26, 45, -68), (25, 55, -70)], 14.5))
    nose = s.ellipsoid((7, 52, -62), (6.5, 36, 17)) + 1.6 * np.cos(s.z / 3.1) + 1.0
    throat = s.tube([(0, 6, -62), (0, 2, -112)], [8, 9])
    throat = np.maximum(throat, np.abs(s.y - 4) - 7)
    mastoid = s.ellipsoid((55, -32, -48), (11, 14, 15)) + 7.5 * (0.75 + cells)
    ear = s.tube([(86, -20, -42), (64, -20, -42), (46, -18, -42)], [3.5, 3.2, 2.5])
    for cavity, lining in ((air, 1.1), (nose, 1.6), (throat, 1.8)):
        add("mucosa", cavity - lining)
        add("air", cavity)
    add("air", np.minimum(mastoid, ear))
    add("air", s.tube([(8, 96, -72), (8, 84, -70), (7, 70, -66)], [4, 4, 4]))
    out["air"] *= (hull > 2.5) & (skin < -0.5)
    out["mucosa"] *= (hull > 1.5) & deep
    # Venous sinuses.
    midline_hull = hull[:, :, hull.shape[2] // 2][:, :, None]
    superior = np.maximum(
        np.abs(s.signed_x) - np.clip(4.2 - 0.9 * (2.2 - midline_hull), 0.4, 5),
        np.abs(midline_hull + 0.3) - 3.4,
    )
    superior = np.where((s.z > 2 - (s.y + 90) * 0.0) & ((s.z > 20) | (s.y < -60)), superior, 9).astype(
        np.float32
    )
    add("blood", superior + np.clip((s.y - 20) / 50, 0, 1.6))
    add("blood", s.tube([(0, -106, 0), (28, -94, -14), (52, -74, -24), (60, -52, -32)], [4.6, 4.0, 4.4, 4.8]))
    add(
        "blood",
        s.tube(
            [(60, -52, -32), (53, -42, -48), (38, -34, -60), (32, -22, -64), (32, -20, -110)],
            [4.6, 4.6, 4.2, 4.6, 4.8],
        ),
    )
    add("blood", s.tube([(0, -106, 2), (0, -76, 2), (0, -46, 6)], [3.4, 2.2, 2.0]))
    add("blood", s.tube([(0, -46, 6), (0, -40, 14), (0, -36, 8), (4, -26, 10)], [2.2, 2.0, 1.2, 0.9]))
    add("blood", s.tube([(11, 8, -34), (12, -6, -34)], [4.0, 4.0]))
    # Arteries.
    add(
        "artery",
        s.tube(
            [
                (30, -14, -110),
                (28, -12, -66),
                (22, -14, -50),
                (12, -6, -42),
                (12, 6, -36),
                (11, 8, -30),
                (12, 0, -24),
                (13, 2, -17),
            ],
            2.3,
        ),
    )
    add(
        "artery",
        s.tube(
            [(13, 2, -17), (28, 4, -16), (38, 6, -14), (43, -2, -4), (42, -14, 6), (46, -30, 14)],
            [1.7, 1.5, 1.3, 1.1, 0.9, 0.8],
        ),
    )
    add("artery", s.tube([(38, 6, -14), (44, 10, -2), (42, 16, 8)], [1.2, 1.0, 0.8]))
    add(
        "artery",
        s.tube(
            [(13, 2, -17), (3, 8, -14), (2, 24, -12), (2, 38, 4), (2, 32, 18), (2, 14, 27), (2, -10, 30)],
            [1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.7],
        ),
    )
    add(
        "artery",
        s.tube(
            [(12, -24, -110), (10, -24, -74), (0, -20, -54), (0, -12, -36), (0, -12, -22)],
            [1.7, 1.7, 1.8, 1.7, 1.6],
        ),
    )
    add("artery", s.tube([(0, -12, -22), (16, -22, -16), (20, -40, -8), (14, -62, 0)], [1.4, 1.2, 1.0, 0.8]))
    add("artery", s.tube([(49, 0, -80), (52, -4, -50), (70, 4, -30), (76, 8, 10)], [1.8, 1.4, 1.1, 0.9]))
    # Falx and tentorium.
    sheet = np.where(maps["falx_depth"] > -hull, np.abs(s.signed_x) - 0.35, 9).astype(np.float32)
    add("dura", np.where(hull < 2.5, sheet, 9))
    add("dura", np.where(hull < 2.5, np.abs(maps["tentorium"]) - 0.35, 9))
    add("pituitary", s.ellipsoid((0, 2, -33), (6, 4.5, 3.6)))
    add("pituitary", s.tube([(0, 2, -30), (0, 1, -20)], [0.9, 1.0]))
    # Choroid plexus, in the trigones and along the bodies of the lateral ventricles.
    plexus = np.minimum(
        s.ellipsoid((25, -40, 6), (5.5, 6, 8)),
        s.tube([(24, -38, 10), (14, -20, 20), (6, 2, 14)], [2.6, 1.5, 1.2]),
    )
    add("choroid", plexus + 1.3 * cells + 0.8)
    out["choroid"] *= maps["ventricles"] < 0
    # Precedence: what lies in front of it removes what lies behind it.
    for front, behind in (
        ("air", ("mucosa", "bone", "muscle", "orbit_fat")),
        ("mucosa", ("bone", "muscle", "orbit_fat")),
        ("blood", ("bone", "dura", "muscle")),
        ("artery", ("bone", "blood", "muscle", "mucosa")),
        ("lens", ("vitreous",)),
        ("vitreous", ("sclera", "orbit_fat", "muscle", "bone")),
        ("sclera", ("orbit_fat", "muscle", "bone")),
        ("pituitary", ("bone",)),
        ("muscle", ("orbit_fat",)),
        ("bone", ("muscle", "orbit_fat")),
    ):
        for name in behind:
            out[name] *= 1 - out[front]
    return out


def build_head(template: Template) -> Head:
    """Build the head around the template brain; takes some seconds."""
    axes = _axes()
    static = np.random.default_rng(152)
    s = _Shapes(axes)
    t1, gm, wm = (_place(v, template, axes) for v in (template.t1, template.gm, template.wm))
    _extend_cord([t1, gm, wm], round(template.origin[0] - axes[0][0]))
    brain = t1 > 0
    brain = ndimage.binary_opening(brain, iterations=2)
    near = ndimage.distance_transform_edt(~brain) < 7.0
    closed = ndimage.distance_transform_edt(near) > 7.0
    closed = ndimage.binary_fill_holes(closed | brain)
    hull = ndimage.gaussian_filter(signed_distance(closed), 1.6)
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
    maps = {"falx_depth": falx, "ventricles": ventricles, "tentorium": tentorium}
    skin = _face_and_neck(s, hull, static, axes)
    structures = _structures(s, hull, skin, maps, axes, static)
    nerve = maps["nerve"] * (hull > 0)
    structures["orbit_fat"] *= 1 - nerve
    structures["nerve"] = nerve
    scale = 1 - 0.5 * np.exp(-(((s.x - 66) / 14) ** 2) - ((s.z + 12) / 26) ** 2 - ((s.y + 5) / 45) ** 2)
    scale = scale + 0.35 * np.exp(-(((s.y + 95) / 25) ** 2)) + 0.15 * np.exp(-(((s.y - 70) / 20) ** 2))
    scale = scale * (1 + 0.10 * smooth_noise(axes, 30, static))
    return Head(axes, grey, white, csf, hull, skin, ventricles, falx, scale.astype(np.float32), structures)


@lru_cache(maxsize=1)
def template_head() -> Head:
    """Return the head around the installed template; the first call in a process builds it.

    Raises
    ------
    TemplateMissingError : if the template is not installed.
    """
    return build_head(read_template())

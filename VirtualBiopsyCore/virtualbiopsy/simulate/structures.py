"""Everything of a head that is not brain: soft maps (0…1) of bones, air, orbits, muscles and vessels.

Positions are RAS millimetres of the template space; x is the distance from the midline, so every body exists
on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .fields import fractal_noise, ramp
from .shapes import Body, Shapes

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
    "nerve",
)

# Chains of round cones: points (x, y, z) and radii.
_TUBES: Mapping[str, Sequence[tuple[Sequence[tuple[float, float, float]], Sequence[float] | float]]] = {
    "bone": (
        ([(0, -20, -46), (0, -28, -62)], (9, 8)),  # clivus
        (
            [(24, 62, -62), (48, 50, -58), (66, 20, -50), (66, -14, -42)],
            (7, 6, 3.5, 4),
        ),  # zygoma and its arch
        ([(42, 66, -22), (26, 74, -20), (10, 78, -18), (0, 79, -16)], (4, 5, 5, 5)),  # orbital rim
        ([(47, 62, -24), (48, 60, -48)], (3.5, 4)),
        ([(18, 66, -30), (20, 68, -52)], (2.2, 3)),
        ([(51, 4, -56), (50, 0, -80), (44, 12, -112)], (5, 6, 6)),  # mandible
        ([(0, -22, -72), (0, -26, -110)], (7, 9)),  # dens and vertebral bodies
        ([(30, 66, -86), (14, 78, -88), (0, 82, -88)], (6, 6, 6)),  # maxilla
    ),
    "muscle": (
        ([(63, 12, 2), (62, 10, -28), (56, 10, -56)], (4, 8, 8)),  # temporal
        ([(60, 12, -62), (54, 16, -110)], (8, 10)),  # masseter
        ([(38, 8, -54), (42, 0, -84)], (11, 9)),  # pterygoid
        ([(14, -64, -66), (18, -66, -120)], (16, 18)),  # of the neck
        ([(38, -56, -66), (40, -52, -120)], (12, 15)),
        ([(14, -8, -66), (14, -12, -120)], (9, 9)),
    ),
    "blood": (
        ([(0, -106, 0), (28, -94, -14), (52, -74, -24), (60, -52, -32)], (4.4, 3.8, 4.0, 4.4)),  # transverse
        (
            [(60, -52, -32), (53, -42, -48), (38, -34, -60), (32, -22, -64), (32, -20, -110)],
            (4.4, 4.4, 4.0, 4.4, 4.8),
        ),  # sigmoid, jugular
        ([(0, -106, 2), (0, -76, 2), (0, -46, 6)], (3.4, 2.2, 2.0)),  # straight
        ([(0, -46, 6), (0, -40, 14), (0, -36, 8), (4, -26, 10)], (2.2, 2.0, 1.2, 0.9)),  # great vein
        ([(11, 8, -34), (12, -6, -34)], (3.4, 3.4)),  # cavernous
    ),
    "artery": (
        (
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
            2.0,
        ),  # internal carotid
        (
            [(13, 2, -17), (28, 4, -16), (38, 6, -14), (43, -2, -4), (42, -14, 6), (46, -30, 14)],
            (1.6, 1.4, 1.2, 1.0, 0.8, 0.7),
        ),  # middle cerebral
        ([(38, 6, -14), (44, 10, -2), (42, 16, 8)], (1.1, 0.9, 0.7)),
        (
            [(13, 2, -17), (3, 8, -14), (2, 24, -12), (2, 38, 4), (2, 32, 18), (2, 14, 27), (2, -10, 30)],
            (1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.6),
        ),  # anterior cerebral
        (
            [(12, -24, -110), (10, -24, -74), (0, -20, -54), (0, -12, -36), (0, -12, -22)],
            (1.6, 1.6, 1.7, 1.6, 1.5),
        ),
        (
            [(0, -12, -22), (16, -22, -16), (20, -40, -8), (14, -62, 0)],
            (1.3, 1.1, 0.9, 0.7),
        ),  # posterior cerebral
        (
            [(49, 0, -80), (52, -4, -50), (70, 4, -30), (76, 8, 10)],
            (1.7, 1.3, 1.0, 0.8),
        ),  # superficial temporal
    ),
    "pituitary": (([(0, 2, -30), (0, 1, -20)], (0.8, 0.9)),),
    "nerve": (([(32, 51, -36), (24, 36, -33), (14, 18, -26), (5, 4, -20)], (1.7, 1.7, 1.7, 2.0)),),
}

# Ellipsoids: centre and radii (x, y, z).
_ELLIPSOIDS: Mapping[str, Sequence[tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "bone": (
        ((0, 2, -50), (15, 16, 12)),  # sphenoid
        ((34, -22, -42), (22, 10, 11)),  # petrous
        ((56, -32, -48), (13, 16, 16)),  # mastoid
        ((0, -38, -88), (20, 16, 9)),  # atlas
    ),
    "lens": (((33.5, 71.5, -37), (4.6, 2.2, 4.6)),),
    "pituitary": (((0, 2, -33), (6, 4.5, 3.6)),),
}

# What lies in front of it removes what lies behind it.
_PRECEDENCE: Sequence[tuple[str, Sequence[str]]] = (
    ("air", ("mucosa", "bone", "muscle", "orbit_fat")),
    ("mucosa", ("bone", "muscle", "orbit_fat")),
    ("blood", ("bone", "dura", "muscle")),
    ("artery", ("bone", "blood", "muscle", "mucosa")),
    ("lens", ("vitreous",)),
    ("vitreous", ("sclera", "orbit_fat", "muscle", "bone")),
    ("sclera", ("orbit_fat", "muscle", "bone")),
    ("pituitary", ("bone",)),
    ("muscle", ("orbit_fat",)),
    ("nerve", ("orbit_fat", "bone")),
    ("bone", ("muscle", "orbit_fat")),
)


def build_structures(
    s: Shapes,
    axes: Sequence[np.ndarray],
    hull: np.ndarray,
    skin: np.ndarray,
    ventricles: np.ndarray,
    falx_depth: np.ndarray,
    tentorium: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return float32 maps by name of :data:`STRUCTURES` on the grid of `axes`."""
    out = {name: np.zeros(hull.shape, dtype=np.float32) for name in STRUCTURES}

    def add(name: str, body: Body | np.ndarray, width: float = 1.4) -> None:
        box, distance = (body.box, body.distance) if isinstance(body, Body) else (..., body)
        target = out[name][box]
        np.maximum(target, ramp(distance, width), out=target)

    low = slice(0, int(np.searchsorted(axes[0], 24)))
    cells = np.zeros(hull.shape, dtype=np.float32)
    cells[low] = fractal_noise((axes[0][low], *axes[1:]), 7, rng, 2)
    for name, tubes in _TUBES.items():
        for points, radii in tubes:
            body = s.tube(points, radii)
            add(name, body + 1.2 * cells[body.box] if name == "muscle" else body)
    for name, ellipsoids in _ELLIPSOIDS.items():
        for centre, radii in ellipsoids:
            add(name, s.ellipsoid(centre, radii))
    base = (hull > 1.5) & (hull < 8.5 + 2.5 * np.clip((s.y + 20) / 60, -0.8, 1)) & (s.z < -12)
    np.maximum(out["bone"], base, out=out["bone"])
    # Orbit: a cone of fat behind the globe, muscles and nerve inside it, bone around it.
    cone = s.tube([(33, 62, -37), (27, 40, -33), (15, 20, -27)], [17.5, 14, 4])
    wall = cone.map(lambda d: np.abs(d - 1.4) - 1.3)
    inside_face = skin < -9
    wall.distance[~inside_face[wall.box]] = 9
    add("bone", wall)
    add("orbit_fat", cone)
    for a, b in (
        ((43, 58, -37), (17, 22, -27)),
        ((23, 58, -37), (13, 22, -27)),
        ((33, 57, -26), (16, 22, -24)),
        ((33, 57, -48), (16, 22, -30)),
    ):
        middle = np.add(a, b) / 2 + (0, 2, 0)
        add("muscle", s.tube([a, middle, b], [1.6, 2.7, 1.2]))
    globe = s.ellipsoid((33.5, 63, -37), (12.2, 12.2, 12.2))
    add("sclera", globe + -0.6)
    add("vitreous", globe + 0.9)
    # Air spaces with their mucosa, and the cells of the mastoid.
    frontal = s.ellipsoid((9, 77.5, -6), (10, 3.2, 9))
    ethmoid = s.ellipsoid((9, 42, -38), (7.5, 22, 9))
    ethmoid = ethmoid + 2.4 * np.maximum(cells[ethmoid.box], 0)
    sphenoid = s.ellipsoid((8, 15, -44), (8, 11, 9))
    maxillary = s.tube([(26, 45, -68), (25, 55, -70)], 14.5)
    maxillary = maxillary + 1.2 * cells[maxillary.box]
    nose = s.ellipsoid((7, 52, -62), (6.5, 36, 17))
    turbinate = s.tube([(9, 74, -70), (9, 30, -70)], 3.4), s.tube([(8, 70, -58), (8, 32, -58)], 2.6)
    throat = s.tube([(0, 4, -62), (0, 0, -112)], [8, 9])
    throat.distance[:] = np.maximum(throat.distance, np.abs(s.y[:, throat.box[1]] - 3) - 6)
    for cavity, lining in (
        (frontal, 0.8),
        (ethmoid, 1.1),
        (sphenoid, 0.9),
        (maxillary, 1.0),
        (nose, 1.8),
        (throat, 2.0),
    ):
        add("mucosa", cavity + -lining)
        add("air", cavity)
    add("bone", maxillary.map(lambda d: np.abs(d - 1.6) - 1.0))
    for body in turbinate:
        add("mucosa", body)
        out["air"][body.box] *= 1 - ramp(body.distance, 1.4)
    mastoid = s.ellipsoid((55, -32, -48), (11, 14, 15))
    add("air", mastoid + 7.5 * (0.75 + cells[mastoid.box]))
    add("air", s.tube([(86, -20, -42), (64, -20, -42), (46, -18, -42)], [3.0, 3.0, 2.4]))
    add("air", s.tube([(8, 96, -72), (8, 84, -70), (7, 70, -66)], [4, 4, 4]))
    out["air"] *= (hull > 2.5) & (skin < -0.5)
    out["mucosa"] *= (hull > 1.5) & (skin < -4)
    out["bone"] *= skin < -4
    out["muscle"] *= skin < -3
    # Superior sagittal sinus: a triangle below the vertex, in the mid-plane.
    middle = hull[:, :, hull.shape[2] // 2][:, :, None]
    half_width = np.clip(4.0 - 0.9 * (2.0 - middle), 0.4, 4.6)
    superior = np.maximum(np.abs(s.signed_x) - half_width, np.abs(middle + 0.2) - 3.0)
    superior = np.where((s.z > 20) | ((s.y < -60) & (s.z > 2)), superior, 9) + np.clip(
        (s.y - 10) / 30, 0, 2.4
    )
    add("blood", superior.astype(np.float32))
    # Falx and tentorium, choroid plexus.
    sheet = np.where((falx_depth > -hull) & (hull < 2.5), np.abs(s.signed_x) - 0.35, 9)
    add("dura", sheet.astype(np.float32))
    add("dura", np.where(hull < 2.5, np.abs(tentorium) - 0.35, 9).astype(np.float32))
    for body in (
        s.ellipsoid((25, -40, 6), (5.5, 6, 8)),
        s.tube([(24, -38, 10), (14, -20, 20), (6, 2, 14)], [2.6, 1.5, 1.2]),
    ):
        add("choroid", body + 0.8 + 1.3 * cells[body.box])
    out["choroid"] *= ventricles < 0
    for front, behind in _PRECEDENCE:
        for name in behind:
            out[name] *= 1 - out[front]
    out["nerve"] *= hull > 0
    return out

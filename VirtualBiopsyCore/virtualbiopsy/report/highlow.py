"""What a low and a high value of a feature look like: words, and a small drawing of each.

The drawings are schemes made by rule, not images of patients. They use only what browsers and Qt's SVG Tiny
renderer both draw.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import FeatureError
from ..radiomics.keys import FeatureKey, is_clinical, is_delta
from . import svg
from .labels import feature_label
from .theme import Theme, theme

CELLS = 10
LEVELS = 5
TILE = 60
_SEED = 20
_PROFILE = "M8 34C6 14 22 6 34 8C48 10 55 22 52 36C50 44 44 46 40 46L40 56L20 56L20 48L12 48Z"


@dataclass(frozen=True)
class Look:
    """Low and high in words, and how each is drawn (both None: in words only)."""

    low: str
    high: str
    draw_low: Callable[[Theme], str] | None = None
    draw_high: Callable[[Theme], str] | None = None


# Tiles: markup in a square of TILE pixels ----------------------------------------------------------


def _greys(levels: np.ndarray) -> Callable[[Theme], str]:
    """A tile of grey squares; `levels` is (CELLS, CELLS), 0 (dark) … LEVELS − 1 (bright)."""

    def draw(look: Theme) -> str:
        side = TILE / CELLS
        parts = []
        for level in range(LEVELS):
            path = "".join(
                f"M{j * side:g} {i * side:g}h{side:g}v{side:g}h-{side:g}z"
                for i, j in np.argwhere(levels == level)
            )
            if path:
                grey = round(40 + 200 * level / (LEVELS - 1))
                parts.append(svg.element("path", {"d": path, "fill": f"#{grey:02x}{grey:02x}{grey:02x}"}))
        return "".join(parts)

    return draw


def _outline(points: np.ndarray, *, tail: bool = False) -> Callable[[Theme], str]:
    """A tile with a closed shape; `points` (n, 2) in units of the half tile around its middle."""

    def draw(look: Theme) -> str:
        placed = TILE / 2 * (1 + points)
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed) + "Z"
        parts = [
            svg.rect(0, 0, TILE, TILE, look.track),
            svg.element("path", {"d": path, "fill": look.neutral}),
        ]
        if tail:
            parts.append(svg.line(2, 10, TILE - 2, 10, look.muted, 2))
            parts.append(svg.element("path", {"d": "M14 13L30 9L54 9L56 12L46 17Z", "fill": look.neutral}))
        return "".join(parts)

    return draw


def _bars(heights: tuple[float, ...]) -> Callable[[Theme], str]:
    """A tile with a histogram; heights 0…1, dark values at the left."""

    def draw(look: Theme) -> str:
        wide = (TILE - 8) / len(heights)
        parts = [svg.rect(0, 0, TILE, TILE, look.track)]
        for n, height in enumerate(heights):
            tall = (TILE - 12) * height
            parts.append(svg.rect(4 + n * wide, TILE - 5 - tall, wide - 1, tall, look.neutral))
        return "".join(parts)

    return draw


def _edge(soft: bool) -> Callable[[Theme], str]:
    """A tile with a mass whose border is sharp or fades."""

    def draw(look: Theme) -> str:
        parts = [svg.rect(0, 0, TILE, TILE, look.track)]
        radii = range(27, 12, -2) if soft else (20,)
        for radius in radii:
            opacity = 0.16 if soft else 1.0
            parts.append(
                svg.element(
                    "circle",
                    {
                        "cx": TILE / 2,
                        "cy": TILE / 2,
                        "r": radius,
                        "fill": look.neutral,
                        "fill-opacity": opacity,
                    },
                )
            )
        return "".join(parts)

    return draw


def _head(low: bool) -> Callable[[Theme], str]:
    """A tile with a head from the side and a mass at the vault or at the base."""

    def draw(look: Theme) -> str:
        x, y = (26, 42) if low else (30, 15)
        return "".join(
            (
                svg.rect(0, 0, TILE, TILE, look.track),
                svg.element(
                    "path",
                    {
                        "d": _PROFILE,
                        "fill": "none",
                        "stroke": look.muted,
                        "stroke-width": 2,
                    },
                ),
                svg.element("circle", {"cx": x, "cy": y, "r": 6, "fill": look.neutral}),
            )
        )

    return draw


def _wave(amount: float, lobes: int = 7, size: float = 0.62, stretch: float = 1.0) -> np.ndarray:
    angle = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    radius = size * (1 + amount * np.sin(lobes * angle) + 0.6 * amount * np.sin(3 * angle + 1))
    return np.stack([stretch * radius * np.cos(angle), radius * np.sin(angle) / stretch], axis=1)


@lru_cache(maxsize=1)
def _textures() -> dict[str, np.ndarray]:
    random = np.random.default_rng(_SEED)
    i, j = np.indices((CELLS, CELLS))
    noise = random.integers(0, LEVELS, (CELLS, CELLS))
    blobs = np.kron(
        random.permutation(np.arange(4).reshape(2, 2) + np.array([[0, 0], [0, 1]])), np.ones((5, 5))
    )
    spots = np.zeros((CELLS, CELLS), int)
    for a, b in ((2, 2), (2, 7), (6, 4), (7, 8), (8, 1)):
        spots[a : a + 2, b : b + 2] = 1
    return {
        "dark": np.full((CELLS, CELLS), 1),
        "bright": np.full((CELLS, CELLS), 3),
        "even": np.full((CELLS, CELLS), 2),
        "nearly_even": np.where(noise == 4, 3, 2),
        "mixed": noise,
        "stripes": (i // 2) % LEVELS,
        "smooth": np.minimum((i + j) * LEVELS // (2 * CELLS - 1), LEVELS - 1),
        "checker": np.where((i + j) % 2, 4, 0),
        "coarse": blobs.astype(int),
        "bright_spots": np.where(spots, 4, 1),
        "dark_spots": np.where(spots, 0, 3),
        "core": np.where((i - 4.5) ** 2 + (j - 4.5) ** 2 < 8, 4, 1),
        "rim": np.where((i - 4.5) ** 2 + (j - 4.5) ** 2 < 8, 1, 4),
    }


def _pair(low_words: str, high_words: str, low: str, high: str) -> Look:
    made = _textures()
    return Look(low_words, high_words, _greys(made[low]), _greys(made[high]))


@lru_cache(maxsize=1)
def _looks() -> Mapping[str, Look]:
    ball, jagged = _outline(_wave(0.0)), _outline(_wave(0.17))
    small, large = _outline(_wave(0.03, 5, 0.28)), _outline(_wave(0.03, 5, 0.85))
    long, round_ = _outline(_wave(0.0, 7, 0.55, 1.6)), ball
    return {
        "level": _pair("dark on average", "bright on average", "dark", "bright"),
        "bright_part": _pair("no bright parts", "bright parts stand out", "dark", "bright_spots"),
        "dark_part": _pair("dark parts stand out", "no dark parts", "dark_spots", "bright"),
        "spread": _pair("even, one grey", "mixed, many greys", "nearly_even", "mixed"),
        "evenness": _pair("mixed, many greys", "even, one grey", "mixed", "nearly_even"),
        "disorder": _pair("ordered, few kinds of neighbours", "disordered, all kinds", "stripes", "mixed"),
        "contrast": _pair("neighbours alike", "neighbours differ strongly", "smooth", "checker"),
        "likeness": _pair("neighbours differ", "neighbours alike", "checker", "smooth"),
        "fine": _pair("coarse, large patches", "fine, small specks", "coarse", "mixed"),
        "coarse": _pair("fine, small specks", "coarse, large patches", "mixed", "coarse"),
        "alike": _pair("patches of many sizes", "patches of one size", "mixed", "checker"),
        "few_bright": _pair("bright greys prevail", "dark greys prevail", "bright_spots", "dark"),
        "centre_bright": _pair("evenly bright", "brighter on one side", "even", "smooth"),
        "skew": Look(
            "a tail of dark voxels", "a tail of bright voxels",
            _bars((0.15, 0.2, 0.3, 0.5, 0.8, 1.0, 0.6)), _bars((0.6, 1.0, 0.8, 0.5, 0.3, 0.2, 0.15)),
        ),
        "peak": Look(
            "greys spread evenly", "one grey prevails, with rare extremes",
            _bars((0.55, 0.65, 0.7, 0.7, 0.7, 0.65, 0.55)), _bars((0.08, 0.06, 0.2, 1.0, 0.2, 0.06, 0.08)),
        ),
        "round": Look("lobed, irregular", "close to a ball", jagged, ball),
        "irregular": Look("close to a ball", "lobed, irregular", ball, jagged),
        "size": Look("small", "large", small, large),
        "stretch": Look("long or flat", "as wide as long", long, round_),
        "clinical:age": Look("younger", "older"),
        "clinical:sex": Look("female (0)", "male (1)"),
        "clinical:who_grade": Look("grade 1", "grade 3"),
        "clinical:histological_grade": Look("grade 1", "grade 3"),
        "clinical:postmenopausal": Look("before the menopause (0)", "after the menopause (1)"),
        "clinical:er_positive": Look("oestrogen receptor negative (0)", "oestrogen receptor positive (1)"),
        "clinical:pr_positive": Look(
            "progesterone receptor negative (0)", "progesterone receptor positive (1)"
        ),
        "clinical:margin_irregular": Look("smooth margin (0)", "irregular margin (1)", ball, jagged),
        "clinical:interface_blurred": Look(
            "clear border with the brain (0)", "blurred border with the brain (1)", _edge(False), _edge(True)
        ),
        "clinical:enhancement_heterogeneous": _pair(
            "even enhancement (0)", "uneven enhancement (1)", "bright", "mixed"
        ),
        "clinical:dural_tail": Look(
            "no dural tail (0)", "dural tail (1)",
            _outline(_wave(0.0, 7, 0.45)), _outline(_wave(0.0, 7, 0.45), tail=True),
        ),
        "clinical:skull_base": Look("elsewhere (0)", "at the skull base (1)", _head(False), _head(True)),
    }  # fmt: skip


_ANY = Look("lower value", "higher value")
_CHANGE = Look("fell between the time points", "rose between the time points")

_BY_NAME: Mapping[str, tuple[str, ...]] = {
    "level": (
        "mean", "median", "mode", "energy", "total_energy", "root_mean_square", "joint_average",
        "sum_average", "autocorrelation", "integrated_intensity", "high_grey_level_run_emphasis",
        "high_grey_level_zone_emphasis", "high_grey_level_count_emphasis", "area_under_curve",
    ),
    "bright_part": (
        "maximum", "percentile_90", "local_intensity_peak", "global_intensity_peak",
        "intensity_at_volume_fraction_10", "volume_at_intensity_fraction_90",
    ),
    "dark_part": (
        "minimum", "percentile_10", "intensity_at_volume_fraction_90", "volume_at_intensity_fraction_10",
    ),
    "alike": ("normalised_zone_size_non_uniformity",),
    "few_bright": (
        "low_grey_level_run_emphasis", "low_grey_level_zone_emphasis", "low_grey_level_count_emphasis",
    ),
    "spread": (
        "variance", "interquartile_range", "range", "mean_absolute_deviation",
        "robust_mean_absolute_deviation", "median_absolute_deviation", "coefficient_of_variation",
        "quartile_coefficient_of_dispersion", "entropy", "joint_variance", "sum_variance", "cluster_tendency",
        "cluster_prominence", "grey_level_variance", "intensity_difference_between_volume_fractions",
    ),
    "evenness": (
        "uniformity", "angular_second_moment", "joint_maximum", "grey_level_non_uniformity",
        "normalised_grey_level_non_uniformity", "dependence_count_energy",
    ),
    "disorder": (
        "joint_entropy", "sum_entropy", "difference_entropy", "run_entropy", "zone_size_entropy",
        "zone_distance_entropy", "dependence_count_entropy",
    ),
    "contrast": (
        "contrast", "dissimilarity", "difference_average", "difference_variance", "busyness", "complexity",
        "strength", "gearys_c",
    ),
    "likeness": (
        "inverse_difference", "normalised_inverse_difference", "inverse_difference_moment",
        "normalised_inverse_difference_moment", "inverse_variance", "correlation", "morans_i",
        "information_correlation_2", "maximal_correlation_coefficient",
    ),
    "fine": (
        "short_runs_emphasis", "run_percentage", "small_zone_emphasis", "zone_percentage",
        "low_dependence_emphasis", "dependence_count_percentage",
    ),
    "coarse": (
        "long_runs_emphasis", "large_zone_emphasis", "high_dependence_emphasis", "coarseness",
        "run_length_variance", "zone_size_variance",
    ),
    "centre_bright": ("centre_of_mass_shift",),
    "skew": ("skewness", "cluster_shade"),
    "peak": ("kurtosis",),
    "round": (
        "sphericity", "compactness_1", "compactness_2", "volume_density_aabb", "volume_density_ombb",
        "volume_density_aee", "volume_density_mvee", "volume_density_convex_hull",
    ),
    "irregular": ("asphericity", "spherical_disproportion", "surface_to_volume_ratio",
                  "perimeter_to_surface_ratio"),
    "size": (
        "volume", "approximate_volume", "surface_area", "maximum_3d_diameter", "maximum_2d_diameter_slice",
        "maximum_2d_diameter_column", "maximum_2d_diameter_row", "major_axis_length", "minor_axis_length",
        "least_axis_length", "mesh_surface", "pixel_surface", "perimeter", "maximum_diameter",
    ),
    "stretch": ("elongation", "flatness"),
}  # fmt: skip
_PATCHES = re.compile(
    "(?P<size>short|long|small|large|low|high)_(?P<what>run|zone|distance|dependence)s?"
    "(_(?P<grey>low|high)_grey_level)?_emphasis"
)
_NAMED = {name: look for look, names in _BY_NAME.items() for name in names}


def look_of(key: str) -> Look:
    """What low and high of a feature key look like; a feature without a drawing of its own in words only."""
    if is_clinical(key):
        return _looks().get(key, _ANY)
    if is_delta(key):
        return _CHANGE
    try:
        name = FeatureKey.parse(key).name
    except FeatureError:
        return _ANY
    if name in _NAMED:
        return _looks()[_NAMED[name]]
    return _patches(name)


def _patches(name: str) -> Look:
    """Words for the features of runs, zones and dependences that look at size and grey level together."""
    found = _PATCHES.fullmatch(name)
    if found is not None:
        size = "small" if found["size"] in ("short", "small", "low") else "large"
        place = {"small": "at the border", "large": "deep inside"}[size]
        what = f"patches {place}" if found["what"] == "distance" else f"{size} patches"
        grey = {"low": "dark ", "high": "bright ", None: ""}[found["grey"]]
        return Look(f"few {grey}{what}", f"many {grey}{what}")
    if name.endswith("non_uniformity"):
        return Look("patches of many kinds alike", "one kind of patch prevails")
    return _ANY


def high_low_words(key: str) -> tuple[str, str]:
    """Low and high of a feature in words."""
    look = look_of(key)
    return look.low, look.high


@lru_cache(maxsize=1024)
def high_low_svg(key: str, *, dark: bool = True, width: float = 340) -> str:
    """Low at the left and high at the right, each a tile (where there is a drawing) with words beside it."""
    colours, look = theme(dark), look_of(key)
    half = width / 2
    drawn = look.draw_low is not None and look.draw_high is not None
    out = []
    tall = TILE + 12 if drawn else 40
    for n, (word, said, draw) in enumerate(
        (("low", look.low, look.draw_low), ("high", look.high, look.draw_high))
    ):
        x = 6 + n * half
        start = x
        if draw is not None:
            out.append(svg.element("g", {"transform": f"translate({x:g} 6)"}, draw(colours)))
            start = x + TILE + 8
        out.append(svg.text(start, 18, word, fill=colours.text, size=12, bold=True))
        for m, row in enumerate(svg.wrap(said, half - (start - x) - 8, 11)[:4]):
            out.append(svg.text(start, 33 + 13 * m, row, fill=colours.muted, size=11))
    label = f"{feature_label(key).full}: low means {look.low}, high means {look.high} (schemes)."
    return svg.document(width, tall, label, "".join(out), colours)

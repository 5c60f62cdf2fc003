"""From feature keys to the fewest images, grey levels and matrices that give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .aggregation import Aggregation, parse_aggregation
from .definitions import definition
from .filters.spec import parse_filter
from .keys import FeatureKey

ORIGINAL = "original"


@dataclass(frozen=True)
class Plan:
    """What one extraction has to make, each once.

    Attributes
    ----------
    keys : the features, without repetition, in the order in which they were asked for.
    images : by sequence, the image types in the field of the key; "original" is the prepared image itself.
    responses : filtered images by (sequence, profile); the profiles differ in their filters.
    levels : discretised images: (sequence, region, image, discretisation, profile).
    matrices : (sequence, region, image, discretisation, profile, family, aggregation).
    """

    keys: tuple[FeatureKey, ...]
    images: Mapping[str, tuple[str, ...]]
    responses: Mapping[tuple[str, str], tuple[str, ...]]
    levels: tuple[tuple[str, ...], ...]
    matrices: tuple[tuple[str, ...], ...]

    def filters(self, sequence: str) -> tuple[str, ...]:
        """Image types of a sequence that must be computed, without the original."""
        return tuple(image for image in self.images.get(sequence, ()) if image != ORIGINAL)

    def reach(self, spacing: tuple[float, float, float]) -> tuple[int, int, int] | None:
        """Voxels (k, j, i) around a region on which its responses depend; None for the whole image.

        The margin is part of the filters (four standard deviations of a Laplacian of Gaussian, say), not
        of the outline: a response does not change with the box on which it is computed.
        """
        furthest = [0, 0, 0]
        for (_, profile), filters in self.responses.items():
            for text in filters:
                reach = None if profile == "pyradiomics" else parse_filter(text).reach(spacing)
                if reach is None:
                    return None
                furthest = [max(a, b) for a, b in zip(furthest, reach, strict=True)]
        return furthest[0], furthest[1], furthest[2]

    def response_bytes(self, voxels: int) -> int:
        """Memory of all filtered images over a box of so many voxels, in bytes."""
        return 8 * voxels * sum(map(len, self.responses.values()))

    def sentence(self) -> str:
        """One line for the provenance."""
        filtered = sum(map(len, self.responses.values()))
        return (
            f"Extraction plan: {len(self.keys)} features from {len(self.images)} sequences, "
            f"{filtered} filtered images, {len(self.levels)} discretisations, {len(self.matrices)} matrices."
        )


def plan(keys: Iterable[FeatureKey | str]) -> Plan:
    """Plan the extraction of features.

    Raises
    ------
    FeatureError : a key is unknown or contradicts itself.
    """
    parsed = tuple(dict.fromkeys(FeatureKey.parse(key) if isinstance(key, str) else key for key in keys))
    images: dict[str, dict[str, None]] = {}
    responses: dict[tuple[str, str], dict[str, None]] = {}
    levels: dict[tuple[str, ...], None] = {}
    matrices: dict[tuple[str, ...], None] = {}
    for key in parsed:
        found = definition(key)
        if not found.needs_image:
            continue
        images.setdefault(key.sequence, {})[key.image] = None
        if key.image != ORIGINAL:
            responses.setdefault((key.sequence, key.profile), {})[key.image] = None
        if found.discretised:
            level = (key.sequence, key.region, key.image, key.discretisation, key.profile)
            levels[level] = None
            if key.family not in ("histogram", "ivh"):
                matrices[(*level, key.family, _shared(key))] = None
    return Plan(
        parsed,
        MappingProxyType({sequence: tuple(found) for sequence, found in images.items()}),
        MappingProxyType({which: tuple(found) for which, found in responses.items()}),
        tuple(levels),
        tuple(matrices),
    )


def _shared(key: FeatureKey) -> str:
    """The aggregation without what is done after counting: averaging and merging use the same counts."""
    found = parse_aggregation(key.aggregation)
    flat = "2d" if found.planar else "3d"
    return str(Aggregation(flat, found.distance, found.norm, "none", found.alpha))

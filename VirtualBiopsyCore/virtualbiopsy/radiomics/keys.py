"""The key of a feature: everything that changes its value, in one string."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..errors import FeatureError

PROFILES = ("ibsi", "pyradiomics")


@dataclass(frozen=True, order=True)
class FeatureKey:
    """Identity of one radiomic feature, written as eight fields joined by ``:``.

    Example: ``t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi``.

    Attributes
    ----------
    sequence : role of the image; "mask" for morphology.
    region : "tumour", "largest_slice", "ring5" (peritumoral ring of 5 mm), …
    image : image type; "original".
    family : morphology, statistics, histogram, glcm, glrlm, glszm, gldzm, ngtdm, ngldm.
    name : IBSI name in snake case (see :mod:`virtualbiopsy.radiomics.definitions`).
    aggregation : "3d" where there is one matrix or none, else "3d_average" or "3d_merged".
    discretisation : "none", "fbn32" (fixed bin number) or "fbw25" (fixed bin width, image units; "fbw0.1").
    profile : "ibsi" or "pyradiomics": whose conventions.
    """

    sequence: str
    region: str
    image: str
    family: str
    name: str
    aggregation: str
    discretisation: str
    profile: str

    def __str__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @cached_property
    def _text(self) -> str:
        return ":".join(
            (
                self.sequence,
                self.region,
                self.image,
                self.family,
                self.name,
                self.aggregation,
                self.discretisation,
                self.profile,
            )
        )

    @classmethod
    def parse(cls, text: str) -> FeatureKey:
        """Read a key back.

        Raises
        ------
        FeatureError : if the text does not have eight non-empty fields or names an unknown profile.
        """
        return _parse(text)


@lru_cache(maxsize=1 << 16)
def _parse(text: str) -> FeatureKey:
    fields = text.split(":")
    if len(fields) != 8 or not all(fields):
        raise FeatureError(f"{text!r} is not a feature key (eight fields joined by ':').")
    key = FeatureKey(*fields)
    if key.profile not in PROFILES:
        raise FeatureError(f"Feature key {text!r} names the unknown profile {key.profile!r}.")
    return key


CLINICAL_PREFIX = "clinical:"


def clinical_key(variable: str) -> str:
    """Key of a clinical variable used as a model input, for example ``clinical:age``."""
    return CLINICAL_PREFIX + variable


def is_clinical(key: str) -> bool:
    return key.startswith(CLINICAL_PREFIX)


DELTA_PREFIX, RELATIVE_DELTA_PREFIX = "delta:", "reldelta:"


def delta_key(key: FeatureKey | str, relative: bool = False) -> str:
    """Key of the change of a radiomic feature between two time points, see :func:`delta_parts`."""
    return (RELATIVE_DELTA_PREFIX if relative else DELTA_PREFIX) + str(key)


def is_delta(key: str) -> bool:
    return key.startswith((DELTA_PREFIX, RELATIVE_DELTA_PREFIX))


def delta_parts(key: str) -> tuple[FeatureKey, bool]:
    """The feature that a delta key is about, and whether its change is relative.

    ``delta:<key>`` is later − earlier, ``reldelta:<key>`` is (later − earlier) / |earlier|.

    Raises
    ------
    FeatureError : it is not a delta key, or its feature is not a radiomic one.
    """
    for prefix, relative in ((DELTA_PREFIX, False), (RELATIVE_DELTA_PREFIX, True)):
        if key.startswith(prefix):
            return FeatureKey.parse(key[len(prefix) :]), relative
    raise FeatureError(f"{key!r} is not the key of a change between two time points.")


def is_radiomic(key: str) -> bool:
    """Whether the feature is measured on one outline: neither a clinical variable nor a change."""
    return not is_clinical(key) and not is_delta(key)


def measured_key(key: str) -> FeatureKey | None:
    """The radiomic feature that must be measured for a key: its own, or that of a change; None for clinical.

    Raises
    ------
    FeatureError : the key is malformed.
    """
    if is_clinical(key):
        return None
    return delta_parts(key)[0] if is_delta(key) else FeatureKey.parse(key)


def measured_keys(keys: Iterable[str]) -> tuple[FeatureKey, ...]:
    """The radiomic features that must be measured for some keys, each once, in their order."""
    return tuple(dict.fromkeys(found for key in keys if (found := measured_key(key)) is not None))

"""What each feature is: IBSI name and code, pyradiomics name, unit, one sentence.

Source: Zwanenburg et al., The image biomarker standardisation initiative, reference manual (arXiv:1612.07003)
and Radiology 2020;295:328; codes are those of its section 3. Names of pyradiomics: version 3.0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from ..errors import FeatureError
from . import feature_tables
from .aggregation import DIRECTIONAL, SINGLE, Aggregation, parse_aggregation
from .discretise import parse_discretisation
from .keys import CLINICAL_PREFIX, PROFILES, FeatureKey, delta_parts, is_clinical, is_delta
from .resegment import parse_region

MASK = "mask"
"""The "sequence" of features that need no image."""


@dataclass(frozen=True)
class FeatureDefinition:
    """One feature.

    Attributes
    ----------
    family, name : as in :class:`virtualbiopsy.radiomics.keys.FeatureKey`.
    label : for people, for example "Joint entropy (GLCM)".
    ibsi_code : four characters; "" if the IBSI does not define the feature.
    pyradiomics_name : class and name in pyradiomics, for example "glcm_JointEntropy"; None if it has none.
    unit : "mm", "mm³", "image units", …; "" for a plain number. The unit of the image where it says so.
    description : one sentence.
    aggregations : what the key may say, without parameters: "3d"; the names in aggregation.DIRECTIONAL; those
        in aggregation.SINGLE; "2d" for shape in one slice. See also :func:`aggregations_of`.
    profiles : whose conventions exist: "ibsi" if the IBSI defines it, "pyradiomics" if that has it.
    discretised : whether the key needs a discretisation; those of the intensity-volume histogram may also
        say "none", for images in whole calibrated units.
    needs_image : False for shape alone; its keys have the sequence "mask".
    """

    family: str
    name: str
    label: str
    ibsi_code: str
    pyradiomics_name: str | None
    unit: str
    description: str
    aggregations: tuple[str, ...]
    profiles: tuple[str, ...]
    discretised: bool
    needs_image: bool = True


FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "morphology": "shape",
        "local_intensity": "local intensity",
        "statistics": "intensity statistics",
        "histogram": "intensity histogram",
        "ivh": "IVH",
        "glcm": "GLCM",
        "glrlm": "GLRLM",
        "glszm": "GLSZM",
        "gldzm": "GLDZM",
        "ngtdm": "NGTDM",
        "ngldm": "NGLDM",
        "shape2d": "shape in one slice",
    }
)
"""Families by key, with a short label."""

_WHOLE = ("3d",)
_FLAT = ("2d",)

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "glcm": ("distance", "norm", "weight"),
    "glrlm": ("weight",),
    "ngtdm": ("distance", "norm"),
    "ngldm": ("distance", "norm", "alpha"),
}
"""Parameters of the aggregation that change the features of a family."""

_ROLE_UNITS = {"grey_variance": "grey levels²", "entropy": "bits"}
_PYRADIOMICS_CLASS = {
    "morphology": "shape",
    "statistics": "firstorder",
    "ngldm": "gldm",
    "shape2d": "shape2D",
}
_UPPER = {"aabb": "AABB", "aee": "AEE", "3d": "3D", "2d": "2D", "morans": "Moran's", "gearys": "Geary's"}
_UPPER |= {"i": "I", "c": "C", "ombb": "OMBB", "mvee": "MVEE", "10": "10 %", "90": "90 %"}
_SHORT = {"histogram": "histogram", "shape2d": "2D"}

_INTENSITIES = ("morphology", "shape2d", "local_intensity", "statistics")
_WITH_INTENSITY = ("centre_of_mass_shift", "integrated_intensity", "morans_i", "gearys_c")


def _label(family: str, name: str) -> str:
    words = " ".join(_UPPER.get(word, word) for word in name.split("_"))
    if name.startswith("percentile_"):
        words = f"{name[-2:]}th percentile"
    words = words[0].upper() + words[1:]
    if family in ("morphology", "statistics", "local_intensity"):
        return words
    return f"{words} ({_SHORT.get(family, FAMILIES[family])})"


def _cells(text: str) -> list[list[str]]:
    lines = text.replace("\n    ", " ").strip().splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def _rows(family: str, text: str, roles: bool, aggregations: tuple[str, ...]) -> list[FeatureDefinition]:
    definitions = []
    for name, code, other, unit, description in _cells(text):
        if roles:
            unit = _ROLE_UNITS.get(unit, "")
        if other and "_" not in other:
            other = f"{_PYRADIOMICS_CLASS.get(family, family)}_{other}"
        definitions.append(
            FeatureDefinition(
                family=family,
                name=name,
                label=_label(family, name),
                ibsi_code=code,
                pyradiomics_name=other or None,
                unit=unit,
                description=description,
                aggregations=aggregations,
                profiles=tuple(p for p, has in zip(PROFILES, (code, other), strict=True) if has),
                discretised=family not in _INTENSITIES,
                needs_image=family not in ("morphology", "shape2d") or name in _WITH_INTENSITY,
            )
        )
    return definitions


_TABLES = (
    ("morphology", feature_tables.MORPHOLOGY, False, _WHOLE),
    ("local_intensity", feature_tables.LOCAL_INTENSITY, False, _WHOLE),
    ("statistics", feature_tables.STATISTICS, False, _WHOLE),
    ("histogram", feature_tables.HISTOGRAM, False, _WHOLE),
    ("ivh", feature_tables.IVH, False, _WHOLE),
    ("glcm", feature_tables.GLCM, False, DIRECTIONAL),
    ("glrlm", feature_tables.GLRLM, True, DIRECTIONAL),
    ("glszm", feature_tables.GLSZM, True, SINGLE),
    ("gldzm", feature_tables.GLDZM, True, SINGLE),
    ("ngtdm", feature_tables.NGTDM, False, SINGLE),
    ("ngldm", feature_tables.NGLDM, True, SINGLE),
    ("shape2d", feature_tables.SHAPE2D, False, _FLAT),
)

DEFINITIONS: Mapping[tuple[str, str], FeatureDefinition] = MappingProxyType(
    {
        (d.family, d.name): d
        for family, text, roles, aggregations in _TABLES
        for d in _rows(family, text, roles, aggregations)
    }
)
"""All features by (family, name), in a fixed order."""

SIZE_ROLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {family: {row[0]: row[3] for row in _cells(text)} for family, text, roles, _ in _TABLES if roles}
)
"""For GLRLM, GLSZM, GLDZM and NGLDM: by name, the key of :data:`virtualbiopsy.radiomics.sizes.FEATURES`."""


def aggregations_of(found: FeatureDefinition, profile: str) -> tuple[str, ...]:
    """The aggregations, without parameters, that a feature has in a profile.

    pyradiomics has no mean over slices: what it computes in 2D (``force2D``) is "2.5d" here.
    """
    if profile == "pyradiomics" and found.family != "shape2d":
        return tuple(name for name in found.aggregations if not name.startswith("2d"))
    return found.aggregations


@lru_cache(maxsize=1 << 16)
def definition(key: FeatureKey) -> FeatureDefinition:
    """The definition of a key, after checking every field of it.

    Raises
    ------
    FeatureError : if the feature is unknown, or the key says something that this feature cannot have.
    """
    found = DEFINITIONS.get((key.family, key.name))
    if found is None:
        raise FeatureError(f"Unknown feature {key.family}:{key.name} in {key}.")
    if key.profile not in found.profiles:
        raise FeatureError(f"{found.label} has no {key.profile!r} profile ({key}).")
    if found.needs_image == (key.sequence == MASK):
        raise FeatureError(
            f"{found.label} {'needs an image' if found.needs_image else 'needs no image'} ({key}).",
            f"Use {'a sequence' if found.needs_image else repr(MASK)} in the first field.",
        )
    _check_region(key, found)
    _check_image(key, found)
    _check_aggregation(key, found)
    if found.discretised and not (key.family == "ivh" and key.discretisation == "none"):
        parse_discretisation(key.discretisation)
    elif key.discretisation != "none":
        raise FeatureError(f"{found.label} is not discretised ({key}).", "Use 'none'.")
    return found


def _check_region(key: FeatureKey, found: FeatureDefinition) -> None:
    region = parse_region(key.region)
    if region.resegmented and not found.needs_image:
        raise FeatureError(
            f"{found.label} is that of the outline, which re-segmentation leaves alone ({key}).",
            f"Use the region {region.name!r}.",
        )


def _check_image(key: FeatureKey, found: FeatureDefinition) -> None:
    if key.image == "original":
        return
    if key.family in ("morphology", "shape2d"):
        raise FeatureError(
            f"{found.label} is never taken from a filtered image ({key}).", "Use the image 'original'."
        )
    from .filters.spec import parse_filter

    parse_filter(key.image)


def _check_aggregation(key: FeatureKey, found: FeatureDefinition) -> None:
    choices = aggregations_of(found, key.profile)
    aggregation = parse_aggregation(key.aggregation)
    if aggregation.base not in choices:
        raise FeatureError(
            f"{found.label} has no aggregation {aggregation.base!r} in the profile {key.profile!r} ({key}).",
            f"Use {' or '.join(choices)}.",
        )
    fitting = _fitting(aggregation, aggregation.base, key.family)
    if fitting != aggregation:
        raise FeatureError(
            f"The aggregation {key.aggregation!r} says what changes nothing in {found.label} ({key}).",
            f"Write {str(fitting)!r}.",
        )
    if key.profile == "pyradiomics" and aggregation.norm != "chebyshev":
        raise FeatureError(f"Profile 'pyradiomics' measures distances as 'chebyshev' only ({key}).")


def _fitting(aggregation: Aggregation, base: str, family: str) -> Aggregation:
    """The same aggregation with another base, and without what a family does not know."""
    known = _PARAMETERS.get(family, ())
    return Aggregation(
        base,
        **{name: getattr(aggregation, name) for name in known if name != "weight" or "merged" in base},
    )


def describe(key: str) -> FeatureDefinition:
    """The definition of a key in text; clinical keys (``clinical:age``) too, as family "clinical", and
    changes between two time points (``delta:…``) in the family of their feature.

    The unit is that of the key: intensities of an IVH with a fixed bin number are grey levels.

    Raises
    ------
    FeatureError : if the key is unknown or malformed.
    """
    if is_clinical(key):
        return _describe_clinical(key.removeprefix(CLINICAL_PREFIX))
    if is_delta(key):
        return _describe_delta(key)
    parsed = FeatureKey.parse(key)
    found = definition(parsed)
    if parsed.family == "ivh" and found.unit and parsed.discretisation.startswith("fbn"):
        return replace(found, unit="grey levels")
    return found


def _describe_delta(key: str) -> FeatureDefinition:
    feature, relative = delta_parts(key)
    found = describe(str(feature))
    kind = "Relative change" if relative else "Change"
    formula = "(later − earlier) / |earlier|" if relative else "later − earlier"
    return replace(
        found,
        label=f"{kind} of {found.label[:1].lower()}{found.label[1:]}",
        ibsi_code="",
        pyradiomics_name=None,
        unit="" if relative else found.unit,
        description=f"{kind} between two time points, {formula}. {found.description}",
    )


_CLINICAL_CODES = {
    "postmenopausal": ("Postmenopausal", "1 after the menopause, else 0."),
    "skull_base": ("Skull base", "1 if the tumour lies at the skull base, else 0."),
    "margin_irregular": ("Irregular margin", "1 if the margin is irregular, else 0."),
    "interface_blurred": ("Blurred brain interface", "1 if the interface with the brain is blurred, else 0."),
    "enhancement_heterogeneous": ("Heterogeneous enhancement", "1 if it enhances unevenly, else 0."),
}


def _describe_clinical(name: str) -> FeatureDefinition:
    from ..case.clinical import CLINICAL

    variable = CLINICAL.get(name)
    if name in _CLINICAL_CODES:
        label, description = _CLINICAL_CODES[name]
        unit = ""
    elif variable is not None:
        label, unit, description = variable.label, variable.unit, variable.description
    else:
        raise FeatureError(f"Unknown clinical variable {name!r}.")
    return FeatureDefinition(
        family="clinical",
        name=name,
        label=label,
        ibsi_code="",
        pyradiomics_name=None,
        unit=unit or "",
        description=description,
        aggregations=(),
        profiles=(),
        discretised=False,
        needs_image=False,
    )


def all_keys(
    sequence: str,
    region: str = "tumour",
    discretisation: str = "fbn32",
    profile: str = "ibsi",
    aggregation: str = "3d_average",
    image: str = "original",
    ivh: str = "fbn1000",
) -> list[FeatureKey]:
    """Every feature that exists for these choices, in the order of :data:`DEFINITIONS`.

    Parameters
    ----------
    sequence : role of the image; "mask" gives the features of shape alone.
    discretisation : for the histogram and the texture matrices.
    aggregation : one of aggregation.DIRECTIONAL, with parameters or without; matrices without directions take
        what fits them ("2.5d" for "2.5d_average", say). Shape in one slice belongs to the planar ones.
    image : image type; a filtered one has no morphology.
    ivh : discretisation of the intensity-volume histogram: "none" for whole calibrated units such as HU, a
        fine "fbw…" for other calibrated units, "fbn1000" for arbitrary ones (IBSI, section 3.5).
    """
    return list(_all_keys(sequence, region, discretisation, profile, aggregation, image, ivh))


@lru_cache(maxsize=256)
def _all_keys(
    sequence: str, region: str, discretisation: str, profile: str, aggregation: str, image: str, ivh: str
) -> tuple[FeatureKey, ...]:
    wanted = parse_aggregation(aggregation)
    keys = []
    for found in DEFINITIONS.values():
        if profile not in found.profiles or found.needs_image != (sequence != MASK):
            continue
        if found.family == "shape2d" and not wanted.planar:
            continue
        if found.family == "morphology" and image != "original":
            continue
        choices = aggregations_of(found, profile)
        base = wanted.base if wanted.base in choices else wanted.base.partition("_")[0]
        if base not in choices:
            base = choices[0]
        rule = ivh if found.family == "ivh" else discretisation
        keys.append(
            FeatureKey(
                sequence,
                region,
                image,
                found.family,
                found.name,
                str(_fitting(wanted, base, found.family)),
                rule if found.discretised else "none",
                profile,
            )
        )
    for key in keys:
        definition(key)
    return tuple(keys)

"""What a front end asks of the engines: what is in use, reference tests, comparison with pyradiomics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import SimpleITK as sitk

from ..errors import EngineError
from ..progress import Progress, silent
from ..radiomics.kernels import choose
from .agreement import AGREE, DISAGREE, SINGLE, agree, agreement_json
from .agreement_report import NAMES as AGREEMENT_FILES
from .agreement_report import agreement_csv, agreement_html
from .builtin import BuiltinEngine
from .certificate import certificate_json, certify
from .certificate_report import NAMES as CERTIFICATE_FILES
from .certificate_report import certificate_html
from .pyradiomics import PyradiomicsEngine
from .selection import ORIGINAL, select_keys

FILTERED = ("log(sigma=2)", "log(sigma=4)", "wavelet(family=coif1;bands=LLH;level=1)")
BIN_NUMBER = "fbn32"


@dataclass(frozen=True)
class EngineState:
    """What computes the features here.

    Attributes
    ----------
    kernels : in words. pyradiomics : its version, "" if it cannot be used. why_not : then the reason.
    """

    kernels: str
    pyradiomics: str
    why_not: str


@dataclass(frozen=True)
class EngineCheck:
    """Outcome of a check, in words.

    Attributes
    ----------
    kind : "certificate" or "agreement". good : whether everything is as expected. sentence : the outcome.
    groups : (what, passed, failed, without comparison). failures : one line each.
    files : complete texts by file name, to be written or downloaded.
    """

    kind: str
    good: bool
    sentence: str
    groups: tuple[tuple[str, int, int, int], ...]
    failures: tuple[str, ...]
    files: Mapping[str, str]


def engine_state() -> EngineState:
    """Kernels and pyradiomics as they are now; does not import either."""
    reason = PyradiomicsEngine().availability()
    return EngineState(
        kernels="compiled (numba)" if choose.active() is not choose.plain else "numpy and scipy",
        pyradiomics="" if reason else PyradiomicsEngine().version,
        why_not=reason or "",
    )


def check_reference_values(progress: Progress = silent, data: str = "", *, created: str = "") -> EngineCheck:
    """Run the IBSI reference tests on this machine.

    Parameters
    ----------
    data : folder with the IBSI's CT phantom for the longer tests; "" leaves them out.
    created : date and time for the report.

    Raises
    ------
    UnreadableFileError : the folder does not hold the phantom. Cancelled.
    """
    found = certify(progress, data or None, created=created)
    failures = tuple(
        f"{check.group}: {check.name} ({check.ours!r} instead of {check.reference!r} ± {check.tolerance!r})"
        for check in found.checks
        if check.passed is False
    )
    return EngineCheck(
        "certificate",
        found.passed,
        found.sentence(),
        tuple((group, *found.counts(group)) for group in found.groups),
        failures,
        {
            CERTIFICATE_FILES["html"]: certificate_html(found),
            CERTIFICATE_FILES["json"]: certificate_json(found),
        },
    )


def check_agreement(
    image: sitk.Image,
    mask: sitk.Image,
    progress: Progress = silent,
    *,
    sequence: str = "image",
    filtered: bool = False,
    created: str = "",
    case: str = "",
) -> EngineCheck:
    """Compare our engine with pyradiomics on one image and outline, as they are, feature by feature.

    Parameters
    ----------
    image, mask : on one grid. sequence : role, for the keys.
    filtered : also Laplacian of Gaussian and a wavelet.

    Raises
    ------
    EngineError : pyradiomics cannot be used or failed. GeometryError, RegionError, ImageError. Cancelled.
    """
    peer = PyradiomicsEngine()
    reason = peer.availability()
    if reason is not None:
        raise EngineError("pyradiomics cannot be used here.", reason)
    filters = (ORIGINAL, *FILTERED) if filtered else (ORIGINAL,)
    keys = select_keys(
        ["all"], sequence=sequence, profile="pyradiomics", filters=filters, discretisation=BIN_NUMBER
    )
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    found = agree(
        {sequence: image},
        {"tumour": binary},
        keys,
        engines=(BuiltinEngine(), peer),
        created=created,
        case=case,
        progress=progress,
    )
    families: dict[str, list[int]] = {}
    for feature in found.features:
        counts = families.setdefault(feature.key.split(":")[3], [0, 0, 0])
        counts[{AGREE: 0, DISAGREE: 1}.get(feature.verdict, 2)] += 1
    failures = tuple(
        f"{feature.key}: relative difference {feature.difference:.2g}"
        for feature in found.features
        if feature.verdict == DISAGREE
    )
    return EngineCheck(
        "agreement",
        not failures and found.count(AGREE) > 0 and found.count(SINGLE) < len(found.features),
        found.sentence(),
        tuple((family, *counts) for family, counts in families.items()),
        failures,
        {
            AGREEMENT_FILES["html"]: agreement_html(found),
            AGREEMENT_FILES["json"]: agreement_json(found),
            AGREEMENT_FILES["csv"]: agreement_csv(found),
        },
    )

"""The IBSI reference tests on this very machine, without a test framework.

Source of the values: Resources/Reference (IBSI reference manual 1 and 2, CC BY 4.0).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY
from ..errors import UnreadableFileError
from ..progress import Progress, part, silent
from ..radiomics import reference
from ..radiomics.definitions import MASK, all_keys, definition
from ..radiomics.extract import extract
from ..radiomics.filters import reference as filters
from ..radiomics.kernels import choose
from .machine import machine

FORMAT = "virtualbiopsy-certificate"
FORMAT_VERSION = 1
INVARIANT = 1e-9
ITERATED = 1e-6
"""For the smallest enclosing ellipsoid, which is found by iteration."""
KERNELS_EQUAL = 1e-12
CT_IMAGE, CT_MASK = "ct_phantom_image.nii.gz", "ct_phantom_mask.nii.gz"

_NEEDS = f"needs {CT_IMAGE} and {CT_MASK} (--data)"
_MAPS = "IBSI 2: response maps"
_FILTERED = "IBSI 2: features of filtered images"
_TITLES = {
    "digital": "IBSI 1: digital phantom",
    **{name: f"IBSI 1: CT phantom, configuration {name.upper()}" for name in "abcde"},
}


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes
    ----------
    group : title of its section. name : what was compared. ibsi_code : of the feature, "" if it has none.
    reference, tolerance : expected value and how far off it may be; None where there is none.
    ours : what this machine found, None if nothing. passed : None if there is nothing to compare with.
    note : why it was not run, or what the numbers are.
    """

    group: str
    name: str
    ibsi_code: str = ""
    reference: float | None = None
    tolerance: float | None = None
    ours: float | None = None
    passed: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Certificate:
    """All comparisons of one run.

    Attributes
    ----------
    checks : in the order in which they ran. skipped : sections that did not run, with the reason.
    machine : system and versions. created : date and time as text, "" if not given.
    """

    checks: tuple[Check, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def passed(self) -> bool:
        """Whether something was compared, and everything that was compared is as expected."""
        compared = [check for check in self.checks if check.passed is not None]
        return bool(compared) and all(check.passed for check in compared)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(check.group for check in self.checks))

    def counts(self, group: str | None = None) -> tuple[int, int, int]:
        """Passed, failed, without a reference; of one group or of all."""
        states = [check.passed for check in self.checks if group in (None, check.group)]
        return states.count(True), states.count(False), states.count(None)

    def sentence(self) -> str:
        good, bad, without = self.counts()
        text = f"{good} of {good + bad} reference tests passed on this machine"
        if bad:
            text += f", {bad} failed"
        if without:
            text += f"; {without} rows have no published value"
        if self.skipped:
            text += f"; not run: {', '.join(self.skipped)}"
        return text + "."


def certify(progress: Progress = silent, data: Path | str | None = None, *, created: str = "") -> Certificate:
    """Run the reference tests.

    Parameters
    ----------
    data : folder with the image and mask of the CT phantom (ct_phantom_image.nii.gz, ct_phantom_mask.nii.gz,
        there or in a sub-folder); without it the tests that need them are listed as not run.
    created : date and time, printed as given.

    Raises
    ------
    UnreadableFileError : `data` is no folder that holds the phantom.
    Cancelled : the progress callback asked to stop.
    """
    folder = None if data is None else _phantom_folder(Path(data))
    checks: list[Check] = []
    skipped: dict[str, str] = {}
    progress(0.0, "IBSI digital phantom")
    checks += _table("digital", *reference.digital_phantom(), part(progress, 0.0, 0.05))
    progress(0.05, "Invariances")
    checks += _invariances()
    progress(0.1, "Kernels")
    checks += _kernels(skipped)
    progress(0.15, "Filters")
    checks += _filters(skipped, folder, part(progress, 0.15, 0.4))
    checks += _ct_phantom(skipped, folder, part(progress, 0.4, 1.0))
    progress(1.0, "Certificate complete")
    return Certificate(tuple(checks), skipped, machine(), created)


def _phantom_folder(data: Path) -> Path:
    if not data.is_dir():
        raise UnreadableFileError(f"There is no folder {data}.", "Name the folder with the IBSI phantoms.")
    for image in sorted(data.rglob(CT_IMAGE), key=lambda path: (len(path.parts), str(path))):
        if (image.parent / CT_MASK).is_file():
            return image.parent
    raise UnreadableFileError(
        f"{data} does not hold {CT_IMAGE} and {CT_MASK}.",
        "They come from the IBSI's data sets (theibsi/data_sets, ibsi_1_ct_radiomics_phantom).",
    )


def _table(name: str, image: sitk.Image, mask: sitk.Image, progress: Progress) -> Iterator[Check]:
    found, _ = reference.measure(name, image, mask, progress=progress)
    for row, ours in found.items():
        title = f"{row.family} {row.feature}" + (f" ({row.aggregation})" if row.aggregation else "")
        if row.value is None:
            yield Check(_TITLES[name], title, row.ibsi_code, ours=_plain(ours), note="no published value")
        else:
            yield Check(
                _TITLES[name],
                title,
                row.ibsi_code,
                row.value,
                row.tolerance,
                _plain(ours),
                row.agrees(ours),
            )


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _region(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A textured image and a ragged region with a hole, (k, j, i), the same on every machine.

    Around it lie six voxels of zeros, so that it can be moved.
    """
    rng = np.random.default_rng(seed)
    k, j, i = np.mgrid[:14, :17, :15]
    smooth = 60 * np.sin(k / 2.1) + 45 * np.cos(j / 1.7) + 30 * np.sin(i / 2.9)
    image = np.round(200 + smooth + rng.normal(0, 20, k.shape))
    mask = ((k - 6.5) / 5.5) ** 2 + ((j - 8) / 6.5) ** 2 + ((i - 7) / 5.5) ** 2 <= 1
    mask &= rng.random(k.shape) > 0.05
    mask[6:8, 7:10, 6:8] = False
    return np.pad(image, 6), np.pad(mask, 6)


def _values(image: np.ndarray, mask: np.ndarray, spacing: tuple[float, ...], rule: str) -> dict[str, float]:
    keys = all_keys(MASK, discretisation=rule) + all_keys("image", discretisation=rule)
    return dict(extract({"image": image}, {"tumour": mask}, spacing, keys).values)


def _compared(
    name: str, group: str, limit: float, found: dict[str, float], expected: dict[str, float], n: int
) -> Check:
    """Largest difference of all values; those of nearly nothing are compared with the largest of 1e-6."""
    worst, which = 0.0, "all values equal"
    if set(found) != set(expected):
        worst, which = math.inf, "other features are defined"
    for key, value in expected.items():
        off = abs(found.get(key, math.inf) - value) / max(abs(value), 1e-6)
        if off > worst:
            worst, which = off, f"largest at {key}"
    note = f"{n} features; {which}"
    ours = worst if math.isfinite(worst) else None
    return Check(group, name, "", 0.0, limit, ours, worst <= limit, note)


def _invariances() -> Iterator[Check]:
    """Moves that must not change a feature of an isotropic region."""
    group = "Invariances"
    image, mask = _region()
    spacing = (1.5, 1.5, 1.5)
    expected = _values(image, mask, spacing, "fbn16")
    moves = {
        "translation by whole voxels": lambda a: np.roll(a, (3, -2, 4), axis=(0, 1, 2)),
        "mirrored along i": lambda a: a[:, :, ::-1],
        "mirrored along j": lambda a: a[:, ::-1],
        "mirrored along k": lambda a: a[::-1],
        "turned by 90° about k": lambda a: np.rot90(a, axes=(1, 2)),
        "turned by 90° about j": lambda a: np.rot90(a, axes=(0, 2)),
        "turned by 90° about i": lambda a: np.rot90(a, axes=(0, 1)),
    }
    for name, move in moves.items():
        found = _values(move(image), move(mask), spacing, "fbn16")
        for note, iterated, limit in (("", False, INVARIANT), (", enclosing ellipsoid", True, ITERATED)):
            before, after = (
                {key: value for key, value in values.items() if ("_mvee:" in key) == iterated}
                for values in (expected, found)
            )
            yield _compared(name + note, group, limit, after, before, len(before))
    shifted = _values(image + 512.0, mask, spacing, "fbn16")
    texture = {key: value for key, value in expected.items() if ":fbn16:" in key}
    yield _compared(
        "intensities shifted by 512, fixed bin number",
        group,
        INVARIANT,
        {key: value for key, value in shifted.items() if key in texture},
        texture,
        len(texture),
    )


def _kernels(skipped: dict[str, str]) -> Iterator[Check]:
    """Compiled against plain kernels."""
    group = "Compiled kernels"
    if not choose.wait_until_compiled():
        mode = choose.mode()
        skipped[group] = "switched off" if mode == "plain" else "numba is not installed or does not work"
        return
    image, mask = _region(11)
    for rule in ("fbn16", "fbw25"):
        with choose.using("plain"):
            expected = _values(image, mask, (2.0, 1.0, 1.0), rule)
        with choose.using("compiled"):
            found = _values(image, mask, (2.0, 1.0, 1.0), rule)
        yield _compared(
            f"equal to the plain kernels, {rule}", group, KERNELS_EQUAL, found, expected, len(expected)
        )


def _filters(skipped: dict[str, str], folder: Path | None, progress: Progress) -> Iterator[Check]:
    """IBSI 2: response maps by sampled voxels, and feature values on the CT phantom."""
    maps = filters.reference_maps()
    for number, row in enumerate(maps):
        progress(0.3 * number / len(maps), f"IBSI 2, response map {row.name}")
        off = row.measure()
        note = f"largest difference of {len(row.values)} voxels, as a share of the map's range"
        name = f"{row.name}: {row.filter} on {row.phantom}"
        yield Check(
            _MAPS, name, "", 0.0, filters.MAP_TOLERANCE, _plain(off), off <= filters.MAP_TOLERANCE, note
        )
    if folder is None:
        skipped[_FILTERED] = _NEEDS
        return
    image, mask = (_read(folder / name) for name in (CT_IMAGE, CT_MASK))
    found = filters.measure(image, mask, progress=part(progress, 0.3, 1.0))
    for row, ours in found.items():
        name = f"{row.configuration}: {row.feature} of {filters.FILTERS[row.configuration]}"
        code = definition(row.key).ibsi_code
        if row.value is None:
            yield Check(_FILTERED, name, code, ours=_plain(ours), note="no consensus value")
        else:
            yield Check(_FILTERED, name, code, row.value, row.tolerance, _plain(ours), row.agrees(ours))


def _ct_phantom(skipped: dict[str, str], folder: Path | None, progress: Progress) -> Iterator[Check]:
    if folder is None:
        skipped["IBSI 1: CT phantom"] = _NEEDS
        return
    image, mask = (_read(folder / name) for name in (CT_IMAGE, CT_MASK))
    for number, name in enumerate("abcde"):
        share = part(progress, number / 5, (number + 1) / 5)
        share(0.0, _TITLES[name])
        yield from _table(name, image, mask, share)


def _read(path: Path) -> sitk.Image:
    from ..case.read import read_image

    return read_image(path)


def certificate_json(certificate: Certificate) -> str:
    """The certificate as JSON."""
    good, bad, without = certificate.counts()
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "research_use_only": RESEARCH_USE_ONLY,
        "passed": certificate.passed,
        "summary": {"passed": good, "failed": bad, "without_reference": without},
        "groups": {
            group: dict(
                zip(("passed", "failed", "without_reference"), certificate.counts(group), strict=True)
            )
            for group in certificate.groups
        },
        **asdict(certificate),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

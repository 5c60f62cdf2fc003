"""Read a case from a folder, from single files, from DICOM, or from a zip archive of them."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..errors import (
    Cancelled,
    ClinicalValueError,
    EmptyRegionError,
    OversizedFileError,
    UnreadableFileError,
    VirtualBiopsyError,
)
from ..progress import Progress, part, silent
from .archive import unpack
from .clinical import CLINICAL, check_clinical
from .dicom import is_dicom, read_dicom
from .dynamic_series import TimedImage, early_sequence
from .files import binary, is_image_file, labels_of, read_image, read_mask, stem
from .geometry import same_grid
from .items import Item
from .limits import MAX_BYTES, MAX_FILES
from .model import Case, Sequence
from .repeated import says_precontrast, sort_items
from .roles import RoleGuess, guess_role, resolve_roles
from .segmentation import on_grid_of, read_segmentation
from .sidecar import times_of_sidecar
from .tags import protocol_of_sidecar
from .volume_files import read_volumes, volumes_in

__all__ = ["read_case", "read_image", "read_mask"]

PERCENT = {"pe": "%"}
_CLINICAL_FILES = ("clinical.json", "clinical.toml")
# truth/: what a simulation knows and a reader must not see; earlier/: another time point, a case of its own
_SKIPPED_FOLDERS = {"__macosx", "truth", "earlier"}
_MASK_WORD = re.compile(
    r"(^|[^a-z])(seg|segm|segment|segmentation|mask|label|labels|labelmap|roi|voi|tumou?r|lesion|gtv|gt)"
    r"([^a-z]|$)|brainmask|multiclass"
)
_REGION_NAMES = (
    ("breast", r"^(?!.*(tumou?r|lesion|mass|cancer|gtv)).*(breast|fibroglandular|fgt)"),
    ("brain", r"(brain|bet|head|skull) ?mask"),
    ("oedema", r"o?edema"),
    ("necrosis", r"necro"),
    ("dural_tail", r"dural ?tail|tail"),
)


@dataclass
class _Found:
    """What was read so far."""

    items: list[Item] = field(default_factory=list)
    segmentations: list[Path] = field(default_factory=list)
    masks: list[tuple[Path, sitk.Image, tuple[int, ...]]] = field(default_factory=list)
    clinical: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[VirtualBiopsyError] = field(default_factory=list)
    left: int = MAX_BYTES


def read_case(
    paths: Path | str | Iterable[Path | str], *, progress: Progress = silent, max_bytes: int = MAX_BYTES
) -> Case:
    """Read images, masks and clinical values of one case.

    Parameters
    ----------
    paths : a folder (read with its sub-folders), one or several image files, DICOM files or folders, or zip
        archives. ``clinical.json`` or ``clinical.toml`` in a folder fills the clinical values. Files that
        hold a few whole numbers become regions: "tumour", "brain", "oedema", … by their names.
    max_bytes : limit for all images together.

    A file that cannot be read is left out with a warning if anything else could be read.

    Raises
    ------
    UnreadableFileError : nothing is there, or nothing could be read; then the first reason, which may be
        any of the errors of :func:`virtualbiopsy.case.files.read_image`.
    OversizedFileError : more than the limit.
    Cancelled : the progress callback asked to stop.
    """
    given = [Path(p) for p in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not given:
        raise UnreadableFileError("No file or folder was given.", "Choose a folder with images.")
    for path in given:
        if not path.exists():
            raise UnreadableFileError(f"There is no file or folder {path.name}.", "Check its name.")
    found = _Found(left=max_bytes)
    with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as temporary:
        folders = []
        archives = 0
        for path in given:
            if path.is_file() and path.suffix.lower() == ".zip":
                target = Path(temporary) / str(archives) / path.stem
                archives += 1
                target.mkdir(parents=True)
                unpack(path, target, max_bytes=max_bytes, progress=part(progress, 0.0, 0.1))
                folders.append((target, path))
            else:
                folders.append((path, None))
        _read_files(_listed(folders), len(given) == 1, found, part(progress, 0.1, 1.0))
        return _assemble(given, found)


def _listed(folders: Iterable[tuple[Path, Path | None]]) -> list[tuple[Path, Path | None]]:
    """All files, sorted by folder depth and name, each with the archive that it came from."""
    files: list[tuple[Path, Path | None]] = []
    for path, archive in folders:
        if path.is_file():
            files.append((path, archive))
            continue
        for inner in sorted(path.rglob("*"), key=lambda p: (len(p.parts), str(p).lower())):
            parts = [p.lower() for p in inner.relative_to(path).parts]
            hidden = any(p.startswith(".") for p in parts) or _SKIPPED_FOLDERS & set(parts[:-1])
            if inner.is_file() and not hidden:
                files.append((inner, archive))
            if len(files) > MAX_FILES:
                raise OversizedFileError(
                    f"{path.name} holds more than {MAX_FILES} files.", "Choose the folder of one case."
                )
    return files


def _read_files(
    files: list[tuple[Path, Path | None]], single: bool, found: _Found, progress: Progress
) -> None:
    images = [item for item in files if is_image_file(item[0]) and not _is_data_of_header(item[0])]
    chosen = {path for path, _ in images}
    dicom = []
    for path, archive in files:
        if path in chosen:
            continue
        if path.name.lower() in _CLINICAL_FILES:
            _read_clinical(path, found)
        elif path.name.upper() != "DICOMDIR" and is_dicom(path):
            dicom.append((path, archive))
        elif single and len(files) == 1:
            raise UnreadableFileError(
                f"{path.name} is not an image that is read here.",
                "NIfTI, NRRD, MetaImage and DICOM are read.",
            )
    for index, (path, archive) in enumerate(images):
        progress(0.5 * index / len(images), f"Reading {path.name}")
        try:
            _read_file(path, archive, found)
        except (OversizedFileError, Cancelled):
            raise
        except VirtualBiopsyError as error:
            found.failures.append(error)
            found.warnings.append(f"{error} The file was left out.")
    if dicom:
        _read_dicom(dicom, found, part(progress, 0.5 if images else 0.0, 1.0))
    progress(1.0, "Case read")


def _is_data_of_header(path: Path) -> bool:
    """A .hdr without its .img is no image."""
    return path.suffix.lower() == ".hdr" and not path.with_suffix(".img").exists()


def _read_file(path: Path, archive: Path | None, found: _Found) -> None:
    if volumes_in(path) > 1 and _read_volumes(path, archive, found):
        return
    image = read_image(path, max_bytes=found.left)
    found.left -= image.GetNumberOfPixels() * image.GetSizeOfPixelComponent()
    name = stem(path)
    labels = labels_of(image)
    called_mask = bool(_MASK_WORD.search(_plain(name)))
    few = labels is not None and len(labels) <= 8 and guess_role(name, {}).role == "other"
    if labels is not None and len(labels) > 1 and (called_mask or few):
        found.masks.append((path, image, tuple(v for v in labels if v > 0)))
        return
    if called_mask and labels is not None:
        raise EmptyRegionError(f"The mask {path.name} holds no voxel.", "Outline the tumour.")
    sidecar = path.with_name(name + ".json")
    sequence = Sequence(
        "other", name, image, protocol=protocol_of_sidecar(sidecar), source=str(archive or path)
    )
    _add(found, sequence, TimedImage(image, times_of_sidecar(sidecar), says_precontrast(name)))


def _read_volumes(path: Path, archive: Path | None, found: _Found) -> bool:
    """Read a file with several volumes; False if nothing says what they are."""
    protocol = protocol_of_sidecar(path.with_name(stem(path) + ".json"))
    role = guess_role(stem(path), protocol).role
    file = read_volumes(path, dynamic=role == "dce", max_bytes=found.left)
    if file is None:
        return False
    count = len(file.images)
    for n, timed in enumerate(file.images):
        found.left -= timed.image.GetNumberOfPixels() * timed.image.GetSizeOfPixelComponent()
        own = {**file.protocol}
        guess = RoleGuess("dce", f"The file holds {count} volumes with their times.", 0.85)
        if file.flip_angles:
            own["FlipAngle"] = f"{file.flip_angles[n]:g}"
            guess = RoleGuess("other", "One of several flip angles.", 0.9)
        elif file.b_values:
            own["DiffusionBValue"] = f"{file.b_values[n]:g}"
            guess = RoleGuess("dwi", f"The file holds {count} volumes with b-values.", 0.85)
        elif not file.timed:
            guess = RoleGuess("dce", f"The name says it is dynamic; the file holds {count} volumes.", 0.85)
        name = f"{file.name} ({n + 1} of {count})"
        sequence = Sequence("other", name, timed.image, protocol=own, source=str(archive or path))
        _add(found, sequence, timed, series=str(path), bolus=file.injection, guess=guess, whole=True)
    return True


def _read_dicom(files: list[tuple[Path, Path | None]], found: _Found, progress: Progress) -> None:
    archives = {str(path.parent): archive for path, archive in files if archive}
    try:
        volumes, warnings = read_dicom(
            [p for p, _ in files],
            max_bytes=found.left,
            progress=progress,
            segmentations=found.segmentations,
        )
    except (OversizedFileError, Cancelled):
        raise
    except VirtualBiopsyError as error:
        found.failures.append(error)
        found.warnings.append(str(error))
        return
    found.warnings.extend(warnings)
    for volume in volumes:
        found.left -= volume.image.GetNumberOfPixels() * volume.image.GetSizeOfPixelComponent()
        source = archives.get(volume.source) or archives.get(str(Path(volume.source).parent)) or volume.source
        several = volume.name != volume.description and volume.name.startswith(volume.description)
        told = None if several else says_precontrast(volume.name)
        timed = TimedImage(volume.image, volume.times, told, volume.number, volume.duration_s)
        sequence = Sequence(
            "other",
            volume.name,
            volume.image,
            "",
            volume.unit,
            volume.frame_of_reference,
            volume.protocol,
            str(source),
        )
        bolus = None if volume.bolus_s is None else (volume.bolus_s, "ContrastBolusStartTime (0018,1042).")
        _add(found, sequence, timed, volume.description, volume.series, bolus)


def _add(
    found: _Found,
    sequence: Sequence,
    timed: TimedImage,
    description: str = "",
    series: str = "",
    bolus: tuple[float, str] | None = None,
    guess: RoleGuess | None = None,
    whole: bool = False,
) -> None:
    guess = guess or guess_role(sequence.name, sequence.protocol, description)
    taken = {item.sequence.name for item in found.items}
    name, n = sequence.name, 2
    while sequence.name in taken:
        sequence, n = replace(sequence, name=f"{name} [{n}]"), n + 1
    if guess.role in PERCENT and sequence.unit is None:
        sequence = replace(sequence, unit=PERCENT[guess.role])
    found.items.append(Item(sequence, guess, timed, series, bolus, whole))


def _read_clinical(path: Path, found: _Found) -> None:
    try:
        if path.stat().st_size > 1_000_000:
            raise ValueError("too large")
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        if not isinstance(values, dict):
            raise ValueError("no table")
    except (OSError, ValueError):
        found.warnings.append(f"{path.name} cannot be read; the clinical values are empty.")
        return
    for name, value in values.items():
        if name not in CLINICAL:
            found.warnings.append(f"{path.name}: there is no clinical variable called {name!r}; left out.")
            continue
        try:
            found.clinical.update(check_clinical({name: value}))
        except ClinicalValueError as error:
            found.warnings.append(f"{path.name}: {error} The value was left out.")


def _assemble(given: list[Path], found: _Found) -> Case:
    if not found.items and not found.masks and not found.segmentations:
        if found.failures:
            raise found.failures[0]
        raise UnreadableFileError(
            f"{given[0].name} holds no image that can be read.", "NIfTI, NRRD, MetaImage and DICOM are read."
        )
    ordered = sort_items(found.items)
    found.warnings.extend(ordered.warnings)
    guessed = [(item.sequence, item.guess) for item in ordered.rest]
    if ordered.dynamic is not None:
        early = early_sequence(ordered.dynamic)
        guessed.insert(0, (early, RoleGuess("dce", early.reason, 1.0)))
    sequences = resolve_roles(guessed)
    regions = _regions(found, sequences)
    if not sequences and not regions and found.failures:
        raise found.failures[0]
    first = given[0]
    name = first.name if first.is_dir() else stem(first)
    return Case(
        name or "case",
        sequences,
        regions,
        found.clinical,
        tuple(found.warnings),
        ordered.dynamic,
        ordered.diffusion,
    )


def _regions(found: _Found, sequences: tuple[Sequence, ...]) -> dict[str, sitk.Image]:
    regions: dict[str, sitk.Image] = {}
    for path, image, labels in found.masks:
        name = _region_name(path, regions)
        if len(labels) > 1:
            listed = ", ".join(map(str, labels))
            found.warnings.append(f"{path.name} holds the labels {listed}; region {name} is their union.")
        if sequences and not any(same_grid(image, s.image) for s in sequences):
            found.warnings.append(f"{path.name} lies on the grid of none of the sequences.")
        regions[name] = binary(image)
    for path in found.segmentations:
        _read_segments(path, sequences, regions, found)
    return regions


def _read_segments(
    path: Path, sequences: tuple[Sequence, ...], regions: dict[str, sitk.Image], found: _Found
) -> None:
    try:
        segments, notes = read_segmentation(path, max_bytes=found.left)
    except VirtualBiopsyError as error:
        found.failures.append(error)
        found.warnings.append(f"{error} The segmentation was left out.")
        return
    found.warnings.extend(notes)
    for segment in segments:
        mask, note = on_grid_of(segment, sequences)
        if note:
            found.warnings.append(note)
        regions[_free_name(segment.name, regions)] = segment.mask if mask is None else mask


def _region_name(path: Path, taken: dict[str, sitk.Image]) -> str:
    plain = _plain(stem(path))
    fitting = (known for known, pattern in _REGION_NAMES if re.search(pattern, plain))
    name = next(fitting, "tumour")
    return _free_name(stem(path) if name in taken else name, taken)


def _free_name(name: str, taken: dict[str, sitk.Image]) -> str:
    base, n = name, 2
    while name in taken:
        name, n = f"{base} [{n}]", n + 1
    return name


def _plain(name: str) -> str:
    return re.sub(r"[_\-.\s]+", " ", re.sub(r"([a-z])([A-Z])", r"\1 \2", name)).lower()

"""Read the images of one case of a cohort."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..case.dynamic_series import TimedImage, build_series, with_dynamic
from ..case.files import binary, is_image_file, labels_of, read_image, stem
from ..case.model import Case, Sequence
from ..case.read import read_case
from ..case.repeated import says_precontrast
from ..case.sidecar import times_of_sidecar
from ..case.tags import protocol_of_sidecar
from ..case.volume_files import volumes_in
from ..errors import CohortError, EmptyRegionError, GeometryError, MissingSequenceError, UnreadableFileError
from ..progress import Progress, part, silent
from .model import Box, CohortCase, MaskFile

BOX = "box"
"""Name of the region that a box becomes."""
GIVEN = "the role that the cohort's table gives it"
TIMES = "dce_times of the cohort's table"


def load_case(entry: CohortCase, *, progress: Progress = silent) -> Case:
    """Read the images, outlines and clinical values of a case.

    What the table names stands before what a folder of the case holds.

    Raises
    ------
    CohortError : the case has no images at all.
    UnreadableFileError, EmptyRegionError, GeometryError, … : as :func:`virtualbiopsy.case.read.read_case`.
    Cancelled
    """
    if not entry.has_images:
        raise CohortError(f"{entry.name} has no images.", "Give a folder or files of its sequences.")
    case = Case(entry.name, ())
    if entry.folder is not None:
        case = replace(read_case(entry.folder, progress=part(progress, 0.0, 0.5)), name=entry.name)
    for n, (role, files) in enumerate(entry.images.items()):
        progress(0.5 + 0.4 * n / len(entry.images), f"Reading {role} of {entry.name}")
        case = _with_images(case, role, files, entry)
    for region, mask in entry.masks.items():
        case = case.with_region(region, read_outline(mask))
    if entry.box is not None:
        case = case.with_region(BOX, box_mask(entry.box, _reference(case)))
    progress(1.0, f"{entry.name} read")
    return case.with_clinical({**case.clinical, **entry.clinical})


def read_outline(mask: MaskFile) -> sitk.Image:
    """Read an outline as uint8, 1 inside.

    Raises
    ------
    EmptyRegionError : no voxel has one of the labels.
    UnreadableFileError and others : as :func:`virtualbiopsy.case.files.read_image`, or the file is an image.
    """
    if mask.path.is_dir() or not is_image_file(mask.path):
        return _outline_of_dicom(mask.path)
    image = read_image(mask.path)
    known = labels_of(image)
    if known is None:
        raise UnreadableFileError(
            f"{mask.path.name} is an image and not a mask: its values are not a few whole numbers.",
            "Choose the file with the outline.",
        )
    if not mask.labels:
        found = binary(image)
    else:
        values = np.isin(sitk.GetArrayViewFromImage(image), mask.labels)
        found = sitk.GetImageFromArray(values.astype(np.uint8))
        found.CopyInformation(image)
    if not sitk.GetArrayViewFromImage(found).any():
        wanted = " or ".join(map(str, mask.labels)) or "above 0"
        there = ", ".join(str(label) for label in known if label > 0) or "none"
        raise EmptyRegionError(
            f"The mask {mask.path.name} holds no voxel with the label {wanted}; it has {there}.",
            "Check the labels, or leave the case out.",
        )
    return found


def box_mask(box: Box, reference: sitk.Image) -> sitk.Image:
    """A box as a uint8 mask on the grid of an image.

    Raises
    ------
    GeometryError : it reaches beyond the image.
    """
    columns, rows, slices = reference.GetSize()
    for (_, last), size, name in (
        (box.slices, slices, "slices"),
        (box.rows, rows, "rows"),
        (box.columns, columns, "columns"),
    ):
        if last > size:
            raise GeometryError(f"The box ends at {last} of {size} {name}.", "Check the box.")
    values = np.zeros((slices, rows, columns), dtype=np.uint8)
    k, j, i = (slice(first - 1, last) for first, last in (box.slices, box.rows, box.columns))
    values[k, j, i] = 1
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(reference)
    return mask


def _outline_of_dicom(path: Path) -> sitk.Image:
    case = read_case(path)
    if len(case.regions) != 1:
        raise UnreadableFileError(
            f"{path.name} holds {len(case.regions)} outlines ({', '.join(case.regions) or 'none'}).",
            "Give a file with one outline.",
        )
    return next(iter(case.regions.values()))


def _reference(case: Case) -> sitk.Image:
    for role in ("dce", "t1c"):
        if case.has(role):
            return case.sequence(role).image
    if not case.sequences:
        raise MissingSequenceError(f"{case.name} has no sequence that its box lies on.")
    return case.sequences[0].image


def _with_images(case: Case, role: str, files: Many[Path], entry: CohortCase) -> Case:
    plain = all(path.is_file() and is_image_file(path) for path in files)
    if plain and role == "dce" and len(files) > 1:
        return _with_phases(case, files, entry)
    if plain and len(files) == 1 and volumes_in(files[0]) == 1:
        path = files[0]
        protocol = protocol_of_sidecar(path.with_name(stem(path) + ".json"))
        found = Sequence(role, stem(path), read_image(path), GIVEN, protocol=protocol, source=str(path))
        return _with_sequence(case, found)
    return _with_read(case, role, files, entry)


def _with_phases(case: Case, files: Many[Path], entry: CohortCase) -> Case:
    """The dynamic series from one file a phase."""
    times = entry.phase_times
    images = []
    for n, path in enumerate(files):
        own = times_of_sidecar(path.with_name(stem(path) + ".json"))
        told = {TIMES: times[n]} if times else own
        images.append(TimedImage(read_image(path), told, says_precontrast(stem(path))))
    protocol = protocol_of_sidecar(files[0].with_name(stem(files[0]) + ".json"))
    series, notes = build_series("dce", images, protocol=protocol, source=str(files[0].parent))
    return with_dynamic(replace(case, warnings=(*case.warnings, *notes)), series)


def _with_read(case: Case, role: str, files: Many[Path], entry: CohortCase) -> Case:
    """A sequence from DICOM, an archive or a file with several volumes."""
    read = read_case(list(files))
    case = replace(case, warnings=(*case.warnings, *read.warnings))
    if role == "dce" and read.dynamic is not None:
        return with_dynamic(case, read.dynamic)
    fitting = [s for s in read.sequences if s.role == role] or list(read.sequences)
    if len(fitting) != 1:
        names = ", ".join(s.name for s in read.sequences) or "none"
        raise UnreadableFileError(
            f"{files[0].name} of {entry.name} holds {len(read.sequences)} sequences ({names}) where one is "
            f"wanted as {role}.",
            "Give the folder of one series.",
        )
    return _with_sequence(case, replace(fitting[0], role=role, reason=GIVEN))


def _with_sequence(case: Case, sequence: Sequence) -> Case:
    """The case with this sequence; who had its role becomes "other"."""
    kept = [
        replace(s, role="other", reason=f"{sequence.name} has the role {s.role}.")
        if s.role == sequence.role
        else s
        for s in case.sequences
    ]
    taken, name, n = {s.name for s in kept}, sequence.name, 2
    while sequence.name in taken:
        sequence, n = replace(sequence, name=f"{name} [{n}]"), n + 1
    return replace(case, sequences=(*kept, sequence))

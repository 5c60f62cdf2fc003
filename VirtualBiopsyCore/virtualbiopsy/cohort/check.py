"""What is wrong with a cohort beyond its table: files, outlines, splits, and ways in which it would leak."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..case.files import header_of, is_image_file
from ..errors import VirtualBiopsyError
from ..prepare.prepare import MISPLACED_ALLOWED, share_outside
from ..progress import Progress, part, silent
from ..training.dataset import SURVIVAL
from .load import box_mask, read_outline
from .model import OUTLINE, WARNING, Cohort, CohortCase, Fault

_CLOSE = 1e-3
FEW = 10


def check_cohort(
    cohort: Cohort,
    *,
    roles: Collection[str] = (),
    endpoint: str = "",
    deep: bool = True,
    progress: Progress = silent,
) -> tuple[Fault, ...]:
    """List everything that is wrong with the cases of a cohort; never raises for one of them.

    Parameters
    ----------
    roles : sequences that each case must have; folders are not opened to look for them.
    endpoint : that is to be learnt; "" for none in particular.
    deep : open the masks too, and look whether they hold a voxel; else file headers only.

    Raises
    ------
    CohortError : there is no such endpoint. Cancelled.
    """
    faults = [*_splits(cohort), *_shared_files(cohort)]
    if endpoint:
        faults += check_endpoint(cohort, endpoint)
    with_images = [case for case in cohort.cases if case.has_images]
    if cohort.features is None:
        faults += [
            Fault(case.where, "The case has no images.", "Give a folder, or files of its sequences.")
            for case in cohort.cases
            if not case.has_images
        ]
    headers = _Headers()
    steps = part(progress, 0.1, 1.0)
    for n, case in enumerate(with_images):
        steps(n / len(with_images), f"Checking {case.name}")
        faults += _roles(case, roles)
        faults += _files(case, headers, deep)
    progress(1.0, f"{len(cohort.cases)} cases checked")
    return tuple(dict.fromkeys(faults))


class _Headers:
    """Geometry of image files, or why they cannot be read."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[np.ndarray, str]] = {}

    def corners(self, path: Path) -> tuple[np.ndarray, str]:
        """Size, and positions of the first and last voxel in one row each; and what is wrong."""
        if path not in self._known:
            self._known[path] = _geometry(path)
        return self._known[path]


def _geometry(path: Path) -> tuple[np.ndarray, str]:
    try:
        reader = header_of(path)
    except VirtualBiopsyError as error:
        return np.empty(0), str(error)
    size = np.array(reader.GetSize()[:3], dtype=float)
    if len(size) < 3:
        return np.empty(0), f"{path.name} is a two-dimensional picture. Give the whole series."
    dimension = reader.GetDimension()
    direction = np.reshape(reader.GetDirection(), (dimension, dimension))[:3, :3]
    spacing = np.array(reader.GetSpacing()[:3])
    origin = np.array(reader.GetOrigin()[:3])
    ends = [origin + direction @ (spacing * step) for step in (np.zeros(3), size - 1)]
    edges = [origin + direction @ (spacing * (size - 1) * axis) for axis in np.eye(3)]
    return np.array([size, *ends, *edges, spacing]), ""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if (a[0] != b[0]).any():
        return False
    return bool(np.abs(a[1:-1] - b[1:-1]).max() <= _CLOSE * min(a[-1].min(), b[-1].min()))


def _files(case: CohortCase, headers: _Headers, deep: bool) -> Iterable[Fault]:
    grids: dict[str, np.ndarray] = {}
    for role, files in case.images.items():
        plain = [path for path in files if path.is_file() and is_image_file(path)]
        for path in plain:
            grid, wrong = headers.corners(path)
            if wrong:
                yield Fault(case.where, wrong, column=role)
            elif role in grids and not _same(grids[role], grid):
                what = f"{path.name} lies on another grid than {plain[0].name}."
                yield Fault(case.where, what, "Phases of one series share a grid.", column=role)
            else:
                grids.setdefault(role, grid)
    if not case.masks and case.box is None and case.folder is None:
        hint = "Give a mask, a folder that holds one, or a box."
        yield Fault(case.where, "The case has no outline.", hint, column="mask")
    for region, mask in case.masks.items():
        column = "mask" if region == OUTLINE else f"mask:{region}"
        if mask.path.is_dir() or not is_image_file(mask.path):
            continue
        grid, wrong = headers.corners(mask.path)
        if wrong:
            yield Fault(case.where, wrong, column=column)
            continue
        elsewhere = bool(grids) and not any(_same(grid, other) for other in grids.values())
        if elsewhere:
            what = f"{mask.path.name} lies on the grid of none of the sequences."
            hint = "It is resampled; check that it belongs to this examination."
            yield Fault(case.where, what, hint, WARNING, column)
        if deep:
            try:
                outline = read_outline(mask)
            except VirtualBiopsyError as error:
                yield Fault(case.where, error.message, error.hint, column=column)
                continue
            outside = min((_outside(outline, grids[role]) for role in grids), default=0.0) if elsewhere else 0
            if outside > MISPLACED_ALLOWED:
                what = f"{100 * outside:.0f} % of {mask.path.name} lies outside all sequences."
                hint = "It was probably drawn on another examination or in another frame of reference."
                yield Fault(case.where, what, hint, column=column)
    if case.box is not None and (reference := _reference(case)) is not None:
        grid, wrong = headers.corners(reference)
        if not wrong:
            blank = sitk.Image([int(n) for n in grid[0]], sitk.sitkUInt8)
            try:
                box_mask(case.box, blank)
            except VirtualBiopsyError as error:
                yield Fault(case.where, error.message, error.hint, column="box")


def _outside(outline: sitk.Image, grid: np.ndarray) -> float:
    """Share of the outline (0 … 1) outside an image with this geometry, see :class:`_Headers`."""
    size, origin, edges, spacing = grid[0], grid[1], grid[3:6], grid[-1]
    blank = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    blank.SetOrigin(origin.tolist())
    blank.SetSpacing(spacing.tolist())
    lengths = spacing * (size - 1)
    if (lengths > 0).all():
        blank.SetDirection(((edges - origin) / lengths[:, None]).T.ravel().tolist())
    return share_outside(outline, sitk.GetArrayViewFromImage(outline) > 0, blank)


def _reference(case: CohortCase) -> Path | None:
    for role in ("dce", "t1c", *case.images):
        for path in case.images.get(role, ()):
            return path if path.is_file() and is_image_file(path) else None
    return None


def _roles(case: CohortCase, roles: Collection[str]) -> Iterable[Fault]:
    if case.folder is not None:
        return
    for role in roles:
        if role not in case.images:
            hint = f"Fill in the column {role}, or leave the case out."
            yield Fault(case.where, f"The sequence {role} is missing.", hint, column=role)


def _splits(cohort: Cohort) -> Iterable[Fault]:
    sides: dict[str, set[str]] = defaultdict(set)
    for case in cohort.cases:
        sides[case.patient].add(case.split)
    both = sorted(patient for patient, found in sides.items() if len(found) > 1)
    if both:
        what = f"Examinations of one patient are on several sides of the split: {', '.join(both)}."
        yield Fault("", what, "Give all rows of a patient the same split.", column="split")
    used = Counter(case.split for case in cohort.cases)
    if used["train"] + used["test"] and used[""]:
        what = f"{used['']} cases are neither train nor test."
        yield Fault("", what, "Validation by the given split uses them for neither.", WARNING, "split")
    for one, other in (("train", "test"), ("test", "train")):
        if used[one] and not used[other]:
            yield Fault("", f"There are {one} cases and no {other} cases.", "", WARNING, "split")


def _shared_files(cohort: Cohort) -> Iterable[Fault]:
    """A file that serves two patients is a leak, or a slip in the table."""
    owners: dict[Path, dict[str, CohortCase]] = defaultdict(dict)
    for case in cohort.cases:
        files = [path for paths in case.images.values() for path in paths]
        files += [mask.path for mask in case.masks.values()]
        files += [case.folder] if case.folder is not None else []
        for path in files:
            owners[path].setdefault(case.name, case)
    for path, found in owners.items():
        if len(found) > 1:
            what = f"{path.name} belongs to several cases: {', '.join(found)}."
            first = next(iter(found.values()))
            yield Fault(first.where, what, "Every case has files of its own.")


def check_endpoint(cohort: Cohort, name: str) -> Iterator[Fault]:
    """What is wrong with an endpoint: cases where it is unknown, one class only, small classes.

    Raises
    ------
    CohortError : there is no such endpoint.
    """
    endpoint = cohort.endpoint(name)
    known = cohort.with_endpoint(name)
    unknown = [case.name for case in cohort.cases if case not in known]
    if unknown:
        shown = ", ".join(unknown[:10]) + (f" and {len(unknown) - 10} more" if len(unknown) > 10 else "")
        what = f"{name} is not known for {len(unknown)} of {len(cohort.cases)} cases: {shown}."
        yield Fault("", what, "They are left out.", WARNING, endpoint.column)
    counts = Counter(case.labels[name] for case in known)
    if endpoint.kind == SURVIVAL:
        if not counts[1]:
            what = f"{name}: no event was seen."
            yield Fault("", what, "Nothing can be learnt from censored cases.", column=endpoint.column)
        elif counts[1] < FEW:
            yield Fault("", f"{name}: only {counts[1]} events.", "", WARNING, endpoint.column)
        return
    if len(counts) < 2:
        yield Fault(
            "", f"{name} has only one class.", "Nothing can be learnt from it.", column=endpoint.column
        )
    for label, count in sorted(counts.items()):
        if count < FEW:
            what = f"{name}: only {count} cases are {endpoint.classes[label]!r}."
            yield Fault("", what, "", WARNING, endpoint.column)

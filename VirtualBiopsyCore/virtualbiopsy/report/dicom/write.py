"""Write the DICOM objects of a result into a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...case.model import Case
from ...errors import ExistingFileError
from ...models.radmodel import RadModel
from ...progress import Progress, silent
from .headers import source_headers
from .measurements import measurement_report
from .parametric_map import parametric_map

if TYPE_CHECKING:
    from ...session import Result


def write_dicom(
    directory: str | os.PathLike[str],
    case: Case,
    result: Result,
    models: Sequence[RadModel],
    *,
    files: Iterable[Path] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Path]:
    """Write one Parametric Map for each model that has a map, and one structured report; all files or none.

    Parameters
    ----------
    files : DICOM files of the reference sequence; None takes what the case was read from.
    overwrite : replace files that exist.

    Returns
    -------
    Path by name: "report" and ``map:<model_id>``.

    Raises
    ------
    NotDicomError : the reference sequence does not come from DICOM files.
    MissingPackageError : highdicom is not installed.
    ExistingFileError : a file exists and `overwrite` is false; nothing is written.
    """
    folder = Path(directory)
    ran = {p.model_id for p in result.predictions}
    role = next((m.preparation.reference for m in models if m.model_id in ran), "t1c")
    headers = source_headers(case.sequence(role), files)
    with_map = [e for e in result.explanations if e.total is not None]
    targets = {f"map:{e.model_id}": folder / f"map-{_safe(e.model_id)}.dcm" for e in with_map}
    targets["report"] = folder / "report.dcm"
    existing = sorted(path.name for path in targets.values() if path.exists())
    if existing and not overwrite:
        raise ExistingFileError(
            f"The folder {folder} already holds {', '.join(existing)}.",
            "Choose another folder, or allow overwriting.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    maps = []
    for n, explanation in enumerate(with_map):
        progress(n / (len(with_map) + 1), "Writing DICOM maps")
        maps.append(parametric_map(explanation, headers, result.region_digest, n + 1))
    progress(len(with_map) / (len(with_map) + 1), "Writing the DICOM report")
    objects = dict(zip(targets, [*maps, measurement_report(result, models, headers, maps)], strict=True))
    with tempfile.TemporaryDirectory(prefix=".virtualbiopsy-", dir=folder) as scratch:
        for name, made in objects.items():
            made.save_as(Path(scratch) / targets[name].name)
        for path in targets.values():
            os.replace(Path(scratch) / path.name, path)
    progress(1.0, f"Written to {folder.name}")
    return targets


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)

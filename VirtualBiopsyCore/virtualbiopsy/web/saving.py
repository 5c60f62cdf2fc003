"""A session as a folder: images, outlines, settings; saved and restored with the same numbers.

``session.json`` holds the case (roles, clinical variables, where its images are), the settings of the page
and the estimates at the time of saving; ``outlines.seg.nrrd`` the segments; ``images/`` copies of the images,
unless only their paths were wanted. Nothing in it is executed, and its paths never lead out of the folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY, __version__
from ..case.clinical import CLINICAL, check_clinical
from ..case.model import ROLES, Case, Sequence
from ..case.read import read_case
from ..errors import ExistingFileError, UnreadableFileError
from ..progress import Progress
from ..session import Session
from ..tasks import MENINGIOMA, TASKS, Task
from .jobs import FOLLOW_UPS
from .localpaths import local_path, new_folder

if TYPE_CHECKING:
    from .app import Application

FORMAT, VERSION = "virtualbiopsy-session", 1
DOCUMENT, OUTLINES, IMAGES = "session.json", "outlines.seg.nrrd", "images"
MAX_BYTES = 4 * 2**20
KEPT_STATE = (
    "shown",
    "explained_model",
    "explained_map",
    "layer",
    "colors",
    "hatching_shown",
    "strongest_shown",
    "overlay_shown",
    "overlay_opacity",
    "legend_shown",
    "surface_shown",
    "diameter_shown",
    "live",
    "register",
    "bias_correction",
)


class Saver:
    """Save and restore buttons."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def save(self) -> None:
        """Save the session into the folder of the field.

        Raises
        ------
        ExistingFileError : the folder holds something else, or a session and replacing was not allowed.
        """
        app = self._app
        if app.session is None:
            raise UnreadableFileError("There is no case to save.", "Open one first.")
        folder = new_folder(app.state.save_path)
        _check_target(folder, bool(app.state.replace_files))
        case = app.session.case
        document = self._document(case, bool(app.state.save_copies))
        with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as scratch:
            work = Path(scratch) / "session"
            work.mkdir()
            app.outlines.save(str(work / OUTLINES))
            await app.jobs.run(
                "save", "Saving", lambda progress: _write(work, folder, document, case, progress)
            )
        app.alerts.add("success", f"Saved to {folder}.")

    def _document(self, case: Case, copies: bool) -> dict[str, Any]:
        app = self._app
        sequences = []
        for n, sequence in enumerate(case.sequences):
            entry = {
                "name": sequence.name,
                "role": sequence.role,
                "reason": sequence.reason,
                "unit": sequence.unit,
                "frame_of_reference": sequence.frame_of_reference,
                "protocol": dict(sequence.protocol),
                "source": sequence.source,
            }
            if copies or not sequence.source:
                entry["image"] = f"{IMAGES}/{n:02d}_{_plain(sequence.name)}.nrrd"
            sequences.append(entry)
        result = app.predictions.result
        fresh = result is not None and not app.state.stale
        return {
            "format": FORMAT,
            "format_version": VERSION,
            "virtualbiopsy": __version__,
            "notice": RESEARCH_USE_ONLY,
            "task": app.tasks.task.task_id,
            "case": {"name": case.name, "path": app.state.case_path, "sequences": sequences},
            "clinical": dict(case.clinical),
            "outlines": {"file": OUTLINES, "region": app.outlines.region_id},
            "page": {name: app.state[name] for name in KEPT_STATE},
            "slices": app.viewer.offsets(),
            "predicted": result is not None,
            "estimates": {p.model_id: p.probability for p in result.predictions} if fresh else {},
        }

    async def restore(self) -> None:
        """Restore the session of the folder in the field; estimates are computed again and compared.

        Raises
        ------
        UnreadableFileError : the folder holds no session, or a damaged one; the open case stays.
        """
        app = self._app
        folder = local_path(app.state.restore_path)
        document = read_document(folder)
        case = await app.jobs.run(
            "open",
            "Restoring",
            lambda progress: case_of(folder, document, progress),
            replaces=("live", *FOLLOW_UPS),
        )
        outlines = folder / OUTLINES
        if not outlines.is_file():
            raise UnreadableFileError(f"{outlines} is missing.", "Choose another session folder.")
        page = document["page"]
        with app.state as state:
            state.register = page.get("register") is not False
            state.bias_correction = page.get("bias_correction") is True
        app.tasks.use(*_task_of(document))
        await app.cases.use(
            Session(case, app.tasks.models(), app.tasks.task), shown=str(page.get("shown", ""))
        )
        app.outlines.restore(
            str(outlines), app.cases.reference_node(), str(document["outlines"].get("region", ""))
        )
        app.cases.show(app.viewer.shown)
        with app.state as state:
            state.case_path = str(document["case"].get("path", ""))
            for name in KEPT_STATE:
                if name in page and name != "shown" and type(page[name]) is type(state[name]):
                    state[name] = page[name]
        app.viewer.set_offsets({k: float(v) for k, v in document["slices"].items()})
        app.predictions.measure()
        if document["predicted"]:
            await app.predictions.predict()
            self._compare(document["estimates"])
        app.viewer.fit_solid()

    def _compare(self, saved: Mapping[str, float]) -> None:
        result = self._app.predictions.result
        now = {p.model_id: p.probability for p in result.predictions} if result else {}
        moved = [k for k, v in saved.items() if k in now and abs(now[k] - v) > 1e-9]
        if moved:
            self._app.alerts.add(
                "warning",
                "The estimates differ from those when the session was saved "
                + ", ".join(f"({k}: {saved[k]:.3f}, now {now[k]:.3f})" for k in moved)
                + ".",
                "The models or the program have changed since.",
            )
        else:
            self._app.alerts.add(
                "success", "The session is restored; the estimates are the same as when saved."
            )


def _task_of(document: Mapping[str, Any]) -> tuple[Task, str]:
    """The task of a saved session; sessions from before there were others are of the first."""
    return TASKS.get(str(document.get("task", "")), MENINGIOMA), "The saved session is for it."


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "image"


def _check_target(folder: Path, may_replace: bool) -> None:
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / DOCUMENT).is_file():
        raise ExistingFileError(f"{folder} holds other files.", "Choose a new or empty folder.")
    if not may_replace:
        raise ExistingFileError(
            f"{folder} holds a saved session.", "Choose another folder, or allow replacing files."
        )


def _write(work: Path, folder: Path, document: dict[str, Any], case: Case, progress: Progress) -> None:
    """Write everything into `work`, then move it to `folder` at once."""
    entries = document["case"]["sequences"]
    for n, (entry, sequence) in enumerate(zip(entries, case.sequences, strict=True)):
        progress(n / (len(entries) + 1), f"Writing {sequence.name}")
        if "image" in entry:
            (work / IMAGES).mkdir(exist_ok=True)
            sitk.WriteImage(_without_tags(sequence.image), str(work / entry["image"]), True)
    progress(len(entries) / (len(entries) + 1), "Writing the settings")
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (work / DOCUMENT).write_text(text + "\n", encoding="utf-8")
    try:
        folder.mkdir(exist_ok=True)
        shutil.rmtree(folder / IMAGES, ignore_errors=True)
        for item in work.iterdir():
            shutil.move(str(item), str(folder / item.name))
    except OSError as error:
        raise UnreadableFileError(
            f"{folder} cannot be written ({error.strerror or error}).", "Choose another folder."
        ) from error
    progress(1.0, "Saved")


def _without_tags(image: sitk.Image) -> sitk.Image:
    """A copy without the meta-data dictionary, which may hold DICOM tags of a patient."""
    bare = sitk.Image(image)
    for key in bare.GetMetaDataKeys():
        bare.EraseMetaData(key)
    return bare


def read_document(folder: Path) -> dict[str, Any]:
    """Read and check the ``session.json`` of a session folder.

    Raises
    ------
    UnreadableFileError : it is missing, too large, damaged, or of another version.
    """
    folder = folder.parent if folder.name == DOCUMENT else folder
    path = folder / DOCUMENT
    advice = "Choose a folder that VirtualBiopsy saved."
    if not path.is_file():
        raise UnreadableFileError(f"{folder} holds no saved session ({DOCUMENT} is missing).", advice)
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFileError(f"{path} is too large.", advice)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{path} is damaged ({str(error)[:100]}).", advice) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UnreadableFileError(f"{path} is not a session of VirtualBiopsy.", advice)
    if document.get("format_version") != VERSION:
        raise UnreadableFileError(f"{path} was written by another version of VirtualBiopsy.", advice)
    kinds = {
        "case": dict,
        "clinical": dict,
        "outlines": dict,
        "page": dict,
        "slices": dict,
        "estimates": dict,
    }
    for name, kind in kinds.items():
        if not isinstance(document.get(name), kind):
            raise UnreadableFileError(f"{path} is damaged ({name} is missing).", advice)
    if not isinstance(document["case"].get("sequences"), list):
        raise UnreadableFileError(f"{path} is damaged (sequences are missing).", advice)
    document.setdefault("predicted", False)
    return document


def case_of(folder: Path, document: Mapping[str, Any], progress: Progress) -> Case:
    """Read the images of a session again and put the case together.

    Raises
    ------
    UnreadableFileError : an image is missing or damaged, or its path leads out of the folder.
    """
    from ..case.read import read_image

    entries = document["case"]["sequences"]
    referenced: dict[str, Sequence] = {}
    if any("image" not in entry for entry in entries):
        original = str(document["case"].get("path", ""))
        found = read_case(local_path(original), progress=progress)
        referenced = {sequence.name: sequence for sequence in found.sequences}
    sequences = []
    for n, entry in enumerate(entries):
        progress(n / max(1, len(entries)), f"Reading {entry.get('name', '')}")
        name, role = str(entry.get("name", "")), str(entry.get("role", "other"))
        common = {"role": role if role in ROLES else "other", "reason": str(entry.get("reason", ""))}
        if "image" not in entry:
            if name not in referenced:
                raise UnreadableFileError(f"{name} is no longer at {original}.", "Put the images back there.")
            sequences.append(replace(referenced[name], **common))
            continue
        path = (folder / str(entry["image"])).resolve()
        if not path.is_relative_to(folder.resolve()) or os.path.isabs(str(entry["image"])):
            raise UnreadableFileError(
                f"{entry['image']} leads out of the session folder.", "Do not trust it."
            )
        sequences.append(
            Sequence(
                name=name,
                image=read_image(path),
                unit=entry.get("unit"),
                frame_of_reference=entry.get("frame_of_reference"),
                protocol={str(k): str(v) for k, v in dict(entry.get("protocol") or {}).items()},
                source=str(entry.get("source") or path),
                **common,
            )
        )
    clinical = check_clinical({k: v for k, v in document["clinical"].items() if k in CLINICAL})
    return Case(
        name=str(document["case"].get("name", folder.name)), sequences=tuple(sequences), clinical=clinical
    )

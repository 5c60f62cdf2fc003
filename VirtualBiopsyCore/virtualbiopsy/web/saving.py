"""A session as a folder: images, outlines, settings; saved and restored with the same numbers.

``session.json`` holds the case (roles, clinical variables, where its images are), the settings of the page
and the estimates at the time of saving; ``outlines.seg.nrrd`` the segments; ``images/`` copies of the images,
unless only their paths were wanted. Nothing in it is executed, and its paths never lead out of the folder.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY, __version__
from ..errors import ExistingFileError, UnreadableFileError
from ..progress import Progress, part
from ..session import Session
from ..tasks import MENINGIOMA, TASKS, Task
from .casefiles import CaseReader, CaseWriter, Images, without_tags
from .jobs import FOLLOW_UPS
from .localpaths import local_path, new_folder

if TYPE_CHECKING:
    from .app import Application

FORMAT, VERSION = "virtualbiopsy-session", 1
DOCUMENT, OUTLINES, IMAGES = "session.json", "outlines.seg.nrrd", "images"
MAX_BYTES = 4 * 2**20
KEPT_STATE = (
    "shown",
    "case_simulated",
    "series_mode",
    "phase_index",
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
        writer = CaseWriter(IMAGES, bool(app.state.save_copies))
        document = self._document(writer)
        with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as scratch:
            work = Path(scratch) / "session"
            work.mkdir()
            app.outlines.save(str(work / OUTLINES))
            await app.jobs.run(
                "save", "Saving", lambda progress: _write(work, folder, document, writer.images, progress)
            )
        app.alerts.add("success", f"Saved to {folder}.")

    def _document(self, writer: CaseWriter) -> dict[str, Any]:
        app = self._app
        case, earlier = app.session.case, app.session.earlier
        result = app.predictions.result
        fresh = result is not None and not app.state.stale
        return {
            "format": FORMAT,
            "format_version": VERSION,
            "virtualbiopsy": __version__,
            "notice": RESEARCH_USE_ONLY,
            "task": app.tasks.task.task_id,
            "case": writer.case(case, app.state.case_path),
            "earlier": {
                "case": writer.case(earlier.case, app.state.earlier_path),
                "clinical": dict(earlier.case.clinical),
                "mask": writer.add(earlier.mask, "earlier_outline"),
            }
            if earlier is not None
            else None,
            "clinical": dict(case.clinical),
            "outlines": {"file": OUTLINES, "region": app.outlines.region_id},
            "page": {name: app.state[name] for name in KEPT_STATE} | {"kinetics": app.tofts.kept()},
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
        session = await app.jobs.run(
            "open",
            "Restoring",
            lambda progress: self._session(folder, document, progress),
            replaces=("live", *FOLLOW_UPS),
        )
        outlines = folder / OUTLINES
        if not outlines.is_file():
            raise UnreadableFileError(f"{outlines} is missing.", "Choose another session folder.")
        page = document["page"]
        with app.state as state:
            state.register = page.get("register") is not False
            state.bias_correction = page.get("bias_correction") is True
        app.tasks.use(session.task, "The saved session is for it.")
        app.tofts.adopt(page.get("kinetics"), session)
        await app.cases.use(session, shown=str(page.get("shown", "")))
        app.outlines.restore(
            str(outlines), app.cases.reference_node(), str(document["outlines"].get("region", ""))
        )
        app.cases.show(app.viewer.shown)
        with app.state as state:
            state.case_path = str(document["case"].get("path", ""))
            if session.earlier is not None:
                state.earlier_path = str(document["earlier"]["case"].get("path", ""))
            for name in KEPT_STATE:
                if name in page and name != "shown" and type(page[name]) is type(state[name]):
                    state[name] = page[name]
        app.earlier.publish()
        app.viewer.set_offsets({k: float(v) for k, v in document["slices"].items()})
        app.predictions.measure()
        if document["predicted"]:
            await app.predictions.predict()
            self._compare(document["estimates"])
        app.viewer.fit_solid()

    def _session(self, folder: Path, document: Mapping[str, Any], progress: Progress) -> Session:
        """The session of a folder, with its earlier examination."""
        task, clinical = _task_of(document), document["clinical"]
        reader = CaseReader(folder.parent if folder.name == DOCUMENT else folder)
        case = reader.case(document["case"], clinical, part(progress, 0.0, 0.5))
        session = Session(case, self._app.tasks.models(task), task)
        earlier = document.get("earlier")
        if earlier is not None:
            other = reader.case(earlier["case"], earlier.get("clinical") or {}, part(progress, 0.5, 0.7))
            session.set_earlier(other, reader.image(earlier["mask"]), part(progress, 0.7, 1.0))
        return session

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


def _task_of(document: Mapping[str, Any]) -> Task:
    """The task of a saved session; sessions from before there were others are of the first."""
    return TASKS.get(str(document.get("task", "")), MENINGIOMA)


def _check_target(folder: Path, may_replace: bool) -> None:
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / DOCUMENT).is_file():
        raise ExistingFileError(f"{folder} holds other files.", "Choose a new or empty folder.")
    if not may_replace:
        raise ExistingFileError(
            f"{folder} holds a saved session.", "Choose another folder, or allow replacing files."
        )


def _write(work: Path, folder: Path, document: dict[str, Any], images: Images, progress: Progress) -> None:
    """Write everything into `work`, then move it to `folder` at once."""
    for n, (path, image) in enumerate(images.items()):
        progress(n / (len(images) + 1), f"Writing {Path(path).stem}")
        (work / path).parent.mkdir(exist_ok=True)
        sitk.WriteImage(without_tags(image), str(work / path), True)
    progress(len(images) / (len(images) + 1), "Writing the settings")
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
    if not isinstance(document.get("earlier"), (dict, type(None))):
        raise UnreadableFileError(f"{path} is damaged (the earlier examination).", advice)
    document.setdefault("predicted", False)
    return document

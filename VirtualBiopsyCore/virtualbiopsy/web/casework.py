"""The case: open, add a file, roles, the shown sequence, clinical variables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..case.clinical import CLINICAL, check_clinical
from ..case.model import Case
from ..case.read import read_case
from ..errors import ClinicalValueError, MissingSequenceError, UnreadableFileError
from ..session import Session
from . import present
from .jobs import FOLLOW_UPS
from .localpaths import IMAGE_ENDINGS, TABLE_ENDINGS, listing, local_path
from .phases import SERIES
from .tasks import is_simulated

if TYPE_CHECKING:
    from .app import Application


class CaseDesk:
    """Everything about the case that does not concern its outline."""

    def __init__(self, app: Application) -> None:
        self._app = app

    # Open ----------------------------------------------------------------------------------------

    async def open(self, text: str | None = None) -> None:
        """Open the path in the field (or `text`) as a new case."""
        path = local_path(self._app.state.case_path if text is None else text)
        case = await self._app.jobs.run(
            "open",
            "Opening the case",
            lambda progress: read_case(path, progress=progress),
            replaces=("live", *FOLLOW_UPS),
        )
        self._app.tasks.adopt(case, path)
        self._app.tofts.reset()
        with self._app.state as state:
            state.case_path = str(path)
            state.case_simulated = is_simulated(path)
        await self.use(self._session(case))

    def _session(self, case: Case) -> Session:
        return Session(case, self._app.tasks.models(), self._app.tasks.task)

    async def reopen(self) -> None:
        """Begin again with the open case, for the task that the page is for now; outlines stay."""
        app, earlier = self._app, self._app.session.earlier
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        app.predictions.clear()
        app.session = session = self._session(app.session.case)
        session.set_preparation(**self._preparation_changes())
        if earlier is not None:
            await app.jobs.run(
                "role",
                "Taking the earlier examination along",
                lambda progress: session.set_earlier(earlier.case, earlier.mask, progress),
            )
            app.earlier.publish()
        self._follow_reference()
        self.publish()
        self.show(app.viewer.shown)
        app.predictions.changed()
        self.start_preparing()

    async def use(self, session: Session, shown: str = "") -> None:
        """Make this session the one of the page; the session before is let go."""
        app = self._app
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        app.predictions.clear()
        app.session = session
        self._app.session.set_preparation(**self._preparation_changes())
        app.viewer.load_case(session.case)
        app.series.load()
        app.earlier.clear()
        app.outlines.reset(self.reference_node())
        with app.state as state:
            state.case_name = session.case.name
            state.start_open = False
            for name in CLINICAL:
                state[f"clinical_{name}"] = present.clinical_text(session.case.clinical.get(name))
            state.clinical_errors = {}
        self.publish()
        self._choose_layout()
        self.show(shown or self._first_shown())
        app.viewer.fit()
        self.start_preparing()

    def _choose_layout(self) -> None:
        """The plane of acquisition large."""
        app, name = self._app, self.reference_name()
        image = app.session.case.sequence(app.tasks.task.reference).image if name else None
        with app.state as state:
            state.layout_name = app.viewer.suited_layout(state.layout_name, image)

    async def add_file(self) -> None:
        """Add the file in the field to the open case; without a case this opens it."""
        app = self._app
        path = local_path(app.state.case_path)
        if app.session is None:
            await self.open()
            return
        added = await app.jobs.run("open", "Reading the file", lambda p: read_case(path, progress=p))
        case = _joined(app.session.case, added)
        new = [s for s in case.sequences if s.name not in app.viewer.volumes]
        for sequence in new:
            app.viewer.put(sequence.name, sequence.image)
        app.session = self._session(case)
        app.session.set_preparation(**self._preparation_changes())
        app.series.load()
        self._follow_reference()
        self.publish()
        app.predictions.changed()
        self.start_preparing()

    def _first_shown(self) -> str:
        names = [s.name for s in self._app.session.case.sequences]
        return self.reference_name() or (names[0] if names else "")

    # Sequences -----------------------------------------------------------------------------------

    def reference_name(self) -> str:
        """Name of the sequence whose role is the reference; "" if there is none."""
        session = self._app.session
        try:
            return session.case.sequence(self._app.tasks.task.reference).name if session else ""
        except MissingSequenceError:
            return ""

    def reference_node(self) -> Any:
        """The volume that outlines are drawn on: the reference, else the first sequence."""
        session = self._app.session
        name = self.reference_name() or (session.case.sequences[0].name if session.case.sequences else "")
        return self._app.viewer.volumes.get(name)

    def _follow_reference(self) -> None:
        """Bring the outlines onto a new reference; without one they stay where they were drawn."""
        if self.reference_name():
            self._app.outlines.move_to(self.reference_node())

    def publish(self) -> None:
        """Write the case into the page's state."""
        case = self._app.session.case
        with self._app.state as state:
            state.sequences = present.sequence_rows(case)
            state.shown_items = [*(s.name for s in case.sequences), *([SERIES] if case.dynamic else [])]
            state.case_warnings = list(case.warnings)
            state.has_reference = bool(self.reference_name())
            state.has_case_mask = "tumour" in case.regions
            state.clinical_known = len(case.clinical)

    async def set_role(self, name: str, role: str) -> None:
        """Overrule the role of a sequence."""
        app = self._app
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        session = app.session
        await app.jobs.run("role", "Changing the role", lambda p: session.set_role(name, role))
        self._follow_reference()
        self.publish()
        self.show(app.viewer.shown)
        app.predictions.changed()
        self.start_preparing()

    async def use_shown_as_reference(self) -> None:
        """Give the role of the reference to the sequence that is shown."""
        if not self._app.viewer.shown:
            raise MissingSequenceError("No sequence is shown.", "Open a case first.")
        await self.set_role(self._app.viewer.shown, self._app.tasks.task.reference)

    def show(self, name: str) -> None:
        """Show a sequence in the slice views; the tools look at its grey values."""
        viewer = self._app.viewer
        if name == SERIES:
            self._app.phases.show()
        else:
            self._app.phases.leave()
            viewer.show(name)
        self._app.outlines.set_source(viewer.shown_node())
        low, high = viewer.value_range()
        step = (high - low) / 500 or 0.001
        with self._app.state as state:
            state.shown = viewer.shown
            state.window_limits = [low, high]
            state.window_step = step
            state.window = list(viewer.window())
            state.threshold = [low + 0.5 * (high - low), high]

    async def set_preparation(self, **_: Any) -> None:
        """Take the switches: registration or the positions in the headers; bias field correction."""
        app, session = self._app, self._app.session
        if session is None:
            return
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        changes = self._preparation_changes()
        await app.jobs.run("role", "Changing the preparation", lambda p: session.set_preparation(**changes))
        app.predictions.changed()
        self.start_preparing()

    def _preparation_changes(self) -> dict[str, bool]:
        """What the switches change in the models' own preparation."""
        state = self._app.state
        changes = {} if state.register else {"register": False}
        return {**changes, "bias_correction": True} if state.bias_correction else changes

    def start_preparing(self) -> None:
        """Prepare the images in the background, so that the first prediction is quick."""
        app, session = self._app, self._app.session
        if session is not None and self.reference_name():
            work = app.jobs.run("prepare", "Preparing the images", session.prepare, replaces=("prepare",))
            app.alerts.start(_without_cancelled(work))

    # Clinical variables --------------------------------------------------------------------------

    async def set_clinical(self, **_: Any) -> None:
        """Take over the form; a value out of range stays in the form with its error and is not used."""
        app = self._app
        if app.session is None:
            return
        texts = {name: app.state[f"clinical_{name}"] for name in CLINICAL}
        values, errors = {}, {}
        for name, value in present.clinical_values(texts).items():
            try:
                values.update(check_clinical({name: value}))
            except ClinicalValueError as error:
                errors[name] = str(error)
        with app.state as state:
            state.clinical_errors = errors
            state.clinical_known = len(values)
        if values == dict(app.session.case.clinical):
            return
        session = app.session
        await app.jobs.run(
            "clinical",
            "Taking over the clinical variables",
            lambda p: session.set_clinical(values),
            replaces=("live", *FOLLOW_UPS),
        )
        app.predictions.changed()

    # Path browser --------------------------------------------------------------------------------

    def browse(self, target: str) -> None:
        """Open the path browser for one of the path fields."""
        text = str(self._app.state[target] or "")
        start = Path(text).expanduser() if text else Path.home()
        while not start.is_dir() and start != start.parent:
            start = start.parent
        with self._app.state as state:
            state.browser_target = target
            state.browser_open = True
        self.list_folder(str(start))

    def list_folder(self, text: str) -> None:
        path = local_path(text)
        if not path.is_dir():
            raise UnreadableFileError(f"{path} is not a folder.", "Choose a folder.")
        tables = str(self._app.state.browser_target).startswith("bench_")
        rows = listing(path, TABLE_ENDINGS if tables else IMAGE_ENDINGS)
        with self._app.state as state:
            state.browser_folder = str(path)
            state.browser_rows = rows

    def list_parent(self) -> None:
        self.list_folder(str(Path(self._app.state.browser_folder).parent))

    def choose_path(self, text: str) -> None:
        with self._app.state as state:
            state[state.browser_target] = text
            state.browser_open = False


async def _without_cancelled(work: Any) -> None:
    from ..errors import Cancelled

    try:
        await work
    except Cancelled:
        return


def _joined(case: Case, added: Case) -> Case:
    """The case with further sequences; a role that is taken becomes "other", a taken name gets a number."""
    sequences = list(case.sequences)
    for sequence in added.sequences:
        name, n = sequence.name, 2
        while name in [s.name for s in sequences]:
            name, n = f"{sequence.name} ({n})", n + 1
        role, reason = sequence.role, sequence.reason
        if role != "other" and role in [s.role for s in sequences]:
            reason = f"looks like {role}, but that role is taken; {reason}".rstrip("; ")
            role = "other"
        sequences.append(replace(sequence, name=name, role=role, reason=reason))
    regions: dict[str, sitk.Image] = {**added.regions, **case.regions}
    return replace(
        case,
        sequences=tuple(sequences),
        regions=regions,
        warnings=case.warnings + added.warnings,
        dynamic=case.dynamic or added.dynamic,
    )

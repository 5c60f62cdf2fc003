"""The task of the page: chosen at the start, guessed from a case, changed by the user, remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..case.model import ROLES, Case
from ..case.task import TaskGuess, guess_task
from ..errors import UnreadableFileError
from ..models.radmodel import RadModel
from ..resources import resource
from ..tasks import TASKS, Task
from .remembered import remember_task, remembered_task

if TYPE_CHECKING:
    from .app import Application

TRUTH = "truth.json"
CHOSEN, REMEMBERED = "You chose it.", "You chose it for this case before."


def task_items() -> list[dict[str, str]]:
    """What the drop-down of the page offers."""
    return [
        {"title": task.title, "value": task.task_id, "subtitle": task.question} for task in TASKS.values()
    ]


def role_items(task: Task) -> list[dict[str, str]]:
    """Roles of sequences: those of the task first."""
    order = dict.fromkeys((*task.roles, *task.maps, "other", *ROLES))
    return [{"title": role, "value": role, "subtitle": ROLES[role]} for role in order]


def task_state(task: Task) -> dict[str, Any]:
    """State variables of the page that follow from a task."""
    return {
        "task": task.task_id,
        "task_title": task.title,
        "task_lesion": task.lesion,
        "task_reference": task.reference,
        "task_reference_label": ROLES[task.reference],
        "task_dynamic": task.dynamic,
        "task_clinical": list(task.clinical),
        "role_items": role_items(task),
    }


def sample_case(task: Task) -> Path | None:
    """Folder of the simulated sample case; None where it is not installed."""
    try:
        return resource(f"Cases/{task.sample}")
    except FileNotFoundError:
        return None


def is_simulated(path: Path) -> bool:
    """Whether the case at this path says of itself that it was simulated."""
    try:
        found = json.loads((path / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("simulated") is True


class TaskDesk:
    """Which of the tasks the page is for."""

    def __init__(self, app: Application, wanted: str = "") -> None:
        self._app = app
        self.task = TASKS["meningioma"]
        self._wanted = wanted
        with app.state as state:
            state.task_items = task_items()
            state.update(task_state(self.task))
        self.publish()

    def publish(self) -> None:
        """Write the tasks of the start page, and how many models each has, into the page's state."""
        own = self._app.state.model_origins
        with self._app.state as state:
            state.start_tasks = [
                {
                    "id": task.task_id,
                    "title": task.title,
                    "question": task.question,
                    "sample": sample_case(task) is not None,
                    "models": sum(model.model_id not in own for model in self.models(task)),
                    "own": sum(model.model_id in own for model in self.models(task)),
                }
                for task in TASKS.values()
            ]

    def models(self, task: Task | None = None) -> tuple[RadModel, ...]:
        """The models of a task, of the present one by default."""
        wanted = (task or self.task).task_id
        return tuple(model for model in self._app.models if model.task == wanted)

    # Choice --------------------------------------------------------------------------------------

    def guess(self, case: Case, path: Path | None) -> TaskGuess:
        """The task of a case: as chosen before it was opened, as remembered, else as it looks."""
        before = remembered_task(path) if path is not None else ""
        for task_id, reason in ((self._wanted, CHOSEN), (before, REMEMBERED)):
            if task_id in TASKS:
                return TaskGuess(TASKS[task_id], reason)
        return guess_task(case)

    def adopt(self, case: Case, path: Path | None) -> None:
        """Make the task of a case that is being opened the one of the page."""
        found = self.guess(case, path)
        if path is not None and self._wanted in TASKS:
            remember_task(path, self._wanted)
        self._wanted = ""
        self.use(found.task, found.reason)

    def use(self, task: Task, reason: str) -> None:
        """Make this task the one of the page."""
        self.task = task
        with self._app.state as state:
            state.update(task_state(task))
            state.task_reason = reason
            if state.tab == "series" and not task.dynamic:
                state.tab = "case"

    async def change(self, task: str, **_: Any) -> None:
        """The user chose another task for the open case."""
        if task == self.task.task_id or task not in TASKS:
            return
        app = self._app
        self.use(TASKS[task], CHOSEN)
        app.tofts.reset()
        if app.session is not None:
            if app.state.case_path:
                remember_task(Path(app.state.case_path), task)
            await app.cases.reopen()

    # Start page ----------------------------------------------------------------------------------

    async def open_sample(self, task_id: str) -> None:
        """Open the simulated sample case of a task."""
        path = sample_case(TASKS[task_id])
        if path is None:
            raise UnreadableFileError(
                f"The sample case of {TASKS[task_id].title} is not installed.", "Open a study of your own."
            )
        self._wanted = task_id
        await self._app.cases.open(str(path))

    def own_study(self, task_id: str) -> None:
        """Choose a folder for a study of one's own; its task is settled."""
        self._wanted = task_id
        self._app.cases.browse("case_path")

    def show_start(self) -> None:
        """Show the start page again; an open case stays open behind it."""
        with self._app.state as state:
            state.start_open, state.bench_open = True, False

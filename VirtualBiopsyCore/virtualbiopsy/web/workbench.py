"""The workbench: choose a recipe, point at cases, see the faults, train, look at the outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, FormError, UnreadableFileError, VirtualBiopsyError
from ..progress import Progress
from ..workbench.examine import examine
from ..workbench.form import Form, chosen_recipe, from_document, source, to_document, to_job
from ..workbench.outcome import Outcome, outcome_of, read_outcome
from ..workbench.recipes import recipe_facts, recipe_rows
from . import workbench_rows as rows
from .jobs import JobRunner
from .localpaths import local_path
from .remembered import remember_form, remembered_form

if TYPE_CHECKING:
    from .app import Application

FIELDS = (
    "bench_source",
    "bench_cohort",
    "bench_simulated",
    "bench_layout",
    "bench_labels",
    "bench_endpoint",
    "bench_time_point",
    "bench_statement",
    "bench_out",
    "bench_folds",
    "bench_repeats",
    "bench_compare",
    "bench_few",
    "bench_overwrite",
)
"""What the user types; the buttons send it along."""
STEP_OF = {
    "recipe": "recipe",
    **dict.fromkeys(("cohort", "simulated", "layout", "labels", "endpoint", "time_point"), "cases"),
}
"""Where a field is that was refused; the others are among the options."""
REPORT_LIMIT = 32 * 2**20
RESUMES = (
    "The run was stopped; what is done is kept. Run it again with the same folder and options: it goes on."
)


class Workbench:
    """Everything behind the sheet of the workbench but the models (see :mod:`.library`).

    Runs have a worker thread of their own, so that cases can be opened and predicted meanwhile.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self.jobs = JobRunner(app.state, "bench_job")
        self.outcome: Outcome | None = None
        self._examined = ""

    # Sheet ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the sheet; the table of recipes is read when it is first wanted."""
        state = self._app.state
        if not state.bench_recipes:
            found = recipe_rows()
            kept = from_document(remembered_form())
            with state:
                state.bench_recipes = rows.recipe_list(found)
                state.bench_diseases = sorted({row.disease for row in found})
                state.bench_layouts = rows.layout_items()
                state.update(rows.form_state(kept))
                known = {row.recipe: row.title for row in found}
                state.bench_title = known.get(kept.recipe, "")
        with state:
            state.bench_missing = rows.missing_packages()
            state.bench_open = True
        self._app.library.publish()

    def close(self) -> None:
        """Put the sheet away; a run goes on."""
        with self._app.state as state:
            state.bench_open = False

    # Recipe --------------------------------------------------------------------------------------

    def choose(self, recipe: str) -> None:
        """Show what is known about a recipe and take it, if it can be run."""
        facts = rows.fact_rows(recipe_facts(recipe))
        with self._app.state as state:
            row = next((r for r in state.bench_recipes if r["recipe"] == recipe), None)
            state.bench_shown, state.bench_facts = row, facts
            if row is not None and row["runnable"]:
                before = rows.suggested_folder(state.bench_recipe)
                state.bench_recipe, state.bench_title = recipe, row["title"]
                if state.bench_out in ("", before):
                    state.bench_out = rows.suggested_folder(recipe)

    # Cases ---------------------------------------------------------------------------------------

    def add_external(self) -> None:
        """Add the folder of the field to the cohorts that the finished model is tested on."""
        path = str(local_path(self._app.state.bench_external_path))
        with self._app.state as state:
            state.bench_external = [*dict.fromkeys((*state.bench_external, path))]
            state.bench_external_path = ""

    def remove_external(self, path: str) -> None:
        with self._app.state as state:
            state.bench_external = [known for known in state.bench_external if known != path]

    async def examine(self) -> None:
        """Look for the faults of the cohort."""
        with self._marked():
            form = rows.form_of(self._app.state)
            chosen_recipe(form)
            source(form)
        await self._examine(form)

    @contextmanager
    def _marked(self) -> Iterator[None]:
        """Mark the field that is refused, and go to its step."""
        state = self._app.state
        with state:
            state.bench_wrong = ""
        try:
            yield
        except FormError as error:
            with state:
                state.bench_wrong = error.field
                state.bench_step = STEP_OF.get(error.field, "run")
            raise

    async def _examine(self, form: Form) -> bool:
        """Whether the cases can be used; what was found is on the page."""
        about = rows.about(self._app.state)
        with self._app.state as state:
            state.bench_exam = None
        found = await self.jobs.run(
            "examine", "Examining the cohort", lambda progress: examine(form, progress)
        )
        with self._app.state as state:
            state.bench_exam = rows.examination_rows(found, about)
            known = {row.name for row in found.endpoints}
            if state.bench_endpoint and state.bench_endpoint not in known:
                state.bench_endpoint = ""
        self._examined = about if found.usable else ""
        return found.usable

    # Run -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Train and test; a cohort that was not examined as it is now is examined first."""
        state = self._app.state
        if self.jobs.active("run"):
            return
        with self._marked():
            form = rows.form_of(state)
            job = to_job(form)
        if form.cohort and self._examined != rows.about(state) and not await self._examine(form):
            with state:
                state.bench_step = "cases"
            self._app.alerts.add(
                "error", "The cohort has faults; nothing was trained.", "Mend what the table says."
            )
            return
        remember_form(to_document(form))
        with state:
            state.bench_note = ""
            self._forget()
        try:
            found = await self.jobs.run("run", f"Training {form.recipe}", lambda p: _run(job, p))
        except Cancelled:
            with state:
                state.bench_note = RESUMES
            return
        with state:
            state.bench_open_run = str(job.out)
        self._show(found)

    def cancel(self) -> None:
        """The Cancel button of the sheet."""
        self.jobs.cancel()

    # Outcome -------------------------------------------------------------------------------------

    async def open_run(self) -> None:
        """Open the folder of a finished run again."""
        folder = local_path(self._app.state.bench_open_run)
        self._show(await self.jobs.run("open", "Reading the run", lambda _: read_outcome(folder)))

    def _show(self, outcome: Outcome) -> None:
        self.outcome = outcome
        with self._app.state as state:
            state.bench_outcome = rows.outcome_rows(outcome)
            state.bench_report, state.bench_step = "", "result"
        self._app.library.publish()

    def _forget(self) -> None:
        self.outcome = None
        with self._app.state as state:
            state.bench_outcome, state.bench_report = None, ""

    def toggle_report(self) -> None:
        """Show the report inside the page, or put it away."""
        with self._app.state as state:
            state.bench_report = "" if state.bench_report else self._text("report")

    def download(self, name: str) -> Any:
        """Return a file of the outcome for the browser to keep: "report", "card" or "clear".

        Called by the page; an error is shown there and gives an empty file.
        """
        try:
            return self._app.server.protocol.addAttachment(self._text(name).encode("utf-8"))
        except Exception as error:
            self._app.alerts.show(error)
            return ""

    def _text(self, name: str) -> str:
        """Text of a file of the outcome.

        Raises
        ------
        UnreadableFileError : it is not there, or cannot be shown.
        """
        place = str(getattr(self.outcome, name, "")) if name in rows.FILES else ""
        try:
            path = Path(place)
            if not place or path.stat().st_size > REPORT_LIMIT:
                raise OSError("too large" if place else "it was not written")
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UnreadableFileError(
                f"The {name} cannot be shown ({error}).", "Open the folder of the run again."
            ) from error

    def shut(self) -> None:
        """The application ends."""
        self.jobs.close()


def _run(job: Any, progress: Progress) -> Outcome:
    """The whole run, in the worker thread."""
    from ..training.job import run_job

    clock = rows.Clock(time.monotonic)

    def told(fraction: float, message: str) -> None:
        progress(fraction, clock.told(fraction, message))

    try:
        trained, files = run_job(job, told)
    except ImportError as error:
        raise VirtualBiopsyError(
            f"Training needs {error.name}, which is not installed.", rows.INSTALL
        ) from error
    return outcome_of(trained, files)

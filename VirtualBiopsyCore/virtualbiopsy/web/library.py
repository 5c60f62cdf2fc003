"""Models beside the bundled ones: installed on this computer, or tried for as long as the page is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EmptyRegionError, ModelMismatchError
from ..models.library import Installed, install_model, installed_models, remove_model, why_not_tried
from ..models.radmodel import RadModel, builtin_models, load_radmodel
from . import workbench_rows as rows

if TYPE_CHECKING:
    from .app import Application

INSTALLED, TRIED = "Installed on this computer", "Tried here, not installed"


class Library:
    """Keeps the models of the application and says where each comes from.

    Parameters
    ----------
    given : models that the application was started with; then installed ones stay out. None for the bundled
        and the installed ones.
    """

    def __init__(self, app: Application, given: tuple[RadModel, ...] | None) -> None:
        self._app = app
        self._given = given
        self._tried: dict[str, RadModel] = {}
        self._first = ""
        self._broken: list[dict[str, str]] = []
        for text in self.refresh().warnings:
            app.alerts.add("warning", text)

    def refresh(self) -> Installed:
        """Read the installed models again; the models that are tried take the place of their namesakes."""
        found = installed_models()
        fixed = self._given if self._given is not None else tuple(builtin_models())
        installed = () if self._given is not None else tuple(found.models)
        self._installed = {model.model_id: model for model in found.models}
        self._broken = [{"name": path.name, "path": str(path), "why": why} for path, why in found.broken]
        everything = {m.model_id: m for m in (*fixed, *installed, *self._tried.values())}
        self._app.models = tuple(sorted(everything.values(), key=lambda m: m.model_id != self._first))
        return found

    def publish(self) -> None:
        """Write what is installed into the page's state."""
        origins = {
            **dict.fromkeys(self._installed, INSTALLED),
            **dict.fromkeys(self._tried, TRIED),
        }
        outcome = self._app.workbench.outcome
        with self._app.state as state:
            state.model_origins = origins
            state.bench_models = rows.model_rows(self._installed.values(), origins)
            state.bench_broken = self._broken
            state.bench_is_installed = outcome is not None and self._same(outcome.model)
            state.bench_has_namesake = outcome is not None and outcome.model_id in self._installed
        self._app.tasks.publish()

    def _same(self, path: object) -> bool:
        """Whether this very model is installed."""
        if not path or not Path(str(path)).is_file():
            return False
        model = load_radmodel(Path(str(path)))
        known = self._installed.get(model.model_id)
        return known is not None and known.sha256 == model.sha256

    # Buttons -------------------------------------------------------------------------------------

    async def install(self) -> None:
        """Install the model of the outcome."""
        path = self._model_file()
        replace = bool(self._app.state.bench_replace_model)
        model = load_radmodel(path)
        install_model(path, replace=replace)
        self._tried.pop(model.model_id, None)
        await self._changed(model.task)
        self._app.alerts.add("success", f"{model.title} is installed on this computer.")

    async def remove(self, model_id: str) -> None:
        """Take an installed model away."""
        task = self._installed[model_id].task if model_id in self._installed else ""
        remove_model(model_id)
        await self._changed(task)
        self._app.alerts.add("info", f"{model_id} is no longer installed.", "The folder of its run stays.")

    async def _changed(self, task: str) -> None:
        self.refresh()
        self.publish()
        app = self._app
        if app.session is not None and task == app.tasks.task.task_id:
            await app.cases.reopen()

    async def try_sample(self) -> None:
        """Open the simulated sample case of the model's task, take its outline, and predict."""
        model = self._try()
        app = self._app
        await app.tasks.open_sample(model.task)
        app.desk.load_case_mask()
        await app.predictions.predict()
        self._explain(model)

    def try_own(self) -> None:
        """Choose a study of one's own for the model."""
        model = self._try()
        with self._app.state as state:
            state.tab = "case"
        self._app.tasks.own_study(model.task)

    def _try(self) -> RadModel:
        """Put the model of the outcome before the others, and the sheet away."""
        model = load_radmodel(self._model_file())
        if why := why_not_tried(model.task):
            raise ModelMismatchError(why)
        if not self._same(self._app.workbench.outcome.model):
            self._tried[model.model_id] = model
        self._first = model.model_id
        self.refresh()
        self.publish()
        self._app.workbench.close()
        return model

    def _explain(self, model: RadModel) -> None:
        """Show the explanation of this model."""
        result = self._app.predictions.result
        if result is not None and any(e.model_id == model.model_id for e in result.explanations):
            with self._app.state as state:
                state.explained_model = model.model_id

    def _model_file(self) -> Path:
        outcome = self._app.workbench.outcome
        if outcome is None or not outcome.model:
            raise EmptyRegionError("There is no model.", "Train one, or open the folder of a finished run.")
        return Path(outcome.model)

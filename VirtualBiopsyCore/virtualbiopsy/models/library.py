"""Models that the user installed, beside the bundled ones: one folder of .radmodel files for each user.

A file that cannot be used is told and passed over; it never keeps the others from running.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelFormatError
from ..tasks import TASKS, TOPICS
from .radmodel import SUFFIX, RadModel, builtin_models, load_radmodel, save_radmodel

FOLDER = "VIRTUALBIOPSY_MODELS"
"""Environment variable that names another folder."""


@dataclass(frozen=True, eq=False)
class Installed:
    """The models of the user, by id, and files that cannot be used with the reason."""

    models: tuple[RadModel, ...] = ()
    broken: tuple[tuple[Path, str], ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each file that cannot be used."""
        return tuple(f"The installed model {path.name} is not used: {why}" for path, why in self.broken)


def library_folder() -> Path:
    """The folder of installed models; it need not exist."""
    if given := os.environ.get(FOLDER):
        return Path(given).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = home / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return root / "virtualbiopsy" / "models"


def installed_models() -> Installed:
    """Read the installed models. One that has the id of a bundled model, or of another file, is not used."""
    folder = library_folder()
    try:
        paths = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return Installed()
    except OSError as error:
        return Installed(broken=((folder, f"The folder cannot be read ({error.strerror})."),))
    owners = {model.model_id: "a bundled model" for model in builtin_models()}
    models, broken = [], []
    for path in sorted(path for path in paths if not path.name.startswith(".")):
        try:
            model = load_radmodel(path)
        except ModelFormatError as error:
            broken.append((path, str(error)))
            continue
        if model.model_id in owners:
            broken.append((path, f"It has the id {model.model_id}, as {owners[model.model_id]}."))
            continue
        owners[model.model_id] = path.name
        models.append(model)
    return Installed(tuple(sorted(models, key=lambda model: model.model_id)), tuple(broken))


def install_model(path: Path | str, *, replace: bool = False) -> Path:
    """Check a model and keep a copy of it, whole or not at all; return the path of the copy.

    A model that is installed already, with the same contents, stays as it is.

    Parameters
    ----------
    replace : an installed model of the same id; a bundled one is never replaced.

    Raises
    ------
    ModelFormatError : the file is not a model, its id belongs to another one, or it cannot be kept.
    """
    model = load_radmodel(path)
    name = model.model_id
    if name in {bundled.model_id for bundled in builtin_models()}:
        raise ModelFormatError(
            f"{name} is the id of a bundled model.", "Train it with another id, for example --model-id."
        )
    folder = library_folder()
    target = _file(name) or folder / (name + SUFFIX)
    there = _readable(target)
    if there is not None and there.sha256 == model.sha256:
        return target
    if there is not None and there.model_id != name:
        raise ModelFormatError(
            f"{target.name} among the installed models holds {there.model_id}.", "Remove or rename that file."
        )
    if target.exists() and not replace:
        raise ModelFormatError(
            f"Another model with the id {name} is installed.",
            "Replace it, remove it first, or train yours with another id.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFormatError(
            f"The folder of models {folder} cannot be made ({error.strerror}).",
            f"Name another one in {FOLDER}.",
        ) from error
    save_radmodel(model, target)
    return target


def remove_model(name: str) -> Path:
    """Remove an installed model by its id, or a broken file by its name; return the path that was removed.

    Raises
    ------
    ModelFormatError : there is none, it is a bundled one, or the file cannot be removed.
    """
    path = _file(name)
    if path is None:
        if name in {model.model_id for model in builtin_models()}:
            raise ModelFormatError(f"{name} is a bundled model.", "Bundled models stay.")
        known = ", ".join(model.model_id for model in installed_models().models) or "none"
        raise ModelFormatError(f"No installed model is called {name!r}.", f"Installed: {known}.")
    try:
        path.unlink()
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be removed ({error.strerror}).") from error
    return path


def available_models(task: str | None = None) -> tuple[RadModel, ...]:
    """The bundled models and then the installed ones; those of one task if given."""
    installed = (model for model in installed_models().models if task in (None, model.task))
    return (*builtin_models(task), *installed)


def find_model(name: str) -> RadModel:
    """Return the bundled or installed model with this id, or the model in the file of this name.

    Raises
    ------
    ModelFormatError : there is neither, or the file is not a valid .radmodel.
    """
    models = {model.model_id: model for model in available_models()}
    if name in models:
        return models[name]
    if not Path(name).exists():
        raise ModelFormatError(
            f"There is no model called {name!r} and no file of that name.",
            f"Models: {', '.join(models) or 'none'}.",
        )
    return load_radmodel(name)


def trained_on(model: RadModel) -> str:
    """What a model was trained on, short: simulated cases, or the first sentence of its data statement."""
    if model.simulated:
        return "trained on simulated cases"
    first = model.data_statement.strip().split(". ")[0].rstrip(".")
    return f"trained on {first}" if first else "its card does not say what it was trained on"


def why_not_tried(task: str) -> str:
    """Why a model for this task cannot be tried on a case here; "" if it can."""
    if task in TASKS:
        return ""
    known = " and ".join(entry.title.lower() for entry in TASKS.values())
    return f"It cannot be tried here: it is for “{TOPICS.get(task, task)}”; cases of {known} can be opened."


def _file(name: str) -> Path | None:
    """The file of an installed model by its id; by its own name one that is damaged, or if the suffix is
    there."""
    folder = library_folder()
    if name.endswith(SUFFIX):
        return next((path for path in folder.glob("*" + SUFFIX) if path.name == name), None)
    for path in sorted(folder.glob("*" + SUFFIX)):
        model = _readable(path)
        if name == (path.stem if model is None else model.model_id):
            return path
    return None


def _readable(path: Path) -> RadModel | None:
    try:
        return load_radmodel(path)
    except ModelFormatError:
        return None

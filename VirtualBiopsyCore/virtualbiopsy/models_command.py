"""The command ``virtualbiopsy models``: what is bundled and installed, install a model, remove one."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .errors import VirtualBiopsyError

if TYPE_CHECKING:
    from .models.radmodel import RadModel

ACTIONS = ("list", "show", "install", "remove", "folder")


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "models",
        help="list, install and remove models, or show a model's card",
        usage="virtualbiopsy models [list | show MODEL | install FILE … | remove ID … | folder] [--replace]",
    )
    parser.add_argument(
        "action", nargs="?", default="list", help=f"{', '.join(ACTIONS)}; or an id or file, to show its card"
    )
    parser.add_argument("names", nargs="*", metavar="MODEL", help="ids or .radmodel files")
    parser.add_argument("--replace", action="store_true", help="replace an installed model of the same id")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from .models.library import library_folder

    action, names = options.action, options.names
    if action not in ACTIONS:
        action, names = "show", [action, *names]
    if action in ("show", "install", "remove") and not names:
        raise VirtualBiopsyError(f"`models {action}` needs a model.", "`virtualbiopsy models` lists them.")
    if action in ("list", "folder") and names:
        raise VirtualBiopsyError(f"`models {action}` takes no model.", "Leave it out.")
    if action == "list":
        _list()
    elif action == "folder":
        print(library_folder())
    else:
        for name in names:
            _on_one(action, name, options.replace)


def _list() -> None:
    from .models.library import installed_models
    from .models.radmodel import builtin_models

    installed = installed_models()
    for model in builtin_models():
        print(f"{model_line(model)}; bundled")
    for model in installed.models:
        print(f"{model_line(model)}; installed")
    for warning in installed.warnings:
        print(f"Warning: {warning}", file=sys.stderr)


def model_line(model: RadModel) -> str:
    """One line of a list: id, task, positive class, title, what it was trained on, and why it cannot run."""
    from .models.library import trained_on, why_not_tried

    why = why_not_tried(model.task)
    return f"{model.model_id:28} {model.task:14} {model.positive:28} {model.title} ({trained_on(model)})" + (
        f" {why}" if why else ""
    )


def _on_one(action: str, name: str, replace: bool) -> None:
    from .models.library import find_model, install_model, remove_model, why_not_tried
    from .models.radmodel import load_radmodel

    if action == "show":
        print(find_model(name).card)
    elif action == "remove":
        print(f"Removed {remove_model(name)}")
    else:
        path = install_model(name, replace=replace)
        model = load_radmodel(path)
        print(model_line(model))
        print(f"Installed {path}")
        if why := why_not_tried(model.task):
            print(f"Warning: {why}", file=sys.stderr)

"""What the user chose, kept on this computer: the task of each case (paths as digests only), and the form of
the last training run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LIMIT = 500


def _file(name: str = "tasks.json") -> Path:
    root = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(root) / "virtualbiopsy" / name


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read() -> dict[str, str]:
    return {str(k): str(v) for k, v in _document(_file()).items()}


def _write(target: Path, document: Mapping[str, Any]) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(document), encoding="utf-8")
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode("utf-8")).hexdigest()


def remembered_task(path: Path) -> str:
    """Identifier of the task that was chosen for the case at this path; "" if none was."""
    return _read().get(_digest(path), "")


def remember_task(path: Path, task_id: str) -> None:
    """Keep the choice for this path; where it cannot be written, it is not kept."""
    kept = _read()
    kept.pop(_digest(path), None)
    _write(_file(), dict([*kept.items(), (_digest(path), task_id)][-LIMIT:]))


def remembered_form() -> dict[str, Any]:
    """The form of the last training run; {} if there was none."""
    return _document(_file("workbench.json"))


def remember_form(document: Mapping[str, Any]) -> None:
    """Keep the form of a training run, so that it can go on; where it cannot be written, it is not kept."""
    _write(_file("workbench.json"), document)

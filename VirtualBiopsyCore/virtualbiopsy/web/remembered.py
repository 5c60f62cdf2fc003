"""Which task the user chose for a case, kept on this computer; paths are kept as digests only."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

LIMIT = 500


def _file() -> Path:
    root = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(root) / "virtualbiopsy" / "tasks.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode("utf-8")).hexdigest()


def remembered_task(path: Path) -> str:
    """Identifier of the task that was chosen for the case at this path; "" if none was."""
    return _read().get(_digest(path), "")


def remember_task(path: Path, task_id: str) -> None:
    """Keep the choice for this path; where it cannot be written, it is not kept."""
    kept = _read()
    kept.pop(_digest(path), None)
    kept = dict([*kept.items(), (_digest(path), task_id)][-LIMIT:])
    target = _file()
    part = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)

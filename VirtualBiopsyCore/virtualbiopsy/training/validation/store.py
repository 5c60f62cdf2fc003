"""Parts of a validation on disk, so that a run that was stopped goes on where it was.

One line of JSON a part; a part whose line was cut off by a kill is computed again. The digest is of data,
method and splits: parts of another run are not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ..dataset import Dataset
from ..kept_lines import append_line, read_lines, write_lines
from ..method import Method
from .run import Part
from .splits import Split


def run_digest(method: Method, data: Dataset, splits: Sequence[Split]) -> str:
    """SHA-256 of everything that the numbers of a validation depend on."""
    found = hashlib.sha256(f"{__version__} {method!r} {data.columns!r} {data.cases!r}".encode())
    outcome = data.outcome
    arrays = [data.values, outcome.labels, outcome.time, data.patients, data.site, data.scanner]
    if data.repeats is not None:
        arrays.append(data.repeats.values)
    for split in splits:
        arrays += [split.train, split.test]
    for array in arrays:
        if array is None:
            continue
        numbers = array.dtype.kind in "fiub"
        found.update(repr((array.dtype.kind, array.shape) if numbers else array.tolist()).encode())
        found.update(np.ascontiguousarray(array).tobytes() if numbers else b"")
    found.update(repr([sorted(data.subgroups), [v.tolist() for v in data.subgroups.values()]]).encode())
    return found.hexdigest()


class PartStore:
    """Keeps parts as they are finished.

    ``validate(method, data, progress, splits=splits, known=store.known, keep=store.keep)`` goes on where the
    last run with the same digest was stopped.

    Parameters
    ----------
    path : of the file; one of another run is replaced. digest : see :func:`run_digest`.
    """

    def __init__(self, path: Path, digest: str, splits: Sequence[Split]) -> None:
        self._path = path
        self.known: dict[int, Part] = {}
        for document in read_lines(path, digest):
            if document is not None:
                self.known[document["number"]] = _part(document, splits)
        write_lines(path, digest, (_document(number, part) for number, part in self.known.items()))

    def keep(self, number: int, part: Part) -> None:
        """Append one part."""
        self.known[number] = part
        append_line(self._path, _document(number, part))


def _document(number: int, part: Part) -> dict[str, Any]:
    return {
        "number": number,
        "scores": None if part.scores is None else part.scores.tolist(),
        "risks": None if part.risks is None else part.risks.tolist(),
        "columns": list(part.columns),
        "options": {name: _plain(value) for name, value in part.options.items()},
        "threshold": None if np.isnan(part.threshold) else float(part.threshold),
        "told": list(part.told),
        "faults": list(part.faults),
    }


def _part(document: dict[str, Any], splits: Sequence[Split]) -> Part:
    scores, threshold, risks = document["scores"], document["threshold"], document.get("risks")
    return Part(
        splits[document["number"]],
        None if scores is None else np.array(scores, dtype=np.float64),
        tuple(document["columns"]),
        document["options"],
        float("nan") if threshold is None else threshold,
        tuple(document["told"]),
        tuple(document["faults"]),
        None if risks is None else np.array(risks, dtype=np.float64),
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

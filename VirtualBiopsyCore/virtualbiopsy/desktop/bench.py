"""What every part of a panel works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .job import JobRunner


@dataclass(frozen=True, eq=False)
class Bench:
    """The widgets, the scene, the job runner and the ways to speak to the user; the same for all parts.

    Attributes
    ----------
    ui : named widgets of the .ui file.
    fail : called with an exception and whether the user waits for the answer; shows it.
    tell : shows a line of text.
    """

    ui: Any
    scene: Any
    job: JobRunner
    fail: Callable[[Exception, bool], None]
    tell: Callable[[str], None]

    def start(self, work: Callable[..., Any], done: Callable[[Any], None], title: str) -> bool:
        """Start work that the user waits for; False, and nothing else, while something runs."""
        if self.job.busy:
            return False
        self.job.start(work, done, lambda error: self.fail(error, True), title)
        return True

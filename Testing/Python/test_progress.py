"""What the command line shows while something takes time."""

from __future__ import annotations

import io
import sys

from virtualbiopsy.progress import show


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_one_line_for_each_percent(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    for n in range(1001):
        show(n / 1000, f"case {n}")
    assert len(log.getvalue().splitlines()) == 101 and "\r" not in log.getvalue()
    assert log.getvalue().endswith("100 %  case 995\n")


def test_a_terminal_has_one_line_that_is_written_over(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    show(0.5, "half")
    show(0.501, "a little more")
    assert terminal.getvalue().count("\r") == 2 and "\n" not in terminal.getvalue()

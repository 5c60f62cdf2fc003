"""Which loops an edit runs: the compiled ones where they are ready, else those in numpy."""

from __future__ import annotations

from types import ModuleType

from ..kernels import choose
from . import plain

_compiled = choose.register("virtualbiopsy.radiomics.live.compiled_edit")


def loops() -> ModuleType:
    """Module with the functions of :mod:`virtualbiopsy.radiomics.live.plain`."""
    return _compiled() or plain

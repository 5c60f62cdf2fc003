"""Which kernels are used: the compiled ones where numba is installed, else those in numpy and scipy.

numba is neither needed nor imported at start-up. The first call of :func:`active` starts a background thread
that imports it and compiles (or loads from disk) the compiled kernels; until that is done the plain ones are
used, from then on the compiled ones. Both give the same numbers within 1e-12. Where compiling fails, one
warning is logged and the plain kernels stay.

``VIRTUALBIOPSY_KERNELS`` or :func:`select`: "auto" as described; "plain"; "compiled" to wait for the compiled
kernels at the first call.

Compiled functions elsewhere in the package take part by :func:`register`, called in a file that does not
import numba::

    _fast = choose.register("virtualbiopsy.radiomics.live.compiled_counts")

    def update(counts, ...):
        fast = _fast()
        return fast.update(counts, ...) if fast else _update_in_numpy(counts, ...)

The file named there declares its functions with :func:`virtualbiopsy.radiomics.kernels.jit.jit`.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from . import plain

MODES = ("auto", "plain", "compiled")
VARIABLE = "VIRTUALBIOPSY_KERNELS"
_KERNELS = f"{__package__}.compiled"
_EXIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class _Chooser:
    """Compiles the registered modules in the background; all are used, or none."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.modules: dict[str, ModuleType | None] = {_KERNELS: None}
        self.failed = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._stop = False

    def module(self, name: str) -> ModuleType | None:
        """A registered module if it is to be used now, else None."""
        if self.mode == "plain":
            return None
        found = self.modules[name]
        if found is None and not self.failed:
            self.start()
            if self.mode == "compiled":
                self.wait(None)
                found = self.modules[name]
        return found

    def add(self, name: str) -> None:
        with self._lock:
            self.modules.setdefault(name, None)

    def start(self) -> None:
        with self._lock:
            if self._stop or self.failed or not self._idle.is_set():
                return
            if importlib.util.find_spec("numba") is None:
                self.failed = True
                if self.mode == "compiled":
                    _log.warning("Compiled kernels were asked for, but numba is not installed.")
                return
            self._idle.clear()
            self._thread = threading.Thread(target=self._run, name="compile kernels", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None) -> bool:
        if threading.current_thread() is not self._thread:
            self._idle.wait(seconds)
        return all(module is not None for module in self.modules.values())

    def stop(self) -> None:
        """End at the next function; called when the interpreter exits."""
        self._stop = True
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join(_EXIT_SECONDS)

    def _run(self) -> None:
        try:
            while pending := self._pending():
                made = self._compile(pending)
                if made is None:
                    return
                with self._lock:
                    self.modules.update(made)
        except BaseException as error:
            self.failed = True
            _log.warning(
                "numba is installed but cannot compile the kernels (%s: %s); the plain ones are used.",
                type(error).__name__,
                str(error).strip().split("\n")[0],
            )
        finally:
            self._idle.set()

    def _pending(self) -> list[str]:
        with self._lock:
            return [name for name, module in self.modules.items() if module is None]

    def _compile(self, names: list[str]) -> dict[str, ModuleType] | None:
        """The modules with all their functions compiled; None if the interpreter exits meanwhile."""
        from . import jit

        try:
            made = {name: importlib.import_module(name) for name in names}
            done = jit.compile_all(lambda: self._stop)
        except Exception:
            # A full disk or a damaged file of the cache: once more without keeping anything.
            jit.use_cache(False)
            jit.forget()
            for name in [name for name in sys.modules if name in jit.declaring]:
                importlib.reload(sys.modules[name])
            made = {name: importlib.reload(importlib.import_module(name)) for name in names}
            done = jit.compile_all(lambda: self._stop)
        return made if done else None


def _mode_of_environment() -> str:
    mode = os.environ.get(VARIABLE, "auto").strip().lower() or "auto"
    if mode not in MODES:
        _log.warning("%s=%r is none of %s; auto is used.", VARIABLE, mode, ", ".join(MODES))
        return "auto"
    return mode


_chooser = _Chooser(_mode_of_environment())
atexit.register(lambda: _chooser.stop())


def active() -> ModuleType:
    """The kernels to use now: the module ``compiled`` or ``plain``."""
    return _chooser.module(_KERNELS) or plain


def register(name: str) -> Callable[[], ModuleType | None]:
    """Have another module compiled with the kernels.

    Parameters
    ----------
    name : of a module that declares its functions with :func:`~virtualbiopsy.radiomics.kernels.jit.jit`.

    Returns
    -------
    Function that gives the imported module when its functions are compiled and are to be used, else None.
    """
    _chooser.add(name)
    return lambda: _chooser.module(name)


def mode() -> str:
    """One of MODES."""
    return _chooser.mode


def select(mode: str) -> None:
    """Change the mode; one of MODES."""
    if mode not in MODES:
        raise ValueError(f"{mode!r} is none of {', '.join(MODES)}.")
    _chooser.mode = mode


@contextmanager
def using(mode: str) -> Iterator[ModuleType]:
    """Select a mode for a block; gives the kernels that are active in it."""
    before = _chooser.mode
    select(mode)
    try:
        yield active()
    finally:
        select(before)


def wait_until_compiled(seconds: float | None = None) -> bool:
    """Start compiling and wait for its end; whether the compiled kernels can be used."""
    if _chooser.mode == "plain":
        return False
    _chooser.start()
    return _chooser.wait(seconds)

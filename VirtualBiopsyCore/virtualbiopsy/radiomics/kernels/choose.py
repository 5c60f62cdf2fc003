"""Which kernels are used: the compiled ones where numba is installed, else those in numpy and scipy.

numba is neither needed nor imported at start-up. The first call of :func:`active` starts a background thread
that imports it and compiles (or loads from disk) the compiled kernels; until that is done the plain ones are
used, from then on the compiled ones. Both give the same numbers within 1e-12. Where compiling fails, a
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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

from . import plain

MODES = ("auto", "plain", "compiled")
VARIABLE = "VIRTUALBIOPSY_KERNELS"
_KERNELS = f"{__package__}.compiled"
_EXIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Chooser:
    """Compiles modules in the background, one after the other; each is used as soon as it is compiled.

    Parameters
    ----------
    mode : one of MODES. modules : names of modules to compile.
    """

    def __init__(self, mode: str, modules: Iterable[str]) -> None:
        self.mode = mode
        self._modules: dict[str, ModuleType | None] = dict.fromkeys(modules)
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._stop = False

    def module(self, name: str) -> ModuleType | None:
        """A module if it is to be used now, else None."""
        if self.mode == "plain":
            return None
        found = self._modules[name]
        if found is None and name not in self._failed:
            self.start()
            if self.mode == "compiled":
                self.wait(None)
                found = self._modules[name]
        return found

    def add(self, name: str) -> None:
        with self._lock:
            self._modules.setdefault(name, None)

    def start(self) -> None:
        """Begin to compile what is not compiled yet, unless that goes on already."""
        with self._lock:
            if self._stop or not self._idle.is_set() or not self._pending():
                return
            if not _installed("numba"):
                self._failed.update(self._modules)
                if self.mode == "compiled":
                    _log.warning("Compiled kernels were asked for, but numba is not installed.")
                return
            self._idle.clear()
            self._thread = threading.Thread(target=self._run, name="compile kernels", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the end of compiling; whether everything can be used."""
        if threading.current_thread() is not self._thread:
            self._idle.wait(seconds)
        return all(module is not None for module in self._modules.values())

    def stop(self) -> None:
        """End after the function that is being compiled; for the exit of the interpreter."""
        self._stop = True
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join(_EXIT_SECONDS)

    def _pending(self) -> list[str]:
        return [name for name, module in self._modules.items() if not module and name not in self._failed]

    def _run(self) -> None:
        try:
            while not self._stop and (pending := self._pending()):
                self._compile_or_warn(pending[0])
        finally:
            self._idle.set()

    def _compile_or_warn(self, name: str) -> None:
        try:
            module = self._compile(name)
            if module is not None:
                self._modules[name] = module
        except Exception as error:
            self._failed.add(name)
            _log.warning(
                "numba is installed but cannot compile %s (%s: %s); numpy is used instead.",
                name,
                type(error).__name__,
                str(error).strip().split("\n")[0],
            )

    def _compile(self, name: str) -> ModuleType | None:
        """A module with all its functions compiled; None if the interpreter exits meanwhile."""
        from . import jit

        try:
            module = importlib.import_module(name)
            done = jit.compile_all(lambda: self._stop)
        except Exception:
            # Nowhere to keep it, a full disk or a damaged file, perhaps: once more without keeping anything.
            jit.use_cache(False)
            for declaring in jit.forget():
                importlib.reload(sys.modules[declaring])
            module = importlib.import_module(name)
            done = jit.compile_all(lambda: self._stop)
        return module if done else None


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _mode_of_environment() -> str:
    mode = os.environ.get(VARIABLE, "auto").strip().lower() or "auto"
    if mode not in MODES:
        _log.warning("%s=%r is none of %s; auto is used.", VARIABLE, mode, ", ".join(MODES))
        return "auto"
    return mode


_chooser = Chooser(_mode_of_environment(), (_KERNELS,))
atexit.register(_chooser.stop)


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

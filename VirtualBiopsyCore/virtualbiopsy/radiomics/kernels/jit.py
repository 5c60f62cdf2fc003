"""How the compiled kernels are declared; imports numba, so only files named ``compiled*`` may import this.

A function is declared with the types of its arguments::

    @jit(U2, I8, INT)
    def count(field, inside, levels): ...

Nothing is compiled at import. :func:`compile_all` does it, in the background thread of
:mod:`virtualbiopsy.radiomics.kernels.choose`; afterwards a call with other types is an error instead of a
pause of a second. The functions release the interpreter's lock and run on one thread, so that Python threads
can run them side by side; none of numba's own thread layers is used.

Compiled code is kept where numba keeps it: in ``NUMBA_CACHE_DIR`` if that is set, beside the source, or in
the user's cache directory; if none of them can be written it is compiled anew by each process. numba finds
out that a file has changed, but not that a file it imports has: compiled functions only call compiled
functions of their own file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numba
from numba import types


def _array(kind: types.Type, dimensions: int) -> types.Array:
    return types.Array(kind, dimensions, "C", readonly=True)


INT = types.int64
REAL = types.float64
FLAG = types.boolean
B1 = _array(types.boolean, 1)
B3 = _array(types.boolean, 3)
U2 = _array(types.uint16, 1)
I4 = _array(types.int32, 1)
I8 = _array(types.int64, 1)
I8X2 = _array(types.int64, 2)
F8 = _array(types.float64, 1)
F8X2 = _array(types.float64, 2)
F8X3 = _array(types.float64, 3)
F8X4 = _array(types.float64, 4)
"""Types of arguments: contiguous arrays, which a function may only read."""

_declared: list[tuple[object, tuple]] = []
_declaring: set[str] = set()
_cached = True


def jit(*arguments: types.Type) -> Callable:
    """Declare a compiled function by the types of its arguments; without any, it serves only its own file.

    Options: ``nogil``; IEEE arithmetic in the order of the source; a division by zero gives inf or NaN.
    """

    def declare(function: Callable) -> Callable:
        options = {"nogil": True, "error_model": "numpy", "fastmath": False}
        made = numba.njit(cache=_cached, **options)(function)
        _declaring.add(function.__module__)
        if arguments:
            _declared.append((made, arguments))
        return made

    return declare


def use_cache(wanted: bool) -> None:
    """Whether functions declared from now on are kept on disk."""
    global _cached
    _cached = wanted


def forget() -> list[str]:
    """Empty the list of declared functions; gives the names of their modules, to be loaded anew."""
    modules = sorted(_declaring & set(sys.modules))
    _declared.clear()
    _declaring.clear()
    return modules


def compile_all(stop: Callable[[], bool]) -> bool:
    """Compile (or load) every declared function; False if ``stop()`` became true in between."""
    for function, arguments in list(_declared):
        if stop():
            return False
        if arguments not in function.signatures:
            function.compile(arguments)
            function.disable_compile()
    return True

"""The engines that there are."""

from __future__ import annotations

from ..errors import EngineError
from .builtin import BuiltinEngine
from .protocol import Engine
from .pyradiomics import PyradiomicsEngine


def all_engines() -> tuple[Engine, ...]:
    """Ours first, then pyradiomics; whether each can be used says its ``availability()``."""
    return BuiltinEngine(), PyradiomicsEngine()


def find_engine(name: str) -> Engine:
    """The engine of this name.

    Raises
    ------
    EngineError : there is none of this name, or it cannot be used here.
    """
    engines = {engine.name: engine for engine in all_engines()}
    if name not in engines:
        raise EngineError(f"There is no engine called {name!r}.", f"Known: {', '.join(engines)}.")
    reason = engines[name].availability()
    if reason is not None:
        raise EngineError(f"The engine {name!r} cannot be used: {reason}")
    return engines[name]

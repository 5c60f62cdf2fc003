"""The grammar of a key's fields: ``name(parameter=value;parameter=value)``; values may be nested."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import FeatureError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)


def parse_spec(text: str) -> tuple[str, dict[str, str]]:
    """Take a field apart.

    Returns
    -------
    name, and the parameters in the order in which they stand; values are text, nested ones not taken apart.

    Raises
    ------
    FeatureError : the text does not follow the grammar, or a parameter is given twice.
    """
    name, bracket, rest = text.partition("(")
    if not _NAME.fullmatch(name) or (bracket and not rest.endswith(")")):
        raise FeatureError(f"{text!r} is not of the form name(parameter=value;parameter=value).")
    parameters: dict[str, str] = {}
    for part in _split(rest[:-1], text) if bracket else ():
        key, equals, value = part.partition("=")
        if not equals or not value or not _NAME.fullmatch(key) or key in parameters:
            raise FeatureError(f"{part!r} in {text!r} is not of the form parameter=value, or stands twice.")
        parameters[key] = value
    return name, parameters


def format_spec(name: str, parameters: Mapping[str, object]) -> str:
    """The field of a name and its parameters, in their order; numbers in their shortest form."""
    if not parameters:
        return name
    return f"{name}({';'.join(f'{key}={_text(value)}' for key, value in parameters.items())})"


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _split(body: str, whole: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for n, sign in enumerate(body):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
        if sign == ";" and depth == 0:
            parts.append(body[start:n])
            start = n + 1
    if depth != 0:
        raise FeatureError(f"The brackets in {whole!r} do not match.")
    return [*parts, body[start:]]

"""Values of options: whether one fits its type, how it is written in TOML, and how both are said in words.

Knows the types that options have: numbers, text, truth values, and lists and choices of them. Knows no option.
"""

from __future__ import annotations

import json
import tomllib
import types
import typing
from typing import Any

_WORDS: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_MANY: dict[object, str] = {int: "whole numbers", float: "numbers", bool: "true or false", str: "texts"}


def checked(kind: object, value: object) -> object:
    """The value as its type wants it.

    Raises:
        ValueError: It is of another type; text that looks like a number is no number.
    """
    from pydantic import ConfigDict, TypeAdapter

    container = typing.get_origin(kind)
    if isinstance(value, list) and container in (tuple, frozenset):
        try:
            value = container(value)
        except TypeError as error:
            raise ValueError(str(error)) from error
    form: Any = kind
    found: object = TypeAdapter(form, config=ConfigDict(strict=True)).validate_python(value)
    return found


def from_text(kind: object, text: str) -> object:
    """What text from the command line means for a type; where it means nothing, what was meant by it, to be shown."""
    if text.strip().lower() == "none" and types.NoneType in typing.get_args(kind):
        return None
    try:
        # A line break would let the text hold further settings.
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except ValueError:
        return text
    return value if _fits(kind, value) or not _fits(kind, text) else text


def _fits(kind: object, value: object) -> bool:
    try:
        checked(kind, value)
    except ValueError:
        return False
    return True


def wanted(kind: object) -> str:
    """A type in words."""
    arguments = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return "one of " + ", ".join(shown(each) for each in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(wanted(each) for each in arguments if each is not types.NoneType)
    if origin in (tuple, frozenset):
        if typing.get_origin(arguments[0]) is typing.Literal:
            return f"a list of some of {', '.join(shown(each) for each in typing.get_args(arguments[0]))}"
        count = "" if origin is frozenset or ... in arguments else f"{len(arguments)} "
        return f"a list of {count}{_MANY.get(arguments[0], 'values')}"
    return _WORDS.get(kind, str(kind))


def shown(value: object) -> str:
    """A value for a message, as the file would have it."""
    if value is None:
        return "not set"
    try:
        text = toml(value)
    except TypeError:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def toml(value: object) -> str:
    """A TOML value on one line."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value:_}" if abs(value) >= 10_000 else str(value)
        case float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(toml(each) for each in value)}]"
        case set() | frozenset():
            return toml(sorted(value))
    raise TypeError(f"{type(value).__name__} has no place in a settings file")

"""Checks of a user's arguments, with errors that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import HpoBridgeError, InvalidOptions, UnknownName, short
from ..space.values import is_boolean, unboxed

Choice = str | Mapping[str, Any]
"""A name, or ``{"name": …, "options": {…}}``."""


def split_choice(choice: Choice, *path: str) -> tuple[str, dict[str, Any]]:
    """Name and options of a backend or pruner.

    Raises:
        HpoBridgeError: If it is neither a name nor a mapping with one.
    """
    if isinstance(choice, str):
        return str(choice), {}
    if not isinstance(choice, Mapping) or not isinstance(choice.get("name"), str):
        expected = "a name or a mapping with one, such as {name: …, options: {…}}"
        raise HpoBridgeError(f"found {short(choice)}, expected {expected}", *path)
    inner = choice.get("options")
    if inner is not None and not isinstance(inner, Mapping):
        raise wrong("options", inner, "a mapping").under(*path)
    beside = {key: value for key, value in choice.items() if key not in ("name", "options")}
    return str(choice["name"]), together(inner or {}, beside, *path)


def together(one: Mapping[str, Any], other: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """Options from two places, with plain scalars.

    Raises:
        HpoBridgeError: If an option is there twice, or its name is no text.
    """
    options = {}
    for key, value in (*one.items(), *other.items()):
        if not isinstance(key, str):
            raise HpoBridgeError(f"found the option {short(key)}, expected a name", *path)
        if key in options:
            raise HpoBridgeError("is there twice", *path, key)
        options[key] = _plain_option(value)
    return options


def _plain_option(value: Any) -> Any:
    """An option as plain data as far as that goes; objects stay what they are."""
    if isinstance(value, Mapping):
        return {key: _plain_option(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain_option, value))
    return unboxed(value)


def wrong(name: str, value: Any, expected: str) -> HpoBridgeError:
    """The error of an argument that cannot be what it is."""
    return HpoBridgeError(f"found {short(value)}, expected {expected}", name)


def integer(name: str, value: Any) -> int:
    """An argument as a plain integer; a boolean is none."""
    try:
        if is_boolean(value):
            raise TypeError
        return int(value.__index__())
    except (AttributeError, TypeError):
        raise wrong(name, value, "an integer") from None


def text(name: str, value: Any, expected: str = "a name") -> str:
    """An argument as a plain text that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(name, value, expected)
    return str(value)


def optional_text(name: str, value: Any, expected: str = "a name") -> str | None:
    """An argument that may be left out, as a plain text that is not empty."""
    return None if value is None else text(name, value, expected)


def truth(name: str, value: Any, expected: str = "true or false") -> bool:
    """Return an argument that is true or false."""
    plain = unboxed(value)
    if not isinstance(plain, bool):
        raise wrong(name, value, expected)
    return plain


def mapping(name: str, value: Any) -> dict[str, Any]:
    """An argument as a mapping of its own; an empty one of ``None``."""
    if value is not None and not isinstance(value, Mapping):
        raise wrong(name, value, "a mapping")
    return dict(value or {})


def runner_choice(runner: Any, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and options of a runner, which may also be arguments beside it."""
    name, own = split_choice(runner, "runner")
    return name, together(own, options, "runner")


@contextmanager
def naming(*path: str, options: bool = False) -> Iterator[None]:
    """Put the path of an argument before an error about a name, or an option, that is unknown."""
    try:
        yield
    except InvalidOptions as error:
        if not options or not error.path:
            raise
        raise error.under(*path) from error.__cause__
    except UnknownName as error:
        raise error if error.path[: len(path)] == path else error.under(*path) from None

"""Checks of option values, for the authors of backends, runners and pruners.

A wrong option must show when a study is built, not at its eleventh trial. Declare the options as
a frozen dataclass and give it to :func:`with_options`, or call the checks yourself: they raise
``TypeError`` or ``ValueError``, and the user sees one line with the plugin's name and yours.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import InvalidOptions, nearest, short
from ..space.values import unboxed

_Class = TypeVar("_Class", bound=type)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, for the annotation of an option.

    Attributes:
        least: Smallest number accepted.
        most: Largest number accepted.
        above: Number that it must be above.
        below: Number that it must be below.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None


def with_options(declared: type[Any]) -> Callable[[_Class], _Class]:
    """Let a class be built with keyword arguments that a dataclass declares and this checks.

    The class takes the dataclass as the last argument of its constructor. Options annotated with
    ``bool``, ``int``, ``float``, ``Literal``, or a union of these and ``None``, are checked;
    ``Annotated`` with a :class:`Range` gives bounds. Others are passed as they are, for
    ``__post_init__`` to check.

    Args:
        declared: A frozen dataclass; its fields are the options.

    Example:
        >>> @dataclass(frozen=True)
        ... class WalkOptions:
        ...     step: Annotated[float, Range(above=0)] = 0.1
        >>> @with_options(WalkOptions)
        ... class Walk:
        ...     def __init__(self, problem, options):
        ...         self.step = options.step
        >>> Walk(None, step=0.2).step
        0.2
        >>> Walk(None, step=0)
        Traceback (most recent call last):
        hpo_bridge.errors.InvalidOptions: step: found 0, expected a finite number, more than 0
    """

    def decorate(cls: _Class) -> _Class:
        build = inspect.unwrap(cls.__init__)  # type: ignore[misc]

        @wraps(build)
        def __init__(self: Any, *arguments: Any, **given: Any) -> None:
            build(self, *arguments, _read_options(declared, given))

        __init__.__signature__ = _signature(build, declared)  # type: ignore[attr-defined]
        cls.__init__ = __init__  # type: ignore[misc]
        return cls

    return decorate


def _signature(build: Callable[..., None], declared: type[Any]) -> inspect.Signature:
    """Return a constructor's signature with keyword arguments in place of its last argument."""
    positional = list(inspect.signature(build).parameters.values())[:-1]
    options = inspect.signature(declared).parameters
    # the class's own before those of its bases
    names = dict.fromkeys(n for kind in declared.__mro__ for n in inspect.get_annotations(kind))
    own = [options[name].replace(kind=inspect.Parameter.KEYWORD_ONLY) for name in names]
    return inspect.Signature(positional + own)


def _read_options(declared: Any, given: Mapping[str, Any]) -> Any:
    """Build a dataclass of options from checked values."""
    hints = _hints(declared)
    return declared(**{n: _checked(n, v, hints.get(n, Any)) for n, v in given.items()})


@cache
def _hints(declared: Any) -> dict[str, Any]:
    return get_type_hints(declared, include_extras=True)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """Return an option's value as a plain one; raise if its annotation does not allow it."""
    bounds = Range()
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)[:2]
    kinds = set(get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))
    if value is None and NoneType in kinds:
        return None
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    kinds = {kind for kind in kinds if get_origin(kind) is not Literal} - {NoneType}
    if not kinds <= {bool, int, float}:
        return value
    if words and (not kinds or isinstance(value, str)):
        return one_of(name, value, words)
    if bool in kinds:
        return flag(name, value)
    if float not in kinds:
        value = whole(name, value, None if bounds.least is None else math.ceil(bounds.least))
    return number(name, value, bounds.least, bounds.most, above=bounds.above, below=bounds.below)


def whole(name: str, value: Any, least: int | None = None) -> int:
    """An integer of at least ``least``.

    Args:
        name: The option's name, for the message.
        value: What was given.
        least: The smallest that is accepted.

    Raises:
        InvalidOptions: If it is no integer; a boolean is none, or too small.

    Example:
        >>> whole("population", 20, least=2)
        20
    """
    value = unboxed(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidOptions(f"found {short(value)}, expected an integer", name)
    if least is not None and value < least:
        raise InvalidOptions(f"found {value}, expected at least {least}", name)
    return value


def number(
    name: str, value: Any, least: float | None = None, most: float | None = None, *,
    above: float | None = None, below: float | None = None,
) -> float:  # fmt: skip
    """Return a finite number; an integer is one.

    Args:
        name: The option's name, for the message.
        value: What was given.
        least: The smallest that is accepted.
        most: The largest that is accepted.
        above: What it must be above.
        below: What it must be below.

    Raises:
        InvalidOptions: If it is no number; a boolean is none; or out of range or not finite.

    Example:
        >>> number("sigma", 0.3, above=0)
        0.3
    """
    value = unboxed(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidOptions(f"found {short(value)}, expected a number", name)
    rules = [
        (least is None or value >= least, least, "at least"),
        (above is None or value > above, above, "more than"),
        (most is None or value <= most, most, "at most"),
    ]
    if not math.isfinite(value) or not all(holds for holds, _, _ in rules):
        bounds = " and ".join(f"{text} {bound}" for _, bound, text in rules if bound is not None)
        expected = f"a finite number, {bounds}" if bounds else "a finite number"
        raise InvalidOptions(f"found {value}, expected {expected}", name)
    if below is not None and value >= below:
        raise InvalidOptions(f"found {value}, expected less than {below}", name)
    return value


def flag(name: str, value: Any) -> bool:
    """True or false.

    Raises:
        InvalidOptions: If it is neither.

    Example:
        >>> flag("shuffle", True)
        True
    """
    value = unboxed(value)
    if not isinstance(value, bool):
        raise InvalidOptions(f"found {short(value)}, expected true or false", name)
    return value


def one_of(name: str, value: Any, accepted: Collection[str]) -> str:
    """One of the accepted names.

    Raises:
        InvalidOptions: If it is another one; says what comes nearest.

    Example:
        >>> one_of("mate", "two_point", ["one_point", "two_point"])
        'two_point'
    """
    names = list(accepted)
    if not isinstance(value, str):
        raise InvalidOptions(f"found {short(value)}, expected one of {', '.join(names)}", name)
    if value not in names:
        expected = f"expected one of {', '.join(names)}{nearest(value, names)}"
        raise InvalidOptions(f"found {value!r}, {expected}", name)
    return value

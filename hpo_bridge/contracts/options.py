"""Checks of option values, for the authors of backends, runners and pruners.

What is wrong with an option must show when a study is built, not at its eleventh trial. Raise
``TypeError`` or ``ValueError`` from a constructor, as these do, and the user sees one line with
the plugin's name and yours.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ..errors import nearest, short
from ..space.values import unboxed


def whole(name: str, value: Any, least: int | None = None) -> int:
    """An integer of at least ``least``.

    Args:
        name: The option's name, for the message.
        value: What was given.
        least: The smallest that is accepted.

    Raises:
        TypeError: If it is no integer; a boolean is none.
        ValueError: If it is too small.

    Example:
        >>> whole("population", 20, least=2)
        20
    """
    value = unboxed(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: found {short(value)}, expected an integer")
    if least is not None and value < least:
        raise ValueError(f"{name}: found {value}, expected at least {least}")
    return value


def number(
    name: str,
    value: Any,
    least: float | None = None,
    most: float | None = None,
    *,
    above: float | None = None,
) -> float:
    """A finite number; an integer is one.

    Args:
        name: The option's name, for the message.
        value: What was given.
        least: The smallest that is accepted.
        most: The largest that is accepted.
        above: What it must be above.

    Raises:
        TypeError: If it is no number; a boolean is none.
        ValueError: If it is out of range or not finite.

    Example:
        >>> number("sigma", 0.3, above=0)
        0.3
    """
    value = unboxed(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: found {short(value)}, expected a number")
    rules = []
    if least is not None:
        rules.append((value >= least, f"at least {least}"))
    if above is not None:
        rules.append((value > above, f"more than {above}"))
    if most is not None:
        rules.append((value <= most, f"at most {most}"))
    if not math.isfinite(value) or not all(holds for holds, _ in rules):
        bounds = " and ".join(text for _, text in rules)
        expected = f"a finite number, {bounds}" if bounds else "a finite number"
        raise ValueError(f"{name}: found {value}, expected {expected}")
    return value


def flag(name: str, value: Any) -> bool:
    """True or false.

    Raises:
        TypeError: If it is neither.

    Example:
        >>> flag("shuffle", True)
        True
    """
    value = unboxed(value)
    if not isinstance(value, bool):
        raise TypeError(f"{name}: found {short(value)}, expected true or false")
    return value


def one_of(name: str, value: Any, accepted: Collection[str]) -> str:
    """One of the accepted names.

    Raises:
        TypeError: If it is no text.
        ValueError: If it is another one; says what comes nearest.

    Example:
        >>> one_of("mate", "two_point", ["one_point", "two_point"])
        'two_point'
    """
    names = list(accepted)
    if not isinstance(value, str):
        raise TypeError(f"{name}: found {short(value)}, expected one of {', '.join(names)}")
    if value not in names:
        expected = f"expected one of {', '.join(names)}{nearest(value, names)}"
        raise ValueError(f"{name}: found {value!r}, {expected}")
    return value

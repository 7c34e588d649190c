"""Checks of options: what is wrong is said when a study is built, not at trial 11."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from hpo_bridge.errors import nearest, short


def whole(name: str, value: Any, least: int) -> int:
    """An integer of at least ``least``.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: found {short(value)}, expected an integer")
    if value < least:
        raise ValueError(f"{name}: found {value}, expected at least {least}")
    return value


def number(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, above: bool = False
) -> float:
    """A finite number from ``low`` to ``high``; with ``above`` not ``low`` itself.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: found {short(value)}, expected a number")
    if not math.isfinite(value) or not low <= value <= high or (above and value == low):
        bounds = f"{'more than' if above else 'at least'} {low}"
        bounds += f" and at most {high}" if high < math.inf else ""
        raise ValueError(f"{name}: found {value}, expected a number, {bounds}")
    return float(value)


def probability(name: str, value: Any) -> float:
    """A number from 0 to 1.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    return number(name, value, 0.0, 1.0)


def one_of(name: str, value: Any, accepted: Collection[str]) -> str:
    """One of the names.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: found {short(value)}, expected a name")
    if value not in accepted:
        hint = nearest(value, list(accepted))
        raise ValueError(f"{name}: found {value!r}, expected {' or '.join(accepted)}{hint}")
    return value


def flag(name: str, value: Any) -> bool:
    """True or false.

    Raises:
        TypeError: With the option's name.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}: found {short(value)}, expected true or false")
    return value

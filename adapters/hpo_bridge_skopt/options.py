"""Checks of option values: what is wrong must show before the first trial."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from hpo_bridge.errors import nearest, short


def integer(name: str, value: Any, low: int | None = None) -> int:
    """``value`` if it is an integer, and at least ``low``.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is below ``low``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: found {short(value)}, expected an integer")
    if low is not None and value < low:
        raise ValueError(f"{name}: found {value}, expected at least {low}")
    return value


def jobs(name: str, value: Any) -> int:
    """A number of jobs as joblib takes it: positive, or -1 for one per core.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is 0 or below -1.
    """
    if integer(name, value) < -1 or value == 0:
        raise ValueError(f"{name}: found {value}, expected a positive number, or -1")
    return int(value)


def number(name: str, value: Any, *, low: float = -math.inf, word: str | None = None) -> Any:
    """``value`` if it is a finite number from ``low``, or ``word``.

    Raises:
        TypeError: If it is neither a number nor a text.
        ValueError: If it is another text, not finite, or below ``low``.
    """
    if word is not None and isinstance(value, str):
        if value != word:
            raise ValueError(f"{name}: found {short(value)}, expected a number or {word!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: found {short(value)}, expected a number")
    if not math.isfinite(value) or value < low:
        raise ValueError(f"{name}: found {value!r}, expected a finite number of at least {low}")
    return value


def word(name: str, value: Any, accepted: Collection[str]) -> str:
    """``value`` if it is one of ``accepted``.

    Raises:
        TypeError: If it is no text.
        ValueError: If it is another one.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: found {short(value)}, expected one of {', '.join(accepted)}")
    if value not in accepted:
        hint = nearest(value, list(accepted))
        raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(accepted)}{hint}")
    return value


def flag(name: str, value: Any) -> bool:
    """``value`` if it is true or false.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}: found {short(value)}, expected true or false")
    return value

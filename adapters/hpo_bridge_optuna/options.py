"""Checks of options, which Optuna looks at when they are used: at the first trial, or later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hpo_bridge.errors import nearest, short


def whole(name: str, value: Any, low: int) -> int:
    """An integer of at least ``low``.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: found {short(value)}, expected an integer")
    if value < low:
        raise ValueError(f"{name}: found {value}, expected at least {low}")
    return value


def number(name: str, value: Any, low: float = 0.0, high: float = math.inf) -> float:
    """A finite number from ``low`` to ``high``.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: found {short(value)}, expected a number")
    if not (low <= value <= high and math.isfinite(value)):
        upper = "" if high == math.inf else f" and at most {high}"
        raise ValueError(f"{name}: found {value}, expected at least {low}{upper}")
    return value


def flag(name: str, value: Any) -> bool:
    """True or false.

    Raises:
        TypeError: With the option's name.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}: found {short(value)}, expected true or false")
    return value


def one_of(name: str, value: Any, accepted: Sequence[str]) -> str:
    """One of the accepted names.

    Raises:
        TypeError, ValueError: With the option's name.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: found {short(value)}, expected one of {', '.join(accepted)}")
    if value not in accepted:
        hint = nearest(value, accepted)
        raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(accepted)}{hint}")
    return value

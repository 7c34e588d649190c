"""Options of runners: durations, sizes and counts, checked as they come in."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import InvalidOptions, short
from ..space.values import unboxed
from .durations import ACCEPTED, parse_duration

_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*")


def as_seconds(name: str, value: Any) -> float | None:
    """Seconds, from a number or a text such as ``"1h30m"``; ``None`` for no limit.

    >>> as_seconds("trial_timeout", "5m")
    300.0
    """
    if value is None:
        return None
    try:
        return parse_duration(unboxed(value))
    except ValueError:
        raise InvalidOptions(f"found {short(value)}; expected {ACCEPTED}", name) from None


def as_bytes(name: str, value: Any) -> int | None:
    """Bytes, from a number or a text such as ``"2GB"`` or ``"2GiB"``; ``None`` for no limit.

    >>> as_bytes("memory", "2GB")
    2000000000
    """
    if value is None:
        return None
    amount = _bytes(unboxed(value))
    if amount is None or not math.isfinite(amount) or amount < 1:
        raise InvalidOptions(f"found {short(value)}; expected bytes, or '2GB', '512MiB'", name)
    return int(amount)


def as_count(name: str, value: Any, least: int) -> int:
    """A whole number of at least ``least``."""
    value = unboxed(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidOptions(
            f"found {short(value)}; expected a whole number of at least {least}", name
        )
    return value


def as_choice(name: str, value: Any, *accepted: str) -> str:
    """One of the accepted words."""
    if not isinstance(value, str) or value not in accepted:
        raise InvalidOptions(f"found {short(value)}; expected {' or '.join(accepted)}", name)
    return str(value)


def _bytes(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].lower() not in _BYTES:
        return None
    return float(match[1]) * _BYTES[match[2].lower()]

"""Options of runners: durations, sizes and counts, checked as they come in."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import InvalidOptions, short

_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*")


def as_seconds(name: str, value: Any) -> float | None:
    """Seconds, from a number or a text such as ``"5m"``; ``None`` for no limit.

    >>> as_seconds("trial_timeout", "5m")
    300.0
    """
    if value is None:
        return None
    amount = _quantity(value, _SECONDS)
    if amount is None or not math.isfinite(amount) or amount <= 0:
        raise InvalidOptions(f"{name}: found {short(value)}; expected seconds, or '90s', '5m'")
    return amount


def as_bytes(name: str, value: Any) -> int | None:
    """Bytes, from a number or a text such as ``"2GB"`` or ``"2GiB"``; ``None`` for no limit.

    >>> as_bytes("memory", "2GB")
    2000000000
    """
    if value is None:
        return None
    amount = _quantity(value, _BYTES)
    if amount is None or not math.isfinite(amount) or amount < 1:
        raise InvalidOptions(f"{name}: found {short(value)}; expected bytes, or '2GB', '512MiB'")
    return int(amount)


def as_count(name: str, value: Any, least: int) -> int:
    """A whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidOptions(
            f"{name}: found {short(value)}; expected a whole number of at least {least}"
        )
    return value


def as_choice(name: str, value: Any, *accepted: str) -> str:
    """One of the accepted words."""
    if value not in accepted:
        raise InvalidOptions(f"{name}: found {short(value)}; expected {' or '.join(accepted)}")
    return str(value)


def _quantity(value: Any, units: dict[str, Any]) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].lower() not in units:
        return None
    return float(match[1]) * float(units[match[2].lower()])

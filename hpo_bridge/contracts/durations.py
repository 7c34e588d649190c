"""Durations as people write them: ``90s``, ``20m``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 10_000 * 86_400.0
"""The longest duration taken, in seconds: beyond it clocks and timers overflow."""
ACCEPTED = "a duration such as 90s, 20m, 1h30m or 2d, or a number of seconds, above 0"

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 1e-3}
_ORDER = ("d", "h", "m", "s", "ms")
_PART = r"[0-9]+(?:\.[0-9]+)?\s*(?:ms|min|[dhms])"
_WHOLE = re.compile(rf"{_PART}(?:\s*{_PART})*")
_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|min|[dhms])")
_LONGEST_TEXT = 40


def parse_duration(value: Any) -> float:
    """Seconds, from a text or a plain number.

    Args:
        value: Numbers with the units ``d h m s ms`` (``min`` is ``m``), each at most once and
            the largest first; or a number of seconds, as a number or a text.

    Raises:
        ValueError: If it is no duration, not above 0, or longer than :data:`LONGEST`.

    Example:
        >>> parse_duration("1h30m"), parse_duration(2.5)
        (5400.0, 2.5)
    """
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds <= LONGEST:
        raise ValueError(f"expected {ACCEPTED}")
    return seconds


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if 0 < value <= LONGEST else None  # so neither NaN nor 10**400
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    if not _WHOLE.fullmatch(text):
        return None
    parts = _PARTS.findall(text)
    units = [_ORDER.index("m" if unit == "min" else unit) for _, unit in parts]
    if units != sorted(set(units)):  # 30m1h and 5m5m are slips of the pen
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in parts)

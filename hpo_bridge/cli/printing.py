"""Values for people: numbers with a few digits, long lists by their beginning."""

from __future__ import annotations

from typing import Any

SHOWN = 3
"""How many components of a long list are shown."""


def written(value: Any, digits: int) -> str:
    """A parameter's or an objective's value.

    Args:
        value: What to show.
        digits: Significant digits of a float.

    Example:
        >>> written(0.123456, 3), written("adam", 3), written([3, 5], 3)
        ('0.123', 'adam', '[3, 5]')
        >>> written([0.25] * 449, 3)
        '[0.25, 0.25, 0.25, … 449 in all]'
    """
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, list) and len(value) > SHOWN + 1:
        begin = ", ".join(written(component, digits) for component in value[:SHOWN])
        return f"[{begin}, … {len(value)} in all]"
    if isinstance(value, list) and all(isinstance(component, float) for component in value):
        return f"[{', '.join(written(component, digits) for component in value)}]"
    return str(value)

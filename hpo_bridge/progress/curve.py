"""The best value so far as a small curve of characters."""

from __future__ import annotations

import math
from bisect import bisect_right

MOST_STEPS = 512
"""Number of improvements that are kept; beyond it every second one is dropped."""
BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-=+*#"
DECADES = 2.0
"""Powers of ten that values of one sign have to span for a logarithmic scale."""


class BestCurve:
    """The best value so far, as trials end.

    Args:
        sign: 1.0 to minimize, -1.0 to maximize.
    """

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self._at: list[int] = []  # number of values before each improvement
        self._values: list[float] = []
        self._length = 0

    def add(self, value: float) -> None:
        """Follow the next value."""
        if not self._values or self._sign * value < self._sign * self._values[-1]:
            if len(self._values) >= MOST_STEPS:  # the first and the last stay
                self._at[1:-1], self._values[1:-1] = self._at[1:-1:2], self._values[1:-1:2]
            self._at.append(self._length)
            self._values.append(value)
        self._length += 1

    @property
    def ends(self) -> tuple[float, float] | None:
        """The first and the last best value, if there is any."""
        return (self._values[0], self._values[-1]) if self._values else None

    def text(self, width: int, *, ascii_only: bool = False) -> str:
        """Return the curve with at most ``width`` characters; empty before it has moved.

        Example:
            >>> curve = BestCurve(1.0)
            >>> for value in (8.0, 9.0, 5.0, 6.0, 1.0, 2.0):
            ...     curve.add(value)
            >>> curve.text(10), curve.text(3), curve.text(10, ascii_only=True)
            ('██▅▅▁▁', '█▅▁', '##==__')
        """
        at, values, length = list(self._at), list(self._values), self._length
        columns = min(width, length)
        if len(values) < 2 or columns < 2:
            return ""
        levels = ASCII_LEVELS if ascii_only else BLOCKS
        heights = _heights(values)
        top, text = len(levels) - 1, ""
        for column in range(1, columns + 1):
            improvement = bisect_right(at, column * length // columns - 1) - 1
            text += levels[round(heights[improvement] * top)]
        return text


def _heights(values: list[float]) -> list[float]:
    """Return values scaled to [0, 1]: by their logarithms where they span powers of ten."""
    low, high = sorted((values[0], values[-1]))  # monotone
    if low > 0 or high < 0:
        logs = [math.log10(abs(value)) for value in values]
        if abs(logs[0] - logs[-1]) >= DECADES:
            values = logs if low > 0 else [-each for each in logs]
            low, high = sorted((values[0], values[-1]))
    halves = high / 2 - low / 2  # the difference itself may be infinite
    if not halves:  # next to each other, and to zero
        return [float(value == high) for value in values]
    return [min(max((value / 2 - low / 2) / halves, 0.0), 1.0) for value in values]

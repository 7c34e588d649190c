"""The range of a number: its bounds, its steps, and how many values it has."""

from __future__ import annotations

import sys
from decimal import Decimal

from ..errors import SpaceError

OUTSIDE, OFF_GRID = "outside the range", "between the steps"
"""What can be wrong with a number of a point, as refused trials are counted."""
MOST_VALUES = 2**48
"""Most values that a stepped float or an int may have: the unit interval tells them apart."""


_SLACK, _MOST_SLACK = 1e-9, 1e-3
"""By what share of a step the range may differ from a multiple of it: usually, and at most."""
_SINGLE = 2.0**-23
"""The distance from 1 to the next number of single precision."""


def check_range(low: float, high: float, log: bool, step: float | None) -> None:
    """Raises SpaceError unless a number can have these bounds, scale and step."""
    if low > high:
        raise SpaceError(f"found {low}, which is above high: {high}", "low")
    if log and low <= 0:
        raise SpaceError(f"found {low}, expected more than 0 on a log scale", "low")
    if step is not None and step <= 0:
        raise SpaceError(f"found {step}, expected more than 0", "step")
    if step is not None and log:
        raise SpaceError(
            "step and log cannot be combined",
            "step",
            fix="give the values as an ordered categorical",
        )


def count_of(low: float, high: float, step: float, scale: int = 1) -> int:
    """Number of values from ``low`` to ``high``, integers in units of ``1 / scale``."""
    count, rest = divmod(high - low, step)
    if 2 * rest > step:
        count, rest = count + 1, rest - step
    if (high - rest) / scale != high / scale:  # else off by less than a float can tell
        shown = [n if scale == 1 else n / scale for n in (step, low, high, high - rest % step)]
        raise SpaceError(
            f"{shown[0]} does not divide the range from {shown[1]} to {shown[2]}: the highest "
            f"value it reaches is {shown[3]}",
            "step",
        )
    if count >= MOST_VALUES:
        raise SpaceError("found more than 2**48 values between low and high", "high")
    return int(count) + 1


def grid_of(
    low: float, high: float, step: float, *, coarse: bool = False
) -> tuple[int, tuple[int, int, int], bool]:
    """The values of a stepped float, as integers: value ``i`` is ``(first + i * width) / scale``.

    Args:
        low: Smallest value.
        high: Largest value.
        step: Their distance.
        coarse: Whether one of these is of single precision.

    Returns:
        How many values there are; ``first``, ``width`` and ``scale``; and whether they are spread
        evenly instead of being multiples of the step as it is written.

    Raises:
        SpaceError: If the step does not divide the range, not even but for rounding.
    """
    # Integer arithmetic on the numbers as written; Decimal would round to a context.
    first, last, width, scale = as_written(low, high, step)
    count = (2 * (last - first) + width) // (2 * width)
    rest = last - first - count * width
    if not rest or (last - rest) / scale == high:  # off by less than a float can tell
        return count_of(first, last, width, scale), (first, width, scale), False
    epsilon = _SINGLE if coarse else sys.float_info.epsilon
    size = max(abs(low), abs(high)) + count * step
    slack = min(max(_SLACK, 4 * epsilon * size / step), _MOST_SLACK)
    if not count or abs(rest) / width > slack:  # a width may be too large for a float
        return count_of(first, last, width, scale), (first, width, scale), False
    return count + 1, (first * count, last - first, scale * count), True


def as_written(*numbers: float) -> tuple[int, ...]:
    """Floats as integers in units of ``1 / scale``, exact as written in decimal; and scale."""
    written = [Decimal(repr(number)) for number in numbers]
    scale = 10 ** max(0, *(-int(number.as_tuple().exponent) for number in written))
    ratios = [number.as_integer_ratio() for number in written]
    return (*(above * scale // below for above, below in ratios), scale)

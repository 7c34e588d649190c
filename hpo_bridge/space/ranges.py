"""The range of a number: its bounds, its steps, and how many values it has."""

from __future__ import annotations

from decimal import Decimal

from ..errors import SpaceError

MOST_VALUES = 2**48
"""Most values that a stepped float or an int may have: the unit interval tells them apart."""


def check_range(low: float, high: float, log: bool, step: float | None) -> None:
    """Raises SpaceError unless a number can have these bounds, scale and step."""
    if low > high:
        raise SpaceError(f"found {low}, which is above high: {high}", ["low"])
    if log and low <= 0:
        raise SpaceError(f"found {low}, expected more than 0 on a log scale", ["low"])
    if step is not None and step <= 0:
        raise SpaceError(f"found {step}, expected more than 0", ["step"])
    if step is not None and log:
        raise SpaceError(
            "step and log cannot be combined: give the values as an ordered categorical",
            ["step"],
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
            ["step"],
        )
    if count >= MOST_VALUES:
        raise SpaceError("found more than 2**48 values between low and high", ["high"])
    return int(count) + 1


def as_written(*numbers: float) -> tuple[int, ...]:
    """Floats as integers in units of ``1 / scale``, exact as written in decimal; and scale."""
    written = [Decimal(repr(number)) for number in numbers]
    scale = 10 ** max(0, *(-int(number.as_tuple().exponent) for number in written))
    ratios = [number.as_integer_ratio() for number in written]
    return (*(above * scale // below for above, below in ratios), scale)

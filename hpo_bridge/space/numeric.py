"""Parameters that are numbers: floats and integers, on a linear or a log scale, or stepped."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..errors import SpaceError
from .values import (
    When,
    as_float,
    as_int,
    declared_flag,
    declared_integer,
    declared_number,
    own_when,
    part_of,
    set_fields,
    with_optional,
)

MOST_VALUES = 2**48
"""Most values that a stepped float or an int may have: the unit interval tells them apart."""
LARGEST_LOG_INT = 2**40
"""Up to here the unit interval tells integers apart on a log scale."""
SLACK = 1e-9
"""How far outside its range a value may lie, as a share of the range, to count as a rounding
error of a library and be clipped, instead of as a mistake."""


def _check_range(low: float, high: float, log: bool, step: float | None) -> None:
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


def _count(low: float, high: float, step: float, scale: int = 1) -> int:
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


def _as_written(*numbers: float) -> tuple[int, ...]:
    """Floats as integers in units of ``1 / scale``, exact as written in decimal; and scale."""
    written = [Decimal(repr(number)) for number in numbers]
    scale = 10 ** max(0, *(-int(number.as_tuple().exponent) for number in written))
    ratios = [number.as_integer_ratio() for number in written]
    return (*(above * scale // below for above, below in ratios), scale)


@dataclass(frozen=True)
class Float:
    """A continuous parameter; both bounds are included.

    Args:
        low: Smallest value.
        high: Largest value, at least ``low``.
        log: Whether equal ratios, not equal differences, are equally likely; needs
            ``low > 0``.
        step: Distance of the allowed values, counted from ``low``; must divide the range.
            Values are exact as written: ``Float(0, 0.9, step=0.3)`` takes 0.3, not
            0.30000000000000004.
        when: Condition: ``{parent: value}`` or ``{parent: [value, value]}``; the parameter
            exists only where every parent is active and has (one of) the given values.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> round(Float(1e-4, 1e-1, log=True).decode(0.5), 9)
        0.003162278
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    size: int | None = field(init=False, repr=False, compare=False, default=None)
    _logs: tuple[float, float] | None = field(init=False, repr=False, compare=False, default=None)
    _grid: tuple[int, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        low, high = declared_number(self.low, "low"), declared_number(self.high, "high")
        set_fields(self, low=low, high=high, when=own_when(self.when))
        declared_flag(self.log, "log")
        if self.step is not None:
            set_fields(self, step=declared_number(self.step, "step"))
        _check_range(self.low, self.high, self.log, self.step)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(f"found {self.high}, too far from low: {self.low}", ["high"])
        if self.step is not None:
            self._set_grid(self.step)
        elif self.low == self.high:
            set_fields(self, size=1)
        elif self.log and math.log(self.low) < math.log(self.high):
            # Otherwise so close that the logarithm cannot tell them apart: linear is the same.
            set_fields(self, _logs=(math.log(self.low), math.log(self.high)))

    def _set_grid(self, step: float) -> None:
        if step * MOST_VALUES < max(abs(self.low), abs(self.high)):
            raise SpaceError(f"found {step}, too small beside the size of the bounds", ["step"])
        # Integer arithmetic on the numbers as written; Decimal would round to a context.
        low, high, width, scale = _as_written(self.low, self.high, step)
        set_fields(self, size=_count(low, high, width, scale), _grid=(low, width, scale))

    def grid(self, index: int) -> float:
        """Grid point ``index`` of a stepped parameter, exact as written."""
        if not self._grid:
            return self.low
        low, width, scale = self._grid
        return (low + index * width) / scale

    def decode(self, u: float) -> float:
        """The value at ``u`` in ``[0, 1]``."""
        u = float(u)
        if self.size is not None:
            return self.grid(part_of(u, self.size))
        if u <= 0.0:
            return self.low
        if u >= 1.0:
            return self.high
        if self._logs is not None:
            low, high = self._logs
            value = math.exp(low + u * (high - low))
        else:
            value = self.low + u * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def encode(self, value: float) -> float:
        """Where ``value`` lies in ``[0, 1]``."""
        if self.size is not None:
            return (self._index(value) + 0.5) / self.size
        if self._logs is not None:
            low, high = self._logs
            u = (math.log(value) - low) / (high - low)
        else:
            u = (value - self.low) / (self.high - self.low)
        return min(max(u, 0.0), 1.0)

    def derivative(self, value: float) -> float:
        """How fast the value grows with ``u``: the derivative of :meth:`decode` at ``value``.

        A derivative with respect to the value, times this, is one with respect to ``u``.

        Raises:
            SpaceError: For a parameter with steps or of a single value, which has none.

        Example:
            >>> Float(0, 8).derivative(3.0)
            8.0
        """
        if self.size is not None:
            raise SpaceError("takes single values, which have no derivative")
        if self._logs is not None:
            return value * (self._logs[1] - self._logs[0])
        return self.high - self.low

    def _index(self, value: float) -> int:
        return 0 if self.step is None else round((value - self.low) / self.step)

    def check(self, value: Any) -> float:
        """``value`` as the declared value that it is, up to rounding errors.

        Raises:
            SpaceError: If it is not a number, out of range, or off the grid.
        """
        number = as_float(value)
        if self.low <= number <= self.high:
            clipped = number
        else:
            below, above = self._slack()
            if not self.low - below <= number <= self.high + above:
                raise SpaceError(f"{number!r} is outside [{self.low}, {self.high}]")
            clipped = min(max(number, self.low), self.high)
        if self.size is None:
            return clipped
        index = min(max(self._index(clipped), 0), self.size - 1)
        point = self.grid(index)
        if abs(point - clipped) > max(SLACK * (self.step or 1.0), self._rounding()):
            raise SpaceError(f"{number!r} is not {self.low} plus a multiple of {self.step}")
        return point

    def _slack(self) -> tuple[float, float]:
        """How far below and above the range a rounding error may lie."""
        if self.log:
            return SLACK * self.low, SLACK * self.high
        slack = max(SLACK * (self.high - self.low), self._rounding())
        return slack, slack

    def _rounding(self) -> float:
        """What a few operations on numbers of the bounds' size may be off by."""
        return 4 * math.ulp(max(abs(self.low), abs(self.high)))

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "float", "low": self.low, "high": self.high, "log": self.log}
        return with_optional(plain, step=self.step, when=self.when)


@dataclass(frozen=True)
class Int:
    """An integer parameter; both bounds are included.

    On a log scale an integer ``k`` has the probability of the interval ``[k-½, k+½]`` under
    the uniform distribution of ``log x`` on ``[low-½, high+½]``, so that both ends carry
    their full weight.

    Args:
        low: Smallest value.
        high: Largest value, at least ``low``.
        log: Whether equal ratios are equally likely; needs ``low >= 1`` and
            ``high <= 2**40``.
        step: Distance of the allowed values, counted from ``low``; must divide the range.
        when: Condition, see :class:`Float`.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> [Int(16, 48, step=16).decode(u) for u in (0, 0.4, 1)]
        [16, 32, 48]
    """

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    step: int | None = field(default=None, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    size: int = field(init=False, repr=False, compare=False, default=1)
    _logs: tuple[float, float] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        low, high = declared_integer(self.low, "low"), declared_integer(self.high, "high")
        set_fields(self, low=low, high=high, when=own_when(self.when))
        declared_flag(self.log, "log")
        if self.step is not None:
            set_fields(self, step=declared_integer(self.step, "step"))
        _check_range(self.low, self.high, self.log, self.step)
        set_fields(self, size=_count(self.low, self.high, 1 if self.step is None else self.step))
        if self.log:
            if self.high > LARGEST_LOG_INT:
                found = f"found {self.high}, expected at most 2**40 on a log scale"
                raise SpaceError(found, ["high"])
            set_fields(self, _logs=(math.log(self.low - 0.5), math.log(self.high + 0.5)))

    def grid(self, index: int) -> int:
        """The ``index``-th allowed value."""
        return self.low + index * (self.step or 1)

    def decode(self, u: float) -> int:
        """The value at ``u`` in ``[0, 1]``."""
        u = float(u)
        if self._logs is None:
            return self.grid(part_of(u, self.size))
        low, high = self._logs
        value = math.floor(math.exp(low + min(max(u, 0.0), 1.0) * (high - low)) + 0.5)
        return min(max(value, self.low), self.high)

    def encode(self, value: int) -> float:
        """A place in ``[0, 1]``, away from the edges, of what decodes to ``value``."""
        if self._logs is None:
            return ((value - self.low) // (self.step or 1) + 0.5) / self.size
        low, high = self._logs
        return min(max((math.log(value) - low) / (high - low), 0.0), 1.0)

    def check(self, value: Any) -> int:
        """``value`` as a plain int; numpy integers and whole floats are taken as such.

        Raises:
            SpaceError: If it is not an integer, out of range, or off the grid.
        """
        number = as_int(value)
        if not self.low <= number <= self.high:
            raise SpaceError(f"{number} is outside [{self.low}, {self.high}]")
        if (number - self.low) % (self.step or 1):
            raise SpaceError(f"{number} is not {self.low} plus a multiple of {self.step}")
        return number

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "int", "low": self.low, "high": self.high, "log": self.log}
        return with_optional(plain, step=self.step, when=self.when)

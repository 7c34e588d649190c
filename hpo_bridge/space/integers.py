"""Parameters that are integers: on a linear or a log scale, or stepped."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..errors import SpaceError
from ..habits import DECLARATIONS, hinted_class
from .ranges import OFF_GRID, OUTSIDE, check_range, count_of
from .values import (
    When,
    as_int,
    declared_flag,
    declared_integer,
    own_when,
    part_of,
    set_fields,
    with_optional,
)

LARGEST_LOG_INT = 2**40
"""Up to here the unit interval tells integers apart on a log scale."""


@hinted_class(DECLARATIONS)
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

    Attributes:
        size: Number of allowed values; :meth:`grid` gives each of them.

    Scalars of NumPy, pandas and PyTorch are taken as the numbers that they hold.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> [Int(16, 48, step=16).decode(u) for u in (0, 0.4, 1)]
        [16, 32, 48]
        >>> parameter = Int(16, 48, step=16)
        >>> [parameter.grid(index) for index in range(parameter.size)], parameter.index(32)
        ([16, 32, 48], 1)
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
        set_fields(self, log=declared_flag(self.log, "log"))
        if self.step is not None:
            set_fields(self, step=declared_integer(self.step, "step"))
        check_range(self.low, self.high, self.log, self.step)
        set_fields(self, size=count_of(self.low, self.high, 1 if self.step is None else self.step))
        if self.log:
            if self.high > LARGEST_LOG_INT:
                found = f"found {self.high}, expected at most 2**40 on a log scale"
                raise SpaceError(found, "high")
            set_fields(self, _logs=(math.log(self.low - 0.5), math.log(self.high + 0.5)))

    def grid(self, index: int) -> int:
        """The ``index``-th allowed value."""
        return self.low + index * (self.step or 1)

    def index(self, value: int) -> int:
        """The index of an allowed value in the grid."""
        return (value - self.low) // (self.step or 1)

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
            return (self.index(value) + 0.5) / self.size
        low, high = self._logs
        return min(max((math.log(value) - low) / (high - low), 0.0), 1.0)

    def check(self, value: Any) -> int:
        """``value`` as a plain int; numpy integers and whole floats are taken as such.

        Raises:
            SpaceError: If it is not an integer, out of range, or off the grid.
        """
        number = as_int(value)
        if not self.low <= number <= self.high:
            raise SpaceError(f"{number} is outside [{self.low}, {self.high}]", kind=OUTSIDE)
        if (number - self.low) % (self.step or 1):
            raise SpaceError(
                f"{number} is not {self.low} plus a multiple of {self.step}", kind=OFF_GRID
            )
        return number

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "int", "low": self.low, "high": self.high, "log": self.log}
        return with_optional(plain, step=self.step, when=self.when)

"""Parameters that are real numbers: on a linear or a log scale, stepped, or vectors of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import SpaceError, short
from ..habits import DECLARATIONS, hinted_class
from .ranges import MOST_VALUES, OFF_GRID, OUTSIDE, check_range, grid_of
from .values import (
    When,
    as_float,
    declared_flag,
    declared_integer,
    declared_number,
    is_single,
    own_when,
    part_of,
    set_fields,
    with_optional,
)

LONGEST = 2**20
"""Most components of a vector."""
SLACK = 1e-9
"""How far outside its range a value may lie, as a share of the range, to count as a rounding
error of a library and be clipped, instead of as a mistake."""
SINGLE_SLACK = 1e-6
"""The same for a value of single precision."""


@hinted_class(DECLARATIONS)
@dataclass(frozen=True)
class Float:
    """A continuous parameter; both bounds are included.

    Args:
        low: Smallest value.
        high: Largest value, at least ``low``.
        log: Whether equal ratios, not equal differences, are equally likely; needs
            ``low > 0``.
        step: Distance of the allowed values, counted from ``low``; must divide the range, but
            for rounding. Values are exact as written: ``Float(0, 0.9, step=0.3)`` takes 0.3,
            not 0.30000000000000004. Those of a step that is rounded itself, such as 1/3, are
            spread evenly, and end at both bounds.
        when: Condition: ``{parent: value}`` or ``{parent: [value, value]}``; the parameter
            exists only where every parent is active and has (one of) the given values.
        shape: ``(n,)`` for a vector: its values are lists of ``n`` numbers, each with these
            bounds, and a coordinate in the unit interval each. For backends with ``VECTOR``;
            takes no steps.

    Attributes:
        size: Number of allowed values of a parameter with a step, 1 where both bounds are the
            same; :meth:`grid` gives each of them. ``None`` for a continuous one.
        is_even: Whether the values are spread evenly between the bounds, as the step is rounded.

    Scalars of NumPy, pandas and PyTorch are taken as the numbers that they hold.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> round(Float(1e-4, 1e-1, log=True).decode(0.5), 9)
        0.003162278
        >>> Float(0, 1, shape=(3,)).decode([0.5, 0.0, 1.0])
        [0.5, 0.0, 1.0]
        >>> parameter = Float(0, 0.9, step=0.3)
        >>> [parameter.grid(index) for index in range(parameter.size)], parameter.index(0.6)
        ([0.0, 0.3, 0.6, 0.9], 2)
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    shape: tuple[int] | None = field(default=None, kw_only=True)
    size: int | None = field(init=False, repr=False, compare=False, default=None)
    is_even: bool = field(init=False, repr=False, compare=False, default=False)
    _logs: tuple[float, float] | None = field(init=False, repr=False, compare=False, default=None)
    _grid: tuple[int, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        given = (self.low, self.high, self.step)
        low, high = declared_number(self.low, "low"), declared_number(self.high, "high")
        set_fields(self, low=low, high=high, when=own_when(self.when))
        set_fields(self, log=declared_flag(self.log, "log"))
        coarse = any(map(is_single, given))
        if self.step is not None:
            set_fields(self, step=declared_number(self.step, "step"))
        check_range(self.low, self.high, self.log, self.step)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(f"found {self.high}, too far from low: {self.low}", "high")
        if self.shape is not None:
            self._set_shape(self.shape)
        if self.step is not None:
            self._set_grid(self.step, coarse=coarse)
        elif self.low == self.high:
            set_fields(self, size=1)
        elif self.log and math.log(self.low) < math.log(self.high):
            # Otherwise so close that the logarithm cannot tell them apart: linear is the same.
            set_fields(self, _logs=(math.log(self.low), math.log(self.high)))

    def _set_grid(self, step: float, *, coarse: bool) -> None:
        if step * MOST_VALUES < max(abs(self.low), abs(self.high)):
            raise SpaceError(f"found {step}, too small beside the size of the bounds", "step")
        size, grid, even = grid_of(self.low, self.high, step, coarse=coarse)
        if even and coarse:  # the step as it has to be where it is read again
            set_fields(self, step=(self.high - self.low) / (size - 1))
            size, grid, even = grid_of(self.low, self.high, self.step or step)
        set_fields(self, size=size, _grid=grid, is_even=even)

    def _set_shape(self, shape: Any) -> None:
        if not isinstance(shape, (tuple, list)) or len(shape) != 1:
            problem = f"found {short(shape)}, expected a list of one number, such as [100]"
            raise SpaceError(problem, "shape")
        length = declared_integer(shape[0], "shape")
        if not 1 <= length <= LONGEST:
            raise SpaceError(f"found {length}, expected from 1 to {LONGEST}", "shape")
        if self.step is not None:
            raise SpaceError("step and shape cannot be combined", "step")
        if self.low == self.high:
            raise SpaceError(f"found {self.high}, expected more than low for a vector", "high")
        set_fields(self, shape=(length,))

    @property
    def dimension(self) -> int:
        """Number of coordinates in the unit cube: 1, or a vector's length."""
        return 1 if self.shape is None else self.shape[0]

    def grid(self, index: int) -> float:
        """Grid point ``index`` of a stepped parameter, exact as written."""
        if not self._grid:
            return self.low
        low, width, scale = self._grid
        return (low + index * width) / scale

    def decode(self, u: Any) -> Any:
        """The value at ``u`` in ``[0, 1]``; of a vector, the list at a sequence of them."""
        if self.shape is not None:
            return [self._decode_one(float(each)) for each in self._check_length(u)]
        return self._decode_one(float(u))

    def _decode_one(self, u: float) -> float:
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

    def encode(self, value: Any) -> Any:
        """Return the place of ``value`` in ``[0, 1]``; of a vector, a list of such numbers."""
        if self.shape is not None:
            return [self._encode_one(each) for each in self._check_length(value)]
        return self._encode_one(value)

    def _encode_one(self, value: float) -> float:
        if self.size is not None:
            return (self.index(value) + 0.5) / self.size
        if self._logs is not None:
            low, high = self._logs
            u = (math.log(value) - low) / (high - low)
        else:
            u = (value - self.low) / (self.high - self.low)
        return min(max(u, 0.0), 1.0)

    def _check_length(self, values: Any) -> Sequence[Any]:
        """A vector's components as a list or a tuple of the right length."""
        if callable(getattr(values, "tolist", None)):  # an array or a tensor
            values = values.tolist()
        if not isinstance(values, (list, tuple)) or len(values) != self.dimension:
            found = f"{len(values)}" if isinstance(values, (list, tuple)) else short(values)
            raise SpaceError(f"found {found}, expected a list of {self.dimension} numbers")
        return values

    def derivative(self, value: Any) -> Any:
        """Return the derivative of :meth:`decode` at ``value``.

        Of a vector, a list: component by component.

        A derivative with respect to the value, times this, is one with respect to ``u``.

        Raises:
            SpaceError: For a parameter with steps or of a single value, which has none.

        Example:
            >>> Float(0, 8).derivative(3.0)
            8.0
        """
        if self.size is not None:
            raise SpaceError("takes single values, which have no derivative")
        if self.shape is not None:
            return [self._derivative_at(each) for each in self._check_length(value)]
        return self._derivative_at(value)

    def _derivative_at(self, value: float) -> float:
        if self._logs is not None:
            return value * (self._logs[1] - self._logs[0])
        return self.high - self.low

    def index(self, value: float) -> int:
        """The position of the grid point of a stepped parameter that is nearest to ``value``."""
        return 0 if self.step is None else round((value - self.low) / self.step)

    def check(self, value: Any) -> Any:
        """``value`` as the declared value that it is, up to rounding errors; a vector as a list.

        Raises:
            SpaceError: If it is not a number, out of range, or off the grid.
        """
        if self.shape is None:
            return self._check_one(value)
        components = []
        for position, component in enumerate(self._check_length(value)):
            try:
                components.append(self._check_one(component))
            except SpaceError as error:
                raise error.under(str(position)) from None
        return components

    def _check_one(self, value: Any) -> float:
        number = as_float(value)
        share = SINGLE_SLACK if value is not number and is_single(value) else SLACK
        if self.low <= number <= self.high:
            clipped = number
        else:
            below, above = self._slack(share)
            if not self.low - below <= number <= self.high + above:
                raise SpaceError(f"{number!r} is outside [{self.low}, {self.high}]", kind=OUTSIDE)
            clipped = min(max(number, self.low), self.high)
        if self.size is None:
            return clipped
        index = min(max(self.index(clipped), 0), self.size - 1)
        point = self.grid(index)
        if abs(point - clipped) > max(share * (self.step or 1.0), self._rounding()):
            raise SpaceError(
                f"{number!r} is not {self.low} plus a multiple of {self.step}", kind=OFF_GRID
            )
        return point

    def _slack(self, share: float) -> tuple[float, float]:
        """Return the widths below and above the range that rounding errors may take."""
        if self.log:
            return share * self.low, share * self.high
        slack = max(share * (self.high - self.low), self._rounding())
        return slack, slack

    def _rounding(self) -> float:
        """Return the error of a few operations on numbers of the bounds' size."""
        return 4 * math.ulp(max(abs(self.low), abs(self.high)))

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "float", "low": self.low, "high": self.high, "log": self.log}
        shape = None if self.shape is None else list(self.shape)
        return with_optional(plain, step=self.step, when=self.when, shape=shape)

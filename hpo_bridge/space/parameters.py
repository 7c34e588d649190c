"""The three kinds of parameter, each one dimension of a search space.

Every kind maps to and from the unit interval: ``decode(u)`` takes ``u`` in ``[0, 1]`` to a
value of the parameter, ``encode(value)`` goes back. ``decode(encode(v)) == v`` exactly for
every discrete value and for the bounds, and within a few units in the last place for other
floats. Under ``decode`` a uniform ``u`` gives the distribution that the declaration means:
uniform, uniform in the logarithm, or the same probability for every grid point.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..errors import SpaceError, nearest, short

LARGEST_INT = 2**53
"""Integers beyond this are not exact in a float, and so not in a vector of the unit cube."""
SLACK = 1e-9
"""How far outside its range a value may lie, as a share of the range, to count as a rounding
error of a library and be clipped, instead of as a mistake."""

When = Mapping[str, Any]


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpaceError(f"found {short(value)}, expected a number", [key])
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SpaceError(f"found {short(value)}, expected a finite number", [key])
    return number


def _integer(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        if not (isinstance(value, float) and value.is_integer()):
            raise SpaceError(f"found {short(value)}, expected an integer", [key])
    if abs(value) > LARGEST_INT:
        raise SpaceError(f"found {short(value)}, expected at most 2**53 in size", [key])
    return int(value)


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise SpaceError(f"found {short(value)}, expected true or false", [key])
    return value


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


def _steps(low: float, high: float, step: float) -> int:
    """Number of grid points; the arithmetic is decimal, on the numbers as written."""
    first, last, width = (Decimal(repr(x)) for x in (low, high, step))
    count = (last - first) // width
    if first + count * width != last:
        raise SpaceError(
            f"{step} does not divide the range from {low} to {high}: the highest value it "
            f"reaches is {first + count * width}",
            ["step"],
        )
    return int(count) + 1


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
        >>> Float(1e-4, 1e-1, log=True).decode(0.5)
        0.0031622776601683794
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    size: int | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        _set(self, low=_number(self.low, "low"), high=_number(self.high, "high"))
        _flag(self.log, "log")
        if self.step is not None:
            _set(self, step=_number(self.step, "step"))
        _check_range(self.low, self.high, self.log, self.step)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(f"found {self.high}, too far from low: {self.low}", ["high"])
        if self.step is not None:
            _set(self, size=_steps(self.low, self.high, self.step))
        elif self.low == self.high:
            _set(self, size=1)
        if self.log:
            _set(self, _logs=(math.log(self.low), math.log(self.high)))

    def grid(self, index: int) -> float:
        """Grid point ``index`` of a stepped parameter, exact as written."""
        if self.step is None:
            return self.low
        return float(Decimal(repr(self.low)) + index * Decimal(repr(self.step)))

    def decode(self, u: float) -> float:
        """The value at ``u`` in ``[0, 1]``."""
        if self.size is not None:
            return self.grid(_bin(u, self.size))
        if u <= 0.0:
            return self.low
        if u >= 1.0:
            return self.high
        if self.log:
            low, high = self._logs  # type: ignore[attr-defined]
            value = math.exp(low + u * (high - low))
        else:
            value = self.low + u * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def encode(self, value: float) -> float:
        """Where ``value`` lies in ``[0, 1]``."""
        if self.size is not None:
            return (self._index(value) + 0.5) / self.size
        if self.log:
            low, high = self._logs  # type: ignore[attr-defined]
            u = (math.log(value) - low) / (high - low)
        else:
            u = (value - self.low) / (self.high - self.low)
        return min(max(u, 0.0), 1.0)

    def _index(self, value: float) -> int:
        return 0 if self.step is None else round((value - self.low) / self.step)

    def check(self, value: Any) -> float:
        """``value`` as the declared value that it is, up to rounding errors.

        Raises:
            SpaceError: If it is not a number, out of range, or off the grid.
        """
        number = _as_float(value)
        if self.low <= number <= self.high:
            clipped = number
        else:
            slack = SLACK * max(self.high - self.low, abs(self.low), abs(self.high))
            if not self.low - slack <= number <= self.high + slack:
                raise SpaceError(f"{number!r} is outside [{self.low}, {self.high}]")
            clipped = min(max(number, self.low), self.high)
        if self.size is None:
            return clipped
        index = min(max(self._index(clipped), 0), self.size - 1)
        point = self.grid(index)
        if abs(point - clipped) > SLACK * (self.step or 1.0):
            raise SpaceError(f"{number!r} is not {self.low} plus a multiple of {self.step}")
        return point

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "float", "low": self.low, "high": self.high, "log": self.log}
        return _with_optional(plain, step=self.step, when=self.when)


@dataclass(frozen=True)
class Int:
    """An integer parameter; both bounds are included.

    On a log scale an integer ``k`` has the probability of the interval ``[k-½, k+½]`` under
    the uniform distribution of ``log x`` on ``[low-½, high+½]``, so that both ends carry
    their full weight.

    Args:
        low: Smallest value.
        high: Largest value, at least ``low``.
        log: Whether equal ratios are equally likely; needs ``low >= 1``.
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

    def __post_init__(self) -> None:
        _set(self, low=_integer(self.low, "low"), high=_integer(self.high, "high"))
        _flag(self.log, "log")
        if self.step is not None:
            _set(self, step=_integer(self.step, "step"))
        _check_range(self.low, self.high, self.log, self.step)
        step = 1 if self.step is None else self.step
        _set(self, size=(self.high - self.low) // step + 1)
        if self.low + (self.size - 1) * step != self.high:
            _steps(self.low, self.high, step)
        if self.log:
            _set(self, _logs=(math.log(self.low - 0.5), math.log(self.high + 0.5)))

    def grid(self, index: int) -> int:
        """The ``index``-th allowed value."""
        return self.low + index * (self.step or 1)

    def decode(self, u: float) -> int:
        """The value at ``u`` in ``[0, 1]``."""
        if not self.log:
            return self.grid(_bin(u, self.size))
        low, high = self._logs  # type: ignore[attr-defined]
        value = math.floor(math.exp(low + min(max(u, 0.0), 1.0) * (high - low)) + 0.5)
        return min(max(value, self.low), self.high)

    def encode(self, value: int) -> float:
        """The middle of what decodes to ``value``: in ``[0, 1]``."""
        if not self.log:
            return ((value - self.low) // (self.step or 1) + 0.5) / self.size
        low, high = self._logs  # type: ignore[attr-defined]
        return min(max((math.log(value) - low) / (high - low), 0.0), 1.0)

    def check(self, value: Any) -> int:
        """``value`` as a plain int; numpy integers and whole floats are taken as such.

        Raises:
            SpaceError: If it is not an integer, out of range, or off the grid.
        """
        number = _as_int(value)
        if not self.low <= number <= self.high:
            raise SpaceError(f"{number} is outside [{self.low}, {self.high}]")
        if (number - self.low) % (self.step or 1):
            raise SpaceError(f"{number} is not {self.low} plus a multiple of {self.step}")
        return number

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain = {"type": "int", "low": self.low, "high": self.high, "log": self.log}
        return _with_optional(plain, step=self.step, when=self.when)


@dataclass(frozen=True)
class Categorical:
    """One of a list of choices.

    Args:
        choices: JSON scalars (strings, numbers, booleans, ``None``) or lists of them, each
            once. ``True``, ``1`` and ``1.0`` are three different choices.
        ordered: Whether the choices have an order that an optimizer may use.
        when: Condition, see :class:`Float`.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> Categorical(["adam", "sgd"]).decode(0.9)
        'sgd'
    """

    choices: Sequence[Any]
    ordered: bool = field(default=False, kw_only=True)
    when: When | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.choices, (str, bytes)) or not isinstance(self.choices, Sequence):
            found = short(self.choices)
            raise SpaceError(f"found {found}, expected a list of choices", ["choices"])
        if not self.choices:
            raise SpaceError("found an empty list, expected at least one choice", ["choices"])
        _flag(self.ordered, "ordered")
        positions: dict[str, int] = {}
        for index, choice in enumerate(self.choices):
            key = choice_key(choice, ["choices", str(index)])
            if key in positions:
                raise SpaceError(f"{choice!r} is there twice", ["choices", str(index)])
            positions[key] = index
        _set(self, choices=tuple(self.choices), _positions=positions)

    @property
    def size(self) -> int:
        """Number of choices."""
        return len(self.choices)

    def grid(self, index: int) -> Any:
        """Choice ``index``; a list comes as a new list, so that nobody changes the space."""
        choice = self.choices[index]
        return json.loads(json.dumps(choice)) if isinstance(choice, list) else choice

    def index(self, value: Any) -> int:
        """The position of a choice.

        Raises:
            SpaceError: If it is not one of the choices.
        """
        position: int | None = None
        try:
            position = self._positions.get(choice_key(value))  # type: ignore[attr-defined]
        except SpaceError:
            pass
        if position is None:
            hint = nearest(value, [c for c in self.choices if isinstance(c, str)])
            shown = short(list(self.choices))
            raise SpaceError(f"{short(value)} is not one of the choices {shown}{hint}")
        return position

    def decode(self, u: float) -> Any:
        """The choice at ``u`` in ``[0, 1]``."""
        return self.grid(_bin(u, len(self.choices)))

    def encode(self, value: Any) -> float:
        """The middle of what decodes to ``value``: in ``(0, 1)``."""
        return (self.index(value) + 0.5) / len(self.choices)

    def check(self, value: Any) -> Any:
        """The declared choice that ``value`` equals in type and value."""
        return self.grid(self.index(value))

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain: dict[str, Any] = {"type": "categorical", "choices": list(self.choices)}
        return _with_optional({**plain, "ordered": self.ordered}, when=self.when)


Parameter = Float | Int | Categorical


def choice_key(value: Any, path: Sequence[str] = ()) -> str:
    """A text that tells choices apart by type and value: JSON, where 1, 1.0 and true differ.

    Raises:
        SpaceError: If ``value`` is not a JSON scalar or a list of such.
    """
    if isinstance(value, (list,)):
        return "[" + ",".join(choice_key(item, path) for item in value) + "]"
    if type(value) is float and not math.isfinite(value):
        raise SpaceError(f"found {value!r}, which JSON cannot hold", path)
    if value is None or type(value) in (str, int, float, bool):
        return json.dumps(value)
    hint = " (use a list)" if isinstance(value, tuple) else ""
    if isinstance(value, Mapping):
        hint = " (use a name, and look the mapping up in the objective)"
    raise SpaceError(
        f"found {short(value)}, expected a string, number, boolean, null or list{hint}", path
    )


def _set(parameter: Any, **values: Any) -> None:
    """Sets attributes of a frozen dataclass while it is being built."""
    for name, value in values.items():
        object.__setattr__(parameter, name, value)


def _with_optional(plain: dict[str, Any], **optional: Any) -> dict[str, Any]:
    for name, value in optional.items():
        if value is not None:
            plain[name] = dict(value) if isinstance(value, Mapping) else value
    return plain


def _bin(u: float, size: int) -> int:
    """Which of ``size`` equal parts of ``[0, 1]`` holds ``u``."""
    return min(max(int(u * size), 0), size - 1)


def _as_float(value: Any) -> float:
    if type(value) is float:
        number = value
    elif isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise SpaceError(f"found {short(value)}, expected a number")
    else:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise SpaceError(f"found {short(value)}, expected a number") from None
    if not math.isfinite(number):
        raise SpaceError(f"found {number!r}, expected a finite number")
    return number


def _as_int(value: Any) -> int:
    if type(value) is int:
        return value
    if not isinstance(value, (bool, str, bytes)):
        if hasattr(value, "__index__"):
            return int(value.__index__())
        if hasattr(value, "__float__") and float(value).is_integer():
            return int(value)
    raise SpaceError(f"found {short(value)}, expected an integer")

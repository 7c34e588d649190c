"""Plain values: what a declaration may hold, and what counts as which number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SpaceError, short

When = Mapping[str, Any]
"""A condition as declared: parent to a value, or to a list of values."""
LARGEST_INT = 2**53
"""Integers beyond this are not exact in a float, and so not in a vector of the unit cube."""


def declared_number(value: Any, key: str) -> float:
    """A finite number of a declaration, as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpaceError(f"found {short(value)}, expected a number", [key])
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SpaceError(f"found {short(value)}, expected a finite number", [key])
    return number


def declared_integer(value: Any, key: str) -> int:
    """An integer of a declaration; a whole float is one."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise SpaceError(f"found {short(value)}, expected an integer", [key])
    if abs(value) > LARGEST_INT:
        raise SpaceError(f"found {short(value)}, expected at most 2**53 in size", [key])
    return int(value)


def declared_flag(value: Any, key: str) -> bool:
    """A boolean of a declaration."""
    if not isinstance(value, bool):
        raise SpaceError(f"found {short(value)}, expected true or false", [key])
    return value


def choice_key(value: Any, path: Sequence[str] = ()) -> str:
    """A text that tells choices apart by type and value: JSON, where 1, 1.0 and true differ.

    Raises:
        SpaceError: If ``value`` is not a JSON scalar or a list of such.
    """
    if isinstance(value, list):
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


def copied(value: Any) -> Any:
    """``value``, a list as a new list: nobody can change the original through it."""
    return [copied(item) for item in value] if isinstance(value, list) else value


def is_boolean(value: Any) -> bool:
    """Whether ``value`` is a truth value, NumPy's and PyTorch's included."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def unboxed(value: Any) -> Any:
    """The plain value in a NumPy scalar or 0-d tensor; anything else as it is."""
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        return value.item()
    return value


def as_float(value: Any) -> float:
    """``value`` as a finite plain float; NumPy scalars and 0-d tensors are numbers too.

    Raises:
        SpaceError: If it is no finite number.
    """
    if type(value) is float:
        number = value
    else:
        if isinstance(value, (str, bytes)) or is_boolean(value) or not hasattr(value, "__float__"):
            raise SpaceError(f"found {short(value)}, expected a number")
        try:
            number = float(value)
        except Exception:  # an array of several numbers, an int beyond all floats
            raise SpaceError(f"found {short(value)}, expected a number") from None
    if not math.isfinite(number):
        raise SpaceError(f"found {number!r}, expected a finite number")
    return number


def as_int(value: Any) -> int:
    """``value`` as a plain int; NumPy integers and whole floats are taken as such.

    Raises:
        SpaceError: If it is no integer.
    """
    if type(value) is int:
        return value
    if not isinstance(value, (str, bytes)) and not is_boolean(value):
        try:
            return int(value.__index__())
        except Exception:  # it has none, or is an array, or a tensor of floats
            pass
        try:
            number = float(value)
        except Exception:
            number = math.nan
        if number.is_integer():
            return int(number)
    raise SpaceError(f"found {short(value)}, expected an integer")


def set_fields(parameter: Any, **values: Any) -> None:
    """Sets attributes of a frozen dataclass while it is being built."""
    for name, value in values.items():
        object.__setattr__(parameter, name, value)


def own_when(when: Any) -> Any:
    """A condition that does not change with the caller's mapping."""
    return {k: copied(v) for k, v in when.items()} if isinstance(when, Mapping) else when


def with_optional(plain: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """``plain``, and the optional entries that are not ``None``."""
    for name, value in optional.items():
        if value is not None:
            plain[name] = own_when(value)
    return plain


def part_of(u: float, size: int) -> int:
    """Which of ``size`` equal parts of ``[0, 1]`` holds ``u``."""
    return min(max(int(u * size), 0), size - 1)

"""Plain values: what a declaration may hold, and what counts as which number.

Nothing here imports NumPy, pandas or PyTorch: their scalars are known by ``shape``, ``item``,
``__index__`` and ``__float__``, and come out as values of Python.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from ..errors import SpaceError, short

When = Mapping[str, Any]
"""A condition as declared: parent to a value, or to a list of values."""
NOT_A_CHOICE = "not one of the choices"
"""A kind of :class:`SpaceError`."""
LARGEST_INT = 2**53
"""Integers beyond this are not exact in a float, and so not in a vector of the unit cube."""
SCALARS = (float, str, int, bool, type(None))
"""The types of a plain value that is no list."""
_FORMATS = {"float32": "f", "float16": "e"}
"""Types of numbers with fewer digits than Python's, and their formats in ``struct``."""


def declared_number(value: Any, key: str) -> float:
    """A finite number of a declaration, as a float."""
    try:
        return as_float(value)
    except SpaceError as error:
        raise error.under(key) from None


def declared_integer(value: Any, key: str) -> int:
    """An integer of a declaration; a whole float is one."""
    try:
        number = as_int(value)
    except SpaceError as error:
        raise error.under(key) from None
    if abs(number) > LARGEST_INT:
        raise SpaceError(f"found {short(value)}, expected at most 2**53 in size", key)
    return number


def declared_flag(value: Any, key: str) -> bool:
    """A boolean of a declaration, NumPy's included."""
    flag = unboxed(value)
    if not isinstance(flag, bool):
        raise SpaceError(f"found {short(value)}, expected true or false", key)
    return flag


def choice_key(value: Any, path: Sequence[str] = ()) -> str:
    """A text that tells choices apart by type and value: JSON, where 1, 1.0 and true differ.

    Raises:
        SpaceError: If ``value`` is not a JSON scalar or a list of such.
    """
    if isinstance(value, list):
        return "[" + ",".join(choice_key(item, path) for item in value) + "]"
    if type(value) is float and not math.isfinite(value):
        raise SpaceError(f"found {value!r}, which JSON cannot hold", *path)
    if type(value) in SCALARS:
        return json.dumps(value)
    raise SpaceError(
        f"found {short(value)}, expected a string, number, boolean, null or list "
        f"({_advice(value)})",
        *path,
    )


def _advice(value: Any) -> str:
    """Return the advice for a value that is not plain."""
    if isinstance(value, tuple):
        return "use a list"
    if isinstance(value, Mapping):
        return "use a name, and look the mapping up in the objective"
    if isinstance(value, Enum):
        kind = type(value).__name__
        return f"use its name, {value.name!r}, and look it up in the objective: {kind}[name]"
    name = getattr(value, "__name__", None)
    if callable(value) and isinstance(name, str) and name.isidentifier():
        kind = "class" if isinstance(value, type) else "function"
        return f"use its name, {name!r}, and look the {kind} up in the objective"
    if hasattr(value, "__float__"):
        return "use a float or a string"
    return "use a string, and make the object of it in the objective"


def copied(value: Any) -> Any:
    """``value``, a list as a new list: nobody can change the original through it."""
    return [copied(item) for item in value] if isinstance(value, list) else value


def is_boolean(value: Any) -> bool:
    """Return True for a truth value, NumPy's and PyTorch's included."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def unboxed(value: Any) -> Any:
    """The plain value in a scalar of NumPy, pandas or PyTorch; anything else as it is.

    A number of single or half precision becomes the shortest decimal that it stands for, such as
    0.1 and not 0.10000000149011612. A member of an enumeration stays what it is.
    """
    if type(value) in SCALARS or isinstance(value, (list, Enum)):
        return value
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        plain = value.item()
        if type(plain) is float:
            code = _FORMATS.get(_type_name(value))
            return plain if code is None else _shortest(plain, code)
        is_long = type(plain) is type(value) and hasattr(plain, "__float__")
        return float(plain) if is_long else plain
    if isinstance(value, str):  # of a library's own type
        return str.__str__(value)
    if isinstance(value, int):
        return int.__index__(value)
    return float.__float__(value) if isinstance(value, float) else value


def is_array(value: Any) -> bool:
    """Return True for an array, a tensor or a column, of one dimension or more."""
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and len(shape) > 0 and hasattr(value, "__iter__")


def plain_value(value: Any) -> Any:
    """``value`` with plain scalars in place of all others, and lists in place of arrays."""
    if type(value) in SCALARS:
        return value
    value = unboxed(value)
    if isinstance(value, list) or is_array(value):
        return [plain_value(item) for item in elements(value)]
    return value


def elements(values: Any) -> list[Any]:
    """Return the elements of a list, an array, a column of a data frame, or another iterable."""
    to_numpy = getattr(values, "to_numpy", None)  # iterated, a column widens its numbers
    return list(to_numpy() if callable(to_numpy) else values)


def is_single(value: Any) -> bool:
    """Return True for a number of single or half precision."""
    return _type_name(value) in (*_FORMATS, "bfloat16")


def _type_name(value: Any) -> str:
    return str(getattr(value, "dtype", "")).removeprefix("torch.")


def _shortest(number: float, code: str) -> float:
    """The decimal with the fewest digits that is the same number in a format of ``struct``."""
    for digits in range(1, 10):
        decimal = float(f"{number:.{digits}g}")
        try:
            if struct.unpack(code, struct.pack(code, decimal))[0] == number:
                return decimal
        except OverflowError:  # rounded up beyond the largest number of the format
            continue
    return number


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
            number = float(unboxed(value))
        except OverflowError:
            number = math.inf
        except Exception:  # an array of several numbers
            raise SpaceError(f"found {short(value)}, expected a number") from None
    if not math.isfinite(number):
        raise SpaceError(f"found {short(value)}, expected a finite number")
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
            number = float(unboxed(value))
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
    if not isinstance(when, Mapping):
        return when
    return {k: plain_value(list(v) if isinstance(v, tuple) else v) for k, v in when.items()}


def with_optional(plain: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """``plain``, and the optional entries that are not ``None``."""
    for name, value in optional.items():
        if value is not None:
            plain[name] = own_when(value)
    return plain


def part_of(u: float, size: int) -> int:
    """Return the index of the one of ``size`` equal parts of ``[0, 1]`` that holds ``u``."""
    return min(max(int(u * size), 0), size - 1)

"""Values as the text of a cell, and back.

A cell holds JSON, but for a string that nobody could take for anything else: that stands as it
is. An empty cell is no value at all.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from ..errors import SpaceError, short
from ..space import Categorical, Float, Int
from ..space.values import NOT_A_CHOICE, as_int

TRUTHS = {"true": True, "false": False}
NO_VALUE = ("none", "null", "<na>", "nat")
NONES = (*NO_VALUE, "nan")
"""How other programs write no value; the last one is a number, too."""


def cell_text(value: Any) -> str:
    """A value as a cell has it.

    >>> [cell_text(value) for value in ("adam", "1", 1, 0.1, True, None, "")]
    ['adam', '"1"', '1', '0.1', 'true', 'null', '""']
    """
    if isinstance(value, str) and is_plain(value):
        return value
    return json.dumps(value)


def is_plain(text: str) -> bool:
    """Return True if a string can stand for itself in a cell."""
    if not text or text != text.strip() or text[0] == '"' or not text.isprintable():
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    except RecursionError:  # a very long row of brackets
        return False
    return False


def parse_text(cell: str) -> str:
    """The string in a cell that holds one."""
    if cell.startswith('"'):
        with suppress(ValueError):
            text = json.loads(cell)
            if isinstance(text, str):
                return text
    return cell


def parse_cell(cell: str, parameter: Any) -> Any:
    """Return the value of a parameter, or of a constant, that a cell means.

    Args:
        cell: Not empty.
        parameter: A parameter, or the constant's value.

    Raises:
        SpaceError: If it is nothing of the kind.
    """
    if isinstance(parameter, Categorical):
        return _choice(cell, parameter.choices)
    if isinstance(parameter, Float) and parameter.shape is not None:
        return _list(cell)
    if isinstance(parameter, Float):
        return parse_number(cell)
    if isinstance(parameter, Int):
        try:
            return int(cell)
        except ValueError:
            return as_int(parse_number(cell))  # 3.0, as data frames have it
    return _choice(cell, [parameter])


def parse_number(cell: str) -> float:
    """The number in a cell.

    Raises:
        SpaceError: If there is none.
    """
    try:
        return float(cell)
    except ValueError:
        raise SpaceError(f"found {short(cell)}, expected a number") from None


def parse_time(cell: str) -> float:
    """A time in a cell as seconds since the epoch; a date without a zone is local time.

    Raises:
        SpaceError: If there is none.
    """
    with suppress(ValueError):
        return float(cell)
    try:
        return datetime.fromisoformat(cell).timestamp()
    except (ValueError, OverflowError, OSError):
        raise SpaceError(f"found {short(cell)}, expected seconds or a date") from None


def _list(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise SpaceError(f"found {short(cell)}, expected a list of numbers") from None


def _choice(cell: str, choices: Any) -> Any:
    """The choice that a cell is, exactly or as other programs may have written it."""
    for choice in choices:
        if cell_text(choice) == cell:
            return choice
    alike = [choice for choice in choices if _matches(cell, choice)]
    if len(alike) != 1:
        problem = "could be more than one" if alike else "is not one"
        text = f"{short(cell)} {problem} of the choices {short(list(choices))}"
        raise SpaceError(text, kind=NOT_A_CHOICE)
    return alike[0]


def _matches(cell: str, choice: Any) -> bool:
    lower = cell.lower()
    if choice is None:
        return lower in NONES
    if isinstance(choice, bool):
        return TRUTHS.get(lower) is choice
    if isinstance(choice, (int, float)):
        with suppress(ValueError):
            return float(cell) == choice
        return False
    if isinstance(choice, list):
        with suppress(ValueError, RecursionError):
            return bool(json.loads(cell) == choice)
        return False
    return bool(choice == parse_text(cell))

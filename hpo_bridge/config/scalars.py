"""What a plain scalar of a YAML file means: the core schema of YAML 1.2, and no more.

So ``1e-4`` is a number, ``no`` and ``2024-01-01`` are strings, and ``017`` is seventeen.
See https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import re
from typing import Any

LONGEST_NUMBER = 400
"""Most characters of a number: more than any float or integer of use needs."""

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar.

    Raises:
        ValueError: For a number of more than :data:`LONGEST_NUMBER` characters.

    Example:
        >>> [plain_scalar(text) for text in ("1e-4", "no", "0x10", "~")]
        [0.0001, 'no', 16, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    number = _number(text)
    if number is None:
        return text
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters, expected at most {LONGEST_NUMBER}")
    return number(text)


def _number(text: str) -> Any:
    """The function that turns ``text`` into a number; ``None`` if it is none."""
    if _DECIMAL.fullmatch(text):
        return int
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return lambda prefixed: int(prefixed, 0)
    if _FLOAT.fullmatch(text):
        # YAML writes infinity and NaN with a dot before, Python without.
        return lambda written: float(re.sub(r"\.(?=[inIN])", "", written))
    return None

"""Names and values as MLflow takes them.

Its limits (``mlflow.utils.validation``): names of parameters and metrics have letters, digits
and ``_ - . : /`` or spaces, up to 250 characters, and are clean paths; the value of a parameter
has up to 6,000 characters, that of a tag up to 8,000.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

LONGEST_NAME = 250
LONGEST_PARAM = 6_000
LONGEST_TAG = 8_000
CUT = "… (cut)"


def named(names: Iterable[str]) -> dict[str, str]:
    """Each name to one that MLflow takes; no two to the same.

    >>> named(["lr", "a*b", "a_b", "../x"])
    {'lr': 'lr', 'a*b': 'a_b', 'a_b': 'a_b_', '../x': '_.._x'}
    """
    found: dict[str, str] = {}
    for name in names:
        found[name] = another(name, found.values())
    return found


def another(name: str, taken: Collection[str]) -> str:
    """A name that MLflow takes, for ``name``; none of those that are taken.

    >>> another("a*b", ["a_b"])
    'a_b_'
    """
    fit = _fit(name)
    while fit in taken:
        fit = f"{fit[: LONGEST_NAME - 1]}_"
    return fit


def _fit(name: str) -> str:
    fit = re.sub(r"[^\w\-. /]", "_", name)[:LONGEST_NAME] or "_"
    if posixpath.normpath(fit) != fit or fit.startswith(("/", ".")):
        fit = f"_{fit.replace('/', '_')}"[:LONGEST_NAME]
    return fit


def as_text(value: Any) -> str:
    """A value of a parameter: a text as it is, a list as JSON."""
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"), default=str)
    return str(value)


def numbers(params: Mapping[str, Any]) -> dict[str, float]:
    """The parameters that can be metrics.

    >>> numbers({"lr": 0.1, "layers": 2, "nesterov": True, "act": "relu"})
    {'lr': 0.1, 'layers': 2}
    """
    return {
        name: value
        for name, value in params.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def cut(text: str, longest: int) -> str:
    """``text``, or its beginning with a mark that it is no more."""
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT


def milliseconds(seconds: float | None) -> int:
    """A time as MLflow has it."""
    return max(0, int(1000 * (seconds or 0.0)))

"""A study's definition as plain data, and how two of them differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def as_json(value: Any) -> str:
    """``value`` as JSON, in its own order; what JSON cannot hold, as its ``repr``."""
    return json.dumps(value, sort_keys=False, default=repr)


def jsonable(options: Mapping[str, Any]) -> Any:
    """``options`` as they come back from a store."""
    return json.loads(as_json(options))


def difference(stored: Any, given: Any) -> str:
    """The first key in which two plain values differ, in words."""
    if isinstance(stored, Mapping) and isinstance(given, Mapping):
        for key in [*stored, *given]:
            if key not in given:
                return f"{key} is missing"
            if key not in stored:
                return f"{key} is new"
            if as_json(stored[key]) != as_json(given[key]):
                return f"{key} is {as_json(stored[key])} there, {as_json(given[key])} here"
        return "the order of the parameters"
    return f"{as_json(stored)} there, {as_json(given)} here"

"""JSON text for what a SQL store keeps.

Strict JSON: NaN and the infinities have no form in it. Where they may occur, in the value
of a ``reported`` event, they are the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ..errors import StoreError
from .base import Event

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def dump(data: Any) -> str:
    """``data`` as compact ASCII JSON.

    Raises:
        StoreError: If it is not plain JSON data.
    """
    try:
        return _encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"not plain JSON data, so it cannot be stored: {error}") from error


def load(text: str | None) -> Any:
    """The value of a JSON text; ``None`` for NULL."""
    return None if text is None else json.loads(text)


def dump_event(event: Event) -> str:
    """An event's data as JSON."""
    if event.kind == "reported" and not math.isfinite(event.data["value"]):
        return dump({**event.data, "value": _spelled(event.data["value"])})
    return dump(event.data)


def load_event(kind: str, text: str) -> dict[str, Any]:
    """The data of an event of that kind."""
    data: dict[str, Any] = json.loads(text)
    if kind == "reported":
        data["value"] = float(data["value"])
    return data


def _spelled(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"

"""JSON text for what a SQL store keeps.

Strict JSON: NaN and the infinities have no form in it. Where they may occur, in a ``reported``
event, they are the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; a metric that is NaN
is ``null``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import StoreError
from .contract import Event

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
    data = event.data
    if event.kind == "reported":
        if not math.isfinite(data["value"]):
            data = {**data, "value": _spelled(data["value"])}
        if "metrics" in data:
            data = {**data, "metrics": strict_metrics(data["metrics"])}
    return dump(data)


def load_event(kind: str, text: str) -> dict[str, Any]:
    """The data of an event of that kind."""
    data: dict[str, Any] = json.loads(text)
    if kind == "reported":
        data["value"] = float(data["value"])
        if "metrics" in data:
            data["metrics"] = read_metrics(data["metrics"])
    return data


def strict_metrics(metrics: Mapping[str, float]) -> dict[str, float | str | None]:
    """Metrics as strict JSON has them.

    >>> strict_metrics({"auc": 0.5, "loss": float("nan"), "time": float("inf")})
    {'auc': 0.5, 'loss': None, 'time': 'Infinity'}
    """
    return {
        name: value if math.isfinite(value) else None if math.isnan(value) else _spelled(value)
        for name, value in metrics.items()
    }


def read_metrics(metrics: Mapping[str, float | str | None]) -> dict[str, float]:
    """Metrics as numbers again."""
    return {name: math.nan if value is None else float(value) for name, value in metrics.items()}


def _spelled(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"

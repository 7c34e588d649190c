"""Points of a space as coordinates: one number per parameter, or as many as a vector is long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import SpaceError
from .expressions import Expression
from .parameters import Float, Parameter


def is_vector(parameter: Parameter) -> bool:
    """Return True if its values are lists of numbers."""
    return isinstance(parameter, Float) and parameter.shape is not None


def width(parameter: Parameter) -> int:
    """Return the number of its coordinates."""
    return parameter.dimension if isinstance(parameter, Float) else 1


def bundled(parameters: Iterable[Parameter], unit: Sequence[float]) -> list[Any]:
    """Coordinates by parameter: a number, or a list of them for a vector."""
    parts: list[Any] = []
    at = 0
    for parameter in parameters:
        part = list(unit[at : at + width(parameter)])
        at += len(part)
        parts.append(part if is_vector(parameter) else part[0])
    return parts


def flat(
    parameters: Mapping[str, Parameter], point: Mapping[str, Any], inactive: float
) -> list[float]:
    """The coordinates of a point, one after another."""
    unit: list[float] = []
    for name, parameter in parameters.items():
        if name not in point:
            unit += [inactive] * width(parameter)
            continue
        encoded: Any = parameter.encode(point[name])
        unit += encoded if is_vector(parameter) else [encoded]
    return unit


def check_scalars(constraints: Sequence[Expression], vectors: Sequence[str]) -> None:
    """Raises SpaceError for a constraint over a vector."""
    for position, constraint in enumerate(constraints):
        for name in constraint.names:
            if name in vectors:
                raise SpaceError(
                    f"{constraint.text!r} names {name!r}, which is a vector: constraints are over "
                    "single numbers",
                    "constraints",
                    str(position),
                )

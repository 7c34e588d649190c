"""The search space: what may vary, and what a point in it means."""

from __future__ import annotations

from .constants import Constant
from .expressions import Expression
from .grid_points import discretized
from .parameters import Categorical, Float, Int, Parameter
from .space import Space

__all__ = [
    "Categorical",
    "Constant",
    "Expression",
    "Float",
    "Int",
    "Parameter",
    "Space",
    "discretized",
]

"""Some of many items, spread evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def even_positions(count: int, most: int) -> Any:
    """Return at most so many positions below a count, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def thinned(items: Sequence[T], most: int) -> list[T]:
    """Return at most so many items, with the first and the last."""
    return [items[position] for position in even_positions(len(items), most)]

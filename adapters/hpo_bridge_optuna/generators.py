"""The state of numpy's Mersenne Twister as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np


def get_state(generator: np.random.RandomState) -> list[Any]:
    """The state: a list of 624 integers, and four more items."""
    name, keys, *rest = generator.get_state(legacy=True)
    return [name, np.asarray(keys).tolist(), *rest]


def set_state(generator: np.random.RandomState, state: Any) -> None:
    """Takes what ``get_state`` gave, also after a round trip through JSON."""
    name, keys, position, has_gauss, gauss = state
    generator.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))

"""The random generators of Optuna's samplers, to which there is no public way."""

from __future__ import annotations

from typing import Any

import numpy as np


def generators_of(sampler: Any) -> list[np.random.RandomState]:
    """Return NumPy's generators that a sampler holds, in the order in which it made them.

    Example:
        >>> from optuna.samplers import TPESampler
        >>> len(generators_of(TPESampler(seed=1)))
        2
    """
    found: list[np.random.RandomState] = []

    def collect(holder: Any) -> None:
        for value in getattr(holder, "__dict__", {}).values():
            if isinstance(value, np.random.RandomState):
                if not any(value is known for known in found):
                    found.append(value)
            elif type(value).__module__.startswith("optuna.samplers"):
                collect(value)

    collect(sampler)
    return found

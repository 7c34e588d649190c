"""Initial points by scikit-optimize's generators, with every value at its due weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from skopt.sampler import InitialPointGenerator
from skopt.space import Categorical, Integer, Real
from skopt.utils import cook_initial_point_generator

Generator = Literal["random", "sobol", "halton", "hammersly", "lhs", "grid"]
"""The names of the library's generators."""
SOBOL_MOST = 40
"""Most dimensions of the library's Sobol' sequence."""
_GRID_MOST = 12
"""Most dimensions of the library's grid: the smallest has 2 to that power points."""


def initial_point_generator(name: Generator, dimensions: Sequence[Any], *, native: bool) -> Any:
    """Return one of the library's generators of initial points, or its name where that will do.

    Args:
        name: The library's name.
        dimensions: The dimensions.
        native: Whether integers and categories may be drawn with the library's bias.

    Raises:
        ValueError: If the generator does not take so many dimensions.
    """
    most = {"sobol": SOBOL_MOST, "grid": _GRID_MOST}.get(name)
    if most is not None and len(dimensions) > most:
        raise ValueError(
            f"initial_point_generator: {name!r} takes at most {most} parameters, "
            f"found {len(dimensions)}"
        )
    if name == "random" or native or all(isinstance(d, Real) for d in dimensions):
        return name
    return Balanced(cook_initial_point_generator(name))


class Balanced(InitialPointGenerator):  # type: ignore[misc]
    """A generator whose places in the unit cube are divided evenly among discrete values.

    The library rounds ``u * (k - 1)``, so that the first and the last of ``k`` values get
    half the weight of the others.

    Args:
        inner: A generator of the library.

    Example:
        >>> from skopt.sampler import Halton
        >>> from skopt.space import Categorical as Choices
        >>> Balanced(Halton()).generate([Choices([0, 1, 2, 3])], 4)
        [[0], [2], [1], [3]]
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def generate(
        self, dimensions: Sequence[Any], n_samples: int, random_state: Any = None
    ) -> list[list[Any]]:
        """Return ``n_samples`` points."""
        unit = self.inner.generate([(0.0, 1.0)] * len(dimensions), n_samples, random_state)
        columns = [
            _values(dimension, [row[i] for row in unit]) for i, dimension in enumerate(dimensions)
        ]
        return [list(row) for row in zip(*columns, strict=True)]


def _values(dimension: Any, places: Sequence[float]) -> list[Any]:
    if isinstance(dimension, Categorical):
        return [dimension.categories[_part(u, len(dimension.categories))] for u in places]
    if isinstance(dimension, Integer):
        size = dimension.high - dimension.low + 1
        return [dimension.low + _part(u, size) for u in places]
    unit = Real(dimension.low, dimension.high, dimension.prior, transform="normalize")
    return list(unit.inverse_transform(np.asarray(places)))


def _part(place: float, size: int) -> int:
    return min(math.floor(place * size), size - 1)

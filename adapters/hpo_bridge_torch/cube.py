"""A space as a cube: which parameters have a gradient, and the chain rule into [0, 1].

Every continuous parameter is a coordinate ``u`` in [0, 1], so that one step size suits them all:
``x = low + u (high - low)``, or ``low (high / low)^u`` on a log scale. A derivative in natural
units becomes one with respect to ``u`` by the chain rule: times ``high - low``, or times
``x ln(high / low)``.

Bounds are kept by projection, not by a sigmoid: a sigmoid's derivative vanishes at the bounds,
which is where many an optimum lies (no weight decay, no dropout).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo_bridge.contracts.optimizer import Problem, Translation
from hpo_bridge.errors import UnsupportedProblem, nearest
from hpo_bridge.space import Categorical, Float, Int, Parameter

Vector = NDArray[np.float64]

WAYS_OUT = (
    "tune it with backend hybrid (a black-box backend for it, gradient steps for the others), or "
    "make it continuous by a relaxation (docs/gradient.md)"
)


class Cube:
    """The coordinates of a problem.

    Parameters of a single value have no coordinate, and keep that value.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.

    Raises:
        UnsupportedProblem: Naming the first parameter that has no gradient.

    Example:
        >>> from hpo_bridge.space import Space
        >>> cube = Cube(Problem(Space(lr=Float(0.01, 1, log=True), p=Float(0, 4))))
        >>> cube.params(np.array([0.0, 0.25]))
        {'lr': 0.01, 'p': 1.0}
        >>> cube.gradient({"lr": 0.1, "p": 1.0}, {"lr": 1.0, "p": 1.0}).round(3).tolist()
        [0.461, 4.0]
    """

    def __init__(self, problem: Problem) -> None:
        if problem.n_objectives > 1:
            raise UnsupportedProblem(
                f"a gradient method takes one objective, found {problem.n_objectives}"
            )
        self.fixed: dict[str, Any] = {}
        self.floats: dict[str, Float] = {}
        for name, parameter in problem.space.items():
            if parameter.size == 1:
                self.fixed[name] = parameter.decode(0.5)
            else:
                self.floats[name] = _with_gradient(name, parameter)
        if not self.floats:
            raise UnsupportedProblem("there is no continuous parameter to take steps in")
        self._order = list(problem.space)
        self._at: dict[str, slice] = {}
        size = 0
        for name, parameter in self.floats.items():
            self._at[name] = slice(size, size + parameter.dimension)
            size += parameter.dimension
        self.size = size

    def named(self, name: str, option: str) -> slice:
        """Return the slice of a parameter's coordinates.

        Raises:
            ValueError: If there is no such parameter.
        """
        if name not in self._at:
            known = list(self._at)
            raise ValueError(
                f"{option}: found {name!r}, expected one of {', '.join(known)}"
                f"{nearest(name, known)}"
            )
        return self._at[name]

    def params(self, u: Vector) -> dict[str, Any]:
        """The point at ``u``, in the space's order."""
        point: dict[str, Any] = {}
        for name in self._order:
            if name in self.fixed:
                point[name] = self.fixed[name]
            else:
                unit = u[self._at[name]].tolist()
                parameter = self.floats[name]
                point[name] = parameter.decode(unit if parameter.shape else unit[0])
        return point

    def units(self, params: Mapping[str, Any]) -> Vector:
        """Return the coordinates of a point of the space."""
        return _joined(p.encode(params[name]) for name, p in self.floats.items())

    def gradient(self, params: Mapping[str, Any], slopes: Mapping[str, Any]) -> Vector:
        """Derivatives with respect to the coordinates, from those in natural units."""
        rates = _joined(p.derivative(params[name]) for name, p in self.floats.items())
        return rates * _joined(slopes[name] for name in self.floats)

    @property
    def logarithmic(self) -> NDArray[np.bool_]:
        """True for each coordinate that is a logarithm."""
        return np.concatenate([np.full(p.dimension, p.log) for p in self.floats.values()])

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        rows = []
        for name in self._order:
            if name in self.fixed:
                rows.append(Translation(name, "native", f"the constant {self.fixed[name]!r}"))
                continue
            scale = "the logarithm of" if self.floats[name].log else ""
            detail = f"gradient steps in {scale} its range as [0, 1]".replace("  ", " ")
            if self.floats[name].shape:
                detail += f", {self.floats[name].dimension} coordinates"
            rows.append(Translation(name, "native", detail))
        return rows


def _joined(parts: Iterable[Any]) -> Vector:
    """Numbers and lists of numbers, one after another."""
    return np.concatenate([np.atleast_1d(np.asarray(part, dtype=float)) for part in parts])


def _with_gradient(name: str, parameter: Parameter) -> Float:
    if isinstance(parameter, Float) and parameter.size is None:
        return parameter
    kind = {Int: "an integer", Categorical: "categorical"}.get(type(parameter), "stepped")
    hint = ", or leave the step out" if isinstance(parameter, Float) else ""
    raise UnsupportedProblem(f"is {kind}, which has no gradient: {WAYS_OUT}{hint}", name)

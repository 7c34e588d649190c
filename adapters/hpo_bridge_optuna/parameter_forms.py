"""The forms in which a study's parameters are exported to Optuna.

Every parameter is the distribution that it is. What Optuna cannot hold is written in another
form: a vector as one parameter a component, choices that Optuna cannot tell apart or store (``1``
beside ``True``, lists) as their JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpo_bridge.errors import HistoryError
from hpo_bridge.space import Categorical, Float, Int, Space

from .exported_names import component


class ParameterForms:
    """The forms of a space's parameters in Optuna.

    Args:
        space: The space.

    Raises:
        HistoryError: If a vector's component would have the name of another parameter.

    Attributes:
        distributions: Optuna's name of a parameter to its distribution.
        vectors: Names of vectors to their lengths.
        as_json: Names of the parameters whose choices are written as JSON text.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.distributions: dict[str, BaseDistribution] = {}
        self.vectors: dict[str, int] = {}
        self.as_json: list[str] = []
        for name, parameter in space.items():
            if isinstance(parameter, Float) and parameter.shape is not None:
                self.vectors[name] = parameter.dimension
                for at in range(parameter.dimension):
                    self._add(component(name, at), _of_float(parameter))
            elif isinstance(parameter, Float):
                self._add(name, _of_float(parameter))
            elif isinstance(parameter, Int):
                step = parameter.step or 1
                self._add(name, IntDistribution(parameter.low, parameter.high,
                                                log=parameter.log, step=step))  # fmt: skip
            else:
                self._add(name, self._of_choices(name, parameter))

    def _add(self, name: str, distribution: BaseDistribution) -> None:
        if name in self.distributions:
            raise HistoryError(f"parameter {name!r} has the name of a component of a vector")
        self.distributions[name] = distribution

    def _of_choices(self, name: str, parameter: Categorical) -> BaseDistribution:
        choices = list(parameter.choices)
        plain = not any(isinstance(choice, list) for choice in choices)
        if plain and len(set(choices)) == len(choices):
            return CategoricalDistribution(choices)
        self.as_json.append(name)
        return CategoricalDistribution([json.dumps(choice) for choice in choices])

    def params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A point's active parameters as Optuna gets them."""
        found: dict[str, Any] = {}
        for name in self.space:
            if name not in params:
                continue
            value = params[name]
            if name in self.vectors:
                found |= {component(name, at): part for at, part in enumerate(value)}
            else:
                found[name] = json.dumps(value) if name in self.as_json else value
        return found

    @property
    def notes(self) -> list[str]:
        """Note on the parameters that are written in another form."""
        notes = [
            f"{name}: a vector, written as the parameters {component(name, 0)} … "
            f"{component(name, length - 1)}"
            for name, length in self.vectors.items()
        ]
        return notes + [
            f"{name}: its choices are written as JSON text, as Optuna cannot tell them apart"
            for name in self.as_json
        ]


def _of_float(parameter: Float) -> FloatDistribution:
    """Its distribution; without the step where Optuna would cut the range by a rounding error."""
    step = None if parameter.is_even else parameter.step
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=step)

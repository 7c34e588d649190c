"""From our parameters to Optuna's distributions, by one table.

==================  ==================================================  ========
ours                Optuna's                                            how
==================  ==================================================  ========
``Float``           ``FloatDistribution(low, high, log=, step=)``       native
``Int``             ``IntDistribution(low, high, log=, step=)``         native
``Categorical``     ``CategoricalDistribution`` of the indices          native
ordered categories  ``IntDistribution(0, k-1)``, the index              encoded
==================  ==================================================  ========

With ``native_space`` ordered categories are a ``CategoricalDistribution``, which is all that
Optuna itself knows: it forgets the order.

Conditions: random points, TPE and brute force walk the tree of the parameters as an objective
does (define-by-run). For the other samplers see :mod:`hpo_bridge_optuna.flat_translation`.

What one might not expect of Optuna:

* Choices that JSON cannot hold (a function, a numpy number) end a TPE study with a
  ``TypeError`` at the first trial after the start-up. Here it only ever sees indices, which
  gives the same sequence as the choices themselves.
* The order of the parameters changes the sequence of the points.
* A stepped float comes back with rounding errors, such as -0.3999999999999999 for -0.4; the
  core mends them. ``stored`` gives Optuna's own number back, so that a study that is put
  together again from its record goes on to the last bit.
* The upper bound of a continuous float is never drawn, except by the Gaussian process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.space import Categorical, Float, Parameter, Space


@dataclass(frozen=True, slots=True)
class Point:
    """A point that a sampler drew.

    Attributes:
        number: The number of Optuna's trial.
        params: The active parameters, in our terms.
        rest: Optuna's own values where they do not follow from ``params``: of inactive
            parameters, and before rounding.
    """

    number: int
    params: dict[str, Any]
    rest: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> Any:
        """The suggestion's token."""
        return [self.number, self.rest] if self.rest else self.number


def read_token(token: Any) -> tuple[int, dict[str, Any]]:
    """Return the number and the rest of the point that a token stands for."""
    number, rest = token if isinstance(token, list) else (token, {})
    return number, rest


class Table:
    """The distributions of a space; converts points to Optuna's terms and back.

    Args:
        space: The space as an adapter sees it.
        native_space: Whether everything is as ``study.optimize`` has it.

    Attributes:
        is_tree: Whether parameters are suggested one by one, so that conditions are known.
        distributions: Parameter name to Optuna's distribution.
    """

    def __init__(self, space: Space, *, native_space: bool = False) -> None:
        self.space = space
        self.native_space = native_space
        self.is_tree = space.is_conditional
        self.distributions = {n: distribution(p, native_space) for n, p in space.items()}

    def suggest(self, study: Study) -> Point:
        """Return a new trial's point."""
        if not self.is_tree:
            trial = study.ask(self.distributions)
            return self.point(trial.number, trial.params)
        trial = study.ask()
        params: dict[str, Any] = {}
        for name, parameter in self.space.items():
            if self.space.is_active(name, params):
                value = _suggest(trial, name, self.distributions[name])
                params[name] = parameter.check(value)  # a condition compares declared values
        return Point(trial.number, params)

    def point(self, number: int, drawn: Mapping[str, Any]) -> Point:
        """Return the point that a trial of Optuna stands for."""
        return Point(number, dict(drawn))

    def stored(
        self, params: Mapping[str, Any], rest: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the parameters of the trial with which Optuna would hold a point.

        Args:
            params: The active parameters, in our terms.
            rest: Of a point that Optuna drew, see :class:`Point`.

        Raises:
            SpaceError: If it is no point of the space: Optuna would take many such.
        """
        point = self.space.check(params)
        return {name: self.single(name, point[name]) for name in self.space if name in point}

    def single(self, name: str, value: Any) -> Any:
        """Return one parameter's value as Optuna holds it."""
        return _as_drawn(self.space[name].check(value), self.distributions[name])

    def active(self, params: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """Return the distributions of a point's parameters."""
        return {name: self.distributions[name] for name in params}

    def explain(self) -> list[Translation]:
        """Return one row per parameter."""
        rows = []
        for name, found in self.distributions.items():
            encodings = self._encodings(name)
            detail = ", ".join([describe(found), *encodings])
            rows.append(Translation(name, "encoded" if encodings else "native", detail))
        return rows

    def _encodings(self, name: str) -> list[str]:
        """Return how a parameter is encoded; nothing for one that is native."""
        parameter = self.space[name]
        ordered = isinstance(parameter, Categorical) and parameter.ordered
        return ["the index"] if ordered and not self.native_space else []


def distribution(parameter: Parameter, native_space: bool = False) -> BaseDistribution:
    """Return Optuna's distribution for a parameter."""
    if isinstance(parameter, Categorical):
        if parameter.ordered and not native_space:
            return IntDistribution(0, parameter.size - 1)
        return CategoricalDistribution(range(parameter.size))
    log = parameter.log
    if isinstance(parameter, Float):
        return FloatDistribution(parameter.low, parameter.high, log=log, step=parameter.step)
    return IntDistribution(parameter.low, parameter.high, log=log, step=parameter.step or 1)


def describe(found: Any) -> str:
    """Return a distribution as a call that makes it."""
    if isinstance(found, CategoricalDistribution):
        return f"CategoricalDistribution({len(found.choices)} choices)"
    text = f"{type(found).__name__}({found.low}, {found.high}"
    text += ", log=True" if found.log else ""
    default = 1 if isinstance(found, IntDistribution) else None
    return text + (f", step={found.step})" if found.step != default else ")")


def _suggest(trial: Trial, name: str, found: Any) -> Any:
    if isinstance(found, CategoricalDistribution):
        return trial.suggest_categorical(name, found.choices)
    is_float = isinstance(found, FloatDistribution)
    suggest: Any = trial.suggest_float if is_float else trial.suggest_int
    return suggest(name, found.low, found.high, log=found.log, step=found.step)


def _as_drawn(value: Any, found: BaseDistribution) -> Any:
    """Return a stepped float by Optuna's arithmetic, which is binary and so off by some ulps."""
    if not isinstance(found, FloatDistribution) or found.step is None or found.single():
        return value
    steps = round((value - found.low) / found.step)
    return min(max(steps * found.step + found.low, found.low), found.high)

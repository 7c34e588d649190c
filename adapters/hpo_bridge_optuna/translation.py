"""From our parameters to Optuna's distributions, by one table.

==================  ==================================================  ========
ours                Optuna's                                            how
==================  ==================================================  ========
``Float``           ``FloatDistribution(low, high, log=, step=)``       native
``Int``             ``IntDistribution(low, high, log=, step=)``         native
``Categorical``     ``CategoricalDistribution`` of the indices          native
ordered categories  ``IntDistribution(0, k-1)``, the index              encoded
what a sampler      ``FloatDistribution``, which is rounded: on a log   encoded
maps with a bias,   scale from ``low-½`` to ``high+½``, else the index
or cannot hold      of the value, from ``-½`` to ``k-½``
==================  ==================================================  ========

With ``native_space`` ordered categories are a ``CategoricalDistribution``, which is all that
Optuna itself knows: it forgets the order. And nothing is rounded here.

Conditions: random points, TPE and brute force walk the tree of the parameters as an objective
does (define-by-run). GP, CMA-ES, NSGA-II/III and QMC draw a parameter at random that was not
suggested in every trial, and so never learn anything about it: they are asked for every
parameter, and what is inactive is left out (it travels in the token). With ``native_space``
they walk the tree like the others, as in ``study.optimize``.

What one might not expect of Optuna:

* Choices that JSON cannot hold (a function, a numpy number) end a TPE study with a
  ``TypeError`` at the first trial after the start-up. Here it only ever sees indices, which
  gives the same sequence as the choices themselves.
* The order of the parameters changes the sequence of the points.
* A stepped float comes back with rounding errors, such as -0.3999999999999999 for -0.4; the
  core mends them. ``stored`` gives Optuna's own number back, so that a study that is put
  together again from its record goes on to the last bit.
* A logarithmic integer ``k`` has the probability of ``[k-½, k+½]``, at the ends too: the
  same law as ours. So it is in every sampler, for the models and the genetic operators too,
  with one exception: ``CmaEsSampler(with_margin=True)`` takes logarithmic integers from
  ``[low, high]`` and rounds, which halves the ends.
* No other end of an integer, of a step or of ordered categories has half its weight. Two have
  more than their share: NSGA's crossovers other than ``uniform`` leave the range of such
  parameters, and are cut off at its ends, and so is CMA-ES with a margin.
* The upper bound of a continuous float is never drawn, except by the Gaussian process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Float, Int, Parameter, Space


@dataclass(frozen=True, slots=True)
class Point:
    """What a sampler drew.

    Attributes:
        number: The number of Optuna's trial.
        params: The active parameters, in our terms.
        rest: Optuna's own values where they do not follow from ``params``: of inactive
            parameters, and before rounding.
    """

    number: int
    params: dict[str, Any]
    rest: dict[str, Any]

    @property
    def token(self) -> Any:
        """What travels with the suggestion."""
        return [self.number, self.rest] if self.rest else self.number


def opened(token: Any) -> tuple[int, dict[str, Any]]:
    """The number and the rest of a point's token."""
    number, rest = token if isinstance(token, list) else (token, {})
    return number, rest


class Table:
    """The distributions of a space, and what goes back and forth.

    Args:
        space: The space as an adapter sees it.
        native_space: Whether everything is as ``study.optimize`` has it.
        flat: Whether a conditional space is suggested whole; not with ``native_space``,
            where the sampler draws at random what is conditional.
        rounded: Which discrete parameters are floats that are rounded; none with
            ``native_space``.
    """

    def __init__(
        self,
        space: Space,
        *,
        native_space: bool = False,
        flat: bool = False,
        rounded: Callable[[Parameter], bool] = lambda parameter: False,
    ) -> None:
        if not isinstance(native_space, bool):
            raise TypeError(f"native_space: found {native_space!r}, expected true or false")
        self.space = space
        self.native_space = native_space
        self.tree = space.is_conditional and (native_space or not flat)
        self._hides = space.is_conditional and not self.tree
        self._blind = self.tree and flat
        self._rounded = set() if native_space else {n for n, p in space.items() if rounded(p)}
        self.distributions = {
            name: _spread(parameter)
            if name in self._rounded
            else distribution(parameter, native_space)
            for name, parameter in space.items()
        }

    def suggest(self, study: Study) -> Point:
        """A new trial's point."""
        if not self.tree:
            trial = study.ask(self.distributions)
            return self.point(trial.number, trial.params)
        trial = study.ask()
        params: dict[str, Any] = {}
        for name, parameter in self.space.items():
            if self.space.is_active(name, params):
                value = _suggest(trial, name, self.distributions[name])
                params[name] = parameter.check(value)  # a condition compares declared values
        return Point(trial.number, params, {})

    def point(self, number: int, drawn: Mapping[str, Any]) -> Point:
        """The point that Optuna has as ``drawn``."""
        if not self._hides and not self._rounded:
            return Point(number, dict(drawn), {})
        params: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, parameter in self.space.items():
            if name not in drawn:
                continue
            value = drawn[name]
            active = self.space.is_active(name, params)
            if name in self._rounded or not active:
                rest[name] = value
            if active:
                whole = _rounded(value, parameter) if name in self._rounded else value
                params[name] = parameter.check(whole)
        return Point(number, params, rest)

    def stored(
        self, params: Mapping[str, Any], rest: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A point as Optuna itself would have it.

        Args:
            params: The active parameters, in our terms.
            rest: Of a point that Optuna drew, see :class:`Point`.

        Raises:
            SpaceError: If it is no point of the space: Optuna would take many such.
        """
        rest = rest or {}
        point = self.space.check(params)
        drawn = {}
        for name, parameter in self.space.items():
            if name in rest:
                drawn[name] = rest[name]
            elif name in point or self._hides:
                value = point[name] if name in point else parameter.decode(0.5)
                drawn[name] = self.single(name, value)
        return drawn

    def single(self, name: str, value: Any) -> Any:
        """One parameter's value as Optuna itself would have it.

        Raises:
            SpaceError: If the parameter has no such value.
        """
        parameter = self.space[name]
        value = parameter.check(value)
        centre = _centre(value, parameter) if name in self._rounded else value
        return _as_drawn(centre, self.distributions[name])

    def active(self, params: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """The distributions of a point's parameters.

        Raises:
            SpaceError: If one is no parameter of the space.
        """
        for name in params:
            if name not in self.distributions:
                raise SpaceError("is no parameter of the space", [name])
        return {name: self.distributions[name] for name in params}

    def explain(self) -> list[Translation]:
        """One row per parameter."""
        rows = []
        for name, parameter in self.space.items():
            ordered = isinstance(parameter, Categorical) and parameter.ordered
            how = [", the index"] if ordered and not self.native_space else []
            if name in self._rounded:
                log = isinstance(parameter, Int) and parameter.log
                how = [", rounded" if log else ", rounded to the index"]
            if self._hides and name in self.space.conditions:
                how.append(", drawn also where it is inactive")
            detail = describe(self.distributions[name]) + "".join(how)
            if self._blind and name in self.space.conditions:
                detail += ", drawn at random: it is conditional"
            rows.append(Translation(name, "encoded" if how else "native", detail))
        return rows


def distribution(parameter: Parameter, native_space: bool = False) -> BaseDistribution:
    """Optuna's distribution for a parameter."""
    if isinstance(parameter, Float):
        return FloatDistribution(
            parameter.low, parameter.high, log=parameter.log, step=parameter.step
        )
    if not isinstance(parameter, Categorical):
        return IntDistribution(
            parameter.low, parameter.high, log=parameter.log, step=parameter.step or 1
        )
    if parameter.ordered and not native_space:
        return IntDistribution(0, parameter.size - 1)
    return CategoricalDistribution(range(parameter.size))


def describe(found: BaseDistribution) -> str:
    """A distribution as one would write it."""
    if isinstance(found, CategoricalDistribution):
        return f"CategoricalDistribution({len(found.choices)} choices)"
    assert isinstance(found, (FloatDistribution, IntDistribution))
    text = f"{type(found).__name__}({found.low}, {found.high}"
    text += ", log=True" if found.log else ""
    default = 1 if isinstance(found, IntDistribution) else None
    return text + (f", step={found.step})" if found.step != default else ")")


def listed(row: Translation, count: int | None) -> Translation:
    """The row of a continuous parameter of which ``count`` values are taken."""
    detail = f"{count} evenly spaced values in {row.detail}"
    return Translation(row.parameter, "encoded", detail)


def _spread(parameter: Parameter) -> FloatDistribution:
    """A discrete parameter as a float whose every value has a full bin."""
    if isinstance(parameter, Int) and parameter.log:
        return FloatDistribution(parameter.low - 0.5, parameter.high + 0.5, log=True)
    assert parameter.size is not None
    return FloatDistribution(-0.5, parameter.size - 0.5)


def _rounded(value: float, parameter: Parameter) -> Any:
    whole = math.floor(value + 0.5)
    if isinstance(parameter, Int) and parameter.log:
        return min(max(whole, parameter.low), parameter.high)
    assert parameter.size is not None
    return parameter.grid(min(max(whole, 0), parameter.size - 1))


def _centre(value: Any, parameter: Parameter) -> float:
    """What :func:`_rounded` takes to ``value``, in the middle of its bin."""
    if isinstance(parameter, Int) and parameter.log:
        return float(value)
    if isinstance(parameter, Categorical):
        return float(parameter.index(value))
    return float(round((value - parameter.low) / (parameter.step or 1)))


def _suggest(trial: Trial, name: str, found: BaseDistribution) -> Any:
    if isinstance(found, FloatDistribution):
        return trial.suggest_float(name, found.low, found.high, log=found.log, step=found.step)
    if isinstance(found, IntDistribution):
        return trial.suggest_int(name, found.low, found.high, log=found.log, step=found.step)
    assert isinstance(found, CategoricalDistribution)
    return trial.suggest_categorical(name, found.choices)


def _as_drawn(value: Any, found: BaseDistribution) -> Any:
    """A stepped float by Optuna's arithmetic, which is binary and so off by some ulps."""
    if not isinstance(found, FloatDistribution) or found.step is None or found.single():
        return value
    steps = round((value - found.low) / found.step)
    return min(max(steps * found.step + found.low, found.low), found.high)

"""From our parameters to Optuna's distributions, for samplers that want them all in every trial.

GP, CMA-ES, NSGA-II/III and QMC draw a parameter at random that was not suggested in every trial,
and so never learn anything about it. They are asked for every parameter, and those that are
inactive are left out of the suggestion (they travel in its token). With ``native_space`` they
walk the tree of the parameters, as in ``study.optimize``.

A discrete parameter that a sampler maps with a bias, or cannot hold, is a ``FloatDistribution``
whose values are rounded: a logarithmic integer from ``low-½`` to ``high+½`` on its scale, any
other by the index of the value, from ``-½`` to ``k-½``. With ``native_space`` none is.

What one might not expect of Optuna:

* A logarithmic integer ``k`` has the probability of ``[k-½, k+½]``, at the ends too: the
  same law as ours. So it is in every sampler, for the models and the genetic operators too,
  with one exception: ``CmaEsSampler(with_margin=True)`` takes logarithmic integers from
  ``[low, high]`` and rounds, which halves the ends.
* No other end of an integer, of a step or of ordered categories has half its weight. Two have
  more than their share: NSGA's crossovers other than ``uniform`` leave the range of such
  parameters, and are cut off at its ends, and so is CMA-ES with a margin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution

from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.space import Categorical, Int, Parameter, Space

from .translation import Point, Table


class FlatTable(Table):
    """A table whose every parameter is suggested in every trial, unless ``native_space``.

    Args:
        space: The space as an adapter sees it.
        native_space: Whether everything is as ``study.optimize`` has it.
        is_rounded: Tells which discrete parameters are floats that are rounded.
    """

    def __init__(
        self,
        space: Space,
        *,
        native_space: bool = False,
        is_rounded: Callable[[Parameter], bool] = lambda parameter: False,
    ) -> None:
        super().__init__(space, native_space=native_space)
        self.is_tree = space.is_conditional and native_space
        self._has_inactive = space.is_conditional and not native_space
        self._rounded = set() if native_space else {n for n, p in space.items() if is_rounded(p)}
        spread: dict[str, BaseDistribution] = {n: _spread(space[n]) for n in self._rounded}
        self.distributions.update(spread)

    def point(self, number: int, drawn: Mapping[str, Any]) -> Point:
        """Return the point that a trial of Optuna stands for."""
        if not self._has_inactive and not self._rounded:
            return super().point(number, drawn)
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
        """Return the parameters of the trial with which Optuna would hold a point.

        Args:
            params: The active parameters, in our terms.
            rest: Of a point that Optuna drew, see :class:`Point`; what is inactive in another
                is in the middle of its range.

        Raises:
            SpaceError: If it is no point of the space: Optuna would take many such.
        """
        rest = rest or {}
        point = self.space.check(params)
        drawn = {}
        for name, parameter in self.space.items():
            if name in rest:
                drawn[name] = rest[name]
            elif name in point or self._has_inactive:
                value = point[name] if name in point else parameter.decode(0.5)
                drawn[name] = self.single(name, value)
        return drawn

    def single(self, name: str, value: Any) -> Any:
        """Return one parameter's value as Optuna holds it.

        Raises:
            SpaceError: If the parameter has no such value.
        """
        if name not in self._rounded:
            return super().single(name, value)
        parameter = self.space[name]
        return _centre(parameter.check(value), parameter)

    def explain(self) -> list[Translation]:
        """Return one row per parameter."""
        rows = []
        for row in super().explain():
            detail = row.detail
            if self.is_tree and row.parameter in self.space.conditions:
                detail += ", drawn at random: it is conditional"
            rows.append(Translation(row.parameter, row.how, detail))
        return rows

    def _encodings(self, name: str) -> list[str]:
        encodings = super()._encodings(name)
        if name in self._rounded:
            encodings = [
                "rounded" if _is_log_integer(self.space[name]) else "rounded to the index"
            ]
        if self._has_inactive and name in self.space.conditions:
            encodings.append("drawn also where it is inactive")
        return encodings


def _is_log_integer(parameter: Parameter) -> bool:
    return isinstance(parameter, Int) and parameter.log


def _spread(parameter: Parameter) -> FloatDistribution:
    """Return a discrete parameter as a float whose every value has a full bin."""
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
    """Return the middle of the bin that :func:`_rounded` takes to ``value``."""
    if isinstance(parameter, Int) and parameter.log:
        return float(value)
    if isinstance(parameter, Categorical):
        return float(parameter.index(value))
    return float(round((value - parameter.low) / (parameter.step or 1)))

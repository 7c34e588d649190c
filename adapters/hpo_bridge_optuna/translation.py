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

What one might not expect of Optuna:

* Choices that JSON cannot hold (a function, a numpy number) end a TPE study with a
  ``TypeError`` at the first trial after the start-up. Here it only ever sees indices, which
  gives the same sequence as the choices themselves.
* The order of the parameters changes the sequence of the points.
* A stepped float comes back with rounding errors, such as -0.3999999999999999 for -0.4; the
  core mends them. ``stored`` gives Optuna's own number back, so that a study that is put
  together again from its record goes on to the last bit.
* A logarithmic integer ``k`` has the probability of ``[k-½, k+½]``, at the ends too: the
  same law as ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from hpo_bridge.errors import SpaceError
from hpo_bridge.optimizer import Translation
from hpo_bridge.space import Categorical, Float, Parameter, Space


class Table:
    """The distributions of a space, and what goes back and forth.

    Args:
        space: The space as an adapter sees it.
        native_space: Whether ordered categories are Optuna's unordered ones.
    """

    def __init__(self, space: Space, *, native_space: bool = False) -> None:
        if not isinstance(native_space, bool):
            raise TypeError(f"native_space: found {native_space!r}, expected true or false")
        self.space = space
        self.native_space = native_space
        self.distributions = {
            name: distribution(parameter, native_space) for name, parameter in space.items()
        }

    def suggest(self, study: Study) -> tuple[int, dict[str, Any]]:
        """A new trial's number and its active parameters."""
        if not self.space.is_conditional:
            trial = study.ask(self.distributions)
            return trial.number, trial.params
        trial = study.ask()
        params: dict[str, Any] = {}
        for name, parameter in self.space.items():
            if self.space.is_active(name, params):
                value = _suggest(trial, name, self.distributions[name])
                params[name] = parameter.check(value)  # a condition compares declared values
        return trial.number, params

    def stored(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A point as Optuna itself would have it.

        Raises:
            SpaceError: If it is no point of the space: Optuna would take many such.
        """
        return {
            name: _as_drawn(value, self.distributions[name])
            for name, value in self.space.check(params).items()
        }

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
            encoded = ordered and not self.native_space
            detail = describe(self.distributions[name]) + (", the index" if encoded else "")
            rows.append(Translation(name, "encoded" if encoded else "native", detail))
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

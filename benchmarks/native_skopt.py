"""``gp_minimize`` and ``forest_minimize``, with a space as `hpo_bridge_skopt` says.

The points of ``skopt.random``, ``skopt.sobol`` and ``skopt.lhs`` are those of the library's
``Space.rvs`` and of its samplers: ``dummy_minimize`` fails with current scikit-learn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from native import Objective, declared
from skopt import forest_minimize, gp_minimize
from skopt.sampler import Lhs, Sobol
from skopt.space import Categorical, Integer, Real, Space

import hpo_bridge as hpo


def optimize(name: str, space: hpo.Space, objective: Objective, trials: int, seed: int) -> None:
    """``trials`` evaluations by the function behind ``skopt.{name}``, with its defaults."""
    flat = space.indexed(flat=True)
    family = {"gp": "normalized", "sobol": "design", "lhs": "design"}.get(name, "plain")
    dimensions = [_dimension(p, family) for p in flat.values()]
    values = [_value(p, family) for p in flat.values()]

    def function(x: list[Any]) -> float:
        point = {key: value(u) for key, value, u in zip(flat, values, x, strict=True)}
        return objective(declared(space, point))

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if name == "gp":
            gp_minimize(function, dimensions, n_calls=trials, random_state=seed)
        elif family == "plain" and name != "random":
            trees = {"forest": "RF", "extra_trees": "ET"}[name]
            forest_minimize(
                function, dimensions, base_estimator=trees, n_calls=trials, random_state=seed
            )
        else:
            for x in _points(name, dimensions, trials, seed):
                function(x)


def _points(name: str, dimensions: list[Any], trials: int, seed: int) -> Iterable[list[Any]]:
    generator = np.random.RandomState(seed)
    if name == "random":
        generator.randint(0, np.iinfo(np.int32).max)  # as Optimizer does for its model
        return [Space(dimensions).rvs(random_state=generator)[0] for _ in range(trials)]
    if name == "sobol":
        found = Sobol().generate(
            dimensions, 1 << (trials - 1).bit_length(), random_state=generator
        )
        return found[:trials]
    designs = (
        Lhs(criterion="maximin", iterations=1000).generate(dimensions, 10, random_state=generator)
        for _ in range(math.ceil(trials / 10))
    )
    return [x for design in designs for x in design][:trials]


def _dimension(p: Any, family: str) -> Any:
    ordered = not isinstance(p, hpo.Categorical) or p.ordered
    prior = (
        "log-uniform" if ordered and not isinstance(p, hpo.Categorical) and p.log else "uniform"
    )
    if isinstance(p, hpo.Float) and p.step is None:
        return Real(p.low, p.high, prior)
    if family == "design":
        return Real(0.0, 1.0)
    if not ordered:
        return Categorical(list(range(p.size)))
    if isinstance(p, hpo.Int) and p.step is None and (p.log or family == "normalized"):
        return Real(p.low - 0.5, p.high + 0.5, prior)
    if family == "normalized":
        return Real(-0.5, p.size - 0.5)
    if isinstance(p, hpo.Int) and p.step is None:
        return Integer(p.low, p.high)
    return Integer(0, p.size - 1)


def _value(p: Any, family: str) -> Callable[[Any], Any]:
    """From a coordinate to the value in our space of numbers and indices."""
    if isinstance(p, hpo.Float) and p.step is None:
        return float
    if family == "design":
        return p.decode
    if isinstance(p, hpo.Categorical) and not p.ordered:
        return int
    low, high = (p.low, p.high) if isinstance(p, hpo.Int) and p.step is None else (0, p.size - 1)
    plain = isinstance(p, (hpo.Int, hpo.Categorical)) and p.to_plain().get("step") is None

    def nearest(u: Any) -> Any:
        index = min(max(math.floor(u + 0.5), low), high)
        return index if plain else p.grid(index)

    return nearest

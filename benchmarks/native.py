"""The libraries' own loops, for every backend that has one.

A loop is called as ``loop(space, objective, trials, seed)``, with an objective of the declared
values. It is written with the library's public interface and defaults and shares no code with
the adapters; where a library has no such notion as ours, a space is written as the adapter's
documentation says, so that the same seed should give the same points.

``skopt.gbrt`` has none: ``gbrt_minimize`` fails with current scikit-learn and numpy.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import hpo_bridge as hpo

Objective = Callable[[dict[str, Any]], float]
Loop = Callable[[hpo.Space, Objective, int, int], None]

LOOPS = {
    "optuna": ("random", "qmc", "grid", "bruteforce", "tpe", "gp", "cmaes", "nsga2", "nsga3"),
    "hyperopt": ("random", "tpe", "anneal"),
    "skopt": ("gp", "forest", "extra_trees", "random", "sobol", "lhs"),
    "deap": ("ga", "mu_plus_lambda", "mu_comma_lambda", "cmaes", "de", "pso", "nsga2"),
}
"""Library to what follows the dot in the names of its backends."""


def loop(backend: str) -> Loop | None:
    """The library's own loop behind a backend; ``None`` if there is none."""
    library, _, name = backend.partition(".")
    if name not in LOOPS.get(library, ()):
        return None
    return partial(importlib.import_module(f"native_{library}").optimize, name)


def declared(space: hpo.Space, flat: Mapping[str, Any]) -> dict[str, Any]:
    """The declared values of the active parameters of a flat point of indices and numbers."""
    params: dict[str, Any] = {}
    for name, parameter in space.items():
        if not space.is_conditional or space.is_active(name, params):
            value = flat[name]
            choice = isinstance(parameter, hpo.Categorical)
            params[name] = parameter.choices[value] if choice else value
    return params

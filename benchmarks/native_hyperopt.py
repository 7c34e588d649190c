"""``fmin``, with a space as `hpo_bridge_hyperopt` says that it writes it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from hyperopt import anneal, fmin, hp, rand, tpe
from native import Objective

import hpo_bridge as hpo

ALGORITHMS = {"random": rand.suggest, "tpe": tpe.suggest, "anneal": anneal.suggest}


def optimize(name: str, space: hpo.Space, objective: Objective, trials: int, seed: int) -> None:
    """``trials`` evaluations by the algorithm behind ``hyperopt.{name}``."""
    found: dict[str, Any] = {}

    def function(tree: Any) -> float:
        found.clear()
        collect(tree)
        return objective({key: found[key] for key in space if key in found})

    def collect(tree: Any) -> None:
        for key, drawn in tree.items():
            value, *inner = drawn if isinstance(drawn, tuple) else (drawn,)
            found[key] = _value(space[key], value)
            for more in inner:
                collect(more)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fmin(
            function,
            _tree(space, {key: p for key, p in space.items() if key not in space.conditions}),
            algo=ALGORITHMS[name],
            max_evals=trials,
            rstate=np.random.default_rng(seed),
            show_progressbar=False,
            verbose=False,
        )


def _tree(space: hpo.Space, group: dict[str, Any]) -> dict[str, Any]:
    """Parameters, each choice with those parameters that are active under it alone."""
    found: dict[str, Any] = {}
    for name, p in group.items():
        if isinstance(p, hpo.Categorical) and not p.ordered:
            options = []
            for index, choice in enumerate(p.choices):
                inner = {
                    key: child
                    for key, child in space.items()
                    if key in space.conditions and space.is_active(key, {name: choice})
                }
                options.append((index, _tree(space, inner)) if inner else index)
            found[name] = hp.choice(name, options)
        else:
            found[name] = _node(name, p)
    return found


def _node(name: str, p: Any) -> Any:
    if isinstance(p, hpo.Float) and p.step is None:
        if p.log:
            return hp.loguniform(name, math.log(p.low), math.log(p.high))
        return hp.uniform(name, p.low, p.high)
    if isinstance(p, hpo.Int) and p.log:
        return hp.qloguniform(name, math.log(p.low - 0.5), math.log(p.high + 0.5), 1)
    return hp.quniform(name, -0.5, p.size - 0.5, 1)


def _value(p: Any, drawn: Any) -> Any:
    """The declared value of what was drawn."""
    if isinstance(p, hpo.Float) and p.step is None:
        return min(max(float(drawn), p.low), p.high)
    if isinstance(p, hpo.Int) and p.log:
        return min(max(round(drawn), p.low), p.high)
    return p.grid(min(max(round(drawn), 0), p.size - 1))

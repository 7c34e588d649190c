"""Spaces, and a loss that depends on nothing but the point."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space

MIXED = Space(
    z=Float(-2.0, 3.0),
    lr=Float(1e-4, 1e-1, log=True),
    step=Float(-1.0, 1.0, step=0.1),
    units=Int(1, 300, log=True),
    depth=Int(2, 9),
    batch=Int(16, 128, step=16),
    kind=Categorical([0, 1, 2]),
    size=Categorical([0, 1, 2, 3], ordered=True),
    one=Categorical([0]),
    fixed=Float(0.5, 0.5),
).indexed()
LINE = Space(x=Float(0, 1), y=Float(0, 1))
FAST = {"n_initial_points": 6, "n_points": 100}
"""Options that all four model-based backends take."""


def loss(params) -> float:
    return sum((i + 1) * (float(v) - 0.3) ** 2 for i, v in enumerate(params.values())) % 97.0


def told(suggestion, value, **changes) -> Observation:
    losses = None if value is None else (value,)
    state = TrialState.FAILED if value is None else TrialState.COMPLETE
    return Observation(suggestion.params, losses, suggestion.token, **{"state": state, **changes})


def thin(optimizer):
    """A smaller model, where only what is around it matters: a tenth of the time."""
    search = getattr(optimizer, "_optimizer", None)  # a sampler has none
    if search is not None:
        model = search.base_estimator_
        if "n_restarts_optimizer" in model.get_params():
            model.set_params(n_restarts_optimizer=0)
        elif "n_estimators" in model.get_params():
            model.set_params(n_estimators=12)
        else:
            model.base_estimator.set_params(n_estimators=6)
    return optimizer


def run(optimizer, n: int, objective=loss) -> list[dict]:
    """The points of ``n`` trials, one after the other."""
    points = []
    for _ in range(n):
        [suggestion] = optimizer.ask(1)
        points.append(dict(suggestion.params))
        optimizer.tell([told(suggestion, objective(suggestion.params))])
    return points


def natively(minimize, n: int, dimensions, decode, **options) -> list[dict]:
    """The points of one of the library's loops; ``decode`` gives our parameters."""
    points = []

    def objective(x):
        points.append(decode(x))
        return loss(points[-1])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minimize(objective, dimensions, n_calls=n, **options)
    return points


@pytest.fixture
def kit():
    """What the tests of this folder share."""
    return SimpleNamespace(
        MIXED=MIXED,
        LINE=LINE,
        FAST=FAST,
        Problem=Problem,
        loss=loss,
        told=told,
        run=run,
        thin=thin,
        natively=natively,
    )

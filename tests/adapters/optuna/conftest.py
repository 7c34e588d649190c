"""Spaces, and outcomes of trials that depend on nothing but the point and its number."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import optuna
import pytest

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space

FLAT = Space(
    z=Float(-2.0, 3.0),
    lr=Float(1e-4, 1e-1, log=True),
    step=Float(-1.0, 1.0, step=0.1),
    units=Int(1, 300, log=True),
    batch=Int(16, 128, step=16),
    kind=Categorical([0, 1, 2]),
    one=Categorical([0]),
    fixed=Float(0.5, 0.5),
).indexed()
NESTED = Space(
    kind=Categorical(["a", "b", "c"]),
    level=Float(0.0, 0.9, step=0.3),
    x=Float(0.0, 1.0, when={"kind": "a"}),
    y=Int(1, 50, log=True, when={"kind": ["b", "c"]}),
    w=Float(0.0, 2.0, when={"level": [0.3, 0.9]}),
    v=Float(-1.0, 1.0),
).indexed()
SPACES = {"flat": FLAT, "nested": NESTED}


@dataclass(frozen=True)
class Outcome:
    state: TrialState
    losses: tuple[float, ...] | None
    reports: tuple[tuple[int, float], ...]

    def observation(self, suggestion, **changes):
        return Observation(
            suggestion.params, self.losses, suggestion.token, self.state, self.reports, **changes
        )


def outcome(number: int, params, n_objectives: int = 1, *, rough: bool = True) -> Outcome:
    """Every seventh trial fails, every fifth is pruned; the losses depend on the point."""
    loss = sum((i + 1) * (float(v) - 0.3) ** 2 for i, v in enumerate(params.values())) % 97.0
    reports = tuple((step, loss + 10.0 / (step + 1)) for step in range(1 + number % 4))
    if rough and number % 7 == 3:
        return Outcome(TrialState.FAILED, None, reports)
    if rough and number % 5 == 4:
        return Outcome(TrialState.PRUNED, None, reports if number % 2 else ())
    losses = tuple(loss if i == 0 else (loss * (i + 2.5)) % 11.0 for i in range(n_objectives))
    return Outcome(TrialState.COMPLETE, losses, reports)


def suggest(trial, space: Space):
    """The same space, written by hand as an Optuna user would."""
    params: dict = {}
    for name, p in space.items():
        if not space.is_active(name, params):
            continue
        if isinstance(p, Float):
            value = trial.suggest_float(name, p.low, p.high, log=p.log, step=p.step)
            value = p.check(value)
        elif isinstance(p, Int):
            value = trial.suggest_int(name, p.low, p.high, log=p.log, step=p.step or 1)
        else:
            value = trial.suggest_categorical(name, list(p.choices))
        params[name] = value
    return params


def native(space: Space, sampler, n: int, n_objectives: int = 1, *, rough: bool = True):
    """The points of ``study.optimize``."""
    points: list = []

    def objective(trial):
        params = suggest(trial, space)
        points.append(params)
        result = outcome(trial.number, params, n_objectives, rough=rough)
        if n_objectives == 1:
            for step, loss in result.reports:
                trial.report(loss, step)
        if result.state is TrialState.FAILED:
            raise RuntimeError
        if result.state is TrialState.PRUNED:
            raise optuna.TrialPruned
        return result.losses

    study = optuna.create_study(
        directions=["minimize"] * n_objectives, sampler=sampler, pruner=optuna.pruners.NopPruner()
    )
    study.optimize(objective, n_trials=n, catch=(RuntimeError,))
    return points


def bridged(optimizer, space: Space, n: int, n_objectives: int = 1, *, rough: bool = True):
    """The points of the adapter, mended as the core does."""
    points = []
    for number in range(n):
        [suggestion] = optimizer.ask(1)
        params = space.check(suggestion.params)
        points.append(params)
        result = outcome(number, params, n_objectives, rough=rough)
        optimizer.tell([result.observation(suggestion)])
    return points


@pytest.fixture(autouse=True)
def _quiet_native():
    """The native side of a comparison logs each trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def kit():
    """What the tests of this folder share."""
    return SimpleNamespace(
        SPACES=SPACES,
        FLAT=FLAT,
        NESTED=NESTED,
        Problem=Problem,
        outcome=outcome,
        native=native,
        bridged=bridged,
        suggest=suggest,
    )

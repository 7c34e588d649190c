"""Spaces, the same as a user of Hyperopt writes them, and outcomes that depend on the point."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hyperopt import fmin, hp

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space

FLAT = Space(
    z=Float(-2.0, 3.0),
    lr=Float(1e-4, 1e-1, log=True),
    kind=Categorical([0, 1, 2]),
    step=Float(-1.2, 1.2, step=0.3),
    n=Int(3, 20),
    m=Int(-8, 32, step=4),
    units=Int(1, 300, log=True),
    size=Categorical([3, 5, 7, 9], ordered=True),
    one=Categorical([0]),
    fixed=Float(0.5, 0.5),
).indexed()
NESTED = Space(
    kind=Categorical(["a", "b", "c"]),
    x=Float(0.0, 1.0, when={"kind": "a"}),
    y=Int(1, 50, when={"kind": "b"}),
    sub=Categorical([0, 1], when={"kind": "b"}),
    w=Float(1.0, 10.0, log=True, when={"sub": 1}),
    v=Float(-1.0, 1.0),
).indexed()
SPACES = {"flat": FLAT, "nested": NESTED}


def log(*numbers):
    return [math.log(number) for number in numbers]


def flat_native():
    """With ``native_space``: what a user of Hyperopt writes."""
    return {
        "z": hp.uniform("z", -2.0, 3.0),
        "lr": hp.loguniform("lr", *log(1e-4, 1e-1)),
        "kind": hp.choice("kind", [0, 1, 2]),
        "step": hp.quniform("step", -1.2, 1.2, 0.3),
        "n": hp.uniformint("n", 3, 20),
        "m": hp.quniform("m", -8, 32, 4),
        "units": hp.qloguniform("units", *log(1, 300), 1),
        "size": hp.choice("size", [0, 1, 2, 3]),
        "one": 0,
        "fixed": 0.5,
    }


def flat_exact():
    """Without it: the distributions that ``explain`` prints."""
    grid, integers = FLAT["step"].grid, FLAT["m"].grid
    view = {
        **flat_native(),
        "step": hp.quniform("step", -0.5, 8.5, 1),
        "n": hp.quniform("n", -0.5, 17.5, 1) + 3,
        "m": hp.quniform("m", -0.5, 10.5, 1),
        "units": hp.qloguniform("units", *log(0.5, 300.5), 1),
        "size": hp.quniform("size", -0.5, 3.5, 1),
    }
    return view, {"step": grid, "m": integers, "size": FLAT["size"].grid}


def nested(native):
    y = hp.uniformint("y", 1, 50) if native else hp.quniform("y", -0.5, 49.5, 1) + 1
    return {
        "kind": hp.choice(
            "kind",
            [
                {"kind": 0, "x": hp.uniform("x", 0.0, 1.0)},
                {
                    "kind": 1,
                    "y": y,
                    "sub": hp.choice(
                        "sub", [{"sub": 0}, {"sub": 1, "w": hp.loguniform("w", *log(1, 10))}]
                    ),
                },
                {"kind": 2},
            ],
        ),
        "v": hp.uniform("v", -1.0, 1.0),
    }


def written(space, native):
    """A space's name as Hyperopt's space, and what turns indices into values."""
    if space == "nested":
        return nested(native), {}
    return (flat_native(), {}) if native else flat_exact()


def flatten(point):
    found = {}
    for name, value in point.items():
        found.update(flatten(value) if isinstance(value, dict) else {name: value})
    return found


def loss_of(number, params):
    """Every seventh trial fails; the losses depend on the point."""
    if number % 7 == 3:
        return None
    return sum((i + 1) * (float(params[k]) - 0.3) ** 2 for i, k in enumerate(sorted(params))) % 97


def native(space, algo, seed, n, *, native_space=True):
    """The points of ``fmin``."""
    points = []
    tree, grids = written(space, native_space)

    def objective(point):
        params = flatten(point)
        params.update({k: grid(round(params[k])) for k, grid in grids.items()})
        points.append(SPACES[space].check(params))
        loss = loss_of(len(points) - 1, points[-1])
        return {"status": "fail"} if loss is None else {"status": "ok", "loss": loss}

    fmin(
        objective,
        tree,
        algo=algo,
        max_evals=n,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
        return_argmin=False,
    )
    return points


def told(suggestion, loss, **changes):
    state = TrialState.COMPLETE if loss is not None else TrialState.FAILED
    losses = None if loss is None else (loss,)
    fields = {"params": suggestion.params, "losses": losses, "token": suggestion.token}
    return Observation(**{**fields, "state": state, **changes})


def bridged(optimizer, space, n):
    """The points of the adapter, which the core has nothing to mend about."""
    points = []
    for number in range(n):
        [suggestion] = optimizer.ask(1)
        params = SPACES[space].check(suggestion.params)
        assert params == suggestion.params
        assert list(map(type, params.values())) == list(map(type, suggestion.params.values()))
        points.append(params)
        optimizer.tell([told(suggestion, loss_of(number, params))])
    return points


@pytest.fixture
def kit():
    """What the tests of this folder share."""
    return SimpleNamespace(
        FLAT=FLAT,
        NESTED=NESTED,
        SPACES=SPACES,
        Problem=Problem,
        written=written,
        loss_of=loss_of,
        native=native,
        bridged=bridged,
        told=told,
    )

"""``optuna.grid``: the points of ``GridSampler``, once, without its surprises."""

from __future__ import annotations

import json
import time

import optuna
import pytest
from hpo_bridge_optuna.grid import Grid
from optuna.samplers import GridSampler

from hpo_bridge.contracts.optimizer import Observation, Problem, Snapshot
from hpo_bridge.errors import BackendError, InvalidOptions, SearchExhausted, UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Space

SPACE = Space(
    z=Float(-0.4, 0.4, step=0.1),
    kind=Categorical(["a", "b", "c"]),
    size=Categorical([3, 5], ordered=True),
    batch=Int(16, 48, step=16),
    one=Categorical(["only"]),
).indexed()
VALUES = {name: [p.grid(i) for i in range(p.size)] for name, p in SPACE.items()}


def native(space, values, seed):
    """The points of ``study.optimize``, which stops by itself."""
    points = []

    def objective(trial):
        params = {}
        for name, p in space.items():
            if isinstance(p, Float):
                params[name] = trial.suggest_float(name, p.low, p.high, log=p.log, step=p.step)
            else:
                params[name] = trial.suggest_categorical(name, values[name])
        points.append(params)
        return 0.0

    study = optuna.create_study(sampler=GridSampler(values, seed=seed))
    study.optimize(objective)
    return points


def drain(optimizer, batch=1):
    points = []
    while True:
        try:
            found = optimizer.ask(batch)
        except SearchExhausted:
            break
        points += [dict(s.params) for s in found]
        optimizer.tell([Observation(s.params, (1.0,), s.token) for s in found])
    with pytest.raises(SearchExhausted, match="were proposed"):
        optimizer.ask(1)
    return points


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_parity(seed):
    assert drain(Grid(Problem(SPACE, 1, seed))) == native(SPACE, VALUES, seed)


def test_parity_with_a_resolution():
    space = Space(x=Float(0.0, 1.0), lr=Float(1e-4, 1e-1, log=True), k=Categorical([0, 1]))
    values = {
        "x": [0.0, 0.25, 0.5, 0.75, 1.0],
        "lr": [space["lr"].decode(i / 4) for i in range(5)],
        "k": [0, 1],
    }
    assert values["lr"][0] == 1e-4
    assert values["lr"][-1] == 1e-1
    assert values["lr"][2] == pytest.approx(10**-2.5)
    found = drain(Grid(Problem(space, 1, 3), resolution=5))
    assert found == native(space, values, 3)
    uneven = drain(Grid(Problem(space, 1, 3), resolution={"x": 2, "lr": 3}))
    assert len({json.dumps(p) for p in uneven}) == len(uneven) == 12


@pytest.mark.parametrize("batch", [1, 4, 1000])
def test_batches_hold_different_points_also_while_others_run(batch):
    optimizer = Grid(Problem(SPACE, 1, 0))
    points = []
    while len(points) < 162:
        points += [s.params for s in optimizer.ask(batch)]
    assert len({json.dumps(SPACE.check(p)) for p in points}) == len(points) == 162
    with pytest.raises(SearchExhausted):
        optimizer.ask(1)


def test_snapshot():
    whole = drain(Grid(Problem(SPACE, 1, 2)))
    for cut in (0, 50, 162):
        first = Grid(Problem(SPACE, 1, 2))
        assert isinstance(first, Snapshot)
        if cut:
            first.ask(cut)
        second = Grid(Problem(SPACE, 1, 2))
        second.restore(json.loads(json.dumps(first.state())), [])
        assert drain(second) == whole[cut:]
    with pytest.raises(BackendError, match="another grid"):
        Grid(Problem(SPACE)).restore(163, [])


@pytest.mark.parametrize(
    ("space", "parameter", "match"),
    [
        (Space(k=Int(0, 1), x=Float(0, 1)), "x", "resolution"),
        (Space(k=Int(0, 2000), m=Int(0, 2000)), None, "4004001 points"),
    ],
)
def test_unsupported(space, parameter, match):
    with pytest.raises(UnsupportedProblem, match=match) as caught:
        Grid(Problem(space))
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("resolution", [1, "3", True, {"x": 2.5}, {"k": 3}, {"lx": 3}])
def test_wrong_resolution(resolution):
    with pytest.raises(InvalidOptions, match="resolution"):
        Grid(Problem(Space(x=Float(0, 1), k=Int(0, 1))), resolution=resolution)


def test_explain():
    space = Space(k=Int(0, 3), x=Float(0, 1))
    rows = {r.parameter: (r.how, r.detail) for r in Grid(Problem(space), resolution=3).explain()}
    assert rows["k"] == ("native", "4 values in IntDistribution(0, 3)")
    assert rows["x"] == ("encoded", "3 evenly spaced values in FloatDistribution(0.0, 1.0)")


def test_the_native_sampler_raises_at_the_end_and_then_repeats():
    study = optuna.create_study(sampler=GridSampler({"k": [0, 1]}, seed=0))
    distributions = {"k": optuna.distributions.IntDistribution(0, 1)}
    first, second = study.ask(distributions), study.ask(distributions)
    study.tell(first, 0.0)
    with pytest.raises(RuntimeError, match="stop"):
        study.tell(second, 0.0)
    again = study.ask(distributions).params
    assert again in (first.params, second.params)


def test_the_time_of_a_point_does_not_grow():
    optimizer = Grid(Problem(Space(a=Int(0, 63), b=Int(0, 63)), 1, 0))
    times = []
    for _ in range(4):
        begin = time.process_time()
        for _ in range(1000):
            optimizer.tell([Observation(s.params, (0.0,), s.token) for s in optimizer.ask(1)])
        times.append(time.process_time() - begin)
    assert times[-1] < 4 * times[0] + 0.1

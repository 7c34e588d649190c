"""What trials teach the samplers, and what the adapter leaves alone."""

from __future__ import annotations

import inspect
import logging
import math
import subprocess
import sys
from importlib import import_module

import hpo_bridge_optuna
import optuna
import pytest
from hpo_bridge_optuna.independent import Random
from hpo_bridge_optuna.tpe import Tpe

from hpo_bridge.contracts.optimizer import Explains, Observation, Problem, Snapshot
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Float, Int, Space

LINE = Space(x=Float(0, 1), y=Float(0, 1))


def ask_many(optimizer, n, loss=None):
    points = []
    for _ in range(n):
        [point] = optimizer.ask(1)
        points.append(dict(point.params))
        if loss is not None:
            optimizer.tell([Observation(point.params, (loss(point.params),), point.token)])
    return points


def foreign(params, **changes):
    loss = (params["x"] - 0.9) ** 2 + (params["y"] - 0.9) ** 2
    return Observation(params, **{"losses": (loss,), **changes})


def test_protocols(kit):
    for optimizer in (Random(kit.Problem(LINE)), Tpe(kit.Problem(LINE))):
        assert isinstance(optimizer, Snapshot)
        assert isinstance(optimizer, Explains)


def test_options_have_the_librarys_names_and_defaults():
    ours = inspect.signature(Tpe).parameters
    theirs = inspect.signature(optuna.samplers.TPESampler).parameters
    left_out = {"gamma", "weights", "constraints_func", "consider_prior", "seed"}
    assert set(theirs) - set(ours) == left_out
    assert set(ours) - set(theirs) == {"problem", "native_space"}
    for name in set(ours) & set(theirs):
        assert ours[name].default == theirs[name].default, name


def test_foreign_points_change_the_proposals():
    near = [foreign({"x": 0.9 + i / 500, "y": 0.9 - i / 500}) for i in range(-20, 20)]
    far = [foreign({"x": i / 11, "y": i / 13}) for i in range(11)]
    cold, warm = Tpe(Problem(LINE, 1, 1)), Tpe(Problem(LINE, 1, 1))
    warm.tell(near + far)
    centre = [[(p["x"] + p["y"]) / 2 for p in ask_many(o, 20)] for o in (cold, warm)]
    spread = [sum(abs(c - 0.9) for c in found) / 20 for found in centre]
    assert spread[1] < spread[0] / 2
    assert [s.token for s in warm.ask(1)] == [len(near + far) + 20]


def test_foreign_pruned_points_teach_and_failed_ones_do_not():
    def after(*observations):
        optimizer = Tpe(Problem(LINE, 1, 1), n_startup_trials=2)
        optimizer.tell([foreign({"x": 0.1, "y": 0.2}), foreign({"x": 0.8, "y": 0.7})])
        optimizer.tell(observations)
        return ask_many(optimizer, 5)

    params = {"x": 0.5, "y": 0.5}
    pruned = foreign(params, losses=None, state=TrialState.PRUNED, reports=((3, 0.1),))
    failed = foreign(params, losses=None, state=TrialState.FAILED)
    assert after(failed) == after() != after(pruned)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"x": 1.5, "y": 0.5}, "outside"),
        ({"x": 0.5}, "missing"),
        ({"x": 0.5, "y": 0.5, "z": 1}, "z"),
    ],
)
def test_foreign_points_are_checked(params, match):
    with pytest.raises(SpaceError, match=match):
        Tpe(Problem(LINE)).tell([Observation(params, (0.1,))])


def test_optuna_would_take_a_point_outside_the_space():
    study = optuna.create_study()
    study.enqueue_trial({"x": 99})
    with pytest.warns(UserWarning, match="out of range"):
        assert study.ask().suggest_int("x", 3, 4) == 99


def test_failed_trials_are_ignored():
    """Not even counted for the start-up: random points without end."""
    optimizer = Tpe(Problem(LINE, 1, 0))
    found = []
    for _ in range(30):
        [point] = optimizer.ask(1)
        found.append(point.params)
        optimizer.tell([Observation(point.params, None, point.token, TrialState.FAILED)])
    assert found == ask_many(Random(Problem(LINE, 1, 0)), 30)


def test_infeasible_points_are_avoided():
    """A constraint that one point in twenty satisfies; nothing would be learnt from ``FAIL``."""

    def share(infeasible):
        optimizer = Tpe(Problem(LINE, 1, 0))
        good = 0
        for _ in range(150):
            [point] = optimizer.ask(1)
            if point.params["x"] + point.params["y"] <= 0.3:
                good += 1
                told = Observation(point.params, (point.params["x"],), point.token)
            else:
                state = TrialState.FAILED
                told = Observation(point.params, None, point.token, state, infeasible=infeasible)
            optimizer.tell([told])
        return good / 150

    assert share(True) > 0.4
    assert share(False) < 0.2


def test_complete_reports_do_not_matter_and_last_pruned_one_does():
    def points(complete, pruned):
        optimizer = Tpe(Problem(LINE, 1, 0), n_startup_trials=4)
        for i in range(15):
            [point] = optimizer.ask(1)
            if i == 0:
                told = Observation(point.params, (1.0 * i,), point.token, reports=complete)
            else:
                state = TrialState.PRUNED
                reports = pruned(point.params["x"])
                told = Observation(point.params, None, point.token, state, reports)
            optimizer.tell([told])
        return ask_many(optimizer, 3)

    base = points((), lambda x: ((1, 5.0), (2, x)))
    assert base == points(((1, 3.0), (7, 2.0)), lambda x: ((1, 9.0), (2, x)))
    assert base != points((), lambda x: ((1, 5.0), (2, -x)))


def test_log_integers_follow_the_declared_law():
    optimizer = Random(Problem(Space(k=Int(1, 8, log=True)), 1, 0))
    n = 20_000
    counts = dict.fromkeys(range(1, 9), 0)
    for point in optimizer.ask(n):
        counts[point.params["k"]] += 1
    whole = math.log(8.5 / 0.5)
    for k, count in counts.items():
        p = math.log((k + 0.5) / (k - 0.5)) / whole
        assert abs(count / n - p) < 5 * math.sqrt(p * (1 - p) / n), k


def test_values_are_plain_python(kit):
    for point in Tpe(kit.Problem(kit.FLAT)).ask(3):
        assert {type(v) for v in point.params.values()} <= {int, float}


def test_nothing_is_logged_and_verbosity_stays(kit):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logging.getLogger("optuna").addHandler(handler)
    try:
        ask_many(Tpe(kit.Problem(LINE)), 12, lambda p: p["x"])
        assert seen == []
        optuna.create_study()
        assert len(seen) == 1
    finally:
        logging.getLogger("optuna").removeHandler(handler)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_the_hook_module_does_not_import_optuna():
    code = (
        "import sys, hpo_bridge_optuna as m; m.hpo_register_backends(); "
        "m.hpo_register_pruners(); assert not {'optuna', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_specs_name_what_exists():
    specs = hpo_bridge_optuna.hpo_register_backends() + hpo_bridge_optuna.hpo_register_pruners()
    for spec in specs:
        module, _, name = spec.factory.partition(":")
        assert callable(getattr(import_module(module), name))
    names = [spec.name for spec in hpo_bridge_optuna.hpo_register_backends()]
    assert names == [
        "optuna.tpe", "optuna.gp", "optuna.nsga2", "optuna.nsga3", "optuna.cmaes",
        "optuna.random", "optuna.qmc", "optuna.grid", "optuna.bruteforce",
    ]  # fmt: skip


def test_native_space_must_be_a_bool():
    with pytest.raises(TypeError, match="native_space"):
        Random(Problem(LINE), native_space="yes")


def test_explain(kit):
    space = Space(
        lr=Float(0.1, 1.0, log=True),
        k=Int(2, 8, step=2),
        s=Float(0, 1, step=0.5),
        kind=Categorical(["a", "b"]),
        size=Categorical([3, 5, 7], ordered=True),
    ).indexed()
    rows = {row.parameter: (row.how, row.detail) for row in Tpe(Problem(space)).explain()}
    assert rows == {
        "lr": ("native", "FloatDistribution(0.1, 1.0, log=True)"),
        "k": ("native", "IntDistribution(2, 8, step=2)"),
        "s": ("native", "FloatDistribution(0.0, 1.0, step=0.5)"),
        "kind": ("native", "CategoricalDistribution(2 choices)"),
        "size": ("encoded", "IntDistribution(0, 2), the index"),
    }
    rows = Random(Problem(space), native_space=True).explain()
    assert {row.how for row in rows} == {"native"}

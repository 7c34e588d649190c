"""Steps that divide their range but for rounding: the grid ends at both bounds, everywhere."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_bridge import Study
from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Float, Space

lows = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -math.pi / 4, 1 / 3, 1e-9]))
QUARTERS = Float(-math.pi / 4, 15 * math.pi / 4, step=math.pi / 2)
THIRDS = Float(0, 1, step=1 / 3)


@given(lows, st.integers(1, 300), st.floats(1e-3, 1e3), st.booleans())
def test_a_computed_step_gives_a_grid_that_ends_at_both_bounds(
    low: float, count: int, step: float, from_bounds: bool
) -> None:
    high = low + count * step
    if from_bounds:  # the step of the bounds, else the bound of the step
        step = (high - low) / count
    parameter = Float(low, high, step=step)
    assert parameter.size == count + 1
    values = [parameter.grid(index) for index in range(count + 1)]
    assert (values[0], values[-1]) == (low, high)
    assert values == sorted(set(values))
    slack = 4 * math.ulp(max(abs(low), abs(high))) + 1e-9 * step
    for index, value in enumerate(values):
        assert parameter.decode(parameter.encode(value)) == value == parameter.check(value)
        assert parameter.check(low + index * step) == value
        assert abs(low + index * step - value) <= slack
    again = Float(**{k: v for k, v in parameter.to_plain().items() if k != "type"})
    assert [again.grid(index) for index in range(count + 1)] == values


@pytest.mark.parametrize("step", [0.3333, 0.33333333, 0.4, 0.6, 2.0, 1 / 3 + 1e-8])
def test_a_step_that_does_not_divide_the_range_is_refused(step: float) -> None:
    with pytest.raises(SpaceError) as caught:
        Float(0, 1, step=step)
    assert caught.value.path == ("step",)


def test_exact_steps_stay_exact_as_written() -> None:
    parameter = Float(0, 0.9, step=0.3)
    assert [parameter.grid(index) for index in range(4)] == [0.0, 0.3, 0.6, 0.9]
    assert not parameter.is_even


BACKENDS = [
    "core.random", "core.grid", "optuna.random", "optuna.tpe", "optuna.gp", "optuna.cmaes",
    "optuna.nsga2", "optuna.qmc", "optuna.bruteforce", "hyperopt.tpe", "hyperopt.anneal",
    "skopt.gp", "skopt.extra_trees", "skopt.sobol", "deap.ga", "deap.de", "deap.cmaes",
]  # fmt: skip


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_proposes_the_grid_and_nothing_else(backend: str, native: bool) -> None:
    options: dict[str, Any] = {"native_space": True} if native else {}
    if native and backend.startswith(("core", "deap")):
        pytest.skip("has no notion of a space of its own")
    space = Space(t=THIRDS, a=QUARTERS, c=Categorical(["x", "y"]))
    grids = {name: {space[name].decode(u / 99) for u in range(100)} for name in ("t", "a")}
    assert [len(grids[name]) for name in grids] == [4, 9]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns where it changes a range
        with Study(space, backend={"name": backend, "options": options}, seed=0) as study:
            study.enqueue({"t": 1.0, "a": QUARTERS.high, "c": "y"})
            study.optimize(lambda trial: trial["t"] + trial["a"], trials=16)
            trials = study.trials
    for name, grid in grids.items():
        found = {trial.params[name] for trial in trials}
        assert found <= grid
        assert len(found) > 1


def test_a_condition_on_such_a_parameter_holds() -> None:
    space = Space(t=THIRDS, x=Float(0, 1, when={"t": [1 / 3, 1.0]}))
    with Study(space, backend="optuna.tpe", seed=0) as study:
        study.optimize(lambda trial: trial.get("x", 2.0), trials=20)
        for trial in study.trials:
            assert ("x" in trial.params) == (trial.params["t"] in (1 / 3, 1.0))
        assert len({trial.params["t"] for trial in study.trials}) > 1


def test_every_value_is_equally_likely() -> None:
    rng, counts = random.Random(0), dict.fromkeys((THIRDS.grid(i) for i in range(4)), 0)
    for _ in range(4000):
        counts[THIRDS.decode(rng.random())] += 1
    assert all(850 < count < 1150 for count in counts.values())


def test_a_study_goes_on_and_is_exported(tmp_path: Any) -> None:
    import optuna

    url = f"sqlite:///{tmp_path}/s.db"
    for trials in (4, 8):
        with Study({"t": THIRDS}, backend="optuna.tpe", seed=0, store=url) as study:
            study.optimize(lambda trial: (trial["t"] - 1) ** 2, trials=trials)
            ended = [trial.params["t"] for trial in study.trials]
    with Study({"t": THIRDS}, backend="optuna.tpe", seed=0) as study:
        study.optimize(lambda trial: (trial["t"] - 1) ** 2, trials=8)
        assert [trial.params["t"] for trial in study.trials] == ended
        study.enqueue({"t": 1.0})
        study.optimize(lambda trial: (trial["t"] - 1) ** 2, trials=9)
        study.export(f"{tmp_path}/optuna.log")
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(f"{tmp_path}/optuna.log")
    )
    (name,) = optuna.get_all_study_names(storage)
    assert optuna.load_study(study_name=name, storage=storage).best_params == {"t": 1.0}

"""Trials whose parameters change while they run, as population based training has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Float, Int, Space, Study, TrialState
from hpo_bridge.contracts.record import Change
from hpo_bridge.errors import SpaceError

SPACE = Space(x=Float(0, 1), n=Int(1, 9), fixed="a")


Make = Callable[..., Study]


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_the_record_has_what_was_run(where: str, study: Make, url: str, made: list[Any]) -> None:
    store = {} if where == "memory" else {"store": url}
    done = study(SPACE, backend="fake.generation", seed=1, **store)
    done.optimize(lambda trial: 0.0, trials=3, runner="fake.changes")
    first, second, third = done.trials
    assert second.params == {"x": 0.75, "n": 9, "fixed": "a"}
    (asked, before) = (second.changes[0].params, second.changes[1].params)
    assert before == {**first.params, "x": 0.25}
    assert second.changes == (Change(1, asked, 0), Change(2, before, None))
    assert asked not in (first.params, second.params, before)
    assert [step for step, _ in second.reports] == [0, 1, 2]
    assert first.changes == third.changes == ()


def test_the_backend_is_told_of_a_pruned_trial(study: Make, url: str, made: list[Any]) -> None:
    done = study(SPACE, backend="fake.generation", seed=1, store=url)
    done.optimize(lambda trial: 0.0, trials=3, runner="fake.changes")
    trials = done.trials
    told = {seen.params["x"]: seen for recorder in made for seen in recorder.told}
    seen = told[trials[1].changes[0].params["x"]]
    assert (seen.state, seen.losses) == (TrialState.PRUNED, None)
    assert seen.reports == ((0, 3.0), (1, 2.0))
    assert 0.75 not in told


def test_a_cut_trial_goes_on_with_its_last_parameters(study: Make, url: str) -> None:
    with study(SPACE, backend="fake.generation", seed=1, store=url) as cut:
        cut.optimize(lambda trial: 0.0, trials=2, runner="fake.changes", ends=False)
    with study(SPACE, backend="fake.generation", seed=1, store=url) as going_on:
        seen = []
        going_on.optimize(lambda trial: seen.append(dict(trial)) or 1.0, trials=2)
        assert seen[1] == {"x": 0.75, "n": 9, "fixed": "a"}
        assert going_on.trials[1].params == seen[1]
        assert len(going_on.trials[1].changes) == 2


def test_another_backend_gets_what_is_true_of_it(study: Make, url: str, made: list[Any]) -> None:
    with study(SPACE, backend="fake.generation", seed=1, store=url) as before:
        before.optimize(lambda trial: 0.0, trials=3, runner="fake.changes")
        asked = before.trials[1].changes[0].params
    made.clear()
    with study(SPACE, backend="fake.snapshots", seed=1, store=url) as after:
        after.optimize(lambda trial: 0.0, trials=4)
    told = {seen.params["x"]: seen for recorder in made for seen in recorder.told}
    assert told[asked["x"]].state is TrialState.PRUNED
    assert told[asked["x"]].reports == ((0, 3.0), (1, 2.0))


def test_a_change_is_checked(study: Make) -> None:
    with study(SPACE, backend="fake.generation", seed=1) as checked:
        with pytest.raises(SpaceError, match=r"x: .*2.0"):
            checked.optimize(lambda trial: 0.0, trials=2, runner="fake.changes", last={"x": 2.0})
        assert len(checked.trials[1].changes) == 1

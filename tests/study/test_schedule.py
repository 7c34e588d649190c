"""A schedule: backends that propose a study's trials one after another, in one history."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import (
    Float,
    HpoBridgeError,
    Int,
    SearchExhausted,
    Space,
    Study,
    TrialState,
    UnsupportedProblem,
    WaitingForResults,
)
from hpo_bridge.contracts.record import Outcome
from hpo_bridge.engine.schedule_cursor import stage_seed
from hpo_bridge.store.study_events import SessionStarted
from hpo_bridge.study import exhaustion

Make = Callable[..., Study]
GENERATION = {"name": "fake.generation", "options": {"size": 4}, "trials": 10}
SCHEDULE = [{"name": "core.random", "trials": 5}, GENERATION, "fake.snapshots"]
DISCRETE = Space(n=Int(1, 3), m=Int(0, 1))


def loss(trial: Any) -> float:
    if trial.number % 5 == 3:
        raise ValueError("unlucky")
    return float(sum(trial.values()) if "m" in trial else trial["x"] - trial["n"])


def params(study: Study) -> list[Any]:
    return [t.params for t in study.trials]


def sessions(study: Study) -> list[SessionStarted]:
    return [e for e in study.store.events_of(study.name, SessionStarted)]


def crash(study: Study) -> None:
    """Ends a study's driver as a killed process would: without a last snapshot."""
    study._lease.leave(broken=True)


def test_each_entry_proposes_its_trials(study: Make, made: list[Any]) -> None:
    s = study(backend=SCHEDULE, seed=7)
    s.enqueue({"x": 0.5, "n": 2, "c": None})  # no backend's, and not counted
    s.optimize(loss, trials=20)
    names = ["core.random"] * 5 + ["fake.generation"] * 10 + ["fake.snapshots"] * 4
    assert [t.backend for t in s.trials] == [None, *names]
    first, second = made[-2:]
    assert (first.problem.seed, second.problem.seed) == (stage_seed(7, 1), stage_seed(7, 2))
    for fake, begin in ((first, 6), (second, 16)):
        history = [o for o in fake.told if o.token is None]
        assert [o.params["x"] for o in history] == [t.params["x"] for t in s.trials[:begin]]
        assert [o.losses for o in history] == [
            None if t.value is None else (t.value,) for t in s.trials[:begin]
        ]
    assert s._lease.driver.proposer.member.checked.name == "fake.snapshots"
    seams = [(d.backend, d.phase, d.since) for d in sessions(s)]
    assert seams == [("core.random", 0, 0), ("fake.generation", 1, 5), ("fake.snapshots", 2, 15)]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_schedule_in_parts_is_one(study: Make, url: str, snapshot: bool) -> None:
    """Killed in the middle of each phase, and on both sides of each seam."""
    whole = study(backend=SCHEDULE)
    whole.optimize(loss, trials=24)
    for trials in (1, 4, 5, 6, 7, 10, 14, 15, 16, 19, 24):
        part = study(backend=SCHEDULE, store=url)
        part.optimize(loss, trials=trials)
        if snapshot:
            part.close()
        else:
            part.ask() if trials < 24 else part._drive()  # dies while this one runs
            crash(part)
    assert params(part)[:24] == params(whole)
    assert [t.backend for t in part.trials] == [t.backend for t in whole.trials]
    whole_seeds = [d.seed for d in sessions(whole)]
    assert list(dict.fromkeys(d.seed for d in sessions(part))) == whole_seeds


def finish_in_any_order(
    study: Study, trials: int, window: int, rng: random.Random, crashes: float
) -> None:
    """Runs a study as ``order: deterministic`` does, with results in any order, and kills."""
    running: list[Any] = []
    driver = None
    while driver is None or running or driver.log.created < trials:
        if driver is None or rng.random() < crashes:
            if driver is not None:
                crash(study)
            driver, running = study._drive("processes"), []
            driver._order.window = window
        waits = driver.log.created >= trials and not driver.steps.waiting
        if not waits and len(running) < window:
            try:
                running.append(driver.ask())
                continue
            except WaitingForResults:
                pass
        trial = running.pop(rng.randrange(len(running)))
        found = trial.params["x"] * trial.params["n"]
        outcome = Outcome(TrialState.COMPLETE, found)
        if trial.number % 4 == 1:
            outcome = Outcome.failed("unlucky", retriable=False)
        driver.finish(trial.number, outcome)


@pytest.mark.parametrize("window", [2, 3, 5])
def test_in_deterministic_order_the_seams_do_not_depend_on_timing(
    study: Make, window: int
) -> None:
    schedule = [
        {"name": "core.random", "trials": 7}, {**GENERATION, "trials": 11}, "fake.snapshots",
    ]  # fmt: skip
    found = []
    for seed in range(6):
        s = study(backend=schedule, name=f"s{seed}")
        finish_in_any_order(s, 30, window, random.Random(seed), 0.0 if seed == 0 else 0.08)
        found.append(params(s))
        known = [d.known for d in sessions(s) if d.known is not None]
        assert known[0] == 7 - window + 1
        found[-1] += known
    assert all(each == found[0] for each in found[1:])


def test_a_grid_that_ends_early_passes_on(study: Make, url: str) -> None:
    schedule = ["core.grid", {"name": "core.random", "trials": 3}, "fake.snapshots"]
    whole = study(DISCRETE, backend=schedule)
    whole.optimize(loss, trials=12)
    names = ["core.grid"] * 6 + ["core.random"] * 3 + ["fake.snapshots"] * 3
    assert [t.backend for t in whole.trials] == names
    for trials in (3, 6, 7, 8, 9, 12):
        part = study(DISCRETE, backend=schedule, store=url)
        part.optimize(loss, trials=trials)
        crash(part) if part._lease.holding else part.close()
    assert params(part) == params(whole)
    limited = study(DISCRETE, backend=[{"name": "core.grid", "trials": 50}, "core.random"])
    limited.optimize(loss, trials=8)
    assert [t.backend for t in limited.trials] == ["core.grid"] * 6 + ["core.random"] * 2


def test_the_last_may_have_an_end(study: Make) -> None:
    schedule = [{"name": "core.random", "trials": 2}, {"name": "fake.snapshots", "trials": 3}]
    s = study(backend=schedule)
    s.optimize(loss, trials=50)
    assert [t.backend for t in s.trials] == ["core.random"] * 2 + ["fake.snapshots"] * 3
    assert exhaustion(s) == (
        "fake.snapshots has nothing left: it has proposed its 3 trials, and nobody takes over"
    )
    with pytest.raises(SearchExhausted, match="its 3 trials"):
        s.ask()
    alone = study(backend=[{"name": "core.random", "trials": 4}])
    alone.optimize(loss, trials=50)
    assert len(alone.trials) == 4


def test_a_changed_schedule(study: Make, url: str, made: list[Any]) -> None:
    """The entry at work goes on if it is still there; else each has its number of trials."""
    study(backend="core.random", store=url).optimize(loss, trials=4)
    s = study(backend=[{"name": "core.random", "trials": 6}, "fake.snapshots"], store=url)
    s.optimize(loss, trials=8)
    assert [t.backend for t in s.trials] == ["core.random"] * 6 + ["fake.snapshots"] * 2
    s.close()
    # A longer first entry changes nothing once the second is at work; the second goes on.
    s = study(backend=[{"name": "core.random", "trials": 9}, "fake.snapshots"], store=url)
    s.optimize(loss, trials=10)
    assert s.trials[9].backend == "fake.snapshots"
    assert [o.token is None for o in made[-1].told[:8]] == [True] * 6 + [False] * 2
    s.close()
    # Another second entry: 10 trials are proposed, of which the first has 9.
    s = study(backend=[{"name": "core.random", "trials": 9}, GENERATION, "core.random"], store=url)
    s.optimize(loss, trials=20)
    assert [t.backend for t in s.trials[10:]] == ["fake.generation"] * 9 + ["core.random"]
    s.close()
    s = study(backend="fake.snapshots", store=url)
    s.optimize(loss, trials=22)
    assert [t.backend for t in s.trials[20:]] == ["fake.snapshots"] * 2
    points = [str(t.params) for t in s.trials]
    assert len(set(points)) == len(points)


def test_a_backend_that_learns_from_its_own_alone_is_refused(study: Make, url: str) -> None:
    study(backend="core.random", store=url).optimize(loss, trials=4)
    s = study(backend="fake.generation_deaf", store=url)
    with pytest.raises(UnsupportedProblem) as caught:
        s.optimize(loss, trials=8)
    text = str(caught.value)
    assert "'fake.generation_deaf' learns from its own trials alone" in text
    assert "fake.snapshots" in text
    assert "core.random" not in text
    assert "handover: ignore" in text
    assert "\n" not in text
    assert s.store.study("study").driver is None  # type: ignore[union-attr]
    s.close()
    s = study(backend="core.random", store=url)
    assert len(sessions(s)) == 1
    s.close()
    # Asked for, it begins from nothing; and goes on.
    deaf = {"name": "fake.generation_deaf", "handover": "ignore"}
    for trials in (6, 9):
        s = study(backend=deaf, store=url)
        s.optimize(loss, trials=trials)
        crash(s) if s._lease.holding else s.close()
    assert [t.backend for t in s.trials[4:]] == ["fake.generation_deaf"] * 5
    with pytest.raises(UnsupportedProblem, match="the trials before its own"):
        study(backend=[{"name": "core.random", "trials": 2}, "fake.generation_deaf"])


def test_grids_and_random_points_lose_nothing(study: Make, url: str) -> None:
    study(DISCRETE, backend="fake.snapshots", store=url).optimize(loss, trials=4)
    for name, count in (("core.random", 6), ("core.grid", 9)):
        s = study(DISCRETE, backend=name, store=url)
        s.optimize(loss, trials=count)
        assert s.trials[-1].backend == name
        s.close()


def test_a_backend_that_could_learn_may_be_told_to_ignore(
    study: Make, url: str, made: list[Any]
) -> None:
    ignoring = {"name": "fake.snapshots", "handover": "ignore"}
    whole = study(backend=[{"name": "core.random", "trials": 5}, ignoring])
    whole.optimize(loss, trials=12)
    assert [o.token is None for o in made[-1].told] == [False] * 6
    for trials in (5, 7, 10, 12):
        part = study(backend=[{"name": "core.random", "trials": 5}, ignoring], store=url)
        part.optimize(loss, trials=trials)
        part.close()
    assert params(study(backend="core.random", store=url)) == params(whole)
    told = study(backend="fake.snapshots", store=url)  # another backend than one that ignores
    told.optimize(loss, trials=13)
    assert sum(o.token is None for o in made[-1].told) == 12


def test_derivatives_are_asked_for_as_soon_as_any_entry_wants_them(study: Make) -> None:
    points = [{"x": 0.25}, {"x": 0.75}]
    script = {"name": "fake.script_gradient", "options": {"points": points}}
    schedule = [{"name": "core.random", "trials": 2}, script]
    s = study(Space(x=Float(0, 1)), backend=schedule)
    asked = [s.ask() for _ in range(3)]
    assert [trial.wants_gradients for trial in asked] == [True] * 3
    s.tell(asked[0], 1.0)  # a backend that needs none takes it without
    assert s.trials[0].state is TrialState.COMPLETE
    with pytest.raises(HpoBridgeError, match="gave no gradients"):
        s.tell(asked[2], 1.0)


@pytest.mark.parametrize(
    ("backend", "match"),
    [
        ([], "backend: found an empty list"),
        ([1], "backend.0: found 1, expected a name"),
        ([{"name": "core.random", "trials": 0}, "core.random"],
         "backend.0.trials: found 0, expected at least 1"),
        ([{"name": "core.random", "trials": "5"}, "core.random"],
         "backend.0.trials: found '5', expected an integer"),
        (["core.random", "core.random"], "backend.0.trials: is missing"),
        ([{"name": "core.random", "trial": 3}, "core.random"], "trial: unknown option of backend"),
        ({"name": "core.random", "handover": "no"},
         "backend.handover: found 'no', expected one of tell, ignore"),
        ([{"name": "core.random", "trials": 3}, "core.randm"], "did you mean 'core.random'"),
    ],
)  # fmt: skip
def test_wrong_schedules(study: Make, backend: Any, match: str) -> None:
    with pytest.raises(HpoBridgeError, match=match) as caught:
        study(backend=backend)
    assert "\n" not in str(caught.value)


def test_pruners_live_on(study: Make, made: list[Any]) -> None:
    s = study(backend=SCHEDULE, pruner="fake")
    for number in range(18):
        trial = s.ask()
        trial.report(9.0 if number % 2 else 1.0, 1)
        assert trial.should_prune() is (number % 2 == 1)
        s.tell(trial, 1.0) if number % 2 == 0 else s.tell(trial, state="PRUNED")
    (pruner,) = [each for each in made if hasattr(each, "ended")][-1:]
    assert [number for number, *_ in pruner.ended] == list(range(18))


def test_workers_in_deterministic_order(study: Make, url: str, tmp_path: Any) -> None:
    """Whatever the timing, also across seams, and in two runs instead of one."""
    (tmp_path / "objective.py").write_text(
        "import os, random, time\n"
        "def train(trial):\n"
        "    time.sleep(0.02 * random.random())\n"
        "    return trial['x'] * trial['n']\n"
    )
    schedule = [
        {"name": "core.random", "trials": 5}, {**GENERATION, "trials": 6}, "fake.snapshots",
    ]  # fmt: skip
    found = []
    for store, stops in ((None, [16]), (url, [7, 11, 16])):
        for trials in stops:
            s = study(backend=schedule, store=store)
            s.optimize(
                f"{tmp_path}/objective.py:train", trials=trials, runner="processes", workers=2,
                order="deterministic",
            )  # fmt: skip
            s.close() if store else None
        found.append([(t.params, t.backend) for t in study(store=store or s.store).trials])
    assert found[0] == found[1]
    assert [backend for _, backend in found[0]] == (
        ["core.random"] * 5 + ["fake.generation"] * 6 + ["fake.snapshots"] * 5
    )

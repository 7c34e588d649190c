"""Going on: from a snapshot, by replay, as a new beginning, with another backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hpo_bridge import (
    Categorical,
    Constant,
    Float,
    Int,
    Space,
    Study,
    TrialState,
    WaitingForResults,
    hookimpl,
)
from hpo_bridge.contracts.trial import trial_seed
from hpo_bridge.engine import snapshots as snapshot_module
from hpo_bridge.engine.queued_trials import MOST_LOSSES
from hpo_bridge.errors import StoreError
from hpo_bridge.store.event_types import Requeued
from hpo_bridge.store.study_events import SessionStarted

Make = Callable[..., Study]
GENERATION = {"name": "fake.generation", "options": {"size": 4}}


def loss(trial: Any) -> float:
    if trial.number % 5 == 3:
        raise ValueError("unlucky")
    return float(trial["x"] - trial["n"])


def params(study: Study) -> list[Any]:
    return [t.params for t in study.trials]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    with caplog.at_level(logging.WARNING, "hpo_bridge"):
        yield lambda: [r.getMessage() for r in caplog.records if r.name == "hpo_bridge"]


@pytest.fixture
def reopen(study: Make, url: str) -> Callable[..., Study]:
    """The stored study, in a new object; the one before is closed."""
    opened: list[Study] = []

    def make(*args: Any, **options: Any) -> Study:
        if opened:
            opened[-1].close()
        opened.append(study(*args, store=url, **options))
        return opened[-1]

    return make


def crash(study: Study) -> None:
    """Ends a study's driver as a killed process would: without a last snapshot."""
    study._lease.leave(broken=True)


# -- the same backend goes on ---------------------------------------------------------------


@pytest.mark.parametrize(
    "backend",
    [
        "core.random", GENERATION, {"name": "fake.generation_flat"}, "fake.snapshots",
        {"name": "fake.snapshots", "options": {"broken": "none"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("crashing", [False, True])
def test_an_interrupted_study_is_the_uninterrupted_one(
    study: Make, reopen: Make, backend: Any, crashing: bool, warnings: Any
) -> None:
    whole = study(backend=backend)
    whole.optimize(loss, trials=30)
    for trials in (1, 2, 6, 9, 17, 30):
        part = reopen(backend=backend)
        if crashing:
            part.ask()  # dies while this one runs
            crash(part)
        part.optimize(loss, trials=trials)
    assert params(part) == params(whole)
    assert part.counts == whole.counts
    assert warnings() == []


def test_a_snapshot_is_used(reopen: Make, made: list[Any], warnings: Any) -> None:
    reopen(backend="fake.snapshots").optimize(loss, trials=12)
    s = reopen(backend="fake.snapshots")
    s.optimize(loss, trials=13)
    assert made[-1].restored == 12
    assert made[-1].asked == 13
    assert len(made[-1].told) == 12
    assert warnings() == []


def test_a_snapshot_and_the_log_after_it(
    study: Make, reopen: Make, made: list[Any], monkeypatch: pytest.MonkeyPatch, warnings: Any
) -> None:
    whole = study(backend="fake.snapshots")
    whole.optimize(loss, trials=25)
    monkeypatch.setattr(snapshot_module, "SNAPSHOT_EVERY", 0.0)
    s = reopen(backend="fake.snapshots")
    s.optimize(loss, trials=10)
    monkeypatch.setattr(snapshot_module, "SNAPSHOT_EVERY", 1e9)
    s = reopen(backend="fake.snapshots")
    a, b = s.ask(), s.ask()
    s.tell(b, loss(b))
    c = s.ask()
    s.tell(a, loss(a))
    s.tell(c, loss(c))
    crash(s)
    s.optimize(loss, trials=25)
    assert made[-1].restored is not None
    assert made[-1].restored < 13
    assert s.counts == whole.counts
    assert len({str(p) for p in params(s)}) == 25
    assert warnings() == []


def test_a_snapshot_while_trials_are_pending(study: Make, reopen: Make, made: list[Any]) -> None:
    s = reopen(backend="fake.snapshots")
    trials = [s.ask() for _ in range(5)]
    for trial in trials[:3]:
        s.tell(trial, loss(trial) if trial.number != 3 else 0.0)
    again = reopen(backend="fake.snapshots")  # closes: a snapshot with 2 running and 3 untold
    again.optimize(lambda trial: 0.0, trials=8)
    assert made[-1].restored == 5
    assert sorted(o.token for o in made[-1].told) == [1, 2, 3, 4, 5, 6, 7]
    assert again.counts[TrialState.COMPLETE] == 8


def test_a_snapshot_of_a_constrained_study(
    study: Make, reopen: Make, made: list[Any], warnings: Any
) -> None:
    """What the constraints forbade is part of the backend's history, and so of the log."""
    space = Space(x=Float(0, 1), n=Int(1, 9), c=Int(0, 1), constraints=["x * n <= 1"])
    whole = study(space, backend="fake.snapshots")
    whole.optimize(loss, trials=20)
    told = [(o.token, o.infeasible) for o in made[-1].told]
    assert sum(infeasible for _, infeasible in told) > 20
    for trials in range(1, 21, 3):
        s = reopen(space, backend="fake.snapshots")
        s.optimize(loss, trials=trials)
        assert made[-1].restored is not None or trials == 1
    s.optimize(loss, trials=20)
    assert params(s) == params(whole)
    assert [(o.token, o.infeasible) for o in made[-1].told] == told
    assert warnings() == []


def test_a_log_that_only_counts_what_was_forbidden_is_replayed(
    study: Make, reopen: Make, made: list[Any], monkeypatch: pytest.MonkeyPatch, warnings: Any
) -> None:
    space = Space(x=Float(0, 1), n=Int(1, 9), c=Int(0, 1), constraints=["x * n <= 1"])
    whole = study(space, backend="fake.snapshots")
    whole.optimize(loss, trials=20)
    s = reopen(space, backend="fake.snapshots")
    s.optimize(loss, trials=1)
    monkeypatch.setattr(s._lease.driver.proposer.member, "lists_rejected", False)
    s.optimize(loss, trials=10)
    s = reopen(space, backend="fake.snapshots")
    s.optimize(loss, trials=20)
    assert made[-1].restored is None
    assert params(s) == params(whole)
    assert "does not list" in warnings()[0]


@pytest.mark.parametrize("broken", ["restore", "wrong", "state"])
def test_a_broken_snapshot_is_replayed(
    study: Make, reopen: Make, made: list[Any], broken: str, warnings: Any
) -> None:
    backend = {"name": "fake.snapshots", "options": {"broken": broken}}
    whole = study(backend=backend)
    whole.optimize(loss, trials=12)
    s = reopen(backend=backend)
    s.optimize(loss, trials=8)
    if broken == "wrong":  # found out only by an ask after the snapshot
        s = reopen(backend=backend)
        s.optimize(loss, trials=10)
        expected = params(whole)[:8]
        assert params(s)[:8] == expected
        return
    s = reopen(backend=backend)
    s.optimize(loss, trials=12)
    assert params(s) == params(whole)
    (warning,) = set(warnings())
    assert "\n" not in warning
    assert "fake.snapshots" in warning


def test_a_store_that_fails_is_no_reason_for_a_new_beginning(
    reopen: Make, monkeypatch: pytest.MonkeyPatch, warnings: Any
) -> None:
    reopen(backend=GENERATION).optimize(loss, trials=9)
    s = reopen(backend=GENERATION)

    def failing(name: str, after: int = 0) -> Any:
        raise StoreError("the disk is on fire")

    monkeypatch.setattr(s.store, "events", failing)
    with pytest.raises(StoreError, match="on fire"):
        s.optimize(loss, trials=12)
    monkeypatch.undo()
    s.optimize(loss, trials=12)
    fresh = [e for e in s.store.events_of("study", SessionStarted) if e.fresh]
    assert len(fresh) == 1
    assert warnings() == []


# -- a new beginning --------------------------------------------------------------------------


def test_a_backend_that_changes_its_mind(reopen: Make, made: list[Any], warnings: Any) -> None:
    s = reopen(backend="fake.fickle", direction="maximize")
    s.enqueue({"x": 0.125, "n": 1, "c": True})
    s.optimize(loss, trials=6)
    pending = s.ask()
    before = s.trials
    s = reopen(backend="fake.fickle", direction="maximize")
    s.optimize(loss, trials=9)
    (warning,) = warnings()
    assert "cannot be continued exactly" in warning
    assert "proposes other parameters for trial 1" in warning
    assert s.trials[:6] == before[:6]
    assert s.trials[6].params == pending.params
    assert (s.trials[6].attempts, len(s.trials)) == (2, 9)
    history = made[-1].told
    assert [o.token for o in history[:7]] == [None] * 7
    assert [o.losses for o in history[:3]] == [(-(t.value or 0),) for t in before[:3]]
    assert (history[3].losses, history[3].state) == (None, TrialState.FAILED)
    assert [o.params["x"] for o in history[:6]] == [t.params["x"] for t in before[:6]]
    assert [o.params["c"] for o in history[:1]] == [1]
    assert [o.token for o in history[7:]] == [0]
    assert made[-1].problem.seed != 0
    sessions = [e.fresh for e in s.store.events_of("study", SessionStarted)]
    assert sessions == [True, True]


def test_other_backends_and_back(
    reopen: Make, made: list[Any], warnings: Any, study: Make
) -> None:
    s = reopen(backend="core.random")
    s.optimize(loss, trials=8)
    s.enqueue({"x": 0.5, "n": 2, "c": None})
    lost = s.ask()
    s = reopen(backend="fake.snapshots")
    s.optimize(loss, trials=14)
    fake = made[-1]
    assert [o.token for o in fake.told][:9] == [None] * 9
    assert [o.params["x"] for o in fake.told[:8]] == [t.params["x"] for t in s.trials[:8]]
    assert fake.told[8].params == {"x": 0.5, "n": 2, "c": 2}
    assert (lost.number, s.trials[8].attempts) == (8, 2)
    assert fake.problem.seed not in (0, 2**31)
    assert [t.backend for t in s.trials] == ["core.random"] * 8 + [None] + ["fake.snapshots"] * 5
    s = reopen(backend="core.random")
    s.optimize(loss, trials=22)
    assert ["does not learn from the trials" in w for w in warnings()] == [True]
    points = [(t.params["x"], t.params["n"]) for t in s.trials]
    assert len(set(points)) == len(points)  # the second streak repeats nothing
    for trials in (25, 28):
        s = reopen(backend="core.random")
        s.optimize(loss, trials=trials)
    points = [(t.params["x"], t.params["n"]) for t in s.trials]
    assert len(set(points)) == 28
    assert len(warnings()) == 1  # going on is no new hand-over
    seeds = [e.seed for e in s.store.events_of("study", SessionStarted)]
    assert len(set(seeds)) == 3
    assert seeds[2] == seeds[3] == seeds[4]
    assert s.store.study("study").backend == "core.random"  # type: ignore[union-attr]


def test_a_second_streak_in_parts_is_one(study: Make, reopen: Make, url: str) -> None:
    """The hand-over itself is replayed: history first, in the same order."""
    other = study(backend="core.random", name="other")
    for s in (other, reopen(backend="core.random")):
        for _ in range(5):
            s.tell(s.ask(), 1.0)
        a, b, c = s.ask(), s.ask(), s.ask()
        s.tell(c, 3.0)
        s.tell(a, 2.0)
        crash(s)  # b was running
        assert b.number == 6
    other = study(backend=GENERATION, name="other", store=other.store)
    other.optimize(loss, trials=30)
    for trials in (9, 10, 15, 16, 30):
        s = reopen(backend=GENERATION)
        s.optimize(loss, trials=trials)
        crash(s) if s._lease.driver else None
    # The new streak's seed depends on the length of the log, which is the same here.
    assert params(s) == params(other)


def test_what_a_replay_tells_is_what_was_told(reopen: Make, made: list[Any]) -> None:
    s = reopen(backend="core.random")
    for value in (3.0, 1.0, 2.0):
        trial = s.ask()
        trial.report(value, 1)
        s.tell(trial, value, gradients={"x": 0.5})
    waits = s.ask()
    crash(s)
    s = reopen(backend="fake.generation")
    assert [s.ask().number for _ in range(5)] == [3, 4, 5, 6, 7]
    with pytest.raises(WaitingForResults):
        s.ask()
    live = made[-1]
    for number in (3, 4, 5):
        s.tell(number, float(number))
    with pytest.raises(WaitingForResults):
        s.ask()
    s.tell(6, 0.0)
    s.tell(7, 0.5)
    assert s.ask().number == 8
    crash(s)
    s = reopen(backend="fake.generation")
    assert s.ask().number == 8
    assert made[-1] is not live
    assert made[-1].told == live.told
    assert [o.gradients for o in live.told[:3]] == [{"x": 0.5}] * 3
    assert waits.number == 3


def test_other_options_are_another_backend(reopen: Make, made: list[Any], warnings: Any) -> None:
    reopen(backend=GENERATION).optimize(loss, trials=6)
    s = reopen(backend={"name": "fake.generation", "options": {"size": 3}})
    s.optimize(loss, trials=8)
    assert [o.token for o in made[-1].told[:6]] == [None] * 6
    assert made[-1].problem.seed != 0
    assert warnings() == []


def test_a_library_upgrade_replays(reopen: Make, made: list[Any], warnings: Any) -> None:
    reopen(backend="fake.snapshots").optimize(loss, trials=6)
    s = reopen(backend="fake.snapshots")
    stored = s.store.snapshot("study")
    assert stored is not None
    writer = s.store.acquire("study")
    writer.save_snapshot({**stored[1], "library": "fake 0.0"})
    writer.release()
    s.optimize(loss, trials=8)
    assert made[-1].restored is None
    assert made[-1].asked == 8
    assert warnings() == []


def test_a_study_without_results_begins_with_its_own_seed(reopen: Make, made: list[Any]) -> None:
    s = reopen(backend="core.random")
    s.enqueue({"x": 0.5, "n": 2, "c": None})
    crash(s)
    s = reopen(backend=GENERATION)
    s.optimize(loss, trials=3)
    assert made[-1].problem.seed == trial_seed(0, -2)  # something was asked for: another seed
    fresh = study_without_trials(reopen)
    assert fresh.problem.seed == 0


def study_without_trials(reopen: Make) -> Any:
    s = reopen(backend="core.random", name="empty")
    s._drive()
    crash(s)
    s = reopen(backend=GENERATION, name="empty")
    return s._drive().proposer.member.checked.built


# -- trials that lose their drivers --------------------------------------------------------------


def test_a_trial_that_takes_its_driver_down(reopen: Make, made: list[Any]) -> None:
    ended: list[Any] = []
    for _ in range(MOST_LOSSES):
        s = reopen(backend=GENERATION, pruner="fake")
        driver = s._drive("inline")
        trial = driver.ask()
        assert trial.number == 0
        driver.report(0, 1, 2.0)
        crash(s)
    s = reopen(backend=GENERATION, pruner="fake")
    s._opened.plugins.observe(watcher := Watcher(ended))
    try:
        s.optimize(loss, trials=6)
    finally:
        s._opened.plugins.ignore(watcher)
    first = s.trials[0]
    assert first.state is TrialState.FAILED
    assert first.error is not None
    assert "ended 3 times while this trial ran" in first.error
    assert "'processes'" in first.error
    assert first.attempts == 3
    assert ended == [0, 1, 2, 3, 4, 5]
    assert len(s.trials) == 6


@pytest.mark.parametrize("runner", ["ask", "processes"])
def test_it_is_run_on_where_it_harms_nobody(reopen: Make, runner: str) -> None:
    for attempt in range(5):
        s = reopen()
        trial = s._drive(runner).ask()
        assert trial.number == 0
        assert s.trials[0].attempts == attempt + 1
        crash(s)
    requeued = [e.cause for e in s.store.events_of("study", Requeued)]
    assert requeued == ["lost"] * 4


class Watcher:
    def __init__(self, ended: list[Any]) -> None:
        self.ended = ended

    @hookimpl
    def hpo_trial_finished(self, trial: Any) -> None:
        self.ended.append(trial.number)


# -- the pruner -----------------------------------------------------------------------------------


def test_a_pruner_learns_the_same_from_the_log(reopen: Make, made: list[Any]) -> None:
    s = reopen(pruner="fake", direction="maximize")
    for number in range(6):
        trial = s.ask()
        trial.report(1.0 - number, 1)
        trial.report(-2.0, 3)
        s.tell(trial, float(number)) if number % 2 else s.tell(trial, state="PRUNED")
    s.tell(s.ask(), float("nan"))
    live = [m for m in made if hasattr(m, "ended")][-1]
    crash(s)
    s.ask()
    again = [m for m in made if hasattr(m, "ended")][-1]
    assert again is not live
    assert again.ended == live.ended
    assert len(live.ended) == 7


# -- the same, for a conditional space -----------------------------------------------------------


@pytest.mark.parametrize("name", ["fake.generation", "fake.generation_flat"])
def test_conditions_survive(study: Make, reopen: Make, name: str) -> None:
    space = Space(
        o=Categorical(["s", None]), x=Float(0, 1, when={"o": "s"}), n=Int(1, 3), k=Constant([1]),
        l=Categorical([[1, 2], "z"], when={"n": [1, 2]}), constraints=["x * n <= 2"],
    )  # fmt: skip
    whole = study(space, backend=name)
    whole.optimize(lambda trial: len(trial), trials=25)
    for trials in (3, 4, 11, 25):
        s = reopen(space, backend=name)
        trial = s.ask()
        assert trial.number < trials
        crash(s)
        s.optimize(lambda trial: len(trial), trials=trials)
    assert params(s) == params(whole)

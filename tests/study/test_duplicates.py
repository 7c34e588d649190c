"""Configurations that are there already: run again, given the earlier value, or asked for anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from hpo_bridge import (
    Categorical,
    Float,
    HpoBridgeError,
    Int,
    SearchExhausted,
    Space,
    Study,
    TrialState,
    WaitingForResults,
    analysis,
    hookimpl,
)
from hpo_bridge.contracts.record import Outcome
from hpo_bridge.engine import reuse
from hpo_bridge.engine import snapshots as snapshot_module
from hpo_bridge.engine.distinct_optimizer import MOST_RESAMPLED
from hpo_bridge.errors import BudgetSpent
from hpo_bridge.store import Repeats
from hpo_bridge.store.event_types import Resampled
from hpo_bridge.study import exhaustion

Make = Callable[..., Study]
SPACE = Space(n=Int(1, 3), c=Categorical(["a", "b"]))
A, B, C = ({"n": n, "c": 0} for n in (1, 2, 3))
GENERATION = {"name": "fake.generation", "options": {"size": 4}}


def script(*points: Any, name: str = "script_inject", once: bool = True) -> dict[str, Any]:
    return {"name": f"fake.{name}", "options": {"points": list(points), "once": once}}


def loss(trial: Any) -> float:
    return float(trial["n"] + (trial["c"] == "b") / 4)


def crash(study: Study) -> None:
    """Ends a study's driver as a killed process would: without a last snapshot."""
    study._lease.leave(broken=True)


def story(study: Study) -> list[Any]:
    """What matters of each trial."""
    return [(t.params, t.state, t.values, t.reused, t.backend) for t in study.trials]


def told(fake: Any) -> list[Any]:
    return [(o.token, o.losses) for o in fake.told]


# -- evaluate ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_without_a_word_they_are_run_again(study: Make, url: str, where: str) -> None:
    ran = []
    s = study(SPACE, backend=script(A, B, A, A, C), store=url if where == "sqlite" else None)
    s.optimize(lambda trial: ran.append(trial.number) or loss(trial), trials=9)
    assert ran == [0, 1, 2, 3, 4]
    assert s.store.repeats("study") == Repeats(trials=2)


# -- reuse ------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_the_earlier_value_is_reused(study: Make, url: str, made: list[Any], where: str) -> None:
    ran = []

    def objective(trial: Any) -> float:
        ran.append(trial.number)
        if trial.number == 1:
            raise ValueError("unlucky")
        return loss(trial)

    store = url if where == "sqlite" else None
    s = study(SPACE, backend=script(A, B, A, B, C, B), duplicates="reuse", store=store)
    s.optimize(objective, trials=9)
    assert ran == [0, 1, 3, 4]  # a failure is no result to reuse
    assert [t.reused for t in s.trials] == [None, None, 0, None, None, 3]
    third = s.trials[2]
    assert (third.state, third.value, third.error) == (TrialState.COMPLETE, 1.0, None)
    assert (third.attempts, third.started) == (0, None)
    assert third.finished is not None
    assert s.best.number == 0
    assert s.store.repeats("study") == Repeats(trials=3, reused=2)
    losses = [(1.0,), None, (1.0,), (2.0,), (3.0,), (2.0,)]
    assert told(made[-1]) == list(enumerate(losses))  # its own token, and the value


def test_reused_trials_count_against_the_budget(study: Make) -> None:
    s = study(SPACE, backend=script(A, once=False), duplicates="reuse")
    s.optimize(loss, trials=7)
    assert [t.reused for t in s.trials] == [None] + [0] * 6


def test_a_search_that_finds_nothing_new_ends(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reuse, "MOST_REUSED", 12)
    s = study(SPACE, backend=script(A, B, once=False), duplicates="reuse")
    s.optimize(loss, trials=1000)
    assert len(s.trials) == 14
    assert (
        exhaustion(s)
        == "fake.script_inject has nothing left: its last 12 proposals were there already"
    )
    with pytest.raises(SearchExhausted, match="were there already"):
        s.ask()
    schedule = [{**script(A, once=False), "trials": 500}, script(B)]
    s = study(SPACE, backend=schedule, duplicates="reuse")
    s.optimize(loss, trials=1000)
    assert [t.params["n"] for t in s.trials] == [1] * 13 + [2]


def test_a_duplicate_of_a_running_trial_waits_for_it(study: Make) -> None:
    s = study(SPACE, backend=script(A, A, B, A, C), duplicates="reuse")
    first, second = s.ask(), s.ask()
    assert (first.number, second.number) == (0, 2)
    assert s.ask().number == 4
    states = [t.state.value for t in s.trials]
    assert states == ["RUNNING", "WAITING", "RUNNING", "WAITING", "RUNNING"]
    s.tell(first, 1.5)
    with pytest.raises(SearchExhausted):
        s.ask()
    ended = [(t.number, t.value, t.reused) for t in s.trials if t.state is TrialState.COMPLETE]
    assert ended == [(0, 1.5, None), (1, 1.5, 0), (3, 1.5, 0)]


def test_the_next_of_them_runs_where_the_first_fails(study: Make) -> None:
    s = study(SPACE, backend=script(A, A, A), duplicates="reuse")
    first = s.ask()
    with pytest.raises(SearchExhausted):
        s.ask()
    s.tell(first, state="FAILED")
    second = s.ask()
    assert second.number == 1
    with pytest.raises(SearchExhausted):
        s.ask()
    s.tell(second, 2.0)
    with pytest.raises(SearchExhausted):
        s.ask()
    assert [(t.state.value, t.reused) for t in s.trials] == [
        ("FAILED", None), ("COMPLETE", None), ("COMPLETE", 1),
    ]  # fmt: skip


def test_what_waited_is_seen_to_after_a_kill(study: Make, url: str) -> None:
    s = study(SPACE, backend=script(A, A, B), duplicates="reuse", store=url)
    s.ask()
    assert s.ask().number == 2
    crash(s)
    s = study(SPACE, backend=script(A, A, B), duplicates="reuse", store=url)
    s.optimize(loss, trials=3)
    assert [(t.value, t.reused) for t in s.trials] == [(1.0, None), (1.0, 0), (2.0, None)]
    assert [t.attempts for t in s.trials] == [2, 0, 2]


def test_workers_reuse_too(study: Make, tmp_path: Any) -> None:
    (tmp_path / "objective.py").write_text(
        "import time\n"
        "def train(trial):\n"
        "    open(__file__ + f'.{trial.number}', 'w').close()\n"
        "    time.sleep(0.2 if trial.number == 0 else 0)\n"
        "    return trial['n']\n"
    )
    s = study(SPACE, backend=script(A, A, B, A, C, B), duplicates="reuse")
    s.optimize(f"{tmp_path}/objective.py:train", trials=6, runner="processes", workers=2)
    assert [(t.value, t.reused) for t in s.trials] == [
        (1.0, None), (1.0, 0), (2.0, None), (1.0, 0), (3.0, None), (2.0, 2),
    ]  # fmt: skip
    ran = sorted(path.suffix for path in tmp_path.glob("objective.py.*"))
    assert ran == [".0", ".2", ".4"]


def test_observers_and_pruners_see_them_end(study: Make, made: list[Any]) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        @hookimpl
        def hpo_trial_started(self, trial: Any) -> None:
            self.seen.append(("started", trial.number))

        @hookimpl
        def hpo_trial_finished(self, trial: Any) -> None:
            self.seen.append(("finished", trial.number, trial.value, trial.reused))

    watcher = Watcher()
    s = study(SPACE, backend=script(A, A), duplicates="reuse", observers=[watcher], pruner="fake")
    s.optimize(loss, trials=2)
    s.close()
    assert watcher.seen == [
        ("started", 0), ("finished", 0, 1.0, None), ("started", 1), ("finished", 1, 1.0, 0),
    ]  # fmt: skip
    (pruner,) = [each for each in made if hasattr(each, "ended")][-1:]
    assert [number for number, *_ in pruner.ended] == [0, 1]


def test_a_value_without_derivatives_is_no_result_for_a_backend_that_needs_them(
    study: Make,
) -> None:
    space = Space(x=Float(0, 1))
    half = {"x": 0.5}
    schedule = [{**script(half), "trials": 1}, script(half, half, name="script_gradient")]
    s = study(space, backend=schedule, duplicates="reuse")
    s.tell(s.ask(), 1.0)
    second = s.ask()
    assert second.number == 1
    s.tell(second, 1.0, gradients={"x": 0.25})
    with pytest.raises(SearchExhausted):
        s.ask()
    assert [t.reused for t in s.trials] == [None, None, 1]
    assert s.trials[2].gradients == {"x": 0.25}


# -- resample ---------------------------------------------------------------------------------


def test_another_point_is_asked_for(study: Make, made: list[Any]) -> None:
    s = study(SPACE, backend=script(A, A, B, A, B, C), duplicates="resample")
    s.optimize(loss, trials=9)
    assert [t.params["n"] for t in s.trials] == [1, 2, 3]
    assert s.store.repeats("study") == Repeats(resampled=3)
    # Of each repeated suggestion the backend is told what the earlier trial gave.
    assert told(made[-1]) == [
        (0, (1.0,)), (1, (1.0,)), (2, (2.0,)), (3, (1.0,)), (4, (2.0,)), (5, (3.0,)),
    ]  # fmt: skip
    events = [e for e in s.store.events_of("study", Resampled)]
    assert [(e.of, e.result.values) for e in events] == [
        (0, {"value": 1.0}), (0, {"value": 1.0}), (1, {"value": 2.0}),
    ]  # fmt: skip


def test_it_is_evaluated_after_so_many(study: Make) -> None:
    s = study(SPACE, backend=script(A, once=False), duplicates="resample")
    s.optimize(loss, trials=3)
    assert s.store.repeats("study") == Repeats(trials=2, resampled=2 * MOST_RESAMPLED)
    assert [t.reused for t in s.trials] == [None] * 3


def test_a_suggestion_that_repeats_a_running_trial_is_told_with_it(
    study: Make, made: list[Any]
) -> None:
    s = study(SPACE, backend=script(A, A, B, C), duplicates="resample")
    first, second = s.ask(), s.ask()
    assert [dict(second), second.number] == [{"n": 2, "c": "a"}, 1]
    s.tell(second, 5.0)
    s.ask()
    assert told(made[-1]) == [(2, (5.0,))]
    s.tell(first, state="PRUNED")
    with pytest.raises(SearchExhausted):
        s.ask()
    assert [(o.token, o.state.value) for o in made[-1].told[1:]] == [(0, "PRUNED"), (1, "PRUNED")]


BACKENDS = [
    GENERATION, "fake.generation_flat", "fake.snapshots", "optuna.tpe", "deap.ga",
    {"name": "deap.de", "options": {"population_size": 6}},
    [{"name": "core.random", "trials": 4}, "core.grid", "fake.snapshots"],
]  # fmt: skip


@pytest.mark.parametrize("mode", ["reuse", "resample"])
@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_continued_it_is_the_uninterrupted_study(
    study: Make, url: str, backend: Any, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(snapshot_module, "SNAPSHOT_EVERY", 0.0)
    monkeypatch.setattr(snapshot_module, "SNAPSHOT_SHARE", 1e9)
    space = Space(n=Int(1, 3), c=Categorical(["a", "b"]), x=Int(0, 1, when={"c": "b"}))
    if "deap" in str(backend) or backend == "fake.generation_flat":
        space = Space(n=Int(1, 3), m=Int(0, 2))

    def value(trial: Any) -> float:
        return float(sum(v for v in trial.values() if isinstance(v, int)))

    whole = study(space, backend=backend, duplicates=mode)
    whole.optimize(value, trials=13)
    counts = whole.store.repeats("study")
    assert (counts.reused if mode == "reuse" else counts.resampled) > 0
    for number, trials in enumerate((1, 4, 5, 8, 11, 13)):
        part = study(space, backend=backend, duplicates=mode, store=url)
        if number % 2:
            driver = part._drive("processes")
            with suppress(BudgetSpent, SearchExhausted):
                driver.ask(lambda log=driver.log: log.created < 12)
            crash(part)  # it dies while this one runs
        part.optimize(value, trials=trials)
        if number % 3:
            part.close()
        else:
            part._lease.driver = None
    assert story(part) == story(whole)
    assert part.store.repeats("study") == counts
    assert [r for r in caplog.records if r.name == "hpo_bridge"] == []
    assert analysis.verify(part).reproducible


@pytest.mark.parametrize("mode", ["reuse", "resample"])
def test_in_deterministic_order_they_do_not_depend_on_timing(study: Make, mode: str) -> None:
    found = []
    for seed in range(6):
        s = study(SPACE, backend=GENERATION, duplicates=mode, name=f"s{seed}")
        rng, running, driver = random.Random(seed), [], None
        while driver is None or running or driver.log.created < 24:
            if driver is None or (seed and rng.random() < 0.06):
                if driver is not None:
                    crash(s)
                driver, running = s._drive("processes"), []
                driver._order.window = 3
            if len(running) < 3 and (driver.log.created < 24 or driver.steps.waiting):
                try:
                    running.append(
                        driver.ask(lambda d=driver: d.log.created < 24 or d.steps.waiting)
                    )
                    continue
                except (WaitingForResults, HpoBridgeError):
                    pass
            if running:
                trial = running.pop(rng.randrange(len(running)))
                driver.finish(trial.number, Outcome(TrialState.COMPLETE, loss(trial.params)))
        found.append([(t.params, t.value, t.reused) for t in s.trials][:24])
    assert all(each == found[0] for each in found)


def test_wrong_words(study: Make) -> None:
    with pytest.raises(HpoBridgeError, match=r"duplicates: found 'reus', .*did you mean 'reuse'"):
        study(duplicates="reus")
    with pytest.raises(HpoBridgeError, match="duplicates: found True, expected one of evaluate"):
        study(duplicates=True)

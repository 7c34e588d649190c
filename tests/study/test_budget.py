"""Budgets, retries, order, and runs that are cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import HpoBridgeError, Study, Trial, TrialState
from hpo_bridge.contracts.record import Outcome
from hpo_bridge.errors import StoreError
from hpo_bridge.store.event_types import Requeued

Make = Callable[..., Study]


@pytest.fixture(params=["memory", "sqlite"])
def kept(request: pytest.FixtureRequest, study: Make, url: str) -> Callable[..., Study]:
    """Opens one study again and again: the same object, or a new one on a file."""
    if request.param == "memory":
        only: list[Study] = []

        def same(**options: Any) -> Study:
            return only[0] if only else only.append(study(**options)) or only[0]

        return same
    opened: list[Study] = []

    def reopened(**options: Any) -> Study:
        if opened:
            opened[-1].close()
        opened.append(study(store=url, **options))
        return opened[-1]

    return reopened


def test_the_budget_is_the_studys(kept: Make) -> None:
    calls = []

    def objective(trial: Trial) -> float:
        calls.append(trial.number)
        if trial.number % 3 == 1:
            raise ValueError("no")
        return float(trial["x"])

    for trials, total in [(20, 20), (20, 20), (50, 50), (50, 50), (10, 50), (0, 50)]:
        kept().optimize(objective, trials=trials)
        assert len(kept().trials) == total
    assert calls == list(range(50))
    counts = kept().counts
    assert counts[TrialState.COMPLETE] + counts[TrialState.FAILED] == 50


def test_in_parts_as_in_one_go(kept: Make, study: Make) -> None:
    whole = study(name="whole", backend={"name": "fake.generation", "options": {"size": 4}})
    whole.optimize(lambda trial: trial["x"], trials=30)
    for trials in (1, 2, 7, 11, 18, 30):
        part = kept(backend={"name": "fake.generation", "options": {"size": 4}})
        part.optimize(lambda trial: trial["x"], trials=trials)
    assert [t.params for t in kept(backend={"name": "fake.generation",
            "options": {"size": 4}}).trials] == [t.params for t in whole.trials]  # fmt: skip


def test_enqueued_trials_count_once_they_begin(study: Make) -> None:
    s = study()
    for n in (1, 2, 3, 4):
        s.enqueue({"x": 0.5, "n": n, "c": None})
    s.optimize(lambda trial: trial["n"], trials=3)
    assert s.counts[TrialState.COMPLETE] == 3
    assert s.counts[TrialState.WAITING] == 1
    s.optimize(lambda trial: trial["n"], trials=5)
    assert [t.backend for t in s.trials] == [None] * 4 + ["core.random"]


@pytest.mark.parametrize(
    "budget", [{"trials": -1}, {"trials": 2.5}, {"trials": "5"}, {"trials": True},
               {"seconds": -1}, {"seconds": "1m"}, {"seconds": float("nan")}, {"seconds": True}],
)  # fmt: skip
def test_wrong_budgets(study: Make, budget: dict[str, Any]) -> None:
    s = study()
    with pytest.raises(HpoBridgeError, match=r"^(trials|seconds): found"):
        s.optimize(lambda trial: 0.0, **budget)
    assert s.trials == []


def test_wrong_runners(study: Make) -> None:
    s = study()
    with pytest.raises(HpoBridgeError, match="did you mean 'inline'"):
        s.optimize(lambda trial: 0.0, trials=1, runner="inlin")
    with pytest.raises(HpoBridgeError, match="retris: unknown option"):
        s.optimize(lambda trial: 0.0, trials=1, retris=2)
    with pytest.raises(HpoBridgeError, match="must take one argument"):
        s.optimize(lambda: 0.0, trials=1)  # type: ignore[misc,arg-type]
    assert s.trials == []


def test_the_time_budget_cuts_what_runs(kept: Make) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 3:
            time.sleep(30)
        return 0.0

    begin = time.monotonic()
    kept().optimize(objective, seconds=3)
    assert time.monotonic() - begin < 25
    assert [t.state for t in kept().trials] == [TrialState.COMPLETE] * 3 + [TrialState.WAITING]
    kept().optimize(objective, seconds=3)  # spent: the budget is the study's
    assert len(kept().trials) == 4
    assert kept().trials[3].attempts == 1
    kept().optimize(lambda trial: 1.0, trials=4)
    assert (kept().trials[3].value, kept().trials[3].attempts) == (1.0, 2)


def test_time_is_counted_over_all_sessions(kept: Make) -> None:
    def objective(trial: Trial) -> float:
        time.sleep(0.02)
        return 0.0

    done = [0]
    for share in (1, 2, 3):
        kept().optimize(objective, seconds=share)
        done.append(len(kept().trials))
        assert done[-1] > done[-2]  # how many more is the machine's matter
    row = kept().store.study("study")
    assert row is not None
    assert 2.9 <= row.seconds < 5.9  # 6, if each session had its share for itself
    assert done[-1] <= 160


def test_ctrl_c_keeps_everything(kept: Make) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 4 and len(interrupted) < 1:
            interrupted.append(1)
            raise KeyboardInterrupt
        return float(trial["x"])

    interrupted: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        kept().optimize(objective, trials=10)
    assert kept().counts[TrialState.WAITING] == 1
    assert kept().counts[TrialState.COMPLETE] == 4
    kept().optimize(objective, trials=10)
    assert kept().counts[TrialState.COMPLETE] == 10
    assert [t.attempts for t in kept().trials] == [1, 1, 1, 1, 2, 1, 1, 1, 1, 1]


def test_what_was_cut_comes_first_again(kept: Make) -> None:
    begun: list[int] = []

    def objective(trial: Trial) -> float:
        begun.append(trial.number)
        if begun == [0, 1]:
            raise KeyboardInterrupt
        return 0.0

    for _ in range(3):
        kept().enqueue({"x": 0.5, "n": 1, "c": None})
    with pytest.raises(KeyboardInterrupt):
        kept().optimize(objective, trials=5)
    kept().optimize(objective, trials=5)
    assert begun == [0, 1, 1, 2, 3, 4]


# -- retries --------------------------------------------------------------------------------


def test_retries(study: Make) -> None:
    seen: list[int] = []

    def objective(trial: Trial) -> float:
        seen.append(trial.number)
        trial.report(float(len(seen)), step=0)
        if trial.number == 0 or (trial.number == 1 and seen.count(1) < 3):
            raise ValueError(f"attempt {seen.count(trial.number)}")
        return 1.0

    s = study()
    s.optimize(objective, trials=3, retries=2)
    first, second, third = s.trials
    assert (first.state, first.attempts) == (TrialState.FAILED, 3)
    assert first.error is not None
    assert "attempt 3" in first.error
    assert (second.value, second.attempts, len(second.reports)) == (1.0, 3, 1)
    assert third.attempts == 1
    assert sorted(seen) == [0, 0, 0, 1, 1, 1, 2]
    requeued = [e.cause for e in s.store.events_of("study", Requeued)]
    assert requeued == ["failure"] * 4


def test_answers_that_are_wrong_are_not_retried(study: Make) -> None:
    s = study()
    s.optimize(lambda trial: None, trials=2, retries=3)
    assert [t.attempts for t in s.trials] == [1, 1]


def test_retries_end_with_the_run(study: Make) -> None:
    s = study()
    s.optimize(lambda trial: 1 / 0, trials=1, retries=1)
    s.optimize(lambda trial: 1 / 0, trials=2)
    assert [t.attempts for t in s.trials] == [2, 1]


# -- deterministic order ----------------------------------------------------------------------


def test_deterministic_order_tells_by_number(study: Make, made: list[Any]) -> None:
    s = study(backend={"name": "fake.script",
                       "options": {"points": [{"x": 0.5, "n": 1, "c": 0}]}})  # fmt: skip
    driver = s._drive()
    driver._order.window = 2
    a, b = s.ask(), s.ask()
    s.tell(b, 1.0)
    with pytest.raises(HpoBridgeError, match="in order"):
        s.ask()
    s.tell(a, 2.0)
    c = s.ask()
    assert [o.token for o in made[-1].told] == [0]
    s.tell(c, 3.0)
    d = s.ask()
    assert [o.token for o in made[-1].told] == [0, 1]
    e_ = s  # only two may be open: 2 is finished, 3 runs
    e = e_.ask()
    assert [o.token for o in made[-1].told] == [0, 1, 2]
    assert (d.number, e.number) == (3, 4)
    driver.window = None


def slow_or_fast(trial: Trial) -> float:
    time.sleep(0.001 * (trial.seed % 7))
    return float((trial["x"] - 0.3) ** 2)


@pytest.mark.parametrize("workers", [1, 3])
def test_deterministic_runs_are_the_same(study: Make, workers: int) -> None:
    found = []
    for name in ("a", "b"):
        s = study(backend={"name": "fake.generation", "options": {"size": 4}}, name=name)
        s.optimize(slow_or_fast, trials=24, runner="processes", workers=workers,
                   order="deterministic")  # fmt: skip
        assert s.counts[TrialState.COMPLETE] == 24
        found.append([t.params for t in s.trials])
    assert found[0] == found[1]


def test_deterministic_order_refuses_a_pruner(study: Make) -> None:
    s = study(pruner="fake")
    with pytest.raises(HpoBridgeError, match="cannot be combined"):
        s.optimize(slow_or_fast, trials=2, runner="processes", workers=2, order="deterministic")
    s.optimize(slow_or_fast, trials=1)  # and leaves the study usable
    assert len(s.trials) == 1


# -- runners that misbehave -------------------------------------------------------------------


class Leaving:
    """A runner that goes away while trials run."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def run(self, work: Any) -> None:
        work.next()
        trial = work.next()
        work.finish(trial.number, Outcome(TrialState.COMPLETE, 1.0))
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, RuntimeError("oh"), StoreError("gone"), SystemExit(3)])
def test_what_a_runner_leaves_running_is_run_again(
    study: Make, plugins: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException | None
) -> None:
    s = study()
    build = plugins.build
    monkeypatch.setattr(
        plugins, "build",
        lambda kind, *rest: Leaving(error) if kind == "runner" else build(kind, *rest),
    )  # fmt: skip
    if error is None:
        s.optimize(slow_or_fast, trials=9)
    else:
        with pytest.raises(type(error)):
            s.optimize(slow_or_fast, trials=9)
    assert [t.state.value for t in s.trials] == ["RUNNING", "COMPLETE"]
    monkeypatch.undo()
    s.optimize(slow_or_fast, trials=5)
    assert s.counts[TrialState.COMPLETE] == 5
    assert [t.attempts for t in s.trials] == [2, 1, 1, 1, 1]
    alone = study(name="alone")
    alone.optimize(slow_or_fast, trials=5)
    assert [t.params for t in s.trials] == [t.params for t in alone.trials]

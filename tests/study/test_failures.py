"""Failed trials: who is told, when they stop a run, and how they run again."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import (
    Categorical,
    Float,
    HpoBridgeError,
    Int,
    Space,
    Study,
    Trial,
    TrialState,
    analysis,
)
from hpo_bridge.errors import NoCompleteTrial, TooManyFailures, TrialPruned
from hpo_bridge.store import MemoryStore, open_store

Make = Callable[..., Study]
NEVER = {"first_failures": 0}


def slip(trial: Trial) -> float:
    raise ValueError(f"no such optimizer, lr {trial['x']}")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# -- a person is told -------------------------------------------------------------------------


def test_a_script_shows_the_first_failure_the_count_and_the_last_reason(tmp_path: Path) -> None:
    code = """
        import hpo_bridge as hpo
        def slip(trial):
            raise ValueError("no such optimizer")
        study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0, name="demo")
        study.optimize(slip, trials=8)
        study.optimize(slip, trials=9)
        study.best
    """
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    why = "ValueError: no such optimizer (script.py:4 in slip)"
    assert lines[0] == f"study 'demo': trial 0 failed: {why}; the study goes on"
    assert lines[1].startswith("study 'demo': 8 of the 8 trials of this run failed, the last: tri")
    assert lines[2] == f"study 'demo': trial 8 failed: {why}; the study goes on"
    assert "NoCompleteTrial: study 'demo' has no complete trial: 9 of 9 failed, " in lines[-1]
    assert lines[-1].endswith(why)


def test_nothing_is_said_of_trials_that_end_well(study: Make, caplog: Any) -> None:
    def objective(trial: Trial) -> float:
        if trial.number % 2:
            raise TrialPruned
        return 0.0

    study().optimize(objective, trials=4)
    assert not said(caplog)


def test_the_last_reason_is_in_every_error_of_no_complete_trial(study: Make) -> None:
    s = study()
    with pytest.raises(NoCompleteTrial, match=r"'study' has no complete trial$"):
        _ = s.best
    s.optimize(slip, trials=3)
    for ask in (
        lambda: s.best,
        lambda: analysis.select(s),
        lambda: analysis.score_test(s, lambda trial: 0.0),
    ):
        with pytest.raises(NoCompleteTrial, match=r"3 of 3 failed, the last: trial 2 failed: Val"):
            ask()


# -- a run is stopped -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"runner": "processes", "workers": 2}])
def test_the_first_ten_of_one_reason_stop_the_run(study: Make, options: Any) -> None:
    s = study()
    with pytest.raises(TooManyFailures, match=r"the first 10 trials failed for one and the same"):
        s.optimize(slip, trials=50, **options)
    assert s.counts[TrialState.FAILED] in (10, 11)  # the other worker's ends by itself
    assert s.counts[TrialState.RUNNING] == 0
    s.optimize(slip, trials=30, stop=NEVER, **options)
    assert s.counts[TrialState.FAILED] == 30


def first(n: int, last: Callable[[Trial], float]) -> Callable[[Trial], float]:
    """Fails but for trial ``n``."""
    return lambda trial: last(trial) if trial.number == n else slip(trial)


def prune(trial: Trial) -> float:
    raise TrialPruned


def other(trial: Trial) -> float:
    raise TypeError("another reason")


@pytest.mark.parametrize("end", [prune, other, lambda trial: 1.0, lambda trial: float("nan")])
def test_one_other_end_among_the_first_lets_it_go_on(study: Make, end: Any) -> None:
    s = study()
    s.optimize(first(9, end), trials=30)
    assert len(s.trials) == 30


def test_failures_in_a_row_stop_it_anywhere_whatever_their_reasons(study: Make) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 3:
            raise TrialPruned
        if trial.number in (1, 2) or trial.number > 5:
            raise (ValueError if trial.number % 2 else TypeError)("no")
        return 0.0

    s = study()
    with pytest.raises(TooManyFailures, match=r"3 trials in a row failed, the last: trial 8 "):
        s.optimize(objective, trials=50, stop={"failures": 3})
    assert len(s.trials) == 9
    with pytest.raises(TooManyFailures, match=r"3 trials in a row"):  # of this run
        s.optimize(objective, trials=50, stop={"failures": 3})
    assert len(s.trials) == 12


def test_only_a_trial_that_failed_for_good_counts(study: Make) -> None:
    tried: set[int] = set()

    def objective(trial: Trial) -> float:
        if trial.number not in tried:
            tried.add(trial.number)
            slip(trial)
        return 0.0

    s = study()
    s.optimize(objective, trials=20, retries=1, stop={"failures": 1, "first_failures": 1})
    assert s.counts[TrialState.COMPLETE] == 20


def test_old_failures_stop_nothing(study: Make, url: str) -> None:
    with pytest.raises(TooManyFailures):
        study(store=url).optimize(slip, trials=50)
    s = study(store=url)
    s.optimize(lambda trial: 0.0, trials=20, stop={"failures": 1})
    assert s.counts[TrialState.COMPLETE] == 10


def test_in_deterministic_order_the_same_trials_run_whatever_the_timing(study: Make) -> None:
    def objective(trial: Trial) -> float:
        import time

        if trial.number in (3, 8, 10):
            time.sleep(0.3)
        raise ValueError("slip")

    for _ in range(2):
        s = study()
        with pytest.raises(TooManyFailures):
            s.optimize(objective, trials=50, runner="processes", workers=4, order="deterministic")
        assert s.counts[TrialState.FAILED] == 13  # trial 9 had to end before trial 13 began
        assert len(s.trials) == 13


def test_trials_asked_for_by_hand_are_the_users_matter(study: Make, caplog: Any) -> None:
    s = study()
    for _ in range(20):
        s.tell(s.ask(), state="FAILED", error="no")
    assert not said(caplog)


@pytest.mark.parametrize(
    ("stop", "where"),
    [
        ({"failure": 3}, "stop.failure: unknown key"), ({"failures": 0}, "stop.failures"),
        ({"failures": "3"}, "stop.failures"), ({"first_failures": -1}, "stop.first_failures"),
        ({"first_failures": True}, "stop.first_failures"), (5, "stop: found 5"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_before_anything_runs(study: Make, stop: Any, where: str) -> None:
    s = study()
    with pytest.raises(HpoBridgeError, match=where):
        s.optimize(lambda trial: 0.0, trials=3, stop=stop)
    assert not s.trials


# -- nothing to do ----------------------------------------------------------------------------


def test_a_run_with_nothing_to_do_says_so_and_how_to_go_on(study: Make, caplog: Any) -> None:
    s = study()
    s.optimize(slip, trials=5)
    caplog.clear()
    s.optimize(slip, trials=5)
    assert said(caplog) == [
        "study 'study': nothing to do: trials=5 is spent (5 failed); trials=10 goes on, "
        "retry_failed=True runs the failed ones again"
    ]
    caplog.clear()
    s.optimize(slip, seconds=1e-9)
    assert "nothing to do: seconds=1e-09 is spent (5 failed); seconds=" in said(caplog)[0]
    s = study({"x": Int(1, 3)}, backend="core.grid")
    s.optimize(lambda trial: 0.0)
    caplog.clear()
    s.optimize(lambda trial: 0.0)
    (text,) = said(caplog)
    assert "nothing to do: the backend has nothing left: all 3 points" in text
    assert "(3 complete); another backend goes on" in text


# -- failed trials run again ------------------------------------------------------------------

SPACE = Space(x=Float(0.1, 1), c=Categorical(["a", "b"]))


@pytest.mark.parametrize("sqlite", [False, True])
def test_failed_trials_run_again_under_the_same_budget(
    study: Make, url: str, sqlite: bool, caplog: Any
) -> None:
    s = study(SPACE, backend="optuna.tpe", **({"store": url} if sqlite else {}))
    seeds: dict[int, int] = {}

    def failing(trial: Trial) -> float:
        seeds[trial.number] = trial.seed
        trial.report(1.0, step=0)
        raise ValueError("slip")

    s.optimize(failing, trials=30, stop=NEVER)
    before = [trial.params for trial in s.trials]
    if sqlite:
        s.close()
        s = study(SPACE, backend="optuna.tpe", store=url)
    caplog.clear()
    ran: list[int] = []

    def mended(trial: Trial) -> float:
        assert seeds.get(trial.number, trial.seed) == trial.seed
        assert trial.load_checkpoint() is None
        ran.append(trial.number)
        return float(trial["x"])

    s.optimize(mended, trials=30, retry_failed=True)
    assert ran == list(range(30))
    assert not said(caplog)
    assert [trial.params for trial in s.trials] == before
    assert s.counts[TrialState.COMPLETE] == len(s.trials) == 30
    assert all(t.error is None and t.attempts == 2 and not t.reports for t in s.trials)
    assert s.best.value == min(params["x"] for params in before)
    s.optimize(mended, trials=40)
    assert ran == list(range(40))
    assert analysis.verify(s).reproducible


def test_a_trial_that_runs_again_has_all_its_retries(study: Make) -> None:
    s, attempts = study(), []

    def failing(trial: Trial) -> float:
        attempts.append(trial.number)
        raise ValueError("slip")

    s.optimize(failing, trials=2, retries=1)
    s.optimize(failing, trials=2, retries=1, retry_failed=True)
    assert sorted(attempts) == [0] * 4 + [1] * 4


def test_only_the_failed_ones_run_again(study: Make) -> None:
    s = study()
    s.optimize(lambda t: slip(t) if t.number % 3 == 1 else 0.0, trials=9)
    complete = [t for t in s.trials if t.state is TrialState.COMPLETE]
    ran: list[int] = []
    s.optimize(lambda t: ran.append(t.number) or 1.0, trials=9, retry_failed=True)
    assert ran == [1, 4, 7]
    assert [t for t in s.trials if t.number not in ran] == complete
    s.optimize(lambda t: ran.append(t.number) or 1.0, trials=9, retry_failed=True)
    assert ran == [1, 4, 7]


@pytest.mark.parametrize("pruner", ["median", "asha", "hyperband", "wilcoxon", "folds"])
def test_pruners_take_a_trial_that_runs_again(study: Make, url: str, pruner: str) -> None:
    def objective(trial: Trial) -> float:
        for step in range(3):
            trial.report(trial["x"] + step, step=step)
            trial.should_prune()
        return slip(trial) if fail else float(trial["x"])

    fail = True
    for again in (False, True):
        s = study(store=url, pruner=pruner)
        s.optimize(objective, trials=6, retry_failed=again)
        s.close()
        fail = False
    s = study(store=url, pruner=pruner)
    s.optimize(objective, trials=8)
    assert s.counts[TrialState.COMPLETE] == 8


@pytest.mark.parametrize(
    "backend", ["core.random", "optuna.tpe", "hyperopt.tpe", "deap.de", "skopt.lhs", "core.grid"]
)
def test_a_cut_after_any_event_of_a_retry_changes_nothing(
    study: Make, backend: str, tmp_path: Path
) -> None:
    space = Space(x=Int(0, 9), c=Categorical(["a", "b"]))
    options = {"skopt.lhs": {"n_samples": 16}}.get(backend, {})
    chosen = {"name": backend, "options": options}
    fail = True

    def objective(trial: Trial) -> float:
        if fail and trial.number % 3:
            raise ValueError("slip")
        return float(trial["x"])

    whole = study(space, backend=chosen, store=MemoryStore())
    whole.optimize(objective, trials=6)
    fail, kept = False, whole.store.study("study").seq
    whole.optimize(objective, trials=12, retry_failed=True)
    assert analysis.verify(whole).reproducible
    definition = whole.store.study("study").definition
    events = list(whole.store.events("study"))
    retried = max(event.seq for event in events if event.kind == "retried")
    assert retried > kept
    for cut in range(retried, len(events) + 1, 3):
        store = open_store(f"sqlite:///{tmp_path}/{cut}.db")
        store.create("study", json.loads(json.dumps(definition)))
        writer = store.acquire("study")
        writer.append(events[:cut])
        writer.release()
        with Study(space, backend=chosen, seed=0, store=store) as part:
            part.optimize(objective, trials=12)
            for one, two in zip(part.trials, whole.trials, strict=True):
                assert (one.params, one.values, one.state) == (two.params, two.values, two.state)
            assert analysis.verify(part).reproducible
        store.close()


def test_another_backend_is_told_of_the_new_results_alone(study: Make, url: str) -> None:
    s = study(SPACE, store=url)
    s.optimize(slip, trials=6)
    s.optimize(lambda trial: trial["x"], trials=3, retry_failed=True)  # three of them wait on
    assert s.counts[TrialState.WAITING] == 3
    s.close()
    s = study(SPACE, store=url, backend="optuna.tpe")
    s.optimize(lambda trial: trial["x"], trials=12)
    assert s.counts[TrialState.COMPLETE] == 12
    assert analysis.verify(s).reproducible


def test_a_failed_trial_outside_the_present_space_stays(
    study: Make, url: str, caplog: Any
) -> None:
    s = study({"x": Float(0, 1)}, store=url)
    s.optimize(slip, trials=3)
    s.close()
    s = study({"x": Float(0, 2), "y": Float(0, 1)}, store=url, change_space={"y": 0.0})
    s.optimize(lambda trial: trial["x"], trials=5, retry_failed=True)
    assert "no points of its present space do not run again: 3" in said(caplog)[-1]
    assert s.counts[TrialState.FAILED], s.counts[TrialState.COMPLETE] == (3, 2)


def test_observers_are_told_of_a_retry(study: Make) -> None:
    import hpo_bridge as hpo

    class Kinds:
        def __init__(self) -> None:
            self.seen: list[tuple[Any, ...]] = []

        @hpo.hookimpl
        def hpo_trial_requeued(self, trial: Any, reason: str, kind: str) -> None:
            self.seen.append((trial.number, trial.state.value, kind, reason))

    kinds = Kinds()
    s = study(observers=[kinds])
    s.optimize(slip, trials=1)
    s.optimize(lambda trial: 0.0, trials=1, retry_failed=True)
    ((number, state, kind, reason),) = kinds.seen
    assert (number, state, kind) == (0, "WAITING", "retry")
    assert reason.startswith("trial 0 failed: ValueError: no such optimizer")

"""Runner ``inline``."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions, ObjectiveError, StopStudy, StoreError
from hpo_bridge.runners.inline import Inline

TROUBLE = Path(__file__).with_name("trouble.py")


def test_runs_all_in_order(make_work):
    work = make_work(f"{TROUBLE}:pid", [{}] * 3)
    Inline().run(work)
    assert work.results == [os.getpid()] * 3
    assert list(work.outcomes) == [0, 1, 2]


def test_failures_do_not_end_the_run(make_work):
    names = ["raises", "exits", "returns_none", "recursion", "memory", "unprintable", "fine"]
    work = make_work(f"{TROUBLE}:chosen", [{"what": name, "x": 1.0} for name in names])
    Inline().run(work)
    errors = [str(error).partition(":")[0].split(" (")[0] for error in work.errors]
    assert errors[:2] == ["ValueError", "SystemExit"]
    assert errors[2].startswith("the objective returned None")
    assert errors[3:] == ["RecursionError", "MemoryError", "Unprintable", "None"]


def test_reports_and_pruning(make_work):
    work = make_work(
        f"{TROUBLE}:reports", [{"x": 0.0}, {"x": 10.0}], prune=lambda step, value: value >= 11
    )
    Inline().run(work)
    assert work.reports == {0: [(s, float(s)) for s in range(5)], 1: [(0, 10.0), (1, 11.0)]}
    assert work.outcomes[1].state is TrialState.PRUNED


def test_an_objective_may_stop_the_study(make_work):
    def stops(trial):
        raise StopStudy("the data are gone")

    work = make_work(stops, [{}, {}])
    with pytest.raises(StopStudy, match=r"^the data are gone$"):
        Inline().run(work)
    assert not work.outcomes
    assert list(work.given_back) == [0]


def test_timeout_also_of_an_objective_that_swallows_it_once(make_work):
    before = signal.getsignal(signal.SIGVTALRM)
    params = [{"what": "hangs"}, {"what": "swallows", "x": 1}, {"what": "fine", "x": 2.0}]
    work = make_work(f"{TROUBLE}:chosen", params)
    Inline(trial_timeout=0.2).run(work)
    assert work.errors == ["timed out after 0.2 s", "timed out after 0.2 s", None]
    assert signal.getsignal(signal.SIGVTALRM) is before


@pytest.mark.parametrize("then", ["return", "prune", "raise"])
def test_timeout_of_an_objective_that_goes_on_after_the_cut(make_work, then):
    work = make_work(f"{TROUBLE}:outlasts_the_cut", [{"then": then}])
    Inline(trial_timeout=0.2).run(work)
    assert work.errors == ["timed out after 0.2 s"]
    assert work.outcomes[0].state is TrialState.FAILED
    work = make_work(f"{TROUBLE}:outlasts_the_cut", [{"then": then}], seconds=1.0)
    Inline().run(work)
    assert work.given_back == {0: "the time budget ended"}
    assert not work.outcomes


def test_alarms_are_the_objectives_own(make_work):
    work = make_work(f"{TROUBLE}:has_its_own_alarm", [{"seconds": 0.0}, {"seconds": 60.0}])
    Inline(trial_timeout=5).run(work)
    assert work.errors == [None, "timed out after 5 s"]


def test_an_alarm_that_was_set_before_still_comes(make_work):
    rung = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    timer = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        Inline(trial_timeout=0.1).run(make_work(f"{TROUBLE}:hangs", [{}]))
        end = time.monotonic() + 150
        while not rung:
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


def test_the_time_of_a_trial_is_that_of_the_study_in_it(make_work):
    inner = []

    def outer(trial):
        work = make_work(f"{TROUBLE}:hangs", [{}, {}])
        inner.append(work)
        Inline(trial_timeout=0.2 if trial["short"] else 60).run(work)
        return len(work.outcomes)

    work = make_work(outer, [{"short": True}, {"short": False}])
    Inline(trial_timeout=5).run(work)
    assert work.errors == [None, "timed out after 5 s"]
    assert inner[0].errors == ["timed out after 0.2 s"] * 2
    assert list(inner[1].given_back) == [0]
    assert not inner[1].running


def test_ctrl_c_in_a_study_in_a_trial_waits_for_its_bookkeeping(make_work):
    inner = []

    def outer(trial):
        work = make_work(f"{TROUBLE}:interrupts", [{}, {}])
        inner.append(work)
        original = work.next

        def interrupted():
            trial = original()
            signal.raise_signal(signal.SIGINT)
            return trial

        work.next = interrupted
        Inline().run(work)

    work = make_work(outer, [{}, {}])
    with pytest.raises(KeyboardInterrupt):
        Inline().run(work)
    assert list(inner[0].given_back) == list(work.given_back) == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_timeout_needs_the_main_thread(make_work):
    caught = []

    def run():
        try:
            Inline(trial_timeout=1).run(make_work(f"{TROUBLE}:fine", [{}]))
        except InvalidOptions as error:
            caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "use runner 'processes'" in caught[0]


def test_runs_in_a_thread_without_a_timeout(make_work):
    results = []

    def run():
        work = make_work(f"{TROUBLE}:pid", [{}])
        Inline().run(work)
        results.extend(work.results)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == [os.getpid()]


def test_time_budget_cuts_the_running_trial(make_work):
    work = make_work(f"{TROUBLE}:hangs", [{}, {}], seconds=1.0)
    begin = time.monotonic()
    Inline(trial_timeout=30).run(work)
    assert time.monotonic() - begin < 20
    assert work.given_back == {0: "the time budget ended"}


def test_ctrl_c_in_an_objective(make_work):
    work = make_work(f"{TROUBLE}:interrupts", [{}, {}])
    with pytest.raises(KeyboardInterrupt):
        Inline().run(work)
    assert work.given_back == {0: "interrupted"}
    assert not work.outcomes
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("where", ["next", "report", "finish"])
def test_ctrl_c_waits_for_the_bookkeeping(make_work, where):
    work = make_work(f"{TROUBLE}:reports", [{"x": 0.0}] * 3)
    original = getattr(work, where)

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)
        setattr(work, where, original)
        return original(*arguments)

    setattr(work, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        Inline().run(work)
    assert not work.running
    assert work.given_back == ({} if where == "finish" else {0: "interrupted"})


def test_stopping(make_work):
    work = make_work(f"{TROUBLE}:fine", [{}] * 3)
    finish = work.finish

    def stop(number, outcome):
        finish(number, outcome)
        work.stopping = True

    work.finish = stop
    Inline().run(work)
    assert len(work.outcomes) == 1


def test_trouble_of_the_study_is_not_the_objectives(make_work):
    work = make_work(f"{TROUBLE}:reports", [{"x": 0.0}])

    def report(*_):
        raise StoreError("the disk is full")

    work.report = report
    with pytest.raises(StoreError, match="the disk is full"):
        Inline().run(work)
    assert not work.running


def test_objective_that_cannot_be_loaded(make_work, tmp_path):
    with pytest.raises(ObjectiveError, match="there is no file"):
        Inline().run(make_work(f"{tmp_path}/none.py:f", [{}]))

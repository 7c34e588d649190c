"""The driver's loop of runner ``ray``, against workers that are played by the test."""

from __future__ import annotations

import time

import pytest
from hpo_bridge_ray.dispatch import MOST_LOSSES, Dispatch

from hpo_bridge.contracts.interrupts import CtrlC
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.runners import StopPolicy


class Stage:
    """Plays the hub: a script of answers to orders."""

    def __init__(self, *begin):
        self.news = list(begin)
        self.orders = []
        self.play = lambda order: []
        self.waits = 0

    def exchange(self, orders, patience):
        self.orders += orders
        for order in orders:
            self.news += self.play(order)
        news, self.news = self.news, []
        if not news:
            self.waits += 1
            assert self.waits < 100, "nothing happens any more"
            time.sleep(min(patience, 0.01))
        return news


UP = ("joined", "a", "host:1"), ("idle", "a")


def done(order, value=1.0):
    _, worker, number, *_ = order
    return [
        ("begun", worker, number),
        ("done", worker, number, "COMPLETE", value, None, False),
        ("idle", worker),
    ]


def run(work, stage, **more):
    dispatch = Dispatch(work, stage.exchange, StopPolicy(work, CtrlC(), 1.0), ahead=True, **more)
    try:
        dispatch.loop()
    finally:
        dispatch.close()
    return dispatch


def test_trials_go_to_workers_that_wait(make_work):
    work = make_work(len, [{"x": i} for i in range(5)])
    stage = Stage(*UP, ("joined", "b", "host:2"), ("idle", "b"))
    stage.play = done
    run(work, stage)
    assert work.results == [1.0] * 5
    assert {order[1] for order in stage.orders} == {"a", "b"}


def test_it_says_what_it_waits_for(make_work):
    work, said = make_work(len, [{"x": 0}]), []
    stage = Stage(*UP)
    stage.play, exchange = done, stage.exchange

    def spy(orders, seconds):
        said.append(work.waiting_for)
        return exchange(orders, seconds)

    stage.exchange = spy
    run(work, stage)
    assert (said[0], said[-1]) == ("for Ray's resources", "")


def test_a_lost_worker_gives_its_trial_back(make_work):
    work = make_work(len, [{"x": 0}], again=True)
    stage = Stage(*UP)
    lives = iter(range(9))

    def play(order):
        if next(lives) == 0:
            return [("begun", "a", 0), ("lost", "a"), *UP]
        return done(order)

    stage.play = play
    run(work, stage)
    assert work.given_back == {0: "its worker on host:1 was lost"}
    assert work.outcomes[0].state is TrialState.COMPLETE


def test_a_trial_that_was_not_begun_is_handed_out_again_unseen(make_work):
    work = make_work(len, [{"x": 0}])
    stage = Stage(*UP)
    lives = iter(range(9))
    stage.play = lambda order: [("lost", "a"), *UP] if next(lives) < 5 else done(order)
    run(work, stage)
    assert not work.given_back
    assert work.results == [1.0]


def test_a_trial_that_takes_every_worker_along_fails_in_the_end(make_work):
    work = make_work(len, [{"x": 0}, {"x": 1}], again=True)
    stage = Stage(*UP)

    def play(order):
        number = order[2]
        return done(order) if number else [("begun", "a", 0), ("lost", "a"), *UP]

    stage.play = play
    run(work, stage)
    assert work.outcomes[0].state is TrialState.FAILED
    assert f"the {MOST_LOSSES}rd time" in work.outcomes[0].error
    assert work.outcomes[1].state is TrialState.COMPLETE


def test_news_of_a_trial_that_is_over_is_ignored(make_work):
    work = make_work(len, [{"x": 0}, {"x": 1}])
    stage = Stage(*UP)

    def play(order):
        kind, worker, number, *_ = order
        if kind == "answer":
            assert order == ("answer", "a", True)
            return []
        late = [("report", worker, number - 1, 3, 9.0), ("prune", worker, number - 1)]
        begun, *rest = done(order)
        return [*late, begun, ("report", worker, number, 1, 0.5), *rest]

    stage.play = play
    run(work, stage)
    assert work.results == [1.0, 1.0]
    assert work.reports == {0: [(1, 0.5)], 1: [(1, 0.5)]}
    # Nobody waits for ever: a thread that a trial left behind is told to stop.
    assert [order for order in stage.orders if order[0] == "answer"]


def test_a_slow_backend_is_asked_ahead_of_need(make_work):
    work = make_work(len, [{"x": i} for i in range(6)])
    asked = []
    quick = work.next

    def slow():
        time.sleep(0.02)
        trial = quick()
        asked.append(trial)
        return trial

    work.next = slow
    stage = Stage(*UP)
    ahead = []

    def play(order):
        ahead.append(len(asked) - order[2] - 1)
        return []

    stage.play = play
    waiting = stage.exchange

    def exchange(orders, patience):
        news = waiting(orders, patience)
        if not news and not orders and patience:  # the worker ends only when all is quiet
            last = next(o for o in reversed(stage.orders) if o[0] == "run")
            return done(last)
        return news

    stage.exchange = exchange
    run(work, stage)
    assert work.results == [1.0] * 6
    # When the worker wants its next trial, that is there already.
    assert ahead[1:] == [0] * 5
    assert [t.number for t in asked if t] == list(range(6))


def test_what_is_running_at_the_end_is_given_back(make_work):
    work = make_work(len, [{"x": 0}, {"x": 1}])
    stage = Stage(*UP)

    def play(order):
        work.stopping = True
        return [("begun", *order[1:3])]

    stage.play = play
    stop = StopPolicy(work, CtrlC(), 0.05)
    dispatch = Dispatch(work, stage.exchange, stop, ahead=True)
    dispatch.loop()
    dispatch.close()
    assert work.given_back == {0: "the study was stopped"}
    assert list(work.waiting)


@pytest.mark.parametrize("kind", ["lost", "left"])
def test_an_idle_worker_may_go(make_work, kind):
    work = make_work(len, [{"x": 0}])
    stage = Stage(("joined", "b", "x"), ("idle", "b"), (kind, "b"), *UP)
    stage.play = done
    run(work, stage)
    assert work.results == [1.0]

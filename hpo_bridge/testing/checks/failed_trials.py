"""Trials that fail, are pruned, or may not run at all: the backend goes on."""

from __future__ import annotations

from ...contracts.optimizer import Observation, Suggestion
from ..outcomes import Judge, complete, distance, failed, infeasible, pruned, where
from ..runs import Run
from ..spaces import MIXED
from ..subject import Subject
from .check_spec import check_spec
from .learning import improvement


def _go_on(subject: Subject, first: Judge, count: int) -> str:
    """``count`` trials end as ``first`` says, the rest well; every ask has an answer."""
    run = subject.run(subject.taken(MIXED))
    run.play(count, first, width=3, keep=1)
    run.settle(first)
    good = complete(distance(run.space))
    after = run.play(subject.startup + subject.few(20, 1 / 3) // 2, good, width=3, keep=1)
    run.settle(good)
    return f"{count} such trials, {len(after)} suggestions after them{_end(run)}"


def _end(run: Run) -> str:
    return ", then exhausted" if run.exhausted else ""


def half(subject: Subject) -> str:
    """Every second trial fails: it goes on, and still finds better points than at the start.

    Catches failed members that a generation waits for without end, models that a missing
    value breaks (skopt after one NaN), searches that a failure wins (DEAP).
    """
    return improvement(
        subject,
        lambda loss: where(lambda number: number % 2 == 1, failed, complete(loss)),
        share=0.85,
    )


def first_twenty(subject: Subject) -> str:
    """The first twenty trials (as many as the start-up phase has, if more) fail: it goes on.

    Catches models of no data.
    """
    count = max(20, subject.startup)
    run = subject.run(subject.taken(MIXED))
    return _go_on(subject, where(lambda _: True, failed, complete(distance(run.space))), count)


def all_fail(subject: Subject) -> str:
    """Every trial fails: it goes on for as long as it is asked.

    Catches averages of nothing, populations without a member.
    """
    run = subject.run(subject.taken(MIXED))
    none = where(lambda _: True, failed, complete(distance(run.space)))
    run.play(2 * subject.startup + subject.few(20, 1 / 3), none, width=2)
    return f"{len(run.points)} failed trials{_end(run)}"


def all_pruned(subject: Subject) -> str:
    """Trials are pruned, half of them after some reports, half before the first: it goes on.

    Catches reports that are expected and not there.
    """
    loss = distance(subject.seen(subject.taken(MIXED)))

    def judge(number: int, suggestion: Suggestion) -> Observation:
        value = loss(suggestion.params)
        return pruned(suggestion, *((value + 0.5, value + 0.1) if number % 2 else ()))

    return _go_on(subject, judge, subject.startup + 5)


def infeasible_row(subject: Subject) -> str:
    """The first points, and later hundreds in a row, are infeasible: it goes on.

    Catches searches that propose a forbidden point again without end, or run out of room.
    """
    run = subject.run(subject.taken(MIXED))
    good = complete(distance(run.space))
    none = where(lambda _: True, infeasible, good)
    count = subject.few(300, 5.0)
    run.play(subject.startup, none)
    run.play(subject.startup, good)
    run.play(count, none)
    after = run.play(subject.few(20, 1 / 3), good)
    return f"{count} infeasible points in a row, {len(after)} suggestions after them{_end(run)}"


CHECKS = (
    check_spec("failures[half]", half),
    check_spec("failures[first]", first_twenty),
    check_spec("failures[all]", all_fail),
    check_spec("failures[pruned]", all_pruned),
    check_spec("failures[infeasible]", infeasible_row),
)

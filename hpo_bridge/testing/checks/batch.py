"""Several suggestions at once, and results that come late, in pieces, or never."""

from __future__ import annotations

import json

from ...contracts.optimizer import Snapshot
from ..outcomes import complete, distance, failed, mixed, where
from ..runs import Run, plain, points_of
from ..spaces import MIXED
from ..subject import Subject
from ..verdicts import require
from .check_spec import check_spec


def _different(run: Run) -> str:
    """Asks for 8, then for 4 while those are pending: no point twice."""
    before = len(run.points)
    run.settle(complete(distance(run.space)))
    run.ask(8)
    more = len(run.points) - before
    run.ask(4)
    new = points_of(run.points[before:])
    again = len(new) - len(set(new))
    require(again == 0, f"of {len(new)} pending suggestions {again} are there twice")
    return f"ask(8) gave {more}, ask(4) after it {len(new) - more}, all different"


def batch_start(subject: Subject) -> str:
    """Of ask(8) at the start, and of ask(4) while those are pending, no two are the same.

    Catches one seed for a whole batch (Katib's Hyperopt), a cached batch given again (skopt).
    """
    return _different(subject.run(subject.taken(MIXED)))


def batch_model(subject: Subject) -> str:
    """The same past the start-up phase.

    Catches models that do not know what is pending, and give their best point again (skopt).
    """
    return _different(subject.warm(subject.taken(MIXED)))


def any_order(subject: Subject) -> str:
    """Results are told in another order than asked for, one by one, while others are pending.

    Catches optimizers that count on the order, and those that lose track of a batch.
    """
    run = subject.run(subject.taken(MIXED))
    judge = mixed(distance(run.space))
    target = subject.startup + subject.few(40, 0.5)
    while len(run.points) < target and not run.exhausted:
        given = run.ask(4)
        run.settle(judge, 3 if given else 0, together=False)
    run.settle(judge)
    return f"{len(run.points)} suggestions, up to 7 pending"


def late(subject: Subject) -> str:
    """One result comes late, after it has waited for it or gone far beyond: it goes on then.

    Catches generational algorithms that never take up a member that comes late, or lose count.
    """
    run = subject.run(subject.taken(MIXED))
    good = complete(distance(run.space))
    said = []
    for judge in (good, where(lambda _: True, failed, good)):
        if run.ask(1):
            run.hold()
        beyond = len(run.play(subject.startup + 2, good, width=2))
        run.release(judge)
        after = len(run.play(subject.few(12, 0.2), good, width=2))
        said.append(f"{beyond} suggestions without the result, {after} after it")
    return "; ".join(said)


def waiting(subject: Subject) -> str:
    """An empty answer, while results are outstanding, changes nothing: what follows is the same.

    Catches random generators that move on, and counters that grow, at a fruitless ask.
    """
    space = subject.taken(MIXED)
    run = subject.run(space)
    judge = complete(distance(run.space))
    for _ in range(subject.startup + 20):
        if not run.ask(1) or run.exhausted:
            break
    asked = len(run.points)
    if not run.waits:
        return f"it never waits: {asked} suggestions without one result"
    before = _state(run)
    for n in (1, 5, 1):
        require(not run.ask(n), f"it gave nothing, then something, of {asked} pending")
    require(_state(run) == before, "state() is another after an ask that gave nothing")
    twin = subject.run(space)
    for _ in range(asked):
        twin.ask(1)
    for each in (run, twin):
        each.settle(judge)
        each.play(asked + 4, judge, width=3)
    same = list(map(plain, run.points)) == list(map(plain, twin.points))
    require(same, "after empty answers it goes on otherwise than without them")
    return f"it waits after {asked} suggestions"


def _state(run: Run) -> str:
    state = run.optimizer.state() if isinstance(run.optimizer, Snapshot) else None
    return json.dumps(state, sort_keys=True)


CHECKS = (
    check_spec("batch[start]", batch_start),
    check_spec("batch[model]", batch_model),
    check_spec("batch[order]", any_order),
    check_spec("batch[late]", late),
    check_spec("batch[waiting]", waiting),
)

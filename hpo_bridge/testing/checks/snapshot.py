"""Going on where one has stopped: by a snapshot, and by replaying what was asked and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...contracts.optimizer import Capability, Observation, Snapshot
from ...contracts.record import TrialState
from ...errors import short
from ..outcomes import distance, mixed
from ..runs import Run, plain, replay
from ..spaces import MIXED
from ..subject import Subject
from ..verdicts import Fault, NotApplicable, require
from .check_spec import check_spec
from .inject import crowd

WRONG = ({"no": "state of this backend"}, "nonsense")
"""States that no backend can have given."""


def _snapshots(subject: Subject) -> None:
    if not isinstance(subject.build(subject.taken(MIXED)), Snapshot):
        raise NotApplicable("it has no state() and restore(): the core replays its asks and tells")


def _eventful(subject: Subject, run: Run) -> Iterator[None]:
    """A run with everything in it, pending suggestions too; pauses between two rounds."""
    judge = mixed(distance(run.space))
    target = subject.startup + subject.few(25, 0.4)
    rounds = 0
    while len(run.points) < target and not run.exhausted:
        yield
        given = run.ask(1 + rounds % 3)
        run.settle(judge, 2 if given else 0, together=bool(rounds % 2))
        if subject.has(Capability.INJECT) and rounds in (2, 9):
            good, bad, *_ = crowd(run.space)
            run.tell(good, Observation(bad.params, None, None, TrialState.FAILED))
        rounds += 1
    yield


def continued(subject: Subject) -> str:
    """A snapshot, after a round trip through JSON, goes on exactly as the uninterrupted run.

    It is taken at several moments, with pending, failed, pruned, infeasible and foreign points.

    Catches a generator that is forgotten, pending points that are lost, counters that start
    again.
    """
    _snapshots(subject)
    space = subject.taken(MIXED)
    run = subject.run(space)
    cuts: list[tuple[int, int, str]] = []
    every = max(1, subject.startup // 4)
    for number, _ in enumerate(_eventful(subject, run)):
        if number % every == 0:
            state = _dump(run)
            cuts.append((len(run.log), len(run.points), state))
    given = [cut for cut in cuts if cut[2] != "null"]
    require(bool(given), "state() gave None each time")
    given = given[-3 if subject.dear else -8 :]
    for at, points, state in given:
        later = subject.run(space)
        told = (o for kind, seen, _ in run.log[:at] if kind == "tell" for o in seen)
        assert isinstance(later.optimizer, Snapshot)
        later.optimizer.restore(json.loads(state), told)
        try:
            replay(later, run.log[at:], asks=subject.few(6, 0.1))
        except Fault as fault:
            raise Fault(f"restored after {points} suggestions: {fault}") from None
        except Exception as error:
            raise Fault(
                f"restored after {points} suggestions: {type(error).__name__}: {error}"
            ) from error
    return f"continued from {len(given)} places, {max(len(c[2]) for c in given)} characters"


def _dump(run: Run) -> str:
    assert isinstance(run.optimizer, Snapshot)
    state = run.optimizer.state()
    try:
        return json.dumps(state, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Fault(f"state() is not plain JSON data: {error}") from error


def unchanged(subject: Subject) -> str:
    """Taking a snapshot changes nothing: the run goes on as without, and a second one is equal.

    Catches generators that are read by drawing from them, queues that are emptied.
    """
    _snapshots(subject)
    space = subject.taken(MIXED)
    run, twin = subject.run(space), subject.run(space)
    for _ in _eventful(subject, run):
        first = _dump(run)
        require(first == _dump(run), "a second state() differs from the first")
    for _ in _eventful(subject, twin):
        pass
    for number, (one, other) in enumerate(zip(run.points, twin.points, strict=False), 1):
        if plain(one) != plain(other):
            raise Fault(
                f"suggestion {number} is {short(dict(one.params))} with snapshots, "
                f"{short(dict(other.params))} without"
            )
    return f"{len(run.points)} suggestions are the same"


def wrong_state(subject: Subject) -> str:
    """`restore()` of what is no state of this backend raises.

    Catches snapshots of another version that are taken in silence, and go on elsewhere.
    """
    _snapshots(subject)
    space = subject.taken(MIXED)
    for wrong in WRONG:
        optimizer: Any = subject.build(space)
        try:
            optimizer.restore(wrong, iter(()))
        except Exception:
            continue
        raise Fault(f"restore({wrong!r}, …) says nothing")
    return f"{len(WRONG)} wrong states are refused"


def replayed(subject: Subject) -> str:
    """The same asks and tells again give the same suggestions.

    Catches all that makes a stored study impossible to continue: time, order of results,
    random numbers from elsewhere.
    """
    space = subject.taken(MIXED)
    run = subject.run(space)
    for _ in _eventful(subject, run):
        pass
    compared = replay(subject.run(space), run.log)
    return f"{compared} suggestions are the same"


CHECKS = (
    check_spec("snapshot[continued]", continued),
    check_spec("snapshot[unchanged]", unchanged),
    check_spec("snapshot[wrong]", wrong_state),
    check_spec("replay", replayed),
)

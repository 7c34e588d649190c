"""One seed, one run: in any process, beside anything else."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...contracts.optimizer import Capability
from ..outcomes import distance, mixed
from ..process import PENDING, WIDTH, finish, sequence, sequence_task, start
from ..runs import Run, plain
from ..spaces import MIXED
from ..subject import Subject
from ..verdicts import Fault, NotApplicable, require
from .check_spec import check_spec


def _count(subject: Subject) -> int:
    """Some suggestions past the start-up phase, though a few are always pending."""
    return subject.startup + PENDING + subject.few(20, 1 / 3)


def usual_sequence(subject: Subject) -> list[str]:
    """Return the suggestions of the run that all others are compared with."""
    if "seed" not in subject.cache:
        run = subject.run(subject.taken(MIXED), seed=7)
        subject.cache["seed"] = sequence(run, _count(subject))
    found: list[str] = subject.cache["seed"]
    return found


def sequence_again(subject: Subject, seed: int = 7) -> list[str]:
    """Return the suggestions of a new run like the usual one."""
    return sequence(subject.run(subject.taken(MIXED), seed), _count(subject))


def compare(subject: Subject, found: list[str], how: str) -> str:
    """Check that suggestions are those of the usual run; ``how`` they were made, for the error."""
    usual = usual_sequence(subject)
    for number, (one, other) in enumerate(zip(found, usual, strict=False), 1):
        require(one == other, f"{how} suggestion {number} is {one}, else it is {other}")
    require(len(found) == len(usual), f"{how} it gives {len(found)} suggestions, not {len(usual)}")
    return f"{len(found)} suggestions are the same"


def same(subject: Subject) -> str:
    """With the same seed the same run.

    Catches random numbers from elsewhere, the clock, the address of an object.
    """
    usual_sequence(subject)
    return compare(subject, sequence_again(subject), "a second time")


def other(subject: Subject) -> str:
    """With another seed another run.

    Catches seeds that never reach the library, and fixed sequences.
    """
    different = sequence_again(subject, 8) != usual_sequence(subject)
    if not different and subject.has(Capability.FINITE):
        raise NotApplicable("FINITE: it proposes every point once, in an order without chance")
    require(different, "seeds 7 and 8 give the same run")
    return "seeds 7 and 8 differ"


def process(subject: Subject) -> str:
    """With the same seed the same run in new processes, with other hash seeds.

    Catches sets and hashes in the way of the sequence (Vizier's shuffled grid).
    """
    usual = usual_sequence(subject)
    space = subject.seen(subject.taken(MIXED))
    task = sequence_task(
        subject.spec.factory,
        subject.options,
        space,
        7,
        count=_count(subject),
        finite=subject.has(Capability.FINITE),
        composite=subject.spec.composite,
    )
    running = [(seed, start(task, PYTHONHASHSEED=seed)) for seed in ("0", "1")]
    answers = [(seed, finish(each)) for seed, each in running]
    for seed, found in answers:
        compare(subject, found, f"in a new process with PYTHONHASHSEED={seed}")
    return f"{len(usual)} suggestions are the same"


def _global_states() -> dict[str, Any]:
    states: dict[str, Any] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        name, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = [name, keys.tolist(), *rest]
    return states


def _seed_all(seed: int) -> None:
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)


@contextmanager
def _keep_global_states() -> Iterator[None]:
    """Leaves the global generators as they were."""
    before = random.getstate()
    numpy = sys.modules.get("numpy")
    state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(before)
        if numpy is not None:
            numpy.random.set_state(state)


def untouched(subject: Subject) -> str:
    """The global generators of `random` and `numpy.random` are as before.

    Catches libraries that draw from them (DEAP), and adapters that seed them.
    """
    usual_sequence(subject)  # what is imported on the way is imported now
    with _keep_global_states():
        _seed_all(99)  # else an adapter that seeds them would find what it left
        before = _global_states()
        sequence_again(subject)
        after = _global_states()
    changed = [name for name in before if before[name] != after[name]]
    require(not changed, f"changes the global state of {' and '.join(changed)}")
    return f"untouched: {', '.join(before)}"


def unread(subject: Subject) -> str:
    """Whatever `random` and `numpy.random` were seeded with, the run is the same.

    Catches libraries that draw from them, if only now and then.
    """
    usual_sequence(subject)
    for seed in (123,) if subject.dear else (123, 5):
        with _keep_global_states():
            _seed_all(seed)
            compare(subject, sequence_again(subject), f"after random.seed({seed})")
    return "no global seed matters"


def interleaved(subject: Subject) -> str:
    """Two runs in one process, call by call in turn, do not disturb one another.

    Catches state of a class or a module that all optimizers share (DEAP's creator).
    """
    usual_sequence(subject)
    space = subject.taken(MIXED)
    runs = [subject.run(space, seed) for seed in (7, 8)]
    judge = mixed(distance(runs[0].space))
    while len(runs[0].points) < _count(subject) and not runs[0].exhausted:
        for run in runs:
            _one_round(run, min(WIDTH, _count(subject) - len(run.points)), judge)
    return compare(subject, [plain(s) for s in runs[0].points], "beside another run")


def _one_round(run: Run, width: int, judge: Any) -> None:
    """Play one round of :func:`sequence`."""
    if width > 0 and not run.exhausted:
        given = run.ask(width)
        run.settle(judge, PENDING if given else 0)


def threads(subject: Subject) -> str:
    """Two runs in two threads do not disturb one another.

    Catches a library's global state that is swapped in and out without a lock.
    """
    usual_sequence(subject)
    space = subject.taken(MIXED)
    found: dict[int, Any] = {}

    def work(place: int, seed: int) -> None:
        try:
            found[place] = sequence(subject.run(space, seed), _count(subject))
        except BaseException as error:  # shown by the caller's thread
            found[place] = error

    workers = [threading.Thread(target=work, args=pair) for pair in enumerate((7, 8))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for answer in found.values():
        if isinstance(answer, BaseException):
            raise Fault(f"in two threads: {type(answer).__name__}: {answer}") from answer
    return compare(subject, found[0], "beside another thread")


CHECKS = (
    check_spec("seed[same]", same),
    check_spec("seed[other]", other),
    check_spec("seed[process]", process),
    check_spec("seed[untouched]", untouched),
    check_spec("seed[unread]", unread),
    check_spec("seed[interleaved]", interleaved),
    check_spec("seed[threads]", threads),
)

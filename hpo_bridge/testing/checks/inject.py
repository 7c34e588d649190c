"""Points that the backend did not propose (``INJECT``)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ...contracts.optimizer import Capability, Observation, Suggestion
from ...contracts.record import TrialState
from ...space import Space
from ..outcomes import complete, distance
from ..runs import points_of
from ..spaces import MIXED
from ..subject import Subject
from ..verdicts import NotApplicable, require
from .check_spec import check_spec

PLACE = 0.85
"""Where the foreign points are, in ``[0, 1]``."""
CROWD = 12
"""How many there are: Optuna's CMA-ES wants ten at least."""


def _need_inject(subject: Subject) -> None:
    if not subject.has(Capability.INJECT):
        raise NotApplicable("INJECT is not declared: the core tells it no foreign points")


def crowd(space: Space) -> list[Observation]:
    """A few foreign points in one corner, the better the nearer to :data:`PLACE`."""
    found = []
    for i in range(CROWD):
        units = [PLACE + 0.02 * ((i + k) % 3 - 1) for k in range(len(space))]
        params = space.decode(units)
        found.append(Observation(params, (-1.0 + 0.005 * i,), None))
    return found


def used(subject: Subject) -> str:
    """Told foreign points that are by far the best, it proposes other points than without.

    Catches history that is accepted and never looked at (Optuna's NSGA-II and CMA-ES).
    """
    _need_inject(subject)
    told, untold = _both(subject, 0)
    require(
        points_of(told) != points_of(untold),
        f"the next {len(told)} suggestions are the same with {CROWD} foreign points and without",
    )
    return f"{len(told)} suggestions differ"


def towards(subject: Subject) -> str:
    """Told foreign points that are by far the best, its points come nearer to them.

    Catches foreign points that repel, or change nothing but the random numbers.
    """
    _need_inject(subject)
    space = subject.seen(subject.taken(MIXED))
    loss = distance(space, PLACE)
    told: list[float] = []
    untold: list[float] = []
    for seed in range(subject.seeds):
        for each, far in zip(_both(subject, seed), (told, untold), strict=True):
            far += [loss(s.params) for s in each]
    return _nearer(subject, told, untold)


def _nearer(subject: Subject, told: Sequence[float], untold: Sequence[float]) -> str:
    """Compares distances from the foreign points, with them told and without."""
    shown = [f"mean {sum(far) / len(far):.3f}, least {min(far):.3f}" for far in (told, untold)]
    seen = f"squared distance from the foreign points: {shown[0]}; without them: {shown[1]}"
    # With a handful of suggestions one that is nearest says more than their mean.
    nearer = sum(told) / len(told) < sum(untold) / len(untold)
    require(nearer or (subject.dear and min(told) < min(untold)), seen)
    return seen


def _both(subject: Subject, seed: int) -> tuple[Sequence[Suggestion], Sequence[Suggestion]]:
    """The next suggestions past the start-up phase, with and without foreign points."""
    key = f"inject {seed}"
    if key not in subject.cache:
        space = subject.taken(MIXED)
        both = []
        for foreign in (True, False):
            run = subject.warm(space, seed)
            if foreign:
                run.tell(*crowd(run.space))
            judge = complete(distance(run.space))
            # What is queued already may be as it was: a generation, and some suggestions more.
            count = subject.startup + subject.few(20, 1 / 3)
            both.append(run.play(count, judge, width=2))
        subject.cache[key] = both[0], both[1]
    found: tuple[Sequence[Suggestion], Sequence[Suggestion]] = subject.cache[key]
    return found


def history(subject: Subject) -> str:
    """Handed a history before its first ask, it proposes other points than without, and nearer.

    The core does so when a stored study gets another backend: random points, a few failures,
    and points that are by far the best.

    Catches histories that only count trials, and those that a fresh optimizer is too young for.
    """
    _need_inject(subject)
    space = subject.taken(MIXED)
    far = distance(subject.seen(space), PLACE)
    judge = complete(distance(subject.seen(space)))
    count = subject.startup + subject.few(20, 1 / 3)
    told, untold = subject.run(space), subject.run(space)
    rng = random.Random(0)
    past = [told.space.decode([rng.random() for _ in told.space]) for _ in range(subject.startup)]
    told.tell(
        *(
            Observation(params, None, None, TrialState.FAILED)
            if number % 5 == 4
            else Observation(params, (far(params),), None)
            for number, params in enumerate(past)
        ),
        *crowd(told.space),
    )
    both = [run.play(count, judge, width=2) for run in (told, untold)]
    require(
        points_of(both[0]) != points_of(both[1]),
        f"the first {count} suggestions are the same with a history and without",
    )
    return _nearer(subject, *([far(s.params) for s in each] for each in both))


def harmless(subject: Subject) -> str:
    """Foreign points that failed, or were pruned, at the start and later, do no harm.

    Catches histories that are expected to be without a gap.
    """
    _need_inject(subject)
    run = subject.run(subject.taken(MIXED))
    good = complete(distance(run.space))
    for count in (subject.startup + 1, subject.few(20, 1 / 3)):
        points = [o.params for o in crowd(run.space)]
        run.tell(
            Observation(points[0], None, None, TrialState.FAILED),
            Observation(points[1], None, None, TrialState.PRUNED, ((1, 0.5), (2, 0.4))),
            Observation(points[2], None, None, TrialState.PRUNED),
        )
        run.tell(Observation(points[3], None, None, TrialState.FAILED))
        run.play(count, good, width=2, keep=1)
    return f"{len(run.points)} suggestions"


CHECKS = (
    check_spec("inject[used]", used),
    check_spec("inject[towards]", towards),
    check_spec("inject[history]", history),
    check_spec("inject[harmless]", harmless),
)

"""Results are used: better points are found, several losses are taken, a small space ends."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from ...contracts.optimizer import Capability
from ...errors import SearchExhausted
from ...space import Space
from ..outcomes import Distance, Judge, complete, distance, mixed
from ..runs import points_of
from ..spaces import MIXED, SMALL
from ..subject import Subject
from ..verdicts import Fault, NotApplicable, require
from .check_spec import CheckSpec, check_spec

WINDOWS = 8
"""How many windows past the start-up phase a run may take to become better."""


def improvement(subject: Subject, judged: Callable[[Distance], Judge], *, share: float) -> str:
    """Past its start-up phase it proposes points of a clearly lower loss than random ones.

    Of a few seeds most must have a window of suggestions with a mean loss below ``share``
    times the mean of random points. A backend whose technique does not learn only has to go
    on.
    """
    space = subject.taken(MIXED)
    seen = subject.seen(space)
    loss = distance(seen)
    judge = judged(loss)
    usual = _mean_loss_of_random_points(subject, seen, loss)
    width = subject.few(25, 0.4)
    best = []
    for seed in range(subject.seeds):
        run = subject.run(space, seed)
        run.play(subject.startup, judge)
        means: list[float] = []
        while len(means) < WINDOWS and not run.exhausted:
            window = run.play(width, judge)
            if window:
                means.append(sum(loss(s.params) for s in window) / len(window) / usual)
            if not subject.guided or (means and means[-1] < share):
                break
        best.append(min(means, default=0.0))
        if 2 * sum(value < share for value in best) > subject.seeds:
            break
    if not subject.guided:
        return f"{subject.spec.technique}: it goes on, and need not learn"
    shown = ", ".join(f"{value:.2f}" for value in best)
    require(
        2 * sum(value < share for value in best) > subject.seeds,
        f"the mean loss of {width} suggestions is at best {shown} of random points', expected "
        f"below {share}, in up to {WINDOWS * width} suggestions past the start-up phase",
    )
    return f"mean loss of {width} suggestions: {shown} of random points'"


def _mean_loss_of_random_points(subject: Subject, space: Space, loss: Distance) -> float:
    if "random" not in subject.cache:
        rng = random.Random(0)
        losses = [loss(space.decode([rng.random() for _ in space])) for _ in range(2000)]
        subject.cache["random"] = sum(losses) / len(losses)
    mean: float = subject.cache["random"]
    return mean


def progress(subject: Subject) -> str:
    """Past the start-up phase its points are clearly better than random ones.

    On a simple mixed problem, for most of a few seeds.

    Catches results that never reach the library, losses of the wrong sign, random search under
    another name.
    """
    if not subject.guided:
        raise NotApplicable(f"technique {subject.spec.technique!r} does not learn from results")
    return improvement(subject, complete, share=0.7)


def objectives(count: int, subject: Subject) -> str:
    """Several losses are taken, with trials that fail among them."""
    if not subject.has(Capability.MULTI_OBJECTIVE):
        raise NotApplicable("MULTI_OBJECTIVE is not declared: the core hands it one loss only")
    run = subject.run(subject.taken(MIXED), n_objectives=count)
    judge = mixed(distance(run.space), count)
    run.play(subject.startup + subject.few(20, 1 / 3), judge, width=2, keep=1)
    return f"{len(run.points)} suggestions"


def finite(subject: Subject) -> str:
    """A backend that ends by itself proposes each of twelve points once.

    Then it is exhausted, now and for good.

    Catches grids that start over (Optuna's), lose their last points, or end with an error.
    """
    if not subject.has(Capability.FINITE):
        raise NotApplicable("FINITE is not declared: it never ends by itself")
    space = subject.taken(SMALL)
    run = subject.run(space)
    judge = complete(distance(run.space))
    run.play(100, judge, width=5)
    points = points_of(run.points)
    require(run.exhausted, f"of 12 points it proposed {len(points)} without an end")
    require(
        len(points) == len(set(points)) == run.space.cardinality,
        f"of {run.space.cardinality} points it proposed {len(set(points))}, in {len(points)}",
    )
    for n in (1, 5):
        try:
            answer = run.optimizer.ask(n)
        except SearchExhausted:
            continue
        raise Fault(f"after SearchExhausted ask({n}) gave {len(answer)} suggestions")
    return f"{len(points)} points once each, then SearchExhausted"


CHECKS = (
    check_spec("progress", progress),
    *(
        CheckSpec(
            f"objectives[{count}]",
            partial(objectives, count),
            f"With `MULTI_OBJECTIVE` it takes {count} losses, and goes on when trials fail",
            "a capability that is declared and not there",
        )
        for count in (2, 3)
    ),
    check_spec("finite", finite),
)

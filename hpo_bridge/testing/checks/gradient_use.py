"""Derivatives of the objective (``GRADIENT``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...contracts.gradients import Slope
from ...contracts.optimizer import Capability, Observation, Suggestion
from ...engine.checked_optimizer import wants_gradients
from ..outcomes import Judge, complete, distance
from ..runs import points_of
from ..spaces import MIXED
from ..subject import Subject
from ..verdicts import NotApplicable, require
from .check_spec import check_spec


def used(subject: Subject) -> str:
    """With `GRADIENT` it goes down the gradients: turned round, they lead it to worse points.

    The losses are the same in both runs; only the signs of the derivatives differ.

    Catches derivatives that never reach the optimizer, and those of the wrong sign.
    """
    if not subject.has(Capability.GRADIENT):
        raise NotApplicable("GRADIENT is not declared: it needs no derivatives")
    space = subject.taken(MIXED)
    if not wants_gradients(subject.spec, subject.build(space)):
        raise NotApplicable("with these options it needs no derivatives")
    loss = distance(subject.seen(space))
    good = complete(loss)
    count = subject.startup + subject.few(20, 1 / 3)
    runs = [subject.run(space).play(count, judge) for judge in (good, _turn(good))]
    require(points_of(runs[0]) != points_of(runs[1]), "the signs of the derivatives do not matter")
    means = [_mean([loss(s.params) for s in run]) for run in runs]
    shown = f"mean loss {means[0]:.3g}; {means[1]:.3g} with every derivative turned round"
    require(means[0] < means[1], shown)
    return shown


def _turn(judge: Judge) -> Judge:
    """The same outcomes, with derivatives of the other sign."""

    def turned(number: int, suggestion: Suggestion) -> Observation:
        seen = judge(number, suggestion)
        slopes: dict[str, Slope] = {
            name: [-s for s in slope] if isinstance(slope, list) else -slope
            for name, slope in (seen.gradients or {}).items()
        }
        return replace(seen, gradients=slopes)

    return turned


def _mean(losses: Sequence[float]) -> float:
    return sum(losses) / len(losses)


CHECKS = (check_spec("gradients", used),)

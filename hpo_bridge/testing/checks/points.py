"""Every suggestion is a point of the space, exactly as the contract has it."""

from __future__ import annotations

from functools import partial

from ...contracts.optimizer import Capability
from ..outcomes import complete, distance
from ..spaces import SPACES
from ..subject import Subject
from ..verdicts import NotApplicable
from .check_spec import CheckSpec

PER_RUN = 10
"""Suggestions that one fresh optimizer gives: within anybody's start-up phase."""


def suggestions(name: str, subject: Subject) -> str:
    """Suggestions of fresh optimizers, and of one past its start-up phase; all are checked."""
    space, _ = SPACES[name]
    if space.vectors and not subject.has(Capability.VECTOR):
        raise NotApplicable("VECTOR is not declared: the core refuses vectors before it is asked")
    subject.whole(space)
    start = 0
    for seed in range(subject.few(20, 1 / 3)):
        run = subject.run(space, seed, strict=True)
        judge = complete(distance(run.space))
        start += len(run.play(min(PER_RUN, subject.startup), judge))
    run = subject.run(space, strict=True)
    judge = complete(distance(run.space))
    run.play(subject.startup, judge, width=2)
    share = 2.0 if name == "mix" else 0.5 if subject.dear else 1.0
    later = len(run.play(subject.few(200, share), judge, width=3, keep=2))
    return f"{start} suggestions at the start, {later} past the start-up phase"


MEANINGS = {
    "float": "uniform floats",
    "float_log": "floats on a log scale",
    "float_step": "stepped floats",
    "float_step_awkward": "stepped floats with steps such as 0.1 and 0.3",
    "int": "integers",
    "int_log": "integers on a log scale, 1 to 8",
    "int_log_wide": "integers on a log scale, 1 to 1000",
    "int_step": "stepped integers",
    "categorical": "choices without order: 2, 3 and 7 of them",
    "ordered": "choices with an order",
    "single": "parameters of a single value",
    "nested": "conditions within conditions, as declared with `CONDITIONAL`, else flat",
    "vector": "lists of numbers, with `VECTOR`",
    "mix": "everything together, under awkward names",
}

CHECKS = tuple(
    CheckSpec(
        f"space[{name}]",
        partial(suggestions, name),
        f"Each suggestion is a point of the space, in plain `int` and `float`: {meaning}",
        SPACES[name][1],
    )
    for name, meaning in MEANINGS.items()
)

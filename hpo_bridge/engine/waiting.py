"""The things that a driver waits for, in words for people."""

from __future__ import annotations

from ..contracts.formatting import format_duration
from ..contracts.interrupts import pending_call
from .driver import Driver

SLOW = 1.0
"""Seconds after which a backend that thinks is worth a word."""


def waiting_reasons(driver: Driver) -> list[str]:
    """Return what waits, and for what; from any thread.

    Example:
        >>> from hpo_bridge import Float, Space, Study
        >>> study = Study(Space(x=Float(0, 1)))
        >>> for x in (0.5, 0.75):
        ...     number = study.enqueue({"x": x})
        >>> waiting_reasons(study._lease.driver)
        ['2 enqueued']
    """
    reasons = [driver.waiting_for] if driver.waiting_for else []
    call, steps = pending_call(), driver.steps
    if call is not None and call.seconds >= SLOW:
        reasons.append(f"for {call.name} ({format_duration(call.seconds)})")
    elif driver.needs_results and steps.running:
        reasons.append("for results of running trials")
    waiting = list(steps.waiting)  # in one step: the driver's thread goes on
    again = sum(trial.failures > 0 for trial in waiting)
    cut = sum(trial.failures == 0 and trial.attempts > 0 for trial in waiting)
    added = sum(trial.attempts == 0 and trial.backend is None for trial in waiting)
    asked = len(waiting) - again - cut - added
    behind = 0 if steps.reuse is None else steps.reuse.waiting
    for count, words in (
        (again, "to be tried again"), (cut, "to go on"), (added, "enqueued"),
        (asked, "to begin"), (behind, "for the result of an equal trial"),
    ):  # fmt: skip
        if count:
            reasons.append(f"{count} {words}")
    return reasons

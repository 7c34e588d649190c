"""What a program that runs somebody's study needs besides :class:`Study`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..engine.study_log import StudyLog
from .study import Study


def abandon(study: Study) -> None:
    """Give a study free at once, whatever it is doing, from any thread.

    For a process that is about to end: its runs can write no more.
    """
    study._lease.drop()


def exhaustion(study: Study) -> str | None:
    """Return the backend and why it has nothing left, once the study object has met that."""
    driver = study._lease.driver
    if driver is None or driver.proposer.exhausted is None:
        return None
    backend = driver.proposer.member.checked.name
    return f"{backend} has nothing left: {driver.proposer.exhausted}"


@contextmanager
def held_log(study: Study) -> Iterator[StudyLog | None]:
    """Keep other threads from driving a study; yield its log if this process has the lease."""
    with study._lock:
        yield None if study._lease.held is None else study._lease.held.log

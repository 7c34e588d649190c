"""A driver's hold on a study's log: the events that it writes, and all that follows from them."""

from __future__ import annotations

from collections.abc import Callable

from ..contracts.record import TrialState
from ..store import Event, Store, Writer
from ..store.event_types import (
    Asked,
    Enqueued,
    Finished,
    Imported,
    Reported,
    Requeued,
    Retried,
    Started,
)
from .untold import UntoldTrials


class StudyLog:
    """The log of a study that is being driven, with what its driver knows of it.

    Args:
        store: The study's store.
        name: Its name.
        writer: The lease.
        untold: The trials that the backend was not told of.

    Attributes:
        counts: Number of trials by state.
        created: Number of trials, in any state.
        followers: Called with each event once it is written.
        broken: Whether an error may have left the driver out of step with the log; it must then
            be rebuilt from there.
    """

    def __init__(self, store: Store, name: str, writer: Writer, untold: UntoldTrials) -> None:
        self.store, self.name, self.writer, self.untold = store, name, writer, untold
        self.counts = store.counts(name)
        self.created = sum(self.counts.values())
        self.followers: list[Callable[[Event], None]] = [untold.apply]
        self.broken = False

    def renew(self, writer: Writer) -> None:
        """Go on with a new lease on the same study, in which nobody has written meanwhile."""
        self.writer = writer

    def write(self, *events: Event) -> None:
        """Commit events, all or nothing, and follow them."""
        try:
            self.writer.append(events)
        except BaseException:  # it may be in the log, or not
            self.broken = True
            raise
        for event in events:
            if type(event) is not Reported:
                self._count(event)
            for follow in self.followers:
                follow(event)

    def _count(self, event: Event) -> None:
        """Count the trials that an event adds or moves to another state."""
        match event:
            case Asked():
                self._add(TrialState.WAITING, len(event.trials))
            case Enqueued():
                self._add(TrialState.WAITING, 1)
            case Imported():
                self._add(event.state, 1)
            case Started():
                self._move(TrialState.WAITING, TrialState.RUNNING)
            case Finished():
                before = TrialState.RUNNING if event.reused is None else TrialState.WAITING
                self._move(before, event.state)
            case Requeued():
                self._move(TrialState.RUNNING, TrialState.WAITING)
            case Retried():
                self._move(TrialState.FAILED, TrialState.WAITING)

    def _add(self, state: TrialState, count: int) -> None:
        self.counts[state] += count
        self.created += count

    def _move(self, before: TrialState, after: TrialState) -> None:
        self.counts[before] -= 1
        self.counts[after] += 1

"""A driver's hold on a study's log: the events that it writes, and all that follows from them."""

from __future__ import annotations

from collections.abc import Callable

from ..contracts.record import TrialState
from ..store import Event, Store, Writer
from .untold import UntoldTrials


class StudyLog:
    """The log of a study that is being driven, with what its driver knows of it.

    Args:
        store: The study's store.
        name: Its name.
        writer: The lease.
        untold: The trials that the backend was not told of.

    Attributes:
        followers: Called with each event once it is written.
        broken: Whether an error may have left the driver out of step with the log; it must then
            be rebuilt from there.
    """

    def __init__(self, store: Store, name: str, writer: Writer, untold: UntoldTrials) -> None:
        self.store, self.name, self.writer, self.untold = store, name, writer, untold
        untold.table.counts = store.counts(name)
        untold.table.created = sum(untold.table.counts.values())
        self.followers: list[Callable[[Event], None]] = [untold.apply]
        self.broken = False

    @property
    def counts(self) -> dict[TrialState, int]:
        """Number of trials by state."""
        return self.untold.table.counts

    @property
    def created(self) -> int:
        """Number of trials, in any state."""
        return self.untold.table.created

    @property
    def seconds(self) -> float:
        """Seconds that drivers have worked on the study."""
        row = self.store.study(self.name)
        return 0.0 if row is None else row.seconds

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
            for follow in self.followers:
                follow(event)

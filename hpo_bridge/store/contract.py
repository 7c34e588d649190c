"""The store contract: one event log per study, and tables to read from.

The log is the only truth. A driver holds a *lease* on its study (:class:`Writer`) and
appends events; the same transaction brings the tables up to date, so that readers never
see one without the other. Everything stored is JSON or plain SQL values: opening a store
runs no code.

The events themselves are in :mod:`.event_types`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..contracts.record import TrialRecord, TrialState
from .event_parts import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study as a store lists it.

    Attributes:
        name: Unique in the store.
        definition: What the study was created with: space, directions, seed …
        created: Seconds since the epoch.
        seconds: How long drivers have worked on it, in all.
        seq: The last event's position.
        backend: The backend of the last session, or ``None``.
        driver: Who holds the lease, in words (``pid 12 on host h since …``), or ``None``.
    """

    name: str
    definition: Mapping[str, Any]
    created: float
    seconds: float = 0.0
    seq: int = 0
    backend: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """An unfinished trial as a driver needs it to go on.

    Attributes:
        number: The trial.
        state: ``WAITING`` or ``RUNNING``.
        params: Active parameters and constants, as declared.
        raw: What the backend suggested where it does not follow from ``params`` (a flat
            backend's inactive parameters), else ``None``.
        token: The backend's token; ``None`` if enqueued.
        backend: Who proposed it; ``None`` if enqueued.
        attempts: How often it was started.
        failures: How many attempts ended in a failure that was retried.
        losses: How many attempts were lost because their driver died.
    """

    number: int
    state: TrialState
    params: Mapping[str, Any]
    raw: Mapping[str, Any] | None
    token: Any
    backend: str | None
    attempts: int = 0
    failures: int = 0
    losses: int = 0


def metrics_of(
    reports: int, found: Mapping[int, Mapping[str, float]] | None
) -> tuple[Mapping[str, float], ...]:
    """``TrialRecord.metrics``: one mapping for each report.

    Args:
        reports: How many reports there are.
        found: Position of a report to its metrics, for those that have any.

    Example:
        >>> metrics_of(3, {1: {"auc": 0.5}})
        ({}, {'auc': 0.5}, {})
    """
    found = found or {}
    return tuple(dict(found[n]) if n in found else {} for n in range(reports))


@dataclass(frozen=True, slots=True)
class Repeats:
    """The number of times that a study met parameters which were there already.

    Attributes:
        trials: How many trials have the parameters of an earlier one.
        reused: How many of these have its result, too, and were not run.
        resampled: How many suggestions were not made trials, and asked for again.
    """

    trials: int = 0
    reused: int = 0
    resampled: int = 0


class Writer(Protocol):
    """A driver's hold on one study: the only way to write."""

    seq: int
    """Position of the last event of the study."""

    def append(self, events: Sequence[Event]) -> None:
        """Commits the events and what follows from them, all or nothing, in order.

        Waits where the store is busy or away for a while.

        Raises:
            LeaseLost: If another driver has taken the study over.
            StoreError: If it cannot be written (disk full, read-only, gone for good).
        """
        ...

    def save_snapshot(self, data: Any) -> None:
        """Keeps ``data`` (plain JSON) as the snapshot at the present ``seq``; one per study."""
        ...

    def release(self) -> None:
        """Gives the study free. Harmless if called twice."""
        ...


class Store(Protocol):
    """A place where studies are kept. Reading never needs a lease and never blocks a driver."""

    url: str
    """The URL without a password."""

    def folder(self, content: str) -> Path | None:
        """The folder for files of the studies in it, which may not be there yet.

        ``None`` if there is none that every driver of these studies sees.

        Args:
            content: The kind of files: ``"checkpoints"`` or ``"logs"``.
        """
        ...

    def create(self, name: str, definition: Mapping[str, Any]) -> None:
        """Adds an empty study; harmless if one of that name and definition is there."""
        ...

    def redefine(self, name: str, definition: Mapping[str, Any]) -> None:
        """Give a study without trials another definition, and an empty log.

        Raises:
            StudyLocked: If a living driver has it.
            StoreError: If it has trials.
        """
        ...

    def study(self, name: str) -> StudyRow | None:
        """The study of that name, or ``None``."""
        ...

    def names(self) -> list[str]:
        """The names of all studies, sorted."""
        ...

    def acquire(self, name: str) -> Writer:
        """Takes the lease.

        The lease of a driver that is dead (its process is gone, its machine was restarted,
        or on another machine its heartbeat has stopped) is taken over.

        Raises:
            StudyLocked: If a living driver has it; names host, pid and since when.
            StudyNotFound: If there is no such study.
        """
        ...

    def counts(self, name: str) -> dict[TrialState, int]:
        """Number of trials by state; every state is a key."""
        ...

    def trials(
        self, name: str, states: Sequence[TrialState] | None = None, *, first: int = 0
    ) -> Iterator[TrialRecord]:
        """The trials from number ``first`` on, by number, with their reports."""
        ...

    def trial(self, name: str, number: int) -> TrialRecord:
        """The trial of that number, which must be there."""
        ...

    def repeats(self, name: str) -> Repeats:
        """Return how often parameters came that were there already."""
        ...

    def best(self, name: str, objective: str, sign: float) -> TrialRecord | None:
        """The complete trial with the smallest ``sign * value``; the first of equals."""
        ...

    def pending(self, name: str) -> list[Pending]:
        """The trials that wait or run, by number."""
        ...

    def events(self, name: str, after: int = 0) -> Iterator[Event]:
        """The log after position ``after``, in order."""
        ...

    def events_of(self, name: str, *kinds: type[E]) -> Iterator[E]:
        """The events of these classes, in order."""
        ...

    def snapshot(self, name: str) -> tuple[int, Any] | None:
        """The last snapshot and the position it belongs to, or ``None``."""
        ...

    def close(self) -> None:
        """Closes connections. Harmless if called twice."""
        ...

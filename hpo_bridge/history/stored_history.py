"""A stored study with all that has happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..contracts.record import TrialRecord
from ..contracts.study_history import SessionRecord, StudyHistory
from ..engine.study_lookup import find_study, read_definition
from ..store import Store
from ..store.event_types import Requeued
from ..store.study_events import Adopted, SessionStarted, SpaceChanged


@dataclass(frozen=True)
class _Trials:
    """The trials of a study, read from its store each time that they are gone through."""

    store: Store
    name: str

    def __iter__(self) -> Iterator[TrialRecord]:
        return self.store.trials(self.name)


def study_history(store: Store, name: str) -> StudyHistory:
    """Return a stored study with its trials, which are read when they are gone through.

    Raises:
        StudyNotFound: If there is no such study.
    """
    row = find_study(store, name)
    definition, repeats = read_definition(store, row), store.repeats(name)
    return StudyHistory(
        name=name,
        space=definition.space,
        directions=definition.objectives.directions,
        seed=definition.seed,
        definition=row.definition,
        trials=_Trials(store, name),
        store=store.url,
        created=row.created,
        seconds=row.seconds,
        driver=row.driver,
        sessions=tuple(_session(event) for event in store.events_of(name, SessionStarted)),
        reused=repeats.reused,
        resampled=repeats.resampled,
        requeued=Counter(event.cause for event in store.events_of(name, Requeued)),
        adopted=sum(len(event.trials) for event in store.events_of(name, Adopted)),
        space_version=1 + sum(1 for _ in store.events_of(name, SpaceChanged)),
    )


def _session(event: SessionStarted) -> SessionRecord:
    return SessionRecord(
        event.backend, event.time, event.options, event.library or "", event.runner, event.fresh
    )

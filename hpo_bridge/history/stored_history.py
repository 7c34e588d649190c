"""A stored study with its trials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..contracts.record import TrialRecord
from ..contracts.study_history import StudyHistory
from ..engine.study_lookup import find_study, read_definition
from ..store import Store


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
    definition = read_definition(store, row)
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
    )

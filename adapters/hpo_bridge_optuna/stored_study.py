"""One stored study of the bridge as Optuna's trials, kept up to date with few reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import RLock
from typing import Any, Protocol

from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.errors import StudyNotFound
from hpo_bridge.space import Space

from .exported_names import METRIC_NAMES, STUDY_ATTRIBUTE
from .frozen_trials import WAYS, frozen_trial, study_attributes
from .parameter_forms import ParameterForms

MOST_SINGLE_READS = 100
"""Number of changed trials up to which each is read by itself."""


class StudyRow(Protocol):
    """A study as its store lists it."""

    @property
    def definition(self) -> Mapping[str, Any]:
        """Space, constraints, directions and seed, as plain data."""

    @property
    def created(self) -> float:
        """Seconds since the epoch."""

    @property
    def seq(self) -> int:
        """The position of the last event."""


class LoggedEvent(Protocol):
    """An event of a study's log."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The trials that it changes or begins."""


class ReadableStore(Protocol):
    """The part of a store that reads."""

    url: str

    def names(self) -> list[str]:
        """The names of all studies."""

    def study(self, name: str) -> StudyRow | None:
        """The study of that name, or ``None``."""

    def trials(self, name: str, *, first: int = 0) -> Iterator[TrialRecord]:
        """The trials from number ``first`` on, by number."""

    def trial(self, name: str, number: int) -> TrialRecord:
        """The trial of that number."""

    def events(self, name: str, after: int = 0) -> Iterator[LoggedEvent]:
        """The log after a position, in order."""


class StoredStudy:
    """A stored study, of which only what has changed is read again.

    All methods may be called from any thread.

    Args:
        store: The store.
        name: The study's name.
        study_id: Its id among Optuna's studies.
        first_id: The id of its first trial.

    Attributes:
        records: The trials as of the last :meth:`update`, by number.
        position: The position in the log that they follow.
        space: The space.
        objectives: Objective to direction, ``minimize`` or ``maximize``.

    Raises:
        StudyNotFound: If there is no such study.
    """

    def __init__(self, store: ReadableStore, name: str, study_id: int, first_id: int) -> None:
        self.name, self.study_id, self._store, self._first_id = name, study_id, store, first_id
        self.records: list[TrialRecord] = []
        self._frozen: dict[int, FrozenTrial] = {}
        self.position, self._lock = 0, RLock()
        self._define(self._row())

    def _row(self) -> StudyRow:
        row = self._store.study(self.name)
        if row is None:
            raise StudyNotFound(f"no study {self.name!r} in {self._store.url}")
        return row

    def _define(self, row: StudyRow) -> None:
        """Follow a definition, and forget all trials."""
        self.space = Space.from_plain(row.definition["space"], row.definition["constraints"])
        self._forms: ParameterForms | None = None
        self._definition, self.created = row.definition, row.created
        self.objectives: dict[str, str] = dict(row.definition["directions"])
        self.records, self._frozen, self.position = [], {}, 0

    @property
    def forms(self) -> ParameterForms:
        """The forms of the space's parameters in Optuna.

        Raises:
            HistoryError: If Optuna cannot have its parameters.
        """
        if self._forms is None:
            self._forms = ParameterForms(self.space)
        return self._forms

    def update(self) -> None:
        """Read what has changed in the store since the last time.

        Raises:
            StoreError: If the store cannot be read.
        """
        with self._lock:
            row = self._row()
            same = row.created == self.created and row.definition == self._definition
            if not same or row.seq < self.position:
                self._define(row)
            if row.seq > self.position:
                changed = set(self._changed())
                self.records += self._store.trials(self.name, first=len(self.records))
                for record in self._read(changed):
                    self.records[record.number] = record
                    self._frozen.pop(record.number, None)
                self.position = row.seq

    def _changed(self) -> Iterator[int]:
        """Yield the numbers of known trials that the log names after the position."""
        if self.records:
            for event in self._store.events(self.name, self.position):
                yield from (n for n in event.numbers if n < len(self.records))

    def _read(self, numbers: set[int]) -> Iterator[TrialRecord]:
        if len(numbers) <= MOST_SINGLE_READS:
            yield from (self._store.trial(self.name, number) for number in sorted(numbers))
            return
        for record in self._store.trials(self.name, first=min(numbers)):
            if record.number in numbers:
                yield record

    def frozen(self, record: TrialRecord) -> FrozenTrial:
        """Return one of the records as Optuna has it, the same object until it changes."""
        with self._lock:
            found = self._frozen.get(record.number)
            if found is None:
                found = frozen_trial(
                    record, list(self.objectives), self.forms, datetime.now(),
                    first_id=self._first_id,
                )  # fmt: skip
                self._frozen[record.number] = found
            return found

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, as they are now."""
        with self._lock:
            self.update()
            return [self.frozen(record) for record in self.records]

    def directions(self) -> list[StudyDirection]:
        """Return the directions of the objectives."""
        return [WAYS[way] for way in self.objectives.values()]

    def summary(self) -> FrozenStudy:
        """Return the study without its trials."""
        with self._lock:
            return FrozenStudy(
                self.name, None, {STUDY_ATTRIBUTE: study_attributes(self._definition, self.forms)},
                {METRIC_NAMES: list(self.objectives)}, self.study_id,
                directions=self.directions(),
            )  # fmt: skip

"""One stored study of the bridge as Optuna's trials, kept up to date with few reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from typing import Any, Protocol

from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.errors import StoreError, StudyNotFound
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

    @property
    def backend(self) -> str | None:
        """The backend of the last session."""

    @property
    def driver(self) -> str | None:
        """The driver at work, in words, or ``None``."""


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


class StudyReader:
    """A stored study, of which only what has changed is read again.

    All methods may be called from any thread.

    Args:
        store: The store.
        name: The study's name.
        study_id: Its id among Optuna's studies.
        first_id: The id of its first trial.

    Attributes:
        row: The study as the store listed it at the last :meth:`update`.
        records: Its trials as they were then, by number.
        position: The position in the log that they follow.
        version: Goes up where the trials are others than before, not merely more.

    Raises:
        StudyNotFound: If there is no such study.
    """

    def __init__(self, store: ReadableStore, name: str, study_id: int, first_id: int) -> None:
        self.name, self.study_id, self._store, self._first_id = name, study_id, store, first_id
        self._frozen: dict[int, FrozenTrial] = {}
        self.version, self._lock = 0, RLock()
        self._begin(self._read_row())

    def _read_row(self) -> StudyRow:
        row = self._store.study(self.name)
        if row is None:
            raise StudyNotFound(f"no study {self.name!r} in {self._store.url}")
        return row

    def _begin(self, row: StudyRow) -> None:
        """Follow a definition, and forget all trials."""
        self.row = row
        self._forms: ParameterForms | None = None
        self.records: list[TrialRecord] = []
        self.position, self.version = 0, self.version + 1
        self._frozen.clear()

    @property
    def forms(self) -> ParameterForms:
        """The forms of the space's parameters in Optuna.

        Raises:
            HistoryError: If Optuna cannot have its parameters.
        """
        if self._forms is None:
            with self._defined() as definition:
                space = Space.from_plain(definition["space"], definition["constraints"])
            self._forms = ParameterForms(space)
        return self._forms

    @property
    def objectives(self) -> dict[str, str]:
        """Objective to direction, ``minimize`` or ``maximize``."""
        with self._defined() as definition:
            return dict(definition["directions"])

    @contextmanager
    def _defined(self) -> Iterator[Mapping[str, Any]]:
        """Yield the definition to a body that may find it to be none that it can read."""
        try:
            yield self.row.definition
        except (LookupError, TypeError, ValueError) as error:
            raise StoreError(
                f"study {self.name!r} in {self._store.url}: its definition cannot be read "
                f"({type(error).__name__}: {error})",
                fix="it may be of a newer version of hpo-bridge: open it with that",
            ) from error

    def update(self) -> None:
        """Read what has changed in the store since the last time.

        Raises:
            StoreError: If the store cannot be read.
        """
        with self._lock:
            row, last = self._read_row(), self.row
            same = row.created == last.created and row.definition == last.definition
            if not same or row.seq < self.position:
                self._begin(row)
            self.row = row
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

    def freeze(self, record: TrialRecord) -> FrozenTrial:
        """Return one of the trials as Optuna has it."""
        return frozen_trial(
            record, list(self.objectives), self.forms, datetime.now(), first_id=self._first_id
        )

    def frozen(self, record: TrialRecord) -> FrozenTrial:
        """Return one of the trials as Optuna has it, the same object until it changes."""
        with self._lock:
            found = self._frozen.get(record.number)
            if found is None:
                found = self._frozen[record.number] = self.freeze(record)
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
            attributes = study_attributes(self.row.definition, self.forms)
            return FrozenStudy(
                self.name, None, {STUDY_ATTRIBUTE: attributes},
                {METRIC_NAMES: list(self.objectives)}, self.study_id,
                directions=self.directions(),
            )  # fmt: skip

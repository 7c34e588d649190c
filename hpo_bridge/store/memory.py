"""A store in this process's memory, for studies that need not outlive it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from ..contracts.record import TrialRecord, TrialState
from ..errors import LeaseLost, StoreError, StudyLocked, StudyNotFound
from .codec import load_event, to_plain, trial_of
from .contract import E, Pending, Repeats, StudyRow
from .event_parts import Event
from .event_types import Finished, Imported
from .trial_table import TrialTable

CHUNK = 256
"""Number of events that are turned into text together: one by one it costs twice as much."""


class _MemoryStudy:
    """One study.

    The log is kept as JSON text, like in a database. That is not only the same data then:
    as objects, a hundred thousand trials are what Python's garbage collector would look
    through again and again, and a trial would cost more the longer the study is.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        self.created = time.time()
        self.table = TrialTable()
        self._chunks: list[str] = []
        self._recent: list[Event] = []
        self.seq = 0
        self.snapshot: tuple[int, Any] | None = None
        self.seconds = 0.0
        self.lease: weakref.ref[_MemoryWriter] | None = None
        self._complete: list[int] = []  # in the order in which they ended
        self._best: dict[tuple[str, float], tuple[int, tuple[float, int] | None]] = {}

    @property
    def writer(self) -> _MemoryWriter | None:
        """The driver's hold on the study; ``None`` once that object is gone."""
        return self.lease() if self.lease is not None else None

    def append(self, events: Sequence[Event]) -> None:
        """Add events to the log, and follow them."""
        for event in events:
            self.table.apply(event)
            if isinstance(event, (Finished, Imported)) and event.state is TrialState.COMPLETE:
                self._complete.append(event.trial)
        self._recent += events
        while len(self._recent) >= CHUNK:
            self._chunks.append(_text(self._recent[:CHUNK]))
            del self._recent[:CHUNK]
        self.seq += len(events)  # last: another thread looks for so many

    def best(self, objective: str, sign: float) -> int | None:
        """Return the best complete trial; looks only at those that are new since the last call."""
        seen, best = self._best.get((objective, sign), (0, None))
        complete = self._complete[seen:]
        for number in complete:
            loss = sign * (self.table.rows[number].values or {})[objective], number
            best = loss if best is None else min(best, loss)
        self._best[objective, sign] = seen + len(complete), best
        return None if best is None else best[1]

    def log(self, after: int) -> Iterator[tuple[int, list[Any]]]:
        """Yield the position of each event after the first ``after``, and its plain data."""
        texts = self._texts()
        for at in range(after // CHUNK, len(texts)):
            for position, row in enumerate(json.loads(texts[at]), at * CHUNK + 1):
                if position > after:
                    yield position, row

    def _texts(self) -> list[str]:
        """Return the log as it is now, although another thread may move events to a chunk."""
        while True:
            chunks, recent = list(self._chunks), list(self._recent)
            if len(recent) < CHUNK and len(chunks) == len(self._chunks):
                return [*chunks, _text(recent)]
            time.sleep(0)


def _text(events: Sequence[Event]) -> str:
    return json.dumps([(e.kind, e.time, trial_of(e), to_plain(e)) for e in events])


class _MemoryWriter:
    """A driver's hold on one study; ends when it is released or forgotten."""

    def __init__(self, name: str, study: _MemoryStudy) -> None:
        self.seq = study.seq
        self._name, self._study = name, study
        self._began = time.monotonic() - study.seconds

    def append(self, events: Sequence[Event]) -> None:
        self._check()
        self._study.append(events)
        self.seq = self._study.seq

    def save_snapshot(self, data: Any) -> None:
        self._check()
        self._study.snapshot = (self.seq, data)

    def _check(self) -> None:
        lease = self._study.lease
        if lease is None or lease() is not self:
            raise LeaseLost(f"this driver holds study {self._name!r} no more")
        self._study.seconds = time.monotonic() - self._began

    def release(self) -> None:
        if self._study.writer is self:
            self._check()
            self._study.lease = None


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not a forked child, which ends earlier
        shutil.rmtree(folder, ignore_errors=True)


class MemoryStore:
    """Keeps studies, with their logs, as long as the object lives."""

    url = "memory://"

    def __init__(self) -> None:
        self._studies: dict[str, _MemoryStudy] = {}
        self._folders: dict[str, Path] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a store in memory cannot be copied or pickled: use a database, such as 'sqlite:///s.db'"
        )

    def folder(self, content: str) -> Path:
        """A temporary folder that goes with this object; only named here, not created."""
        if content not in self._folders:
            name = f"hpo-bridge-{secrets.token_hex(8)}-{content}"
            self._folders[content] = Path(tempfile.gettempdir(), name)
            weakref.finalize(self, _remove, self._folders[content], os.getpid())
        return self._folders[content]

    def create(self, name: str, definition: Mapping[str, Any]) -> None:
        self._studies.setdefault(name, _MemoryStudy(definition))

    def redefine(self, name: str, definition: Mapping[str, Any]) -> None:
        self.acquire(name).release()
        if self._get(name).table.rows:
            raise StoreError(f"study {name!r} in {self.url} has trials: its definition stays")
        self._studies[name] = _MemoryStudy(definition)

    def study(self, name: str) -> StudyRow | None:
        study = self._studies.get(name)
        if study is None:
            return None
        return StudyRow(
            name, study.table.definition or study.definition, study.created, study.seconds,
            study.seq, study.table.backend,
            "this process" if study.writer is not None else None,
        )  # fmt: skip

    def names(self) -> list[str]:
        return sorted(self._studies)

    def _get(self, name: str) -> _MemoryStudy:
        try:
            return self._studies[name]
        except KeyError:
            raise StudyNotFound(f"no study {name!r} in memory") from None

    def acquire(self, name: str) -> _MemoryWriter:
        study = self._get(name)
        if study.writer is not None:
            raise StudyLocked(
                f"study {name!r} in {self.url} is being run by another Study object of this "
                "process",
                fix="close that one first",
            )
        writer = _MemoryWriter(name, study)
        study.lease = weakref.ref(writer)
        return writer

    def counts(self, name: str) -> dict[TrialState, int]:
        return dict(self._get(name).table.counts)

    def trials(
        self, name: str, states: Sequence[TrialState] | None = None, *, first: int = 0
    ) -> Iterator[TrialRecord]:
        rows = self._get(name).table.rows
        for number in range(max(first, 0), len(rows)):
            if states is None or rows[number].state in states:
                yield rows[number].record()

    def trial(self, name: str, number: int) -> TrialRecord:
        return self._get(name).table.rows[number].record()

    def repeats(self, name: str) -> Repeats:
        table = self._get(name).table
        texts = {json.dumps(row.params) for row in table.rows.values()}
        reused = sum(row.reused is not None for row in table.rows.values())
        return Repeats(len(table.rows) - len(texts), reused, table.resampled)

    def best(self, name: str, objective: str, sign: float) -> TrialRecord | None:
        study = self._get(name)
        number = study.best(objective, sign)
        return None if number is None else study.table.rows[number].record()

    def pending(self, name: str) -> list[Pending]:
        rows = self._get(name).table.rows.values()
        return [row.pending() for row in rows if not row.state.is_final]

    def events(self, name: str, after: int = 0) -> Iterator[Event]:
        return self._read(name, after)

    def events_of(self, name: str, *kinds: type[E]) -> Iterator[E]:
        return cast("Iterator[E]", self._read(name, 0, [each.kind for each in kinds]))

    def _read(self, name: str, after: int, kinds: list[str] | None = None) -> Iterator[Event]:
        for position, (kind, moment, trial, data) in self._get(name).log(after):
            if kinds is None or kind in kinds:
                yield load_event(kind, moment, trial, data, position)

    def snapshot(self, name: str) -> tuple[int, Any] | None:
        return self._get(name).snapshot

    def close(self) -> None:
        """Nothing to close."""

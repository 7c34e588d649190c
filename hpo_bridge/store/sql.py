"""Studies in a SQL database: a SQLite file, or PostgreSQL where several machines look."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    func,
    literal_column,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from ..contracts.record import TrialRecord, TrialState
from ..errors import StoreError, StudyLocked, StudyNotFound
from . import queries, schema
from .codec import dump, load
from .connection import describe, make_engine, parse_url, retrying
from .contract import E, Pending, Repeats, StudyRow
from .event_parts import Event
from .lock import HEARTBEAT, Holder
from .opening import prepare
from .queries import living_holder, storable
from .records import read_rows
from .schema import definitions, studies, trials
from .writer import SqlWriter

CHUNK = 1000
"""Rows read at a time, so that no read transaction is held while the caller works."""


class SqlStore:
    """Studies in SQLite or PostgreSQL.

    Reads open connections of their own, so any thread may read while one writes.

    A commit to SQLite survives the death of any process at any moment; a power cut may take
    the last commits with it, but does not damage the file.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db`` or
            ``postgresql://user:password@host/database``.
        create: Whether a missing store is created; if not, it is an error.

    Raises:
        StoreError: If it cannot be opened: foreign, damaged, newer, locked, read-only …
    """

    busy = 10.0
    """Seconds that the database itself waits for a lock."""
    patience = 60.0
    """Seconds that a writer tries again while the database is locked or away."""
    heartbeat = HEARTBEAT
    """Seconds between two heartbeats of a driver."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._address = parse_url(url)
        self.url = self._address.shown
        self._engine = make_engine(self._address, self.busy)
        try:
            prepare(self._engine, self._address, self.busy, create=create)
        except BaseException:
            self._engine.dispose()
            raise
        self._writing = self._engine.execution_options(hpo_writing=True)
        self._reading = self._engine
        if self._address.path is None:  # one snapshot for all queries of a read
            self._reading = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._sql = schema.write_statements(self._engine.dialect)
        self._now: ColumnElement[float] = literal_column(schema.NOW[self._engine.dialect.name])
        self._writers: list[SqlWriter] = []
        self._process = os.getpid()

    # -- studies -------------------------------------------------------------------------

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a store cannot be copied or pickled: open it there, by "
            f"hpo_bridge.store.open_store({self.url!r})"
        )

    def folder(self, content: str) -> Path | None:
        """A folder beside the database file; ``None`` for PostgreSQL."""
        path = self._address.path
        return None if path is None else path.with_name(f"{path.name}.{content}")

    def create(self, name: str, definition: Mapping[str, Any]) -> None:
        """Adds an empty study; harmless if one of that name is there."""
        if not storable(name):
            raise StoreError(f"{name!r}: not a name that a database can hold")
        row = {"name": name, "created": time.time()}
        data = dump(definition)

        def work() -> None:
            with self._writing.begin() as connection:
                if connection.exec_driver_sql(self._sql["create"], row).rowcount:
                    defined = {"name": name, "data": data}
                    connection.exec_driver_sql(self._sql["define"], defined)

        retrying(work, self._address, self.patience)

    def redefine(self, name: str, definition: Mapping[str, Any]) -> None:
        """Give a study without trials another definition, and an empty log.

        Raises:
            StudyLocked: If a living driver has it.
            StoreError: If it has trials.
        """
        writer = self.acquire(name)
        try:
            if any(self.counts(name).values()):
                raise StoreError(f"study {name!r} in {self.url} has trials: its definition stays")
            retrying(lambda: self._redefine(name, dump(definition)), self._address, self.patience)
        finally:
            writer.release()

    def _redefine(self, name: str, data: str) -> None:
        with self._writing.begin() as connection:
            queries.redefine(connection, self._id(connection, name), data)

    def study(self, name: str) -> StudyRow | None:
        """The study of that name, or ``None``."""
        query = (
            select(studies, definitions.c.data, self._silence())
            .join(definitions, definitions.c.study_id == studies.c.id)
            .where(studies.c.name == name)
        )
        with self._read() as connection:
            row = connection.execute(query).one_or_none() if storable(name) else None
            if row is None:
                return None
            holder = living_holder(row)
            return StudyRow(
                name, load(row.data), row.created, row.seconds, row.seq, row.backend,
                str(holder) if holder else None,
            )  # fmt: skip

    def names(self) -> list[str]:
        """The names of all studies, sorted."""
        with self._read() as connection:
            return sorted(connection.scalars(select(studies.c.name)))

    def acquire(self, name: str) -> SqlWriter:
        """Takes the lease; that of a dead driver is taken over.

        Raises:
            StudyLocked: If a living driver has it; names host, pid and since when.
            StudyNotFound: If there is no such study.
        """
        writer = retrying(lambda: self._take(name), self._address, self.patience)
        writer.start_heartbeat(self.heartbeat)
        self._writers = [w for w in self._writers if w.held] + [writer]
        return writer

    def _take(self, name: str) -> SqlWriter:
        token, holder = uuid.uuid4().hex, Holder.here()
        while True:
            with self._writing.begin() as connection:
                row = self._row(connection, name)
                rival = living_holder(row)
                if rival:
                    raise StudyLocked(
                        f"study {name!r} in {self.url} is being run by {rival}"
                        f"{' (this process)' if rival.is_here() else ''}",
                        fix="stop it first or use another store",
                    )
                taken = {
                    "study": row.id, "seq": row.seq, "seen": row.lease_token or "",
                    "token": token, "holder": dump(holder.dump()),
                }  # fmt: skip
                if connection.exec_driver_sql(self._sql["take"], taken).rowcount:
                    break  # else another took it, or it wrote, since we looked: look again
        return SqlWriter(
            self._writing, self._address, self._sql, study=row.id, name=name, token=token,
            seq=row.seq, seconds=row.seconds, patience=self.patience,
        )  # fmt: skip

    # -- trials --------------------------------------------------------------------------

    def counts(self, name: str) -> dict[TrialState, int]:
        """Return the number of trials by state; every state is a key."""
        with self._read() as connection:
            return queries.counts(connection, self._id(connection, name))

    def trials(
        self, name: str, states: Sequence[TrialState] | None = None, *, first: int = 0
    ) -> Iterator[TrialRecord]:
        """The trials from number ``first`` on, by number, with their reports.

        What is added while the iteration runs is not part of it.
        """
        with self._read() as connection:
            study = self._id(connection, name)
            query = select(func.max(trials.c.number)).where(trials.c.study_id == study)
            last = connection.execute(query).scalar()
        # Windows of numbers, not pages of rows: every plan for them is cheap, whatever
        # index the database picks, and however rare the states are.
        end = 0 if last is None else last + 1
        wanted = None if states is None else [TrialState(state).value for state in states]
        for low in range(max(first, 0), end, CHUNK):
            with self._read() as connection:
                high = min(low + CHUNK, end) - 1
                rows = read_rows(connection, study, low, high, wanted)
            for row in rows:
                yield row.record()

    def trial(self, name: str, number: int) -> TrialRecord:
        """The trial of that number, which must be there."""
        with self._read() as connection:
            (row,) = read_rows(connection, self._id(connection, name), number, number)
        return row.record()

    def repeats(self, name: str) -> Repeats:
        """Return how often parameters came that were there already."""
        with self._read() as connection:
            return queries.repeats(connection, self._id(connection, name))

    def best(self, name: str, objective: str, sign: float) -> TrialRecord | None:
        """Return the complete trial with the smallest ``sign * value``; the first of equals."""
        with self._read() as connection:
            return queries.best(connection, self._id(connection, name), objective, sign)

    def pending(self, name: str) -> list[Pending]:
        """Return the trials that wait or run, by number."""
        with self._read() as connection:
            return queries.pending(connection, self._id(connection, name))

    # -- the log -------------------------------------------------------------------------

    def events(self, name: str, after: int = 0) -> Iterator[Event]:
        """The log after position ``after``, in order.

        What is appended while the iteration runs is not part of it.
        """
        return self._log(name, after)

    def events_of(self, name: str, *kinds: type[E]) -> Iterator[E]:
        """The events of these classes, in order."""
        return cast("Iterator[E]", self._log(name, 0, [each.kind for each in kinds]))

    def _log(self, name: str, after: int, kinds: list[str] | None = None) -> Iterator[Event]:
        with self._read() as connection:
            row = self._row(connection, name)
        chunk: list[Event] | None = None
        while chunk is None or len(chunk) == CHUNK:
            with self._read() as connection:
                chunk = queries.events(connection, row, after, kinds, CHUNK)
            yield from chunk
            after = chunk[-1].seq if chunk else after

    def snapshot(self, name: str) -> tuple[int, Any] | None:
        """The last snapshot and the position it belongs to, or ``None``."""
        with self._read() as connection:
            return queries.snapshot(connection, self._id(connection, name))

    def close(self) -> None:
        """Gives held studies free and closes connections. Harmless if called twice."""
        while self._writers:
            self._writers.pop().release()
        # A forked child shares its parent's connections, and must not end them.
        self._engine.dispose(close=os.getpid() == self._process)

    # -- helpers -------------------------------------------------------------------------

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        try:
            with self._reading.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(describe(self._address, error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.url}: damaged: {error}") from error

    def _silence(self) -> ColumnElement[float]:
        """Seconds since the last heartbeat."""
        return (self._now - studies.c.lease_heartbeat).label("silence")

    def _row(self, connection: Connection, name: str) -> Row[Any]:
        query = select(studies, self._silence()).where(studies.c.name == name)
        row = connection.execute(query).one_or_none() if storable(name) else None
        if row is None:
            raise StudyNotFound(f"no study {name!r} in {self.url}")
        return row

    def _id(self, connection: Connection, name: str) -> int:
        number: int = self._row(connection, name).id
        return number

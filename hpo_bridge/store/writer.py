"""A driver's hold on a study in a SQL store."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ..errors import LeaseLost, StoreError
from .codec import dump
from .connection import Address, retrying
from .event_parts import Event
from .projection import Projection, Step
from .records import read_rows
from .trial_table import TrialRow

T = TypeVar("T")

_log = logging.getLogger(__name__)


class SqlWriter:
    """Appends to one study; made by ``SqlStore.acquire``.

    One connection and one lock: the heartbeat's thread shares both. Every transaction first
    updates the study's row under the condition that the lease and the position are still
    ours, so that a driver that was taken over cannot write.

    Args:
        engine: Opens connections that may write.
        address: Names the store in messages.
        statements: See ``schema.write_statements``.
        study: The study's id.
        name: The study's name.
        token: The lease's token.
        seq: Position of the study's last event.
        seconds: How long drivers have worked on the study so far.
        patience: How many seconds to wait for a database that is busy or away.
    """

    def __init__(
        self, engine: Engine, address: Address, statements: dict[str, str], *,
        study: int, name: str, token: str, seq: int, seconds: float, patience: float,
    ) -> None:  # fmt: skip
        self.seq = seq
        self.patience = patience
        self._engine, self._address, self._sql = engine, address, statements
        self._study, self._name, self._token = study, name, token
        self._began = time.monotonic() - seconds
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._in_doubt = False
        self._over = threading.Event()
        self._projection = Projection(study)

    def append(self, events: Sequence[Event]) -> None:
        """Commits the events and what follows from them, all or nothing, in order.

        If the connection breaks, the transaction is sent again; it can take effect only
        once.

        Raises:
            LeaseLost: If another driver has taken the study over, or it was released.
            StoreError: If it cannot be written, or not within ``patience``. Nothing of
                ``events`` is stored then, unless the connection broke during the commit:
                ``seq`` is brought up to date before the next write.
        """
        if not events:
            return
        with self._lock:
            self._settle()
            new = self.seq + len(events)
            try:
                steps = self._projection.plan(self.seq, events, self._read_row)
                self._in_doubt = True
                self._transact(lambda connection: self._advance(connection, new, steps))
            except BaseException:
                self._projection.forget()
                raise
            self._projection.written()
            self.seq = new
            self._in_doubt = False

    def save_snapshot(self, data: Any) -> None:
        """Keeps ``data`` (plain JSON) as the snapshot at the present ``seq``; one per study."""
        row = {"study": self._study, "data": dump(data)}
        with self._lock:
            self._settle()
            self._transact(
                lambda connection: self._advance(
                    connection, self.seq, [("snapshot", [{**row, "seq": self.seq}])]
                )
            )

    def release(self) -> None:
        """Gives the study free. Harmless if called twice, and in a forked child."""
        if os.getpid() != self._process or self._over.is_set():
            return
        self._over.set()
        with self._lock:
            try:
                self._transact(lambda c: self._run(c, "release", self._held()), ended=True)
            except StoreError as error:  # the end of this process will free the study
                _log.warning("study %r was not given free: %s", self._name, error)
            self._disconnect()

    @property
    def held(self) -> bool:
        """True if the study was, as far as is known, neither released nor taken over."""
        return not self._over.is_set()

    def beat(self) -> None:
        """Shows other machines that this driver lives, and counts its time."""
        with self._lock:
            if self._over.is_set():
                return
            try:
                with self._connected().begin():
                    if not self._run(self._connected(), "beat", self._held()):
                        self._over.set()
            except (SQLAlchemyError, StoreError):  # the next append tells, or the next beat
                self._disconnect()

    def start_heartbeat(self, interval: float) -> None:
        """Beats every ``interval`` seconds, in a thread, until released or forgotten."""
        threading.Thread(
            target=_beat, args=(weakref.ref(self), self._over, interval),
            name=f"heartbeat of {self._name}", daemon=True,
        ).start()  # fmt: skip

    def _read_row(self, number: int) -> TrialRow:
        (row,) = self._transact(lambda c: read_rows(c, self._study, number, number))
        return row

    def _held(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._began
        return {"study": self._study, "token": self._token, "seconds": seconds}

    def _advance(self, connection: Connection, new: int, steps: list[Step]) -> None:
        """Moves the study from ``seq`` to ``new`` and writes ``steps``, if it is ours."""
        row = {**self._held(), "old": self.seq, "new": new}
        if not self._run(connection, "advance", row):
            if self._position(connection) == new:
                return  # the connection broke after the commit: it is done
            raise self._lost()
        for statement, rows in steps:
            parameters = rows if len(rows) > 1 else rows[0]
            connection.exec_driver_sql(self._sql[statement], parameters)

    def _run(self, connection: Connection, statement: str, row: dict[str, Any]) -> int:
        return connection.exec_driver_sql(self._sql[statement], row).rowcount

    def _position(self, connection: Connection) -> int | None:
        """The study's position, or ``None`` if the lease is another's."""
        held = {"study": self._study, "token": self._token}
        position: int | None = connection.exec_driver_sql(
            self._sql["position"], held
        ).scalar_one_or_none()
        return position

    def _settle(self) -> None:
        """Learns what became of a transaction whose end was not seen."""
        if not self._in_doubt:
            return
        position = self._transact(self._position)
        if position is None:
            raise self._lost()
        self.seq, self._in_doubt = position, False

    def _lost(self) -> LeaseLost:
        self._over.set()
        self._disconnect()
        return LeaseLost(
            f"study {self._name!r} in {self._address.shown} was taken over by another driver; "
            "this one writes no more"
        )

    def _transact(self, work: Callable[[Connection], T], *, ended: bool = False) -> T:
        """Runs ``work`` in a transaction, again while the database is busy or away."""
        if os.getpid() != self._process:
            raise StoreError(
                f"study {self._name!r} is held by process {self._process}; a child of it "
                "cannot write"
            )
        if self._over.is_set() and not ended:
            raise LeaseLost(f"this driver holds study {self._name!r} no more")

        def attempt() -> T:
            try:
                connection = self._connected()
                with connection.begin():
                    return work(connection)
            except BaseException:  # Ctrl-C too: never go on in the middle of a transaction
                self._disconnect()
                raise

        return retrying(attempt, self._address, 0.0 if ended else self.patience)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
            with suppress(SQLAlchemyError):
                connection.close()


def _beat(ref: weakref.ref[SqlWriter], over: threading.Event, interval: float) -> None:
    """The heartbeat's thread: holds no writer, so that a forgotten one can go."""
    while not over.wait(interval):
        writer = ref()
        if writer is None:
            return
        writer.beat()
        del writer

"""Connections of a SQL store: what URLs mean, and what a database's errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ..contracts.requirements import needs
from ..errors import StoreError

T = TypeVar("T")

ACCEPTED = (
    "sqlite:///relative/path.db, sqlite:////absolute/path.db or "
    "postgresql://user:password@host/database"
)

# SQLSTATEs after which the same transaction may succeed: connection lost, server stopping
# or starting, too many connections, deadlock, serialization, a lock not granted in time.
_PASSING = ("08", "57P01", "57P02", "57P03", "53300", "40001", "40P01", "55P03")

# A cut cable must not hold an append for the system's two hours.
_POSTGRES_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

_SQLITE_WORDS = {
    "file is not a database": "not a SQLite database, or a damaged one",
    "malformed": "damaged",
    "locked": "locked by another program",
    "disk is full": "the disk is full",
    "disk I/O error": "the file cannot be written or read (disk I/O error)",
    "readonly database": "read-only for this user",
    "unable to open": "the file cannot be opened",
}


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a store.

    Attributes:
        shown: The URL without a password.
        url: What SQLAlchemy connects to; for PostgreSQL.
        path: The database file; for SQLite.
    """

    shown: str
    url: URL
    path: Path | None


def parse_url(text: str) -> Address:
    """Reads a store's URL.

    Raises:
        StoreError: If it is of no accepted form, or PostgreSQL's driver is not installed.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        found = repr(text) if "@" not in text else "one with '@'"  # it may hold a password
        meant = f" (did you mean 'sqlite:///{text}'?)" if not {"@", ":", "~"} & {*text} else ""
        raise StoreError(f"not the URL of a store: {found}; accepted: {ACCEPTED}{meant}") from None
    if url.drivername == "sqlite":
        if "?" in text:  # what follows it would be dropped, and another file opened
            raise StoreError(
                f"{text}: the URL of a SQLite file has no options, found '?'; accepted: {ACCEPTED}"
            )
        if url.database in (None, "", ":memory:") or url.host:
            raise StoreError(f"{text}: not the URL of a SQLite file; accepted: {ACCEPTED}")
        return Address(text, url, Path(str(url.database)).absolute())
    shown = url.set(drivername=url.get_backend_name(), query={}).render_as_string()
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise StoreError(
            f"{url.drivername}: not a kind of store that hpo_bridge knows; accepted: {ACCEPTED}"
        )
    if find_spec("psycopg") is None:
        raise StoreError(f"{shown} {needs('psycopg')}")
    return Address(shown, url.set(drivername="postgresql+psycopg"), None)


def make_engine(address: Address, busy: float) -> Engine:
    """The engine for an address; connects on first use.

    Args:
        address: Where the store is.
        busy: How many seconds the database itself waits for a lock.
    """
    if address.path is None:
        args = {k: v for k, v in _POSTGRES_DEFAULTS.items() if k not in address.url.query}
        engine = create_engine(address.url, connect_args=args, pool_pre_ping=True)
        event.listen(engine, "connect", lambda raw, _: _limit_locks(raw, busy))
        return engine
    path = address.path
    # Connections are opened for each read: a kept one could not be used after a fork, and
    # would not see that a read-only folder has got a -wal file.
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect_sqlite(path, busy),
        poolclass=NullPool,
        paramstyle="named",
    )
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _limit_locks(raw: Any, busy: float) -> None:
    raw.execute(f"SET lock_timeout = {int(busy * 1000)}")
    raw.commit()


def _begin_sqlite(connection: Connection) -> None:
    """Begins for the driver, which would begin too late: at the first write, not before."""
    writing = connection.get_execution_options().get("hpo_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def connect_sqlite(path: Path, busy: float, *, create: bool = False) -> sqlite3.Connection:
    """Opens a SQLite file; for reading only, if the system allows no more.

    The file is never opened by anything but SQLite: closing another handle of this process
    would drop SQLite's locks.

    Raises:
        StoreError: If it can be read only by ignoring changes that are in its ``-wal``.
    """
    name = quote(str(path))
    raw = _open(f"file:{name}?mode={'rwc' if create else 'rw'}", busy)
    try:
        raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        raw.close()
        if "unable to open" not in str(error) and "readonly" not in str(error):
            raise
        # A file in WAL mode whose folder this user cannot write to. If there is no -wal,
        # nobody works on it and all is in the file: it can be read as a constant.
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise StoreError(
                f"sqlite:///{path}: cannot be read, as its folder is read-only for this user "
                f"and {wal.name} holds changes",
                fix="copy both files elsewhere, or open it once as a user who may write there",
            ) from None
        raw = _open(f"file:{name}?mode=ro&immutable=1", busy)
    except BaseException:
        raw.close()
        raise
    if raw.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        # Safe against the death of any process; a power cut may take the last commits with
        # it, but never the file's integrity. FULL costs an fsync, milliseconds, per commit.
        raw.execute("PRAGMA synchronous = NORMAL")
    return raw


def _open(uri: str, busy: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False
    )


def retrying(work: Callable[[], T], address: Address, patience: float) -> T:
    """Calls ``work``, again while the database is busy or away, for ``patience`` seconds.

    Raises:
        StoreError: In one line, if it fails for good.
    """
    deadline = time.monotonic() + patience
    pause = 0.05
    while True:
        try:
            return work()
        except (SQLAlchemyError, sqlite3.Error) as error:
            if time.monotonic() + pause > deadline or not is_passing(error):
                raise StoreError(describe(address, error)) from error
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def is_passing(error: Exception) -> bool:
    """Return whether the same transaction may succeed later, on a new connection."""
    if isinstance(error, sqlite3.Error):  # of a connection that SQLAlchemy has not got yet
        return "locked" in str(error)
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return "locked" in str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # psycopg itself speaks: no connection, or none any more
        return error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
    return str(state).startswith(_PASSING)


def describe(address: Address, error: Exception) -> str:
    """A database's error in one line."""
    orig = getattr(error, "orig", None) or error
    first = (str(orig).strip() or type(orig).__name__).splitlines()[0]
    if isinstance(orig, sqlite3.Error):
        for found, words in _SQLITE_WORDS.items():
            if found in first:
                return f"{address.shown}: {words}"
    return f"{address.shown}: {first}"

"""Opening a SQL store: is it there, is it ours, can this version read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StoreError
from . import schema
from .codec import dump, load
from .engine import Address, connect_sqlite, describe, retrying

_CREATION_LOCK = 0x68706F  # an arbitrary number: PostgreSQL's advisory locks have no names


def prepare(engine: Engine, address: Address, busy: float, *, create: bool) -> None:
    """Checks the store, and creates its tables where there is none yet.

    Args:
        engine: Connects to the store.
        address: Where it is.
        busy: Seconds to wait for another program's lock.
        create: Whether to create what is missing.

    Raises:
        StoreError: If there is none and ``create`` is false, or it cannot be used.
    """
    if address.path is not None:
        _check_file(address.path, address.shown, create=create)
    # SQLite's own waiting does not cover the exclusive lock that creating takes. A server
    # that does not answer now is more likely misspelt than about to come.
    patience = busy if address.path is not None else 0.0
    retrying(lambda: _prepare(engine, address, busy, create=create), address, patience)


def _prepare(engine: Engine, address: Address, busy: float, *, create: bool) -> None:
    if address.path is None or address.path.exists():
        with engine.begin() as connection:
            version = _version(connection, address)
        if version == schema.VERSION:
            return
        if version is not None:
            with _writing(engine, address) as connection:
                _bring_up(connection, address)
            return
    if not create:
        raise StoreError(f"no store at {address.shown}")
    if address.path is not None:
        with closing(connect_sqlite(address.path, busy, create=True)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
    with _writing(engine, address) as connection:
        _bring_up(connection, address)


@contextmanager
def _writing(engine: Engine, address: Address) -> Iterator[Connection]:
    with engine.execution_options(hpo_writing=True).begin() as connection:
        if address.path is None:  # two drivers may come at once
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})"))
        yield connection


def _bring_up(connection: Connection, address: Address) -> None:
    """Adds the tables that are missing: all, or those that came after an earlier version."""
    found = _version(connection, address)
    if found == schema.VERSION:
        return
    schema.metadata.create_all(connection)
    if found is not None and found < 3:
        _fill_gradients(connection)
    meta, key, value = schema.meta, "schema_version", str(schema.VERSION)
    if found is None:
        connection.execute(insert(meta).values(key=key, value=value))
    else:
        connection.execute(update(meta).where(meta.c.key == key).values(value=value))


def _fill_gradients(connection: Connection) -> None:
    """Takes the derivatives that an earlier version kept in the log alone."""
    log = schema.events
    finished = select(log.c.study_id, log.c.trial, log.c.data).where(
        log.c.kind == "finished", log.c.data.contains('"gradients"')
    )
    rows = []
    for study, number, data in connection.execute(finished):
        slopes = load(data).get("gradients")
        if slopes is not None:
            rows.append({"study_id": study, "number": number, "data": dump(slopes)})
    if rows:
        connection.execute(insert(schema.gradients), rows)


def _check_file(path: Path, shown: str, *, create: bool) -> None:
    """The mistakes that SQLite would report as "unable to open database file"."""
    if path.is_dir():
        raise StoreError(f"{shown}: {path} is a folder, not a file")
    if path.exists():
        if not os.access(path, os.R_OK):
            raise StoreError(f"{shown}: this user may not read the file")
        return
    if not create:
        raise StoreError(f"no store at {shown}")
    if not path.parent.is_dir():
        raise StoreError(f"{shown}: the folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{shown}: this user may not write to the folder {path.parent}")


def _version(connection: Connection, address: Address) -> int | None:
    """The schema's version; ``None`` if there is nothing yet.

    Raises:
        StoreError: If it is another program's, or a later version's.
    """
    tables = inspect(connection).get_table_names()
    if schema.meta.name not in tables:
        # A PostgreSQL database may be shared; a file is one program's.
        if tables and address.path is not None:
            names = ", ".join(sorted(tables)[:3])
            raise StoreError(
                f"{address.shown}: a database of another program (its tables: {names})"
            )
        return None
    try:
        query = select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
        found = connection.execute(query).scalar()
    except SQLAlchemyError as error:
        raise StoreError(describe(address, error)) from error
    if found is None or not found.isdecimal():
        raise StoreError(f"{address.shown}: not a store of hpo_bridge, or a damaged one")
    if int(found) > schema.VERSION:
        raise StoreError(
            f"{address.shown}: written by a newer hpo_bridge: schema {found}, this one knows "
            f"{schema.VERSION}; upgrade hpo-bridge"
        )
    return int(found)

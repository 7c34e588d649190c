"""Opening a SQL store: is it there, is it ours, can this version read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StoreError, nearest
from ..version import __version__
from . import schema
from .connection import Address, connect_sqlite, describe, retrying

_CREATION_LOCK = 0x68706F  # an arbitrary number: PostgreSQL's advisory locks have no names
_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_MOST = 10  # databases that an error names


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
            if _is_ours(connection, address):
                return
    if not create:
        raise StoreError(f"no store at {address.shown}")
    if address.path is not None:
        with closing(connect_sqlite(address.path, busy, create=True)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
    with _writing(engine, address) as connection:
        if not _is_ours(connection, address):
            schema.metadata.create_all(connection)
            connection.execute(schema.INDEX_OF_STUDY)
            found = {"schema_version": str(schema.VERSION), "written_by": __version__}
            rows = [{"key": key, "value": value} for key, value in found.items()]
            connection.execute(insert(schema.meta), rows)


@contextmanager
def _writing(engine: Engine, address: Address) -> Iterator[Connection]:
    with engine.execution_options(hpo_writing=True).begin() as connection:
        if address.path is None:  # two drivers may come at once
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})"))
        yield connection


def _check_file(path: Path, shown: str, *, create: bool) -> None:
    """The mistakes that SQLite would report as "unable to open database file"."""
    if path.is_dir():
        raise StoreError(f"{shown}: {path} is a folder, not a file")
    if path.exists():
        if not os.access(path, os.R_OK):
            raise StoreError(f"{shown}: this user may not read the file")
        return
    if not create:
        raise StoreError(f"no store at {shown}{_nearest_file(path)}")
    if not path.parent.is_dir():
        raise StoreError(
            f"{shown}: the folder {path.parent} does not exist", fix="create it first"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{shown}: this user may not write to the folder {path.parent}")


def _nearest_file(path: Path) -> str:
    """Return a hint at the database that may be meant, and which are there; or nothing."""
    known = sorted(p.name for p in path.parent.glob("*") if p.suffix in _SUFFIXES and p.is_file())
    there = f"; databases in {path.parent}: {', '.join(known[:_MOST])}" if known else ""
    return nearest(path.name, known) + there + (" …" if len(known) > _MOST else "")


def _is_ours(connection: Connection, address: Address) -> bool:
    """Return whether there is a store that this version can read; not if there is nothing yet.

    Raises:
        StoreError: If it is another program's, or another version's.
    """
    tables = inspect(connection).get_table_names()
    if schema.meta.name not in tables:
        # A PostgreSQL database may be shared; a file is one program's.
        if tables and address.path is not None:
            names = ", ".join(sorted(tables)[:3])
            raise StoreError(
                f"{address.shown}: a database of another program (its tables: {names})"
            )
        return False
    try:
        found = {row.key: row.value for row in connection.execute(select(schema.meta))}
    except SQLAlchemyError as error:
        raise StoreError(describe(address, error)) from error
    version, writer = found.get("schema_version"), found.get("written_by")
    if version is None:
        raise StoreError(f"{address.shown}: not a store of hpo_bridge, or a damaged one")
    if version != str(schema.VERSION) or writer is None:
        raise StoreError(
            f"{address.shown}: written by {f'hpo-bridge {writer}' if writer else 'an hpo-bridge'} "
            f"with schema {version}{'' if writer else ' of before 0.1.0'}; this one, "
            f"{__version__}, reads schema {schema.VERSION}. Take another store, or have the "
            "version that wrote it export the study to JSON, and import that here"
        )
    return True

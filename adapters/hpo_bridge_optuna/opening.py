"""Optuna's storages at a URL or a path: SQLite and other databases, and journals.

A SQLite database is copied before it is opened, and the copy is brought up to Optuna's present
schema: the file stays as it is, whatever version wrote it. Another database is opened in place,
and must have that schema already. Optuna itself is imported when a storage is opened.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hpo_bridge.errors import HistoryError

DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
TABLES = {"studies", "trials", "trial_params", "version_info"}


def scheme_of(source: str) -> str:
    """The kind of database of a URL; empty if it is none."""
    scheme, found, _ = source.partition("://")
    name = scheme.partition("+")[0].lower()
    return name if found and name in DATABASES else ""


def file_of(source: str) -> Path:
    """The file of a SQLite URL, or of a path."""
    if not scheme_of(source):
        return Path(source)
    from sqlalchemy.engine import make_url

    return Path(make_url(source).database or "")


def tables_of(path: Path) -> set[str]:
    """The tables of a SQLite file; none if it is no such file."""
    try:
        with path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                return set()
        with closing(_read_only(path)) as connection:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            return {name for (name,) in connection.execute(query)}
    except (OSError, sqlite3.Error):
        return set()


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def is_journal(path: Path) -> bool:
    """Return true for a file that begins like a journal of Optuna."""
    try:
        with path.open("rb") as file:
            first = json.loads(file.readline(2**20))
        return isinstance(first, dict) and {"op_code", "worker_id"} <= set(first)
    except (OSError, ValueError, RecursionError):
        return False


@contextmanager
def open_storage(source: str) -> Iterator[Any]:
    """Optuna's storage at a URL or a path, to be read; closed again after the body.

    Raises:
        HistoryError: If there is none, or Optuna cannot open it.
    """
    path = file_of(source)
    local = scheme_of(source) in ("", "sqlite")
    if local and not path.is_file():
        raise HistoryError(f"{source}: there is no such file")
    tables = tables_of(path) if local else set()
    if "hpo_meta" in tables and not tables >= TABLES:
        raise HistoryError(
            f"{source}: a store of hpo-bridge, not of Optuna",
            fix=("export its study as JSON, and import that"),
        )
    if local and not tables and is_journal(path):
        yield _journal(source, path)
        return
    if local and not tables >= TABLES:
        raise HistoryError(f"{source}: no storage of Optuna: neither its tables nor a journal")
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        storage = _copied(source, path, Path(folder)) if local else _remote(source)
        try:
            yield storage
        finally:
            storage.engine.dispose()


def _journal(source: str, path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return JournalStorage(JournalFileBackend(os.fspath(path)))
    except Exception as error:
        raise HistoryError(f"{source}: a damaged journal: {error_line(error)}") from error


def _copied(source: str, path: Path, folder: Path) -> Any:
    """A copy of a SQLite storage, brought up to the present schema."""
    from optuna.storages import RDBStorage

    copy = folder / "copy.db"
    try:
        with closing(_read_only(path)) as original, closing(sqlite3.connect(copy)) as new:
            original.backup(new)
        storage = RDBStorage(f"sqlite:///{copy}", skip_compatibility_check=True)
        if storage.get_current_version() != storage.get_head_version():
            storage.upgrade()
    except Exception as error:
        raise HistoryError(f"{source}: Optuna cannot open it: {error_line(error)}") from error
    return storage


def _remote(source: str) -> Any:
    """A storage on a server; never creates the tables there."""
    from optuna.storages import RDBStorage

    shown = source.rpartition("@")[2]
    try:
        from sqlalchemy import create_engine, inspect

        engine = create_engine(source)
        there = set(inspect(engine).get_table_names())
        engine.dispose()
        if not there >= TABLES:
            raise HistoryError(f"{shown}: no storage of Optuna: its tables are not there")
        return RDBStorage(source, skip_table_creation=True)
    except HistoryError:
        raise
    except Exception as error:
        raise HistoryError(f"{shown}: Optuna cannot open it: {error_line(error)}") from error


def error_line(error: BaseException) -> str:
    """Return the type and message of an error, on one line and shortened."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:240]

"""Stores: where a study's log lives."""

from __future__ import annotations

import os

from .contract import Pending, Repeats, Store, StudyRow, Writer
from .event_parts import Event
from .memory import MemoryStore

MEMORY = "memory://"
"""The URL of a new store in memory."""

__all__ = [
    "MEMORY", "Event", "MemoryStore", "Pending", "Repeats", "Store", "StudyRow", "Writer",
    "is_path", "open_store",
]  # fmt: skip


def open_store(url: str | os.PathLike[str] | None, *, create: bool = True) -> Store:
    """Opens the store at ``url``.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db``,
            ``postgresql://user:password@host/database``; ``None`` or ``memory://`` for one
            that ends with the process. A path is that of a SQLite database; as a text that of one
            that is there.
        create: Whether a missing store is created; if not, it is an error.

    Raises:
        StoreError: If it cannot be opened: foreign, damaged, newer, locked, read-only …
    """
    if url is None or url == MEMORY:
        return MemoryStore()
    if isinstance(url, os.PathLike) or is_path(url, create=create):
        url = f"sqlite:///{os.fspath(url)}"
    from .sql import SqlStore  # SQLAlchemy costs 0.3 s: only studies on disk pay for it

    return SqlStore(url, create=create)


def is_path(store: str, *, create: bool) -> bool:
    """Return whether a store is given as the path of a database, not as a URL.

    A text that is no URL is taken for one only where nothing is created by mistake.
    """
    return "://" not in store and (os.path.isfile(store) or not (create or "@" in store))

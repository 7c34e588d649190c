"""The URL of a study's store, made independent of the current folder."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError, StoreError

MEMORY = "memory://"
_SQLITE = "sqlite:///"


def default_url(folder: Path, study: str) -> str:
    """The URL of the store that a study has unless it names one: a file beside its own.

    Raises:
        ConfigError: If the folder's name has a character that no URL of a store can hold.
    """
    return _sqlite_url(folder.absolute() / f"{study}.db")


def resolved_url(url: str, folder: Path) -> str:
    """``url`` with a relative SQLite path made absolute; creates and opens nothing.

    Args:
        url: ``sqlite:///…``, ``postgresql://…`` or ``memory://``.
        folder: What a relative path is relative to.

    Raises:
        ConfigError: If no store can have that URL.
    """
    if url == MEMORY:
        return url
    from ..store.connection import parse_url  # SQLAlchemy costs 0.3 s

    try:
        address = parse_url(url)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    if address.path is None:
        return url
    return _sqlite_url(folder.absolute() / str(address.url.database))


def _sqlite_url(path: Path) -> str:
    """The URL that means ``path``: SQLAlchemy 2.1 reads ``%`` as an escape, 2.0 does not."""
    from ..store.connection import parse_url

    text = path.as_posix()
    for written in (text, text.replace("%", "%25").replace("?", "%3F")):
        try:
            if parse_url(_SQLITE + written).path == path:
                return _SQLITE + written
        except StoreError:
            continue
    raise ConfigError(f"a URL cannot hold the path {path}: name a store elsewhere")

"""The stores and folders of a study file, made independent of the current folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import ConfigError, StoreError
from ..store import MEMORY, is_path
from .models import StudyModel
from .problems import Problems, shown
from .structure import accepts

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


def store_of(
    model: StudyModel, given: str | None, folder: Path, name: str, problems: Problems
) -> str:
    """Return the store's URL; the command line's goes before the file's."""
    url = given if given is not None else model.store
    try:
        if url is None:
            return default_url(folder, name)
        if given is not None and is_path(given, create=True):
            return _sqlite_url(Path(given).absolute())
        return resolved_url(url, folder if given is None else Path.cwd())
    except ConfigError as error:
        for problem in error.problems:
            if given is not None:
                problems.note(f"--store: {problem}")
            else:
                problems.add(("store",), problem)
        return ""


def checkpoints_of(model: StudyModel, folder: Path, problems: Problems) -> Path | None:
    """Return the folder for checkpoints; it need not exist."""
    if model.checkpoints is None:
        return None
    path = folder / model.checkpoints
    if "\0" in model.checkpoints or (os.path.exists(path) and not os.path.isdir(path)):
        expected = accepts(StudyModel, "checkpoints")
        problems.add(("checkpoints",), f"found {shown(model.checkpoints)}, expected {expected}")
    return path


def warm_start_of(
    model: StudyModel, folder: Path, problems: Problems
) -> tuple[dict[str, Any], ...]:
    """The sources as a study takes them; the earlier studies themselves are not looked at.

    Args:
        model: The file's model.
        folder: What a relative SQLite path is relative to.
        problems: Takes note of what is wrong.
    """
    found = []
    for place, source in enumerate(model.warm_start or ()):
        given = source.model_dump(exclude_none=True)
        try:
            if source.store is not None:
                given["store"] = resolved_url(source.store, folder)
        except ConfigError as error:
            for problem in error.problems:
                problems.add(("warm_start", str(place), "store"), problem)
        found.append(given)
    return tuple(found)

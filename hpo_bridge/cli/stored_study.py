"""Opening a stored study for commands that only read it, by its file or by its store."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.selection import SelectionFile
from ..engine.study_lookup import find_study
from ..errors import HpoBridgeError
from ..store import Store, open_store
from .common_options import StudyArguments
from .printing import load_plugins

if TYPE_CHECKING:
    from ..config import StudyFile


@dataclass(frozen=True)
class StudyToRead:
    """A stored study that a command reads.

    :func:`hpo_bridge.load_study` makes a study of its name and its store.

    Attributes:
        store: The open store.
        name: The study's name there.
        words: The words that name it on a command line: ``study.yaml``, or ``--store URL …``.
        selection: The selection that its file asks for; the best trial without a file.
        file: The study file, if one was given.
    """

    store: Store
    name: str
    words: str
    selection: SelectionFile = field(default_factory=SelectionFile)
    file: StudyFile | None = None


@contextmanager
def study_to_read(given: StudyArguments, *, plugged: bool = False) -> Iterator[StudyToRead]:
    """Yield the stored study that a command line names; creates nothing.

    Args:
        given: The arguments that name it.
        plugged: Whether the plugins that its file names are loaded, too.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
        HpoBridgeError: If neither a file nor a store is given, or the two contradict each other.
    """
    _check(given)
    if given.path is not None:
        options = {"reading": True, "plugged": plugged}
        with stored_study(given.path, given.store, given.overrides, **options) as (store, file):
            name = find_study(store, file.name).name
            words = shlex.quote(str(given.path))
            yield StudyToRead(store, name, words, file.selection, file)
        return
    assert given.store is not None
    store = open_store(given.store, create=False)
    try:
        name = find_study(store, given.name).name
        words = f"--store {shlex.quote(store.url)} --study {shlex.quote(name)}"
        yield StudyToRead(store, name, words)
    finally:
        store.close()


def _check(given: StudyArguments) -> None:
    """Refuse a command line that names no study, or two."""
    if given.path is not None:
        if given.name is not None:
            problem = f"found --study {given.name} beside {given.path}"
            fix = (
                "--store URL --study NAME stand in place of a study file: leave out one of the two"
            )
            raise HpoBridgeError(problem, fix=fix)
        return
    if given.store is None:
        raise HpoBridgeError("found no study, expected STUDY.yaml, or --store URL [--study NAME]")
    if given.overrides:
        problem = f"found --set {given.overrides[0]} without a study file, whose keys it changes"
        raise HpoBridgeError(problem, fix="leave it out, or give the file")


@contextmanager
def stored_study(
    path: Path, url: str | None, overrides: Sequence[str], **options: Any
) -> Iterator[tuple[Store, StudyFile]]:
    """Yield the store and the study file of a study that has one; creates nothing.

    Args:
        path: The study file.
        url: Another store than the file's.
        overrides: Keys to change, as ``KEY=VALUE``.
        options: Further options of :func:`hpo_bridge.config.load_study_file`.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
    """
    from ..config import load_study_file  # pydantic and YAML take 0.2 s

    file = load_study_file(path, plugins=load_plugins(), overrides=overrides, store=url, **options)
    store = open_store(file.store, create=False)
    try:
        yield store, file
    finally:
        store.close()

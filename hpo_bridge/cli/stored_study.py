"""Opening a stored study for commands that only read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..config import StudyFile, load_study_file
from ..store import Store, open_store
from .printing import load_plugins


@contextmanager
def stored_study(
    path: Path, url: str | None, overrides: Sequence[str], **options: Any
) -> Iterator[tuple[Store, StudyFile]]:
    """Yield the store and the study file of a study; creates nothing.

    Args:
        path: The study file.
        url: Another store than the file's.
        overrides: Keys to change, as ``KEY=VALUE``.
        options: Further options of :func:`hpo_bridge.config.load_study_file`; by default the
            file is read for looking at the store only.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
    """
    options = options or {"reading": True}
    file = load_study_file(path, plugins=load_plugins(), overrides=overrides, store=url, **options)
    store = open_store(file.store, create=False)
    try:
        yield store, file
    finally:
        store.close()

"""The folder in which a stored study keeps what its trials print."""

from __future__ import annotations

import os
from pathlib import Path

from ..contracts.trial_output import OutputFolder
from ..store import MemoryStore, Store
from .study_lookup import find_study


def output_folder(store: Store, study: str) -> OutputFolder:
    """Return the folder for the output of a study's trials; creates nothing.

    It is beside the database, or goes with a store in memory. A database on a server has no such
    place: there it is the user's folder for logs on the machine that drives the study.

    Args:
        store: The study's store.
        study: Its name.

    Raises:
        StudyNotFound: If the store has no study of that name.
    """
    row = find_study(store, study)
    root = store.folder("logs") or user_logs()
    return OutputFolder.of(root, study, row.created, private=isinstance(store, MemoryStore))


def user_logs() -> Path:
    """``hpo-bridge/logs`` where the XDG Base Directory Specification has a user's logs."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if os.path.isabs(state) else Path(os.path.expanduser("~/.local/state"))
    return home / "hpo-bridge" / "logs"

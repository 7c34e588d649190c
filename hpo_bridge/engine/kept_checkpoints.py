"""The folders of trials' checkpoints, and the rule for those that stay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..contracts.checkpoint_folder import CheckpointFolder
from ..contracts.checkpoints import Nowhere
from ..contracts.record import TrialState
from ..errors import HpoBridgeError, short
from ..store import MemoryStore, Store

Kept = CheckpointFolder | Nowhere


def given_folder(folder: Any) -> Path | None:
    """The folder that a user named, absolute; it need not exist.

    Raises:
        HpoBridgeError: If it is no path, or that of a file.
    """
    if folder is None:
        return None
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
        raise HpoBridgeError(f"found {short(folder)}, expected a folder's path", "checkpoints")
    path = Path(folder).absolute()
    if os.path.exists(path) and not os.path.isdir(path):
        raise HpoBridgeError(f"{path} is a file, expected a folder", "checkpoints")
    return path


def checkpoints_of(store: Store, study: str, folder: Path | None) -> Kept:
    """Return the place where the trials of a stored study keep checkpoints.

    Args:
        store: Where the study is.
        study: Its name.
        folder: The one that the user named, if any; else the store's own is taken.
    """
    root = store.folder("checkpoints") if folder is None else folder
    row = store.study(study)
    if root is None:
        return Nowhere(
            f"nowhere to keep checkpoints: study {study!r} is in {store.url}, which has no "
            "folder beside it; name one that every driver of the study sees: "
            "'checkpoints: FOLDER' in the study file, StudyConfig(…, checkpoints=FOLDER) in Python"
        )
    if row is None:
        return Nowhere(f"nowhere to keep checkpoints: no study {study!r} in {store.url}")
    private = folder is None and isinstance(store, MemoryStore)  # it is in a public folder
    return CheckpointFolder.of(root, study, row.created, private=private)


def sweep(kept: Kept, store: Store, study: str) -> None:
    """Clears away what killed drivers have left; no trial of the study may be running.

    Trials that the log does not have are those of a database that was later replaced by
    an older copy of itself.
    """
    numbers = kept.sweep()
    if not numbers:
        return
    ended = [TrialState.PRUNED, TrialState.FAILED]
    gone = {trial.number for trial in store.trials(study, ended, first=numbers[0])}
    created = sum(store.counts(study).values())
    for number in numbers:
        kept.end(number, keep=number < created and number not in gone)

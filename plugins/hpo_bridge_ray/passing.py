"""Folders for temporary files that are removed even if their process is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "hpo-bridge-kept-"
_LOCK = "lock"


class PassingFolder:
    """A folder below the system's for temporary files, for this process.

    It holds a lock on it, which the system gives free however the process ends. Whoever makes
    or removes such a folder on that machine removes those that a killed process has left.

    Attributes:
        path: The folder; for this user alone.

    Example:
        >>> folder = PassingFolder()
        >>> _ = (folder.path / "file").write_text("x")
        >>> folder.close()
        >>> folder.path.exists()
        False
    """

    def __init__(self) -> None:
        _sweep()
        made = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))  # not swept before it is locked
        self._lock: int | None = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = made.rename(made.with_name(made.name.removeprefix("new-")))

    def close(self) -> None:
        """Removes it; may be called again."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None
            _sweep()


def _sweep() -> None:
    """Removes what was left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, or somebody else's, or another has removed it
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)

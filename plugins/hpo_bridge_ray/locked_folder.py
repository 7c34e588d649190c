"""Folders for temporary files that are removed even if their process is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from itertools import chain
from pathlib import Path

KEPT = "hpo-bridge-kept-"
"""Begins the names of such folders."""
SHORT = "hpo-ray-"
"""The same, where sockets are to lie below them: the system limits the length of their paths."""
_LOCK = "lock"


class LockedFolder:
    """A folder below the system's for temporary files, for this process.

    It holds a lock on it, which the system gives free however the process ends. Whoever makes
    or removes such a folder on that machine removes those that a killed process has left.

    Args:
        prefix: What its name begins with: :data:`KEPT` or :data:`SHORT`.

    Attributes:
        path: The folder; for this user alone.

    Example:
        >>> with LockedFolder() as folder:
        ...     _ = (folder.path / "file").write_text("x")
        >>> folder.path.exists()
        False
    """

    def __init__(self, prefix: str = KEPT) -> None:
        _sweep()
        made = Path(tempfile.mkdtemp(prefix=f"new-{prefix}"))  # not swept before it is locked
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

    def __enter__(self) -> LockedFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sweep() -> None:
    """Removes what was left."""
    place = Path(tempfile.gettempdir())
    for folder in chain(place.glob(f"{KEPT}*"), place.glob(f"{SHORT}*")):
        with suppress(OSError):  # in use, or somebody else's, or another has removed it
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)

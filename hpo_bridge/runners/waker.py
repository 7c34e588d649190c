"""A way to wake a loop that waits for connections."""

from __future__ import annotations

import os
from contextlib import suppress


class Waker:
    """Wakes a loop that waits for it, from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Waker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor that is readable once somebody has called :meth:`wake`."""
        return self._reader

    def wake(self) -> None:
        """Wake the loop; a full pipe has woken it already."""
        with suppress(OSError):
            os.write(self._writer, b"!")

    def clear(self) -> None:
        """Make ready for the next call of :meth:`wake`."""
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)

    def close(self) -> None:
        """Close the pipe; a late :meth:`wake` reaches nobody else's file."""
        ends = self._reader, self._writer
        self._reader = self._writer = -1
        for end in ends:
            os.close(end)

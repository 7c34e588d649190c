"""The end of a trial's printed output that its worker has not sent to the driver yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hpo_bridge.contracts.trial_output import KEPT

HOLD = 0.2
"""Seconds between two messages with output."""


class OutputBuffer:
    """A sink whose bytes are taken from time to time; what is over ``KEPT`` bytes is dropped.

    Args:
        notify: Called from any thread when there is something to take.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._lock = threading.Lock()
        self._data = b""
        self._left_out = 0
        self._sent = 0.0

    def write(self, data: bytes, left_out: int = 0) -> None:
        """Take the next bytes."""
        with self._lock:
            before = self._data
            joined = before + data
            self._data = joined[-KEPT:]
            self._left_out += left_out + len(joined) - len(self._data)
        if not before and data:
            self._notify()

    def take(self) -> tuple[bytes, int]:
        """Return the bytes, and how many before them were dropped; begins anew."""
        with self._lock:
            taken = self._data, self._left_out
            self._data, self._left_out = b"", 0
            self._sent = time.monotonic()
        return taken

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the next message is due; ``None`` without anything to send."""
        if not self._data:
            return None
        return max(0.0, self._sent + HOLD - time.monotonic())

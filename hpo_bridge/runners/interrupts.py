"""Ctrl-C, kept out of the study's bookkeeping."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType


class CtrlC:
    """Counts Ctrl-C instead of raising ``KeyboardInterrupt`` wherever the driver is.

    While ``open`` is set it raises as usual: an objective runs. A third Ctrl-C raises in
    any case, so that a backend that hangs can be left. Outside the main thread, or where
    somebody else handles the signal, it does nothing.

    Args:
        notify: Called in the signal handler; wakes a loop that waits.

    Attributes:
        count: How often it came.
        open: Whether it may raise; set it while a loop waits, or an objective runs, only.
    """

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        self.count = 0
        self.open = False
        self._notify = notify
        self._installed = False

    def __enter__(self) -> CtrlC:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def raise_pending(self) -> None:
        """Raises the ``KeyboardInterrupt`` that was held back."""
        if self.count:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.open or self.count > 2:
            raise KeyboardInterrupt
        if self._notify is not None:
            self._notify()

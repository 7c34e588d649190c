"""The end of a command whose backend cannot be interrupted: it is in C code, say."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..contracts.interrupts import pending_call
from ..progress.terminal_screen import CLEAR
from .exit_codes import INTERRUPTED

_ANSWER = 0.3
"""Seconds for Python to take a signal by itself, before a thread looks at what it waits for."""
_END = 2.0
"""Seconds for a backend to be left after the second Ctrl-C."""


@contextmanager
def last_resort(abandon: Callable[[], None], farewell: str) -> Iterator[None]:
    """Ends the process after a second Ctrl-C that Python cannot take in a backend's call.

    Signals are met in a thread, which runs while the main thread is in C code.

    Args:
        abandon: Gives the study free, from any thread.
        farewell: The last words.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(reader, abandon, farewell), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)


def _watch(reader: int, abandon: Callable[[], None], farewell: str) -> None:
    presses = 0
    while signals := os.read(reader, 64):
        presses += sum(number in (signal.SIGINT, signal.SIGTERM) for number in signals)
        time.sleep(_ANSWER)
        call = pending_call()
        if presses and call is not None:
            call.announce()
        if presses < 2:
            continue
        end = time.monotonic() + _END
        while call is not None and call is pending_call():
            if time.monotonic() > end:
                _leave(abandon, farewell)
            time.sleep(0.02)


def _leave(abandon: Callable[[], None], farewell: str) -> None:
    try:
        abandon()
    finally:
        clear = CLEAR if sys.stderr.isatty() else ""  # in place of the progress
        os.write(2, f"{clear}{farewell}\n".encode())
        os._exit(INTERRUPTED)

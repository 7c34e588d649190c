"""A time limit for the import of a plugin: one that hangs is named, ended, and left out.

The import runs in the main thread and is ended by an exception that the alarm clock of the
process raises there: the plugin's module is taken out again, and no lock of the import system
stays taken, as one would with a thread that is left behind. What holds the interpreter itself (a
loop in C) cannot be ended; nor can anything outside of the main thread, or where there is
no ``SIGALRM``: there the culprit is only named.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LIMIT = "HPO_BRIDGE_IMPORT_LIMIT"
"""Environment variable: seconds that the import of a plugin may take; 0 for any time."""
SECONDS = 30.0
"""What it is without that variable: far above a slow import from a cold disk."""
PATIENCE = 5.0
"""Seconds after which a plugin that is still at it is named on standard error."""
_AGAIN = 1.0
"""Seconds until the alarm rings again for a plugin that catches everything."""


class TooSlow(BaseException):
    """The time is up; no ``Exception``, which many plugins catch."""


def import_limit() -> float:
    """The limit in seconds; 0 for none. What is no number counts as not set."""
    try:
        return max(0.0, float(os.environ.get(LIMIT, "")))
    except ValueError:
        return SECONDS


@contextmanager
def limited(seconds: float, notice: str) -> Iterator[None]:
    """Ends its body after a time.

    Args:
        seconds: How long it may take; 0 for any time.
        notice: Printed on standard error after :data:`PATIENCE` seconds, once.

    Raises:
        TooSlow: When the time is up.
    """
    if not _can_ring():
        with reminded(PATIENCE, notice):
            yield
        return
    with _alarm(seconds, _once(notice)):
        yield


@contextmanager
def reminded(seconds: float, notice: str) -> Iterator[None]:
    """Prints ``notice`` on standard error where its body takes longer; ends nothing."""
    timer = threading.Timer(seconds, _once(notice))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _can_ring() -> bool:
    """Whether an alarm can end what runs here, and be set back afterwards."""
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is not None
    )


@contextmanager
def _alarm(seconds: float, say: Callable[[], None]) -> Iterator[None]:
    """Rings after :data:`PATIENCE` and at the end of the time; somebody else's alarm waits."""
    armed = True

    def ring(number: int, frame: object) -> None:
        if not armed:
            return
        spent = time.monotonic() - begin
        if seconds and spent >= seconds - 0.01:
            raise TooSlow
        say()
        if seconds:
            signal.setitimer(signal.ITIMER_REAL, seconds - spent, _AGAIN)

    first = min(seconds, PATIENCE) if seconds else PATIENCE
    begin = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    due, interval = signal.setitimer(signal.ITIMER_REAL, first, _AGAIN if seconds else 0.0)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        if due:
            left = due - (time.monotonic() - begin)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left), interval)


def _once(notice: str) -> Callable[[], None]:
    said = False

    def say() -> None:
        nonlocal said
        if not said:
            said = True
            with suppress(Exception):  # interrupted in the middle of another print, or closed
                print(notice, file=sys.stderr, flush=True)

    return say

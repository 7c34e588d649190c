"""The time limit of a trial that runs in the main thread."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from ..contracts.interrupts import CtrlC
from ..objectives.objective import Cut

AGAIN = 1.0
"""Seconds until the next signal, for an objective that swallows the first one, and for one
that comes while the study keeps its books."""
_SIGNAL: Any = getattr(signal, "SIGVTALRM", None)
"""Not the alarm signal, which objectives use for limits of their own; hardly anybody uses this."""


class Deadline:
    """Cuts an objective in the main thread by ``Cut``, from a thread that watches the clock.

    Args:
        ctrl_c: Says whether an objective runs.

    Attributes:
        possible: Whether it can: on a POSIX system, in the main thread.
        rang: Whether the present trial was cut, whatever it made of that.
    """

    def __init__(self, ctrl_c: CtrlC) -> None:
        self.possible = is_possible()
        self.rang = False
        self._ctrl_c = ctrl_c
        self._at = self._awake_at = math.inf
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._before: Any = None

    def __enter__(self) -> Deadline:
        if self.possible:
            self._before = signal.signal(_SIGNAL, self._ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            with self._change:
                self._at = -math.inf
                self._change.notify()
            self._thread.join()
        if self.possible:
            before = self._before
            signal.signal(_SIGNAL, signal.SIG_DFL if before is None else before)

    def set(self, seconds: float) -> None:
        """Begins the time of a trial."""
        self.rang = False
        self._at = time.monotonic() + seconds
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="deadline", daemon=True)
            self._thread.start()
        elif self._at < self._awake_at:
            with self._change:
                self._change.notify()

    def clear(self) -> None:
        """Ends it."""
        if self._at is not math.inf:
            self.rang = self.rang or time.monotonic() >= self._at
            self._at = math.inf

    def _watch(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        with self._change:
            while (at := self._at) >= 0:
                now = time.monotonic()
                if at <= now:
                    signal.pthread_kill(main, _SIGNAL)
                self._awake_at = at if at > now else now + AGAIN
                if self._at >= self._awake_at or at <= now:  # else it was set this moment
                    self._change.wait(None if self._awake_at == math.inf else self._awake_at - now)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._ctrl_c.open:
            return
        if time.monotonic() >= self._at:
            self.rang = True
            raise Cut
        if callable(self._before):  # this study runs in a trial of another one
            self._before(number, frame)


def is_possible() -> bool:
    """Return whether trials can be cut in this thread."""
    return os.name == "posix" and threading.current_thread() is threading.main_thread()

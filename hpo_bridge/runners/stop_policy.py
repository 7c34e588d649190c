"""When a run has to stop, and when the trials that still run then are cut."""

from __future__ import annotations

import time

from ..contracts.interrupts import CtrlC
from ..contracts.runner import Work

_INTERVAL = 0.25
"""Seconds between two checks of ``work.stopping``, which any thread may set."""


class StopPolicy:
    """Ctrl-C, the end of the time budget, or the word of a plugin; then a time of grace.

    Args:
        work: The study.
        ctrl_c: Counts Ctrl-C; a second one during the grace ends it.
        grace: Seconds for running trials.

    Attributes:
        reason: The reason for which trials that are cut were cut.
    """

    def __init__(self, work: Work, ctrl_c: CtrlC, grace: float) -> None:
        self.reason = "the run ended with an error"
        self._work = work
        self._ctrl_c = ctrl_c
        self._grace = grace
        self._end: float | None = None
        self._presses = 0  # of Ctrl-C, when the run began to stop

    @property
    def is_stopping(self) -> bool:
        """True if no further trial is to be started."""
        return self._end is not None

    @property
    def is_over(self) -> bool:
        """True if running trials are to be cut."""
        return self._end is not None and time.monotonic() >= self._end

    def update(self) -> None:
        """Find out whether to stop, and by when."""
        presses, now = self._ctrl_c.count, time.monotonic()
        if self._end is not None:
            if presses > self._presses:
                self._end, self.reason = now, "interrupted"
            return
        left = self._work.seconds_left
        if presses:
            self.reason = "interrupted"
        elif self._work.stopping:
            self.reason = "the study was stopped"
        elif left is not None and left <= 0:
            self.reason = "the time budget ended"
        else:
            return
        self._presses = presses
        self._end = now + self._grace

    @property
    def seconds_to_wait(self) -> float:
        """Seconds to wait for something to happen before the next update."""
        if self._end is not None:
            return max(0.0, min(_INTERVAL, self._end - time.monotonic()))
        left = self._work.seconds_left
        return _INTERVAL if left is None else min(_INTERVAL, left)

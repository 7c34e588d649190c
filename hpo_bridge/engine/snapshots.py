"""Snapshots of the optimizer's state, so that continuing need not replay the whole log."""

from __future__ import annotations

import time

from ..errors import LeaseLost
from .logged_optimizer import Proposer
from .study_log import StudyLog

SNAPSHOT_EVERY = 2.0
"""Least number of seconds between two snapshots."""
SNAPSHOT_SHARE = 0.02
"""Largest share of the time that snapshots may take."""


class Snapshots:
    """The snapshots of a study that is being driven.

    Args:
        log: The study's log.
        proposer: Gives its state.
    """

    def __init__(self, log: StudyLog, proposer: Proposer) -> None:
        self._log, self._proposer = log, proposer
        self._due = time.monotonic() + SNAPSHOT_EVERY

    def save_if_due(self) -> None:
        """Save one if the last was long enough ago."""
        if time.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """Save one, if there is a state to be saved now."""
        begin = time.monotonic()
        snapshot = self._proposer.snapshot()
        if snapshot is not None:
            self._log.writer.save_snapshot(snapshot)
        end = time.monotonic()
        self._due = end + max(SNAPSHOT_EVERY, (end - begin) / SNAPSHOT_SHARE)

    def save_and_release(self) -> None:
        """Give the study free, with a last snapshot."""
        try:
            self.save()
        except LeaseLost:  # another driver goes on: it needs nothing of this one
            pass
        finally:
            self._log.writer.release()

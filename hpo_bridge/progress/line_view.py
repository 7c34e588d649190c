"""Progress in a log: a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ..contracts.hooks import hookimpl
from ..contracts.record import TrialRecord, TrialState
from .tally import Tally

LINE_EVERY = 1.0
"""Least number of seconds between two lines."""
LINE_SHARE = 0.05
"""The same, as a share of the time so far: a log of a long run stays short."""


class LineView:
    """Prints a line now and then on standard error, and one for each failure; an observer.

    Args:
        tally: The figures.
        head: Printed once the study is ours to drive.
        failure: Return the text to be printed of a failed trial; ``None`` to print none.
        title: Begins each line.
    """

    def __init__(
        self, tally: Tally, head: str, failure: Callable[[TrialRecord], str] | None, title: str
    ) -> None:
        self._tally, self._head, self._failure = tally, head, failure
        self._title, self._due = f"{title}: " if title else "", 0.0

    @hookimpl
    def hpo_study_started(self) -> None:
        """Print the head; the first line follows the first trial."""
        if self._head:
            print(self._head, file=sys.stderr, flush=True)

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Print a failure, and the progress if a line is due."""
        tally = self._tally
        if self._failure is not None and trial.state is TrialState.FAILED:
            print(self._failure(trial), file=sys.stderr)
        now = time.monotonic()
        if now >= self._due or tally.done == tally.trials:
            self._due = now + max(LINE_EVERY, LINE_SHARE * (now - tally.begin))
            print(self._title + tally.line(), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Do nothing."""

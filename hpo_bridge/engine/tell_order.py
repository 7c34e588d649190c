"""The results that an optimizer is told before it is asked: all, or those of a fixed order."""

from __future__ import annotations

from ..errors import WaitingForResults
from .study_log import StudyLog


class TellOrder:
    """The order in which results are told.

    In free order an optimizer is told every result so far. In deterministic order it is told every
    result up to ``window`` trials ago, by number, whatever has finished since.

    Args:
        log: The study's log.

    Attributes:
        window: In deterministic order the number of trials that may be open at once; ``None``
            in free order.
    """

    def __init__(self, log: StudyLog) -> None:
        self.window: int | None = None
        self._log = log

    def due(self) -> list[int]:
        """Return the trials to be told before the next ask.

        Raises:
            WaitingForResults: If a trial that must be told is not finished yet.
        """
        if self.window is None:
            return list(self._log.untold.finished)
        untold, first_unknown = self._log.untold, self._log.created - self.window
        numbers = [number for number in untold.open if number <= first_unknown]
        if any(number not in untold.finished for number in numbers):
            raise WaitingForResults("the trials are taken in order, and an earlier one runs")
        return sorted(numbers)

    def next_in_order(self) -> list[int]:
        """Return the trial to be told next, if a waiting optimizer may be told one more."""
        if self.window is None:
            return []
        first = min(self._log.untold.open, default=None)
        return [first] if first in self._log.untold.finished and first is not None else []

    def known_before(self) -> int | None:
        """Return the first trial that a backend which takes over now must not know yet.

        In deterministic order that does not depend on what has finished; in free order it is
        ``None``: the backend is told of all that has.

        Raises:
            WaitingForResults: If a trial that it must know is not finished yet.
        """
        if self.window is None:
            return None
        due = set(self.due())
        return min((n for n in self._log.untold.open if n not in due), default=self._log.created)

"""Progress on a terminal or in a notebook: a few lines that are drawn anew by a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from ..contracts.hooks import hookimpl
from ..contracts.record import TrialRecord, TrialState
from .screen_lines import DisplayLines, DisplayStyle

log = logging.getLogger("hpo_bridge")


class Screen(Protocol):
    """A place that shows some lines."""

    interval: float
    """Seconds between two drawings."""

    @property
    def style(self) -> DisplayStyle:
        """The room that it has now, and its characters."""
        ...

    def begin(self) -> None:
        """Prepare to draw."""
        ...

    def draw(self, lines: Sequence[str]) -> None:
        """Draw these lines in place of those before."""
        ...

    def print(self, text: str, *, is_error: bool = False) -> None:
        """Print a text that stays."""
        ...

    def end(self, lines: Sequence[str]) -> None:
        """Draw no more; these lines stay."""
        ...


class LiveView:
    """Draws a few times a second, however fast trials are; an observer.

    Args:
        lines: What to draw.
        screen: Where.
        head: Printed once the study is ours to drive.
        failure: Return the text to be printed of a failed trial; ``None`` to print none.
    """

    def __init__(
        self,
        lines: DisplayLines,
        screen: Screen,
        head: str,
        failure: Callable[[TrialRecord], str] | None,
    ) -> None:
        self._lines, self._screen, self._head, self._failure = lines, screen, head, failure
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @hookimpl
    def hpo_study_started(self) -> None:
        """Draw from now on."""
        self._screen.begin()
        if self._head:
            self._screen.print(self._head)
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
        self._thread.start()

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Print a failure above the display."""
        if self._failure is not None and trial.state is TrialState.FAILED:
            self._screen.print(self._failure(trial), is_error=True)

    def _draw(self) -> None:
        try:
            while not self._over.is_set():
                self._screen.draw(self._lines.now(self._screen.style))
                self._over.wait(self._screen.interval)
        except Exception as error:  # the study goes on without a display
            log.warning("the progress is shown no more: %s: %s", type(error).__name__, error)

    def end(self) -> None:
        """Draw a last time; harmless if it was not begun."""
        if self._thread is None:
            return
        self._over.set()
        try:
            self._thread.join()
        finally:  # Ctrl-C, too
            with suppress(OSError):  # the terminal may have gone
                self._screen.end(self._lines.last(self._screen.style))

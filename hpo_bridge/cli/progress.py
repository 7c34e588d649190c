"""Progress of ``hpo-bridge run``, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..contracts.record import TrialRecord
from ..engine.failures import failure_line, log
from ..engine.schedule import schedule_text
from ..errors import counted
from ..study import Study
from ..study.shown import DisplayText, display_kind, shown_progress
from .printing import more_of


class _Failures:
    """The text of each failed trial; after the first one how to see more."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, 0

    def text(self, trial: TrialRecord) -> str:
        self._count += 1
        line = failure_line(trial)
        return line if self._count > 1 else f"{line}\n  {more_of(self._path, trial.number)}"


@contextmanager
def progress(
    study: Study, trials: int | None, seconds: float | None, path: Path, *, quiet: bool
) -> Iterator[None]:
    """Shows progress while the study runs: live on a terminal, else in lines.

    Args:
        study: The study.
        trials: Its budget of trials.
        seconds: Its budget of seconds.
        path: The study file.
        quiet: Whether to show no more than the study's own warnings, unless standard error is a
            terminal.
    """
    kind = display_kind(None if quiet else True)
    if kind is None:
        yield
        return
    head = f"{study.name}: {schedule_text(study.config.schedule)}, {study.store.url}"
    before = sum(n for state, n in study.counts.items() if state.is_final)
    if before:
        head += f"; continued after {counted(before, 'trial')}"
    text = DisplayText(head=head, failure=_Failures(path).text)
    log.disabled = True  # each failure is shown
    try:
        with shown_progress(study, kind, trials, seconds, text):
            yield
    finally:
        log.disabled = False

"""Progress of a running study, on standard error.

It is an observer like any other: it implements the hooks, and is registered for the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..contracts.directions import Objectives
from ..contracts.formatting import format_duration, format_value
from ..contracts.hooks import hookimpl
from ..contracts.record import TrialRecord, TrialState
from ..engine.failures import failure_line, log
from ..engine.schedule import schedule_text
from ..errors import counted
from ..study import Study
from .printing import load_plugins

LINE_EVERY = 1.0
"""Least number of seconds between two lines where there is no terminal."""
LINE_SHARE = 0.05
"""The same, as a share of the time so far: a log of a long run stays short."""
SHOWN = 4
"""How many running trials a terminal shows."""


class View(Protocol):
    """Shows a tally."""

    def begin(self) -> None:
        """Show that the study has begun."""
        ...

    def finish(self, trial: TrialRecord) -> None:
        """Show that a trial has ended."""
        ...

    def end(self) -> None:
        """Show no more."""
        ...


class Tally:
    """The progress of a run: counts, the best trial so far, the rate."""

    view: View

    def __init__(
        self, study: Study, trials: int | None, seconds: float | None, path: Path
    ) -> None:
        self.counts = dict(study.counts)
        self.path = path
        self.failures = 0
        self.objectives: Objectives = study.objectives
        self.trials = trials
        self.before = self.done
        self.begin = time.monotonic()
        row = study.store.study(study.name)
        spent = 0.0 if row is None else row.seconds
        self.end = None if seconds is None else self.begin + seconds - spent
        self.head = f"{study.name}: {schedule_text(study.config.schedule)}, {study.store.url}"
        if self.before:
            self.head += f"; continued after {counted(self.before, 'trial')}"
        self.running: dict[int, TrialRecord] = {}
        self.best: TrialRecord | None = None
        if len(self.objectives) == 1 and self.counts[TrialState.COMPLETE]:
            self.best = study.best

    @property
    def done(self) -> int:
        """Number of finished trials."""
        return sum(n for state, n in self.counts.items() if state.is_final)

    @hookimpl
    def hpo_study_started(self) -> None:
        """Show the head, now that the study is ours to drive."""
        print(self.head, file=sys.stderr, flush=True)
        self.view.begin()

    @hookimpl
    def hpo_trial_started(self, trial: TrialRecord) -> None:
        """Counts it as running."""
        self.running[trial.number] = trial

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Counts it, and keeps it if it is the best so far."""
        self.running.pop(trial.number, None)
        self.counts[trial.state] += 1
        losses = self.objectives.losses(trial.values)
        if losses is not None and len(losses) == 1:
            best = self.objectives.losses(self.best.values) if self.best else None
            if best is None or losses < best:
                self.best = trial
        self.view.finish(trial)

    @hookimpl
    def hpo_trial_requeued(self, kind: str) -> None:
        """Counts a failed trial that is to run again as one that has not run."""
        if kind == "retry":
            self.counts[TrialState.FAILED] -= 1
            self.before -= 1

    def failure(self, trial: TrialRecord) -> str:
        """Why a trial failed, in one line; after the first one how to see more."""
        self.failures += 1
        text = failure_line(trial)
        return text if self.failures > 1 else f"{text}\n  {more_of(self.path, trial.number)}"

    def line(self) -> str:
        """One line: what runs, how far, best so far, rate, time left."""
        parts = [f"{self.done}/{self.trials}" if self.trials else counted(self.done, "trial")]
        bad = [state for state in (TrialState.FAILED, TrialState.PRUNED) if self.counts[state]]
        parts += [f"{self.counts[state]} {state.value.lower()}" for state in bad]
        if self.best is not None:
            ((name, value),) = (self.best.values or {}).items()
            parts.append(f"best {name} {value:.6g} (trial {self.best.number})")
        now = time.monotonic()
        elapsed, done = now - self.begin, self.done - self.before
        left = [] if self.end is None else [max(0.0, self.end - now)]
        if done and elapsed > 0:
            rate = done / elapsed
            parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min")
            if self.trials:
                left.append((self.trials - self.done) / rate)
        if left:  # the budget that is spent first ends the run
            parts.append(f"{format_duration(min(left))} left")
        if self.running:
            parts.append(f"{len(self.running)} running")
        return " · ".join(parts)


class LineView:
    """For logs: a line now and then, and one for each failure."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._due = tally, 0.0

    def begin(self) -> None:
        """Do nothing: the first line follows the first trial."""

    def finish(self, trial: TrialRecord) -> None:
        """Print a failure, and the progress if a line is due."""
        tally = self._tally
        if trial.state is TrialState.FAILED:
            print(tally.failure(trial), file=sys.stderr)
        now = time.monotonic()
        if now >= self._due or tally.done == tally.trials:
            self._due = now + max(LINE_EVERY, LINE_SHARE * (now - tally.begin))
            print(tally.line(), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Do nothing."""


class LiveView:
    """For a terminal: a bar and a line that are drawn anew a few times a second."""

    def __init__(self, tally: Tally) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tally, self._console = tally, Console(stderr=True)
        self._live = Live(
            get_renderable=self._render, console=self._console, refresh_per_second=4,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def begin(self) -> None:
        """Draw from now on."""
        self._live.start()

    def finish(self, trial: TrialRecord) -> None:
        """Print a failure above the bar."""
        if trial.state is TrialState.FAILED:
            text = self._tally.failure(trial)
            self._console.print(text, style="red", markup=False, highlight=False)

    def end(self) -> None:
        """Draw a last time."""
        self._live.stop()

    def _render(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(expand=True)
        tally = self._tally
        bar = ProgressBar(total=tally.trials, completed=tally.done, pulse=tally.trials is None)
        rows.add_row(bar)
        rows.add_row(Text(tally.line(), overflow="ellipsis", no_wrap=True))
        for trial in list(tally.running.values())[:SHOWN]:
            params = ", ".join(f"{k} {format_value(v, 3)}" for k, v in trial.params.items())
            row = f"  trial {trial.number}: {params}"
            rows.add_row(Text(row, style="dim", overflow="ellipsis", no_wrap=True))
        return rows


def more_of(words: str | Path, number: int | str) -> str:
    """Name the commands that show a whole error and what its trial printed.

    Args:
        words: The study's file, or what else names it on a command line.
        number: The trial's number.
    """
    return (
        f"the whole error: hpo-bridge trials {words} --json; what the trial printed: "
        f"hpo-bridge logs {words} --trial {number}"
    )


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
    terminal = sys.stderr.isatty()
    if quiet and not terminal:
        yield
        return
    tally = Tally(study, trials, seconds, path)
    tally.view = LiveView(tally) if terminal else LineView(tally)
    plugins = load_plugins()
    plugins.observe(tally)
    log.disabled = True  # each failure is shown
    try:
        yield
    finally:
        log.disabled = False
        plugins.ignore(tally)
        tally.view.end()

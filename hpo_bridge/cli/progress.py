"""Progress of a running study, on standard error.

It is an observer like any other: it implements the hooks, and is registered for the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.hooks import hookimpl
from ..contracts.record import TrialRecord, TrialState
from ..engine.failures import failure_line, log
from ..engine.schedule import written as written_schedule
from ..errors import counted
from ..study import Study
from .output import loaded_plugins
from .printing import written
from .summary import duration

LINE_EVERY = 1.0
"""Least number of seconds between two lines where there is no terminal."""
LINE_SHARE = 0.05
"""The same, as a share of the time so far: a log of a long run stays short."""
SHOWN = 4
"""How many running trials a terminal shows."""


class Tally:
    """The progress of a run: counts, the best trial so far, the rate."""

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
        self.head = f"{study.name}: {written_schedule(study.schedule)}, {study.store.url}"
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
        """Says what begins, now that the study is ours to drive."""
        print(self.head, file=sys.stderr, flush=True)

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

    def close(self) -> None:
        """Shows no more."""

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
            parts.append(f"{duration(min(left))} left")
        if self.running:
            parts.append(f"{len(self.running)} running")
        return " · ".join(parts)


class _Lines(Tally):
    """For logs: a line now and then, and one for each failure."""

    _due = 0.0

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Counts it, and says so."""
        Tally.hpo_trial_finished(self, trial)
        if trial.state is TrialState.FAILED:
            print(self.failure(trial), file=sys.stderr)
        now = time.monotonic()
        if now >= self._due or self.done == self.trials:
            self._due = now + max(LINE_EVERY, LINE_SHARE * (now - self.begin))
            print(self.line(), file=sys.stderr, flush=True)


def more_of(path: Path, number: int | str) -> str:
    """Name the commands that show a whole error and what its trial printed."""
    return (
        f"the whole error: hpo-bridge trials {path} --json; what the trial printed: "
        f"hpo-bridge logs {path} --trial {number}"
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
    shown: Any = _Live if terminal else _Lines
    tally: Tally = shown(study, trials, seconds, path)
    plugins = loaded_plugins()
    plugins.observe(tally)
    log.disabled = True  # each failure is shown
    try:
        yield
    finally:
        log.disabled = False
        plugins.ignore(tally)
        tally.close()


class _Live(Tally):
    """For a terminal: a bar and a line that are drawn anew a few times a second."""

    def __init__(
        self, study: Study, trials: int | None, seconds: float | None, path: Path
    ) -> None:
        super().__init__(study, trials, seconds, path)
        from rich.console import Console
        from rich.live import Live

        self.console = Console(stderr=True)
        self._live = Live(
            get_renderable=self._render, console=self.console, refresh_per_second=4,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    @hookimpl
    def hpo_study_started(self) -> None:
        """Says what begins, and draws from now on."""
        Tally.hpo_study_started(self)
        self._live.start()

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Counts it, and says so if it failed."""
        Tally.hpo_trial_finished(self, trial)
        if trial.state is TrialState.FAILED:
            self.console.print(self.failure(trial), style="red", markup=False, highlight=False)

    def close(self) -> None:
        """Draws a last time."""
        self._live.stop()

    def _render(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(expand=True)
        rows.add_row(
            ProgressBar(total=self.trials, completed=self.done, pulse=self.trials is None)
        )
        rows.add_row(Text(self.line(), overflow="ellipsis", no_wrap=True))
        for trial in list(self.running.values())[:SHOWN]:
            params = ", ".join(f"{k} {written(v, 3)}" for k, v in trial.params.items())
            row = f"  trial {trial.number}: {params}"
            rows.add_row(Text(row, style="dim", overflow="ellipsis", no_wrap=True))
        return rows

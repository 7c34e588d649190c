"""The progress of a run in figures: counts, running trials, the best so far, the rate."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..contracts.directions import Objectives
from ..contracts.formatting import format_duration
from ..contracts.hooks import hookimpl
from ..contracts.record import TrialRecord, TrialState
from ..errors import counted
from .curve import BestCurve

MOST_READ = 1000
"""Number of earlier trials up to which the curve begins with these; reading more takes long."""


@dataclass(slots=True)
class RunningRow:
    """A running trial, with its last report.

    Attributes:
        trial: The trial.
        last: The step and the value of the last report, if there is one.
    """

    trial: TrialRecord
    last: tuple[int, float] | None = None


class Tally:
    """The progress of a run; an observer of the study, told in the driver's thread.

    Each notification takes microseconds. Another thread may read it at any time.

    Args:
        objectives: The study's objectives.
        counts: Number of trials by state, before the run.
        best: The best trial so far, for a single objective.
        trials: The budget of trials.
        seconds: The seconds that are left of the budget of time.

    Attributes:
        running: The trials that run now, by number.
        curves: The best so far of each objective.
        has_begun: Whether the study is ours to drive.
    """

    def __init__(
        self,
        objectives: Objectives,
        counts: Mapping[TrialState, int],
        best: TrialRecord | None,
        trials: int | None,
        seconds: float | None,
    ) -> None:
        self.objectives, self.counts, self.best = objectives, dict(counts), best
        self.trials, self.before = trials, 0
        self.before = self.done
        self.begin = time.monotonic()
        self.end = None if seconds is None else self.begin + seconds
        self.running: dict[int, RunningRow] = {}
        self.curves = {name: BestCurve(sign) for name, sign in objectives.signs.items()}
        self.has_begun = False

    @property
    def done(self) -> int:
        """Number of finished trials."""
        return sum(n for state, n in self.counts.items() if state.is_final)

    @hookimpl
    def hpo_study_started(self, ended: Iterable[TrialRecord]) -> None:
        """Begin, now that the study is ours to drive, with the curve of the trials before."""
        if self.before <= MOST_READ:
            for trial in ended:
                self._follow(trial)
        elif self.best is not None:
            self._follow(self.best)
        self.has_begun = True

    @hookimpl
    def hpo_trial_started(self, trial: TrialRecord) -> None:
        """Count it as running."""
        self.running[trial.number] = RunningRow(trial)

    @hookimpl
    def hpo_trial_reported(self, trial: TrialRecord, step: int, value: float) -> None:
        """Keep its last report."""
        row = self.running.get(trial.number)
        if row is not None:
            row.last = step, value

    @hookimpl
    def hpo_trial_changed(self, trial: TrialRecord) -> None:
        """Keep its new parameters."""
        row = self.running.get(trial.number)
        if row is not None:
            row.trial = trial

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Count it, and keep it if it is the best so far."""
        self.running.pop(trial.number, None)
        self.counts[trial.state] += 1
        self._follow(trial)
        losses = self.objectives.losses(trial.values)
        if losses is not None and len(losses) == 1:
            best = self.objectives.losses(self.best.values) if self.best else None
            if best is None or losses < best:
                self.best = trial

    def _follow(self, trial: TrialRecord) -> None:
        for name, value in (trial.values or {}).items():
            self.curves[name].add(value)

    @hookimpl
    def hpo_trial_requeued(self, trial: TrialRecord, kind: str) -> None:
        """Count it as waiting; a failed one that is to run again as one that has not run."""
        self.running.pop(trial.number, None)
        if kind == "retry":
            self.counts[TrialState.FAILED] -= 1
            self.before -= 1

    def line(self, *, running: bool = True, is_over: bool = False) -> str:
        """Return one line: how far, best so far, rate, time left or taken, how many run.

        Args:
            running: Whether to say how many run.
            is_over: Whether the run has ended.
        """
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
        if is_over:
            parts.append(format_duration(elapsed))
        elif left:  # the budget that is spent first ends the run
            parts.append(f"{format_duration(min(left))} left")
        if self.running and running and not is_over:
            parts.append(f"{len(self.running)} running")
        return " · ".join(parts)

    @property
    def share(self) -> float | None:
        """The share of the budget that is spent, from 0 to 1; ``None`` without one."""
        shares = []
        if self.trials:
            shares.append(self.done / self.trials)
        if self.end is not None and self.end > self.begin:
            shares.append((time.monotonic() - self.begin) / (self.end - self.begin))
        return min(max(shares), 1.0) if shares else None

"""A run for each trial, nested in the study's."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hpo_bridge.contracts.record import Change, TrialRecord, TrialState

from .names import as_text, milliseconds, numbers
from .study_run import KIND, STUDY, TRIAL, StudyRun
from .tracking import Writer, found_runs

PARENT = "mlflow.parentRunId"
"""MLflow's tag that nests a run."""
STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAILED: "FAILED",
}
ENDED = ("FINISHED", "KILLED", "FAILED")
SEND_EVERY = 2.0
"""Least number of seconds between two calls for one trial's reports."""


@dataclass
class _Open:
    """The run of a trial that has not ended.

    Attributes:
        writer: Writes to it.
        sent: Steps of reports that it has, of the present attempt; ``None``: not known.
        due: When reports may be sent next: those of a short trial go with its end.
    """

    writer: Writer
    sent: set[int] | None = field(default_factory=set)
    due: float = field(default_factory=lambda: time.time() + SEND_EVERY)


class Nested:
    """Writes trials into runs of their own.

    Args:
        run: The study's run.
        ended: The trials that had ended before.
    """

    def __init__(self, run: StudyRun, ended: Iterable[TrialRecord]) -> None:
        self._run = run
        self._open: dict[int, _Open] = {}
        self._short = False  # whether the last trial was: parameters then go with the end, too
        done: set[int] = set()
        mark = {STUDY: run.study.identity, KIND: "trial"}
        for found in found_runs(run.client, run.experiment, mark):
            number = int(found.data.tags[TRIAL])
            if found.info.status in ENDED:
                done.add(number)
            else:
                self._open[number] = _Open(Writer(run.client, str(found.info.run_id)), None)
        for trial in ended:
            run.count(trial, told=trial.number not in done)
            if trial.number not in done:
                self._finished(trial)

    def started(self, trial: TrialRecord) -> None:
        """Begins the trial's run, or goes on with it."""
        known = trial.number in self._open
        opened = self._opened(trial)
        if known:  # another attempt: it reports anew
            opened.sent = set()
            self._run.client.update_run(opened.writer.run, status="RUNNING")
        if not self._short:
            opened.writer.send()

    def _opened(self, trial: TrialRecord) -> _Open:
        """The trial's run; a new one if there is none, or it could not be created earlier."""
        opened = self._open.get(trial.number)
        if opened is None:
            opened = self._open[trial.number] = self._create(trial)
            names = [
                name for name, value in trial.params.items()
                if opened.writer.param(self._run.params.get(name, name), as_text(value))
            ]  # fmt: skip
            if names:
                opened.writer.tag("hpo_bridge.cut_params", json.dumps(names))
        return opened

    def _create(self, trial: TrialRecord) -> _Open:
        run = self._run
        tags = {
            **run.tags, PARENT: run.id, STUDY: run.study.identity, KIND: "trial",
            TRIAL: str(trial.number), "hpo_bridge.backend": trial.backend or "enqueued",
        }  # fmt: skip
        created = run.client.create_run(
            run.experiment, start_time=milliseconds(trial.started or time.time()), tags=tags,
            run_name=f"trial {trial.number}",
        )  # fmt: skip
        return _Open(Writer(run.client, str(created.info.run_id)))

    def reported(
        self, trial: TrialRecord, step: int, value: float, metrics: Mapping[str, float]
    ) -> None:
        """Writes an intermediate value, and what was measured besides, soon."""
        opened = self._opened(trial)
        now = time.time()
        opened.writer.metric(self._report(trial), value, milliseconds(now), step)
        self._besides(opened.writer, trial, metrics, milliseconds(now), step)
        if opened.sent is not None:
            opened.sent.add(step)
        if now >= opened.due or opened.writer.waiting >= 500:
            opened.due = now + SEND_EVERY
            opened.writer.send()

    def _report(self, trial: TrialRecord) -> str:
        """The metric of an attempt's reports; each attempt begins anew."""
        return _of_attempt(self._run.metrics["report"], trial)

    def _besides(
        self, writer: Writer, trial: TrialRecord, metrics: Mapping[str, float], now: int, step: int
    ) -> None:
        for name, value in metrics.items():
            if math.isfinite(value):
                writer.metric(_of_attempt(self._run.measured(name), trial), value, now, step)

    def changed(self, trial: TrialRecord, change: Change) -> None:
        """Writes the numbers among a trial's parameters as metrics, from the step of the change.

        A parameter of a run stays in MLflow as it was first.
        """
        writer, now = self._opened(trial).writer, milliseconds(time.time())
        after = 0 if change.step is None else change.step + 1
        for step, params in ((0, change.params), (after, trial.params)):
            if step == 0 and len(trial.changes) > 1 and after:
                continue  # there already
            for name, value in numbers(params).items():
                writer.metric(self._run.metrics[f"param/{name}"], value, now, step)
        changes = [{"step": c.step, "source": c.source} for c in trial.changes]
        writer.tag("hpo_bridge.changes", json.dumps(changes))
        writer.send()

    def requeued(self, trial: TrialRecord, reason: str, kind: str) -> None:
        """Writes why an attempt ended without result."""
        opened = self._opened(trial)
        opened.writer.tag(f"hpo_bridge.attempt_{trial.attempts}", f"{kind}: {reason}")
        opened.writer.send()
        self._run.client.update_run(opened.writer.run, status="SCHEDULED")

    def finished(self, trial: TrialRecord) -> None:
        """Writes the rest, and ends the trial's run."""
        self._run.count(trial)
        self._finished(trial)
        self._run.writer.send()

    def _finished(self, trial: TrialRecord) -> None:
        opened = self._opened(trial)
        del self._open[trial.number]
        writer, metrics = opened.writer, self._run.metrics
        end = milliseconds(trial.finished)
        report = self._report(trial)
        sent = opened.sent
        if sent is None:  # of a run that an earlier driver began
            sent = {m.step for m in self._run.client.get_metric_history(writer.run, report)}
        for (step, value), besides in zip(trial.reports, trial.metrics, strict=True):
            if step not in sent:
                writer.metric(report, value, end, step)
                self._besides(writer, trial, besides, end, step)
        last = max(trial.reports)[0] if trial.reports else 0
        for name, value in (trial.values or {}).items():
            writer.metric(metrics[name], value, end, last)
        if trial.started is not None and trial.finished is not None:
            seconds = trial.finished - trial.started
            self._short = seconds < SEND_EVERY
            writer.metric(metrics["seconds"], seconds, end, 0)
        writer.tag("hpo_bridge.state", trial.state.value)
        writer.tag("hpo_bridge.attempts", trial.attempts)
        if trial.error:
            writer.tag("hpo_bridge.error", trial.error)
        writer.send()
        self._run.client.set_terminated(writer.run, STATUS[trial.state], end)

    def close(self) -> None:
        """Sends what is kept back."""
        for opened in self._open.values():
            opened.writer.send()


def _of_attempt(name: str, trial: TrialRecord) -> str:
    return name if trial.attempts < 2 else f"{name}.{trial.attempts}"

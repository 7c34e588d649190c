"""What a batch of events changes in the tables, as statements to run in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ..contracts.record import Change, TrialState
from .codec import dump, strict_metrics, to_plain, trial_of
from .event_types import (
    Asked,
    Changed,
    Enqueued,
    Event,
    Finished,
    Imported,
    Reported,
    Requeued,
    Retried,
    SessionStarted,
    SpaceChanged,
    Started,
    Withdrawn,
)

MOST_OF_ONE = 2**24
"""More reports than an imported trial has."""
Row = dict[str, Any]
Step = tuple[str, list[Row]]
"""The key of a statement and the rows to run it with."""


def plan(study: int, seq: int, events: Sequence[Event]) -> list[Step]:
    """The writes that append ``events`` after position ``seq``.

    Args:
        study: The study's id.
        seq: Position of the last event stored.
        events: What to append; not changed.

    Raises:
        StoreError: If an event's data is not plain JSON.
    """
    work = _Plan(study)
    log = []
    for position, event in enumerate(events, seq + 1):
        log.append({
            "study": study, "seq": position, "kind": event.kind, "time": event.time,
            "trial": trial_of(event), "data": dump(to_plain(event)),
        })  # fmt: skip
        work.apply(event, position)
    steps: list[Step] = [("event", log)]
    if work.fresh:
        steps.append(("trial", list(work.fresh.values())))
    return steps + work.steps


class _Plan:
    """Collects writes; a trial born in the batch is inserted once, as it ends up."""

    def __init__(self, study: int) -> None:
        self.study = study
        self.fresh: dict[int, Row] = {}
        self.steps: list[Step] = []

    def add(self, statement: str, row: Row) -> None:
        """Adds a write; neighbours of one statement run together."""
        if self.steps and self.steps[-1][0] == statement:
            self.steps[-1][1].append(row)
        else:
            self.steps.append((statement, [row]))

    def apply(self, event: Event, seq: int) -> None:
        match event:
            case Asked():
                for asked in event.trials:
                    assert asked.number is not None
                    token = None if asked.token is None else dump(asked.token)
                    raw = dump(asked.raw)
                    self.born(asked.number, asked.params, raw, token, event.backend)
            case SessionStarted():
                self.add("session", {"study": self.study, "backend": event.backend})
            case SpaceChanged():
                self.add("redefine", {"study": self.study, "data": dump(event.definition)})
            case Enqueued():
                self.born(event.trial, event.params, None, None, None)
            case Imported():
                self.imported(event, seq)
            case Started():
                self.started(event)
            case Reported():
                metrics = event.metrics and strict_metrics(event.metrics)
                self.report(event.trial, seq, event.step, event.value, metrics)
            case Withdrawn():
                row = {"study": self.study, "number": event.trial, "reports": event.reports}
                self.add("withdraw", row)
            case Changed():
                self.changed(event, seq)
            case Finished():
                self.finished(event.trial, event, event.time, event.reused)
            case Requeued():
                self.requeued(event.trial, event.cause)
            case Retried():
                self.retried(event.trial)

    def born(
        self, number: int, params: Any, raw: str | None, token: str | None, backend: str | None
    ) -> None:
        self.fresh[number] = {
            "study": self.study, "number": number, "state": "WAITING", "params": dump(params),
            "raw": raw, "token": token, "values": None, "backend": backend, "started": None,
            "finished": None, "error": None, "attempts": 0, "failures": 0, "losses": 0,
            "gradients": None, "standard_errors": None, "estimate": None, "reused": None,
        }  # fmt: skip

    def report(
        self, number: int, seq: int, step: int, value: float, metrics: Mapping[str, Any] | None
    ) -> None:
        self.add("report", {
            "study": self.study, "number": number, "seq": seq, "step": step, "value": value,
            "metrics": dump(metrics) if metrics else None,
        })  # fmt: skip

    def imported(self, event: Imported, seq: int) -> None:
        number = event.trial
        self.born(number, event.params, None, None, event.backend)
        self.finished(number, event, event.finished, None)
        self.fresh[number].update(started=event.started, attempts=event.attempts)
        # One event has them all: each gets a position that no event of the log can have.
        at = -seq * MOST_OF_ONE
        reported = zip_longest(event.reports, event.metrics)
        for position, ((step, value), metrics) in enumerate(reported, at):
            self.report(number, position, step, value, metrics and strict_metrics(metrics))
        for position, change in enumerate(event.changes, at):
            self.change(number, position, change)

    def change(self, number: int, seq: int, change: Change) -> None:
        self.add("change", {
            "study": self.study, "number": number, "seq": seq, "step": change.step,
            "params": dump(change.params), "source": change.source,
        })  # fmt: skip

    def started(self, event: Started) -> None:
        row = self.fresh.get(event.trial)
        if row is None:
            row = {"study": self.study, "number": event.trial, "started": event.time}
            self.add("started", row)
        else:
            row.update(state="RUNNING", started=event.time, finished=None)
            row["attempts"] += 1

    def changed(self, event: Changed, seq: int) -> None:
        number = event.trial
        self.change(number, seq, Change(event.step, event.before, event.source))
        if number in self.fresh:
            self.fresh[number]["params"] = dump(event.params)
        else:
            row = {"study": self.study, "number": number, "params": dump(event.params)}
            self.add("params", row)

    def finished(
        self, number: int, event: Finished | Imported, time: float | None, reused: int | None
    ) -> None:
        change: Row = {
            "state": event.state.value, "finished": time, "estimate": event.estimate,
            "reused": reused,
        }  # fmt: skip
        for name in ("values", "error", "gradients", "standard_errors"):
            value = getattr(event, name)
            change[name] = None if value is None else dump(value)
        if number in self.fresh:
            self.fresh[number].update(change, raw=None, token=None)
        else:
            self.add("finished", {"study": self.study, "number": number, **change})
        if event.state is TrialState.COMPLETE and event.values is not None:
            for objective, value in event.values.items():
                self.add("value", {
                    "study": self.study, "objective": dump(objective), "value": float(value),
                    "number": number,
                })  # fmt: skip

    def requeued(self, number: int, cause: str) -> None:
        failures, losses = int(cause == "failure"), int(cause == "lost")
        row = self.fresh.get(number)
        if row is None:
            self.add("requeued", {
                "study": self.study, "number": number, "failures": failures, "losses": losses,
            })  # fmt: skip
            return
        row["state"] = "WAITING"
        row["failures"] += failures
        row["losses"] += losses

    def retried(self, number: int) -> None:
        row = self.fresh.get(number)
        if row is None:
            self.add("retry", {"study": self.study, "number": number})
        else:
            row.update(state="WAITING", finished=None, error=None, failures=0, losses=0)

"""What a batch of events changes in the tables, as statements to run in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ..contracts.record import TrialState
from .codec import dump, dump_event, strict_metrics
from .contract import Event

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
            "trial": event.trial, "data": dump_event(event),
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
        kind, data = event.kind, event.data
        if kind == "asked":
            for asked in data["trials"]:
                token = None if asked["token"] is None else dump(asked["token"])
                self.born(asked["number"], asked["params"], dump(asked["raw"]), token,
                          data["backend"])  # fmt: skip
        elif kind == "session":
            self.add("session", {"study": self.study, "backend": data["backend"]})
        elif kind == "space":
            self.add("redefine", {"study": self.study, "data": dump(data["definition"])})
        elif event.trial is None:
            return
        elif kind == "enqueued":
            self.born(event.trial, data["params"], None, None, None)
        elif kind == "imported":
            self.imported(event.trial, data, seq)
        elif kind == "started":
            self.started(event.trial, event)
        elif kind == "reported":
            metrics = strict_metrics(data["metrics"]) if "metrics" in data else None
            self.report(event.trial, seq, data["step"], data["value"], metrics)
        elif kind == "withdrawn":
            row = {"study": self.study, "number": event.trial, "reports": data["reports"]}
            self.add("withdraw", row)
        elif kind == "changed":
            self.changed(event.trial, data, seq)
        elif kind == "finished":
            self.finished(event.trial, event)
        elif kind == "requeued":
            self.requeued(event.trial, data["kind"])

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

    def imported(self, number: int, data: dict[str, Any], seq: int) -> None:
        self.born(number, data["params"], None, None, data["backend"])
        self.finished(number, Event("finished", data["finished"], number, data))
        self.fresh[number].update(started=data["started"], attempts=data["attempts"])
        # One event has them all: each gets a position that no event of the log can have.
        at = -seq * MOST_OF_ONE
        reported = zip_longest(data["reports"], data.get("metrics", ()))
        for position, ((step, value), metrics) in enumerate(reported, at):
            self.report(number, position, step, value, metrics)
        for position, change in enumerate(data.get("changes", ()), at):
            self.add("change", {
                "study": self.study, "number": number, "seq": position, "step": change["step"],
                "source": change["source"], "params": dump(change["params"]),
            })  # fmt: skip

    def started(self, number: int, event: Event) -> None:
        row = self.fresh.get(number)
        if row is None:
            row = {"study": self.study, "number": number, "started": event.time}
            self.add("started", row)
        else:
            row.update(state="RUNNING", started=event.time, finished=None)
            row["attempts"] += 1

    def changed(self, number: int, data: dict[str, Any], seq: int) -> None:
        self.add("change", {
            "study": self.study, "number": number, "seq": seq, "step": data["step"],
            "params": dump(data["before"]), "source": data["source"],
        })  # fmt: skip
        if number in self.fresh:
            self.fresh[number]["params"] = dump(data["params"])
        else:
            row = {"study": self.study, "number": number, "params": dump(data["params"])}
            self.add("params", row)

    def finished(self, number: int, event: Event) -> None:
        data, state = event.data, TrialState(event.data["state"])
        change: Row = {"state": state.value, "finished": event.time}
        for name in ("values", "error", "gradients", "standard_errors"):
            change[name] = None if data.get(name) is None else dump(data[name])
        change |= {name: data.get(name) for name in ("estimate", "reused")}
        if number in self.fresh:
            self.fresh[number].update(change, raw=None, token=None)
        else:
            self.add("finished", {"study": self.study, "number": number, **change})
        if state is TrialState.COMPLETE and data.get("values") is not None:
            for objective, value in data["values"].items():
                self.add("value", {
                    "study": self.study, "objective": dump(objective), "value": float(value),
                    "number": number,
                })  # fmt: skip

    def requeued(self, number: int, kind: str) -> None:
        failures, losses = int(kind == "failure"), int(kind == "lost")
        row = self.fresh.get(number)
        if kind == "retry":
            if row is None:
                self.add("retry", {"study": self.study, "number": number})
            else:
                row.update(state="WAITING", finished=None, error=None, failures=0, losses=0)
            return
        if row is None:
            self.add("requeued", {
                "study": self.study, "number": number, "failures": failures, "losses": losses,
            })  # fmt: skip
            return
        row["state"] = "WAITING"
        row["failures"] += failures
        row["losses"] += losses

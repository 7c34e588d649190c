"""What a driver must remember of the log: the trials that the backend has not been told of.

The same object follows the log while a study runs and while it is read back, so that both
come to the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.optimizer import Observation
from ..contracts.record import TrialState
from ..contracts.trial import reports_until
from ..store import Event
from .derivatives_given import of_loss
from .proposer import Proposer


@dataclass(slots=True)
class Open:
    """A trial that the backend has not been told of.

    ``result`` is the data of its ``finished`` event, once there is one. With ``changed`` other
    parameters took over while it ran: of those that were asked for, the reports until then are
    all that is known, and the backend is told of a trial that was pruned there.
    """

    params: Mapping[str, Any]
    raw: Mapping[str, Any] | None
    token: Any
    backend: str | None
    reports: list[tuple[int, float]] = field(default_factory=list)
    result: Mapping[str, Any] | None = None
    changed: bool = False
    echoes: list[tuple[Mapping[str, Any] | None, Any]] = field(default_factory=list)
    """Suggestions that repeat it, as ``raw`` and ``token``: told of when it is."""

    def to_plain(self) -> dict[str, Any]:
        """Plain data, for a snapshot."""
        return {
            "params": self.params, "raw": self.raw, "token": self.token,
            "backend": self.backend, "reports": self.reports, "result": self.result,
            "changed": self.changed, "echoes": self.echoes,
        }  # fmt: skip


class Ledger:
    """Trials asked for or enqueued, until they are told."""

    def __init__(self) -> None:
        self.open: dict[int, Open] = {}
        self.finished: dict[int, None] = {}
        """Numbers of the open trials that have a result, in the order of finishing."""
        self.due: list[Open] = []
        """Suggestions that repeat a trial which the backend was told of already."""
        self.adopted: list[Open] = []
        """Trials of earlier studies, until a backend is told of them."""
        self.repeats = 0
        """How many suggestions in a row were there already."""

    def apply(self, event: Event) -> None:
        """Follows one event of the log."""
        data = event.data
        kind = event.kind
        if kind == "asked":
            for asked in data["trials"]:
                self.open[asked["number"]] = Open(
                    asked["params"], asked["raw"], asked["token"], data["backend"]
                )
            return
        if kind == "resampled":
            self._echo(data)
        elif kind == "adopted":
            self.adopted += adopted(data)
        number = event.trial
        if number is None:
            return
        if kind in ("started", "finished"):
            self.repeats = self.repeats + 1 if "reused" in data else 0
        if kind == "enqueued":
            self.open[number] = Open(data["params"], None, None, None)
        elif kind == "requeued":
            if data["kind"] == "retry":
                self._reopen(number, data)
        elif kind == "imported":
            self.open[number] = _imported(data)
            self.finished[number] = None
        elif kind == "changed":
            self.open[number].changed = True
        elif self.open[number].changed and kind in ("reported", "withdrawn"):
            pass
        elif kind == "withdrawn":
            del self.open[number].reports[data["reports"] :]
        elif kind == "reported":
            self.open[number].reports.append((data["step"], data["value"]))
        elif kind == "finished":
            self.open[number].result = data
            self.finished[number] = None

    def _reopen(self, number: int, data: Mapping[str, Any]) -> None:
        """Waits for another result of a failed trial.

        A backend that was told of the failure is told of the new result as of a foreign point.
        """
        if self.finished.pop(number, True) is None:
            self.open[number].result = None
        else:
            self.open[number] = Open(data["params"], None, None, data["backend"])

    def _echo(self, data: Mapping[str, Any]) -> None:
        """Keeps a suggestion that repeats a trial: the backend is told that trial's result."""
        self.repeats += 1
        point, number, result = data["point"], data["of"], data["result"]
        if result is None:
            self.open[number].echoes.append((point["raw"], point["token"]))
            return
        reports = [(step, value) for step, value in result.get("reports", ())]
        self.due.append(
            Open(point["params"], point["raw"], point["token"], data["backend"], reports, result)
        )

    def take(self, numbers: Iterable[int]) -> list[tuple[int, Open]]:
        """Removes finished trials, and what repeats them, to be told in this order."""
        taken: list[tuple[int, Open]] = [(-1, echo) for echo in self.due]
        self.due = []
        for number in numbers:
            del self.finished[number]
            trial = self.open.pop(number)
            taken.append((number, trial))
            for raw, token in trial.echoes:
                taken.append((number, replace(trial, raw=raw, token=token, echoes=[])))
        return taken

    def hand_over(self, known: int | None = None) -> list[tuple[int, Open]]:
        """Removes what a backend that takes over here is told of, by number.

        The trials that are left lose their tokens: they belong to a backend of the past.

        Args:
            known: The first trial that it is not to know yet; ``None``: it knows all that have
                ended.
        """
        self.due, self.repeats = [], 0
        for trial in self.open.values():
            trial.token, trial.raw, trial.echoes = None, None, []
        earlier, self.adopted = [(-1, trial) for trial in self.adopted], []
        told = self.take(sorted(n for n in self.finished if known is None or n < known))
        return earlier + told

    def to_plain(self) -> dict[str, Any]:
        """Plain data, for a snapshot."""
        open_trials = [[number, trial.to_plain()] for number, trial in self.open.items()]
        due = [echo.to_plain() for echo in self.due]
        return {
            "open": open_trials, "finished": list(self.finished), "due": due,
            "repeats": self.repeats,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Ledger:
        """The ledger of a snapshot."""
        ledger = cls()
        ledger.open = {number: _open(trial) for number, trial in plain["open"]}
        ledger.finished = dict.fromkeys(plain["finished"])
        ledger.due = [_open(echo) for echo in plain.get("due", ())]
        ledger.repeats = plain.get("repeats", 0)
        return ledger


def _open(plain: Mapping[str, Any]) -> Open:
    reports = [(step, value) for step, value in plain["reports"]]
    echoes = [(raw, token) for raw, token in plain.get("echoes", ())]
    return Open(**{**plain, "reports": reports, "echoes": echoes})


def adopted(data: Mapping[str, Any]) -> list[Open]:
    """The trials of an event ``adopted``."""
    return [
        Open(
            trial["params"], None, None, None, [(step, value) for step, value in trial["reports"]],
            {key: trial.get(key) for key in ("state", "values", "gradients", "estimate")},
        )
        for trial in data["trials"]
    ]  # fmt: skip


def _imported(data: Mapping[str, Any]) -> Open:
    """A trial of another tool: one that no backend of ours proposed."""
    result = {key: data.get(key) for key in ("state", "values", "gradients", "estimate")}
    params, reports = data["params"], [(step, value) for step, value in data["reports"]]
    changes = data.get("changes", ())
    if changes:
        params, reports = changes[0]["params"], reports_until(reports, changes[0]["step"])
    return Open(params, None, None, data["backend"], reports, result, bool(changes))


def observation(trial: Open, proposer: Proposer, objectives: Objectives) -> Observation:
    """What the backend is told of a finished trial.

    A trial that was pruned with an estimate is told as complete, with that as its loss: the mean
    of the folds that it had is not to be compared with the mean of others. A backend that needs
    derivatives is told that it was pruned, as there are none of an estimate.
    """
    result: Mapping[str, Any] = {"state": "PRUNED"} if trial.changed else trial.result or {}
    sign = objectives.sign
    estimate = None if proposer.differentiation.wanted else result.get("estimate")
    known = {objectives.names[0]: estimate} if estimate is not None else result.get("values")
    return Observation(
        params=trial.raw if trial.raw is not None else proposer.raw(trial.params),
        losses=objectives.losses(known),
        token=trial.token,
        state=TrialState.COMPLETE if estimate is not None else TrialState(result["state"]),
        reports=tuple((step, sign * value) for step, value in sorted(trial.reports)),
        gradients=of_loss(result.get("gradients"), sign) if len(objectives) == 1 else None,
    )

"""The driver's loop in mode ``trials``: hands trials to Tune, which decides where they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpo_bridge.trial import Outcome, Trial, TrialState

from .dispatch import SLOW, Dispatch, Seat

Request = Callable[[Trial], dict[str, float]]
"""The resources of a trial."""


class DispatchTrials(Dispatch):
    """One run in mode ``trials``.

    A trial has a name for Tune, another one for each attempt. Some worker claims it once Tune has
    placed it; paused, it loses that worker, and another one claims it again.
    """

    request: Request

    def __init__(self, *args: Any, request: Request, **more: Any) -> None:
        super().__init__(*args, **more)
        self.request = request
        self._target = 0  # how many trials Tune would have had by now, in all
        self._placed = 0
        self._open: dict[str, Trial] = {}

    def _running(self) -> list[Trial]:
        return list(self._open.values())

    def _hand_out(self) -> bool:
        starting = not self._seats and not self._placed  # the backend begins while Tune comes up
        while self._placed < self._target or (starting and not self._placed):
            trial = self._ready.pop(0) if self._ready else self._ask()
            if trial is None:
                return False
            self._placed += 1
            name = f"{trial.number}-{self._placed}"
            self._open[name] = trial
            self._orders.append(("place", name, trial.params, self.request(trial)))
            if self._cost > SLOW:
                return True
        return False

    def _hear(self, kind: str, worker: str, *said: Any) -> None:
        if kind == "want":
            self._target = max(self._target, said[0])
        elif kind == "claimed":
            self._claimed(worker, *said)
        elif kind == "stopped":
            trial = self._forget(worker)
            if trial is not None:
                self._dry = False
                self._work.finish(trial.number, Outcome(TrialState.PRUNED))
        elif kind == "unplaced":
            trial = self._forget(worker)
            if trial is not None:
                self._dry = False
                self._ready.append(trial)
        elif kind == "left":  # its trial, if it has one, is paused
            self._seats.pop(worker, None)
        else:
            super()._hear(kind, worker, *said)

    def _claimed(self, worker: str, name: str, params: Mapping[str, Any]) -> None:
        trial, seat = self._open.get(name), self._seats.get(worker)
        if trial is None or seat is None:
            return
        for other in self._seats.values():
            if other.trial is trial:
                other.trial = None
        seat.idle, seat.begun, seat.trial = False, False, trial
        self._orders.append(
            ("run", worker, trial.number, trial.params, trial.seed, self._bring(worker, seat))
        )

    def _done(self, number: int, *how: Any) -> None:
        self._close(number)
        super()._done(number, *how)

    def _lost(self, seat: Seat) -> None:
        assert seat.trial is not None
        self._close(seat.trial.number)
        super()._lost(seat)

    def _close(self, number: int) -> None:
        for name, trial in self._open.items():
            if trial.number == number:
                del self._open[name]
                return

    def _forget(self, name: str) -> Trial | None:
        trial = self._open.pop(name, None)
        for seat in self._seats.values():
            if seat.trial is trial:
                seat.trial = None
        return trial

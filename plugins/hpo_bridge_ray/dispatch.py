"""The driver's loop: the only place that talks to the study.

Trials are handed to workers that wait, what workers say is passed to the study, and what comes
of it is sent back. While all workers are busy and the backend is slow, the next trial is asked
for ahead of need, so that a worker need not wait for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo_bridge.contracts.record import Outcome, TrialState
from hpo_bridge.contracts.runner import Work
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.runners import StopPolicy

from .checkpoint_transfer import CheckpointTransfer
from .connected_worker import Message

SLOW = 0.005
"""Seconds that a backend may take for a trial before the next one is asked for ahead."""
MOST_LOSSES = 3
"""How many workers a trial may lose before it counts as their end, and fails."""
_PATIENCE = 15.0  # seconds without any worker before the log says what is waited for

log = logging.getLogger(__name__)

Exchange = Callable[[list[Message], float], list[Message]]
"""Delivers orders, and gives the news after at most so many seconds."""


@dataclass
class WorkerStatus:
    """A worker, as the driver knows it."""

    where: str
    idle: bool = False
    trial: Trial | None = None
    begun: bool = False


class Dispatch:
    """One run.

    Args:
        work: The study.
        exchange: The hub's, or anything like it.
        stop: When to stop.
        transfer: Brings checkpoints to other machines and fetches them; none without.
        ahead: Whether trials may be asked for ahead of need.
    """

    def __init__(
        self,
        work: Work,
        exchange: Exchange,
        stop: StopPolicy,
        transfer: CheckpointTransfer | None = None,
        *,
        ahead: bool,
    ) -> None:
        self._work = work
        self._exchange = exchange
        self._stop = stop
        self._transfer = transfer
        self._ahead = ahead
        self._workers: dict[str, WorkerStatus] = {}
        self._ready: list[Trial] = []  # asked for ahead, or come back from a lost worker
        self._losses: dict[int, int] = {}
        self._orders: list[Message] = []
        self._dry = False  # no trial to be had until a running one ends
        self._cost = 0.0  # seconds that the backend took for its last trial
        self._begin = time.monotonic()

    def loop(self) -> None:
        """Runs trials until nothing is left, or until it is time to cut them."""
        while True:
            self._stop.update()
            more = not self._stop.is_stopping and self._hand_out()
            if not self._running() and (self._stop.is_stopping or (self._dry and not self._ready)):
                return
            if self._stop.is_over:
                return
            self._complain()
            orders, self._orders = self._orders, []
            for message in self._exchange(orders, 0.0 if more else self._stop.seconds_to_wait):
                self._hear(*message)

    def close(self) -> None:
        """Gives back what was not finished."""
        if self._transfer is not None:
            self._transfer.close()
        open_trials = self._running()
        for state in self._workers.values():
            state.trial = None
        ready, self._ready = self._ready, []
        for trial in (*open_trials, *ready):
            self._work.give_back(trial.number, self._stop.reason)

    def _running(self) -> list[Trial]:
        """The trials that were handed out."""
        return [state.trial for state in self._workers.values() if state.trial is not None]

    @property
    def workers(self) -> dict[str, bool]:
        """The workers that are up, and whether each is idle."""
        return {worker: state.idle for worker, state in self._workers.items()}

    # -- handing out ------------------------------------------------------------------

    def _hand_out(self) -> bool:
        """Gives trials to workers that wait; whether there is more to be done at once."""
        for worker, state in self._workers.items():
            if not state.idle:
                continue
            trial = self._ready.pop(0) if self._ready else self._ask()
            if trial is None:
                return False
            state.idle, state.begun, state.trial = False, False, trial
            self._orders.append(
                ("run", worker, trial.number, trial.params, trial.seed, self._bring(worker, state))
            )
            if self._cost > SLOW:  # this one should not wait for the next one's suggestion
                return True
        if not self._ready and self._wants_ahead():
            trial = self._ask()
            if trial is not None:
                self._ready.append(trial)
                return True
        return False

    def _bring(self, worker: str, state: WorkerStatus) -> str | None:
        """Sends along what the trial is to go on from; the ticket, if there is anything."""
        if self._transfer is None or state.trial is None:
            return None
        return self._transfer.bring(worker, state.where, state.trial.number)

    def _wants_ahead(self) -> bool:
        """Return ``True`` if a trial is to be asked for before a worker waits for it."""
        if self._orders or self._dry:
            return False  # first let the workers have theirs
        starting = not self._workers  # the backend begins while the workers come up
        return starting or (self._ahead and self._cost > SLOW)

    def _ask(self) -> Trial | None:
        if self._dry or self._work.exhausted:
            self._dry = True
            return None
        begin = time.perf_counter()
        trial = self._work.next()
        self._cost = time.perf_counter() - begin
        if trial is None:
            self._dry = True
        return trial

    # -- listening --------------------------------------------------------------------

    def _hear(self, kind: str, worker: str, *said: Any) -> None:
        if kind == "joined":
            self._workers[worker] = WorkerStatus(*said)
            return
        state = self._workers.get(worker)
        if state is None:
            return
        current = state.trial.number if state.trial is not None else None
        if kind == "idle":
            state.idle = True
        elif kind == "broken":
            raise ObjectiveError(said[0])
        elif kind in ("lost", "left"):
            del self._workers[worker]
            if self._transfer is not None:
                self._transfer.end(worker)
            if state.trial is not None:
                self._lost(state)
        elif not said or said[0] != current:
            self._hear_of_ended_trial(kind, worker, *said)
        elif kind == "begun":
            state.begun = True
        elif kind == "report":
            self._reported(*said)
        elif kind == "output":
            number, *output = said
            self._work.output(number).write(*output)
        elif kind == "resumed":
            self._resumed(*said)
        elif kind == "prune":
            self._orders.append(("answer", worker, self._work.should_prune(said[0])))
        elif kind == "checkpoint" and self._transfer is not None:
            self._transfer.fetch(worker, *said)
        elif kind == "done":
            state.trial = None
            if self._transfer is not None:
                self._transfer.end(worker)
            self._done(*said)

    def _hear_of_ended_trial(self, kind: str, worker: str, *said: Any) -> None:
        if kind == "prune":  # a thread that a trial left behind
            self._orders.append(("answer", worker, True))
        elif kind == "checkpoint" and self._transfer is not None:
            self._transfer.refuse(said[1], "the trial has ended")

    def _reported(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        self._work.report(number, step, value, metrics)

    def _resumed(self, number: int) -> None:
        self._work.resumed(number)

    def _done(self, number: int, state: str, *rest: Any) -> None:
        self._dry = False
        self._losses.pop(number, None)
        self._work.finish(number, Outcome(TrialState(state), *rest))

    def _lost(self, state: WorkerStatus) -> None:
        """A trial whose worker has gone: it is tried again, but not for ever."""
        trial, self._dry = state.trial, False
        assert trial is not None
        if not state.begun:
            self._ready.append(trial)
            return
        losses = self._losses[trial.number] = self._losses.get(trial.number, 0) + 1
        why = f"its worker on {state.where} was lost"
        if losses >= MOST_LOSSES:
            self._work.finish(trial.number, Outcome.failed(f"{why}, the {losses}rd time"))
        else:
            self._work.give_back(trial.number, why)

    def _complain(self) -> None:
        self._work.waiting_for = "" if self._workers else "for Ray's resources"
        if not self._workers and time.monotonic() - self._begin > _PATIENCE:
            self._begin = float("inf")
            log.warning(
                "no worker is up yet: the resources asked for are in use, or a machine is still "
                "to come; see `ray status`"
            )

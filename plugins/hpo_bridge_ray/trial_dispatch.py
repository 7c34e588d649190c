"""The driver's loop in mode ``trials``: hands trials to Tune, which decides where they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpo_bridge.contracts.record import Outcome, TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import ObjectiveError

from .dispatch import SLOW, Dispatch, WorkerStatus

_COPIES = 5  # how often a checkpoint may be replaced while it is copied

Request = Callable[[Trial], dict[str, float]]
"""The resources of a trial."""


class TrialDispatch(Dispatch):
    """One run in mode ``trials``.

    A trial has a name for Tune, another one for each attempt. Some worker claims it once Tune has
    placed it; paused, it loses that worker, and another one claims it again, perhaps with other
    parameters and from another trial's checkpoint, by population based training.
    """

    request: Request

    def __init__(self, *args: Any, request: Request, **more: Any) -> None:
        super().__init__(*args, **more)
        self.request = request
        self._target = 0  # how many trials Tune would have had by now, in all
        self._placed = 0
        self._open: dict[str, Trial] = {}
        self._changed: dict[int, Mapping[str, Any]] = {}  # parameters, by trial
        self._begun: set[str] = set()  # names of trials that have begun
        self._taken: dict[int, int] = {}  # trials that took over another, and not reported since

    def _running(self) -> list[Trial]:
        return list(self._open.values())

    def _hand_out(self) -> bool:
        starting = not self._workers and not self._placed  # the backend begins while Tune comes up
        while self._placed < self._target or (starting and not self._placed):
            trial = self._ready.pop(0) if self._ready else self._ask()
            if trial is None:
                return False
            self._placed += 1
            name = f"{trial.number}-{self._placed}"
            self._open[name] = trial
            self._orders.append(("place", name, self._params(trial), self.request(trial)))
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
                self._record(trial.number)
                self._dry = False
                self._work.finish(trial.number, Outcome(TrialState.PRUNED))
        elif kind == "unplaced":
            trial = self._forget(worker)
            if trial is not None:
                self._record(trial.number)
                self._dry = False
                self._ready.append(trial)
        elif kind == "left":  # its trial, if it has one, is paused
            self._workers.pop(worker, None)
        else:
            super()._hear(kind, worker, *said)

    def _params(self, trial: Trial) -> Mapping[str, Any]:
        return self._changed.get(trial.number, trial.params)

    def _claimed(
        self, worker: str, name: str, params: Mapping[str, Any], source: str | None
    ) -> None:
        trial, state = self._open.get(name), self._workers.get(worker)
        if trial is None or state is None:
            return
        for other in self._workers.values():
            if other.trial is trial:
                other.trial = None
        state.idle, state.begun, state.trial = False, False, trial
        if source is not None:
            self._take_over(trial, params, int(source.partition("-")[0]))
        elif name in self._begun:  # it was paused: it may report again what it has reported
            self._work.resumed(trial.number)
        self._begun.add(name)
        now, ticket = self._params(trial), self._bring(worker, state)
        self._orders.append(("run", worker, trial.number, now, trial.seed, ticket))

    def _take_over(self, trial: Trial, params: Mapping[str, Any], source: int) -> None:
        """The trial goes on from another's last checkpoint, with these parameters."""
        kept = self._work.checkpoints
        for _ in range(_COPIES):  # the other one may be keeping the next meanwhile
            last = kept.find(source)
            if last is None:
                break
            try:
                kept.save(trial.number, last)
            except (OSError, ValueError):
                if kept.find(source) == last:
                    raise
                continue
            self._changed[trial.number] = params
            self._taken[trial.number] = source
            return
        if source in {running.number for running in self._running()}:
            raise ObjectiveError(
                f"trial {trial.number} was to take over trial {source}, which has kept no "
                "checkpoint",
                fix="call trial.checkpoint(directory) before trial.report(…)",
            )

    def _record(self, number: int) -> None:
        """Has the study know of a change, once it matters."""
        source = self._taken.pop(number, None)
        if source is not None:
            self._work.change(number, self._changed[number], source)

    def _reported(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        self._record(number)
        super()._reported(number, step, value, metrics)

    def _resumed(self, number: int) -> None:
        if number not in self._taken:  # else the checkpoint is another trial's
            super()._resumed(number)

    def _done(self, number: int, state: str, *how: Any) -> None:
        self._close(number)
        if state == TrialState.COMPLETE and self._taken.pop(number, None) is not None:
            # What it took over had nothing left to train: the value is the other trial's.
            state, how = TrialState.PRUNED.value, (None, None, False)
        self._record(number)
        self._changed.pop(number, None)
        super()._done(number, state, *how)

    def close(self) -> None:
        """Gives back what was not finished, with the parameters that it has by now."""
        for number in list(self._taken):
            self._record(number)
        super().close()

    def _lost(self, state: WorkerStatus) -> None:
        assert state.trial is not None
        self._record(state.trial.number)
        self._close(state.trial.number)
        super()._lost(state)

    def _close(self, number: int) -> None:
        for name, trial in self._open.items():
            if trial.number == number:
                del self._open[name]
                self._begun.discard(name)
                return

    def _forget(self, name: str) -> Trial | None:
        trial = self._open.pop(name, None)
        self._begun.discard(name)
        for state in self._workers.values():
            if state.trial is trial:
                state.trial = None
        return trial

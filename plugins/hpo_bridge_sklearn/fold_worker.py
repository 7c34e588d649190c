"""A process that evaluates folds: loads an objective, then takes one fold after the other."""

from __future__ import annotations

import pickle
import signal
from types import FrameType
from typing import Any

from hpo_bridge.objectives import MainModule
from hpo_bridge.runners import Line

from .failures import explained
from .prepared import FoldOutcome

STOP: Any = getattr(signal, "SIGUSR1", None)  # none where there are no such processes
"""Tells a worker that its fold is not needed any more."""


class _Stopped(BaseException):
    """The fold is not needed any more; no ``Exception``, which many objectives catch."""


class _Switch:
    """Ends what runs when the signal comes, and nothing else."""

    def __init__(self) -> None:
        self.on = False
        signal.signal(STOP, self._ring)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [STOP])  # blocked at the start

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self.on:
            self.on = False
            raise _Stopped


def main(line: Line, main_module: MainModule, objective: bytes) -> None:
    """Evaluate the folds that come over ``line`` until its other end is closed."""
    switch = _Switch()
    main_module.install()
    prepared, problem = _loaded(objective)
    while True:
        try:
            params, fold = pickle.loads(line.recv_bytes())
        except EOFError:
            return
        outcome: FoldOutcome | None = FoldOutcome(failure=problem, whole=True)
        if prepared is not None:
            outcome = _evaluated(prepared, params, fold, switch)
        line.send_bytes(pickle.dumps(outcome))


def _loaded(objective: bytes) -> tuple[Any, str]:
    """The objective made ready, or why it cannot be."""
    try:
        return pickle.loads(objective).prepared(), ""
    except Exception as error:
        return None, f"the fold's process cannot load the objective: {explained(error)}"


def _evaluated(prepared: Any, params: Any, fold: int, switch: _Switch) -> FoldOutcome | None:
    """The outcome of a fold; ``None`` if it was stopped."""
    try:
        switch.on = True
        outcome: FoldOutcome = prepared.fold(params, fold)
        switch.on = False
    except _Stopped:
        return None
    except BaseException as error:  # sys.exit() in a fit
        switch.on = False
        return FoldOutcome(failure=explained(error), whole=True)
    return outcome

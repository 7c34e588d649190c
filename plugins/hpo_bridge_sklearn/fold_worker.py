"""A process that evaluates folds: loads an objective, then takes one fold after the other."""

from __future__ import annotations

import faulthandler
import pickle
import signal
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from .failures import explained
from .fold_pool import STOP
from .prepared import FoldOutcome


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


def main(descriptor: int) -> None:
    """Serves the pool at the other end of a pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pool's matter
    faulthandler.enable(all_threads=False)
    switch = _Switch()
    line: Connection[Any, Any] = Connection(descriptor)
    main_module, objective = pickle.loads(line.recv_bytes())
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

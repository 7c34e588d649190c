"""Mode ``trials``: a trial of Tune's that is one of the study's, so that Tune can judge it.

A worker as in mode ``slots`` runs beside it, in a thread, and talks to the study as always. Here
it goes at Tune's pace: each step of Tune's is one report of the objective, which waits in
``trial.report`` until Tune has said what becomes of it.
"""

from __future__ import annotations

import math
import queue
import threading
import uuid
from typing import Any

import ray
from pyarrow.fs import LocalFileSystem  # type: ignore[import-untyped]
from ray.train._internal.session import _TrainingResult
from ray.tune import Checkpoint, Trainable

from hpo_bridge.runners.slot import Settings, Slot

from .hub import Message
from .schedulers import LOSS, TIME
from .search import PARAMS
from .worker import Setup, Worker

OVER = "hpo_bridge_over"
"""In the last result of a trial that has ended by itself."""
_GRACE = 1.0  # seconds for an objective that is told to stop to do so
_JOINED = 60.0  # seconds for the hub to answer, where the cluster is slow
_KILLED = 10.0  # seconds for the end of a process that was killed


class Paced(Worker):
    """A worker whose trials wait at each report to be told to go on.

    Args:
        hub: The hub's handle.
    """

    def __init__(self, hub: Any) -> None:
        super().__init__(hub, uuid.uuid4().hex)
        self.events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._verdicts: queue.SimpleQueue[bool] = queue.SimpleQueue()  # whether to go on
        self._free = threading.Event()
        self._free.set()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="worker", daemon=True)
        self._thread.start()

    def claim(self, name: str, params: dict[str, Any], source: str | None) -> None:
        """Asks for the trial of that name, to go on from where ``source`` is."""
        self._free.clear()
        self._ending = False
        self.events, self._verdicts = queue.SimpleQueue(), queue.SimpleQueue()
        self._joined.wait(_JOINED)  # the hub knows nobody before
        ray.get(self._hub.claim.remote(*self._me, name, params, source))

    def go_on(self) -> None:
        """Lets the objective return from its report."""
        self._verdicts.put(True)

    def end(self) -> None:
        """Ends the trial, if one runs: it may end itself, but has to be quick."""
        if self._free.is_set():
            return
        self._ending = True
        self._verdicts.put(False)
        if not self._free.wait(_GRACE) and self._slot is not None:
            self._slot.kill()
            self._free.wait(_KILLED)

    def leave(self) -> None:
        """Ends everything."""
        self.end()
        self.close()
        ray.get(self._hub.leave.remote(*self._me))

    def _serve(self) -> None:
        why = "the worker was told to leave"
        try:
            self.run()
        except Exception as error:  # the driver has gone, say
            why = str(error)
        self.events.put(("gone", why))  # to whoever waits
        self._free.set()

    def _prepared(self, setup: Setup) -> Settings:
        from dataclasses import replace

        return replace(super()._prepared(setup), paced=True)

    def _attempt(
        self, number: int, params: dict[str, Any], seed: int, ticket: Any
    ) -> Message | None:
        done = super()._attempt(number, params, seed, ticket)
        assert done is not None
        ended_by_tune = self._ending and not self._cut.is_set()
        self._free.set()
        self.events.put(("done", *done))
        return None if ended_by_tune else done

    def _hear(self, slot: Slot, kind: str, *said: Any) -> None:
        if kind == "should_prune" and self._ending:
            slot.answer(True)
            return
        super()._hear(slot, kind, *said)
        if kind == "report":
            self._send()
            self.events.put((kind, *said))
            slot.answer(not self._ending and self._verdicts.get())

    def _beat(self) -> None:
        super()._beat()
        self._ending = True
        self._verdicts.put(False)  # whatever it waits for


def one_trial(hub: Any, sign: float) -> type[Trainable]:
    """The class that Tune runs.

    Args:
        hub: The hub's handle.
        sign: What makes a loss of a reported value.
    """

    class OneTrial(Trainable):
        """One of the study's trials, by Tune's name for it."""

        def setup(self, config: dict[str, Any]) -> None:
            self._worker = Paced(hub)
            self._claimed = False
            self._source: str | None = None
            self._last: dict[str, Any] = {}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self._worker.end()
            self._claimed, self._source, self._last = False, None, {}
            return True

        def step(self) -> dict[str, Any]:
            if self._claimed:
                self._worker.go_on()
            else:
                self._worker.claim(self.trial_id, dict(self.config[PARAMS]), self._source)
                self._claimed = True
            kind, *said = self._worker.events.get()
            if kind == "gone":
                raise RuntimeError(said[0])
            if kind == "report":
                _, step, value = said
                loss = sign * value if math.isfinite(value) else math.inf
                self._last = {TIME: step + 1, LOSS: loss}
                return dict(self._last)
            return {TIME: 0, LOSS: math.inf, **self._last, "done": True, OVER: True}

        def save(self, checkpoint_dir: str | None = None) -> Any:
            """The trial's own checkpoints are with the study: Tune gets nothing but a name.

            Tune's storage, which several machines would have to share, is not used.
            """
            named = Checkpoint(self.trial_id, LocalFileSystem())
            return _TrainingResult(named, dict(self._last_result or {}))

        def restore(self, checkpoint_path: Any) -> None:
            """The trial goes on from its last checkpoint, or another's; the study has them."""
            source = checkpoint_path.checkpoint.path
            self._source = None if source == self.trial_id else source

        def cleanup(self) -> None:
            self._worker.leave()

    return OneTrial

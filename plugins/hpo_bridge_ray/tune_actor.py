"""Tune's trials as they are in their own processes, which do without Tune.

A trial of Tune's is an actor of a class that derives from Tune's ``Trainable``, and is sent
objects of Tune's. So each of its processes imports Tune, with pandas, pyarrow and more, which
takes longer than all else that a worker does at its start. The classes here are those actors, and
derive from nothing; see :mod:`hpo_bridge_ray.tune_trainables` for the other side.

A process that Ray sends anything first imports pydantic and pyarrow, if they are installed, to
know how such objects are sent: half of what is left of a worker's start. What these actors are
sent is plain data, so their modules call :func:`plain_data_only`.
"""

from __future__ import annotations

import os
import time
from typing import Any, Protocol

from .tune_checkpoint import NamedCheckpoint

HUB = "hub"
"""In a trial's config: the name of the hub's actor."""
RESOURCES = "resources"
"""In a trial's config: what each takes, where the trial does not say itself."""
_NAME = "__trial_info__"  # in a trial's config, by Tune


def plain_data_only() -> None:
    """Keeps Ray from importing what it would send objects of other libraries by.

    For modules of actors, which Ray imports before it reads what the actor was sent. Does nothing
    in any other process, nor where this Ray goes about it in another way.
    """
    import ray

    if not ray.is_initialized() or ray.get_runtime_context().worker.mode != ray.WORKER_MODE:
        return
    from ray.util import serialization_addons

    if hasattr(serialization_addons, "apply"):
        serialization_addons.apply = _nothing


def _nothing(context: Any) -> None:
    pass


class Role(Protocol):
    """The work of an actor."""

    def step(self) -> dict[str, Any]:
        """Works on, until there is something to tell Tune; with ``done`` it was the last."""
        ...

    def reset(self, config: dict[str, Any], name: str) -> None:
        """Another trial, for the same process."""
        ...

    def go_on_from(self, name: str) -> None:
        """The trial goes on from the last checkpoint of the trial of that name."""
        ...

    def end(self) -> None:
        """Leaves nothing behind."""
        ...


class TuneActor:
    """The methods that Tune calls in a worker; see Tune's ``Trainable``.

    Args:
        config: The trial's, with what Tune adds.
        storage: Not used: nothing is kept but with the study.
    """

    role: Role

    def __init__(self, config: dict[str, Any], storage: Any = None) -> None:
        self._begin = time.time()
        self._iteration = 0
        self._name: str = config[_NAME]
        self.role = self.made(config, self._name)

    def made(self, config: dict[str, Any], name: str) -> Role:
        """The actor's role."""
        raise NotImplementedError

    def train(self) -> dict[str, Any]:
        """One step, and what Tune needs to know of it."""
        begin = time.time()
        result = self.role.step()
        self._iteration += 1
        now = time.time()
        return {
            "training_iteration": self._iteration, "time_this_iter_s": now - begin,
            "time_total_s": now - self._begin, "timestamp": int(now), "pid": os.getpid(),
            "done": False, **result,
        }  # fmt: skip

    def save(self, checkpoint_dir: str | None = None) -> NamedCheckpoint:
        """The trial's checkpoints are with the study: Tune gets nothing but its name.

        Tune's storage, which several machines would have to share, is not used.
        """
        return NamedCheckpoint(self._name)

    def restore(self, checkpoint_path: str) -> None:
        """Goes on from a checkpoint, by the name that ``save`` gave: this trial's or another's."""
        self.role.go_on_from(checkpoint_path)

    def reset(self, new_config: dict[str, Any], storage: Any = None) -> bool:
        """Another trial for the same process."""
        self._name, self._iteration = new_config[_NAME], 0
        self.role.reset(new_config, self._name)
        return True

    def get_auto_filled_metrics(self, **_: Any) -> dict[str, Any]:
        """Return the metrics that Tune asks for as the actor comes up."""
        return {"pid": os.getpid()}

    def stop(self) -> None:
        """The end."""
        self.role.end()

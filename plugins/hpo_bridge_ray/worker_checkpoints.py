"""Checkpoints that a worker on another machine than the driver's keeps for a time.

Each worker has a folder of its own, see :class:`hpo_bridge_ray.locked_folder.LockedFolder`. At the
end of an attempt nothing of the trial is left there: the next attempt may be another worker's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError

from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.objectives import explain

from .checkpoint_transfer import new_ticket, receive, send
from .locked_folder import LockedFolder


class WorkerCheckpoints:
    """The checkpoints of one worker's trial.

    Args:
        hub: The hub's handle.
        me: The worker's name, and that of its life.

    Attributes:
        kept: Where the trial's process keeps them.
    """

    def __init__(self, hub: Any, me: tuple[str, str]) -> None:
        self._hub = hub
        self._me = me
        self._folder = LockedFolder()
        self.kept = CheckpointFolder(self._folder.path / "study", private=True)

    def download(self, number: int, ticket: str) -> str | None:
        """Receives what the driver sends for a trial; what the problem is, if it fails."""
        problem: str | None = None
        try:
            with tempfile.TemporaryDirectory(dir=self._folder.path) as folder:
                if receive(ray, self._hub, ticket, Path(folder)):
                    self.kept.save(number, Path(folder))
                else:
                    problem = ray.get(self._hub.settled.remote(ticket))
        except RayActorError:  # the driver has gone
            raise
        except Exception as error:
            problem = explain(error)
        ray.get(self._hub.settle.remote(ticket, problem))
        return problem and f"its last checkpoint has not come to the worker: {problem}"

    def upload(self, number: int) -> str | None:
        """Sends a trial's last checkpoint to the driver; why it is not safe there, if so."""
        ticket = new_ticket()
        try:
            last = self.kept.find(number)
            if last is None or not ray.get(self._hub.offer.remote(*self._me, number, ticket)):
                return "its worker has been given up"
            send(ray, self._hub, ticket, last)
        except RayActorError:  # the driver has gone
            raise
        except Exception as error:
            problem = explain(error)
            ray.get(self._hub.settle.remote(ticket, problem))
            return problem
        answer: str | None = ray.get(self._hub.settled.remote(ticket))
        return answer

    def end(self, number: int) -> None:
        """An attempt has ended: the next one may be another worker's."""
        self.kept.end(number, keep=False)

    def close(self) -> None:
        """Leaves nothing behind."""
        self._folder.close()

"""What a worker on another machine than the driver's keeps of checkpoints, for a time.

Each worker has a folder of its own below the system's folder for temporary files, and removes
it when it leaves. It holds a lock on it all its life, which the system gives free however that
life ends: the next worker on that machine removes what a killed one has left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError

from hpo_bridge.checkpoints import CheckpointFolder
from hpo_bridge.objectives.reasons import explain

from .carriage import new_ticket, receive, send

_PREFIX = "hpo-bridge-kept-"
_LOCK = "lock"


class Luggage:
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
        _sweep()
        made = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
        self._lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._folder = made.rename(made.with_name(made.name.removeprefix("new-")))
        self.kept = CheckpointFolder(self._folder / "study", private=True)

    def take_in(self, number: int, ticket: str) -> str | None:
        """Receives what the driver sends for a trial; what the problem is, if it fails."""
        problem: str | None = None
        try:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
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

    def hand_over(self, number: int) -> str | None:
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
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)
        _sweep()


def _sweep() -> None:
    """Removes what workers have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, or somebody else's, or another has removed it
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)

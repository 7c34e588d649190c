"""The multiprocessing context of a worker: what Pebble needs to start and to end one."""

from __future__ import annotations

import signal
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from ..objectives.main_module import hidden_main
from ..objectives.processgroup import ProcessGroup


class WorkerContext(SpawnContext):
    """Starts one worker by ``spawn``, and no second one.

    A pool of one worker shares no pipe and no lock with another pool: however a worker
    dies, nobody else waits for what it held. A pool whose worker has died is replaced as a
    whole, so the context refuses when Pebble wants to start the next worker; Pebble then
    calls the pool broken and ends what waits in it.

    Args:
        group: The process group that the worker is going to join.
    """

    def __init__(self, group: ProcessGroup) -> None:
        super().__init__()
        self.group = group
        self.worker: WorkerProcess | None = None

    def Process(self, **given: Any) -> WorkerProcess:  # type: ignore[override]
        """The worker; called by Pebble."""
        if self.worker is not None:
            raise OSError("the worker of this pool has ended")
        self.worker = WorkerProcess(self.group, **given)
        return self.worker


class WorkerProcess(SpawnProcess):
    """A worker that takes its children along when it is ended.

    Attributes:
        patience: Seconds that ``terminate`` waits for the worker to leave by itself.
    """

    def __init__(self, group: ProcessGroup, **given: Any) -> None:
        super().__init__(**given)
        self._group = group
        self.patience = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """What travels to the worker: the group stays the driver's to keep."""
        return {**self.__dict__, "_group": None}

    def start(self) -> None:
        """Starts the worker, without a Ctrl-C in its first moments and without our main."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with hidden_main():
                super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def terminate(self) -> None:
        """Kills the worker and all that it started; called by Pebble."""
        if self.patience:
            self.join(self.patience)
        self._group.kill()
        if self.is_alive():  # it had not joined its group yet
            self.kill()

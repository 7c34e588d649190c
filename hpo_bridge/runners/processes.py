"""The runner for trials that take long, or may crash: worker processes on this machine."""

from __future__ import annotations

import os

from ..contracts.interrupts import CtrlC
from ..contracts.runner import Work
from ..contracts.runner_options import as_bytes, as_choice, as_count, as_seconds
from ..errors import InvalidOptions
from .process_loop import ProcessLoop
from .stop_policy import StopPolicy
from .waker import Waker
from .worker import WorkerSettings


class Processes:
    """Runs trials in worker processes; what happens to one touches no other.

    Workers are started afresh and never run the user's ``__main__``: they have a copy of its
    functions and classes. Each loads the objective once. A worker that crashes, hangs or runs out
    of memory fails its trial, with the reason, and is replaced. None outlives the driver, however
    that ends.

    Args:
        workers: How many trials run at once; by default one for each usable CPU.
        trial_timeout: Seconds a trial may take, or a text such as ``"5m"``. Loading the
            objective does not count.
        retries: How often a trial that failed is tried again; the study sees to it.
        output: ``capture`` keeps the end of each trial's output, for ``hpo-bridge logs`` and
            for the reason of a failure; ``inherit`` sends it to the driver's standard error.
        order: ``deterministic`` for trials that do not depend on timing; the study sees to
            it. Else ``free``.
        memory: Address space for each worker, in bytes or as ``"2GB"``. CUDA reserves far
            more of it than it uses.
        grace: Seconds that running trials get to end after Ctrl-C or at the end of the
            time budget. A second Ctrl-C ends them at once.
    """

    def __init__(
        self,
        workers: int | None = None,
        trial_timeout: float | str | None = None,
        retries: int = 0,
        output: str = "capture",
        order: str = "free",
        memory: int | str | None = None,
        grace: float | str = 2.0,
    ) -> None:
        if os.name != "posix":
            raise InvalidOptions("runner 'processes' needs a POSIX system", fix="use 'inline'")
        self.workers = usable_cpus() if workers is None else as_count("workers", workers, 1)
        self.trial_timeout = as_seconds("trial_timeout", trial_timeout)
        self.retries = as_count("retries", retries, 0)
        self.output = as_choice("output", output, "capture", "inherit")
        self.order = as_choice("order", order, "free", "deterministic")
        self.memory = as_bytes("memory", memory)
        self.grace = 0.0 if grace == 0 else as_seconds("grace", grace) or 0.0

    def run(self, work: Work) -> None:
        """Evaluate trials until nothing is left or ``work.stopping`` is set.

        Raises:
            ObjectiveError: If the objective cannot be sent to a worker or loaded there.
            KeyboardInterrupt: After Ctrl-C, when all has been tidied up.
        """
        work.objective.check()
        settings = WorkerSettings.of(
            work,
            timeout=self.trial_timeout,
            memory=self.memory,
            capture=self.output == "capture",
        )
        with Waker() as waker, CtrlC(waker.wake) as ctrl_c:
            stop = StopPolicy(work, ctrl_c, self.grace)
            loop = ProcessLoop(work, settings, self.workers, stop, waker)
            try:
                loop.run()
            finally:
                loop.close()
            ctrl_c.raise_pending()


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

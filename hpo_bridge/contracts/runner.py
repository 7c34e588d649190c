"""The runner contract: who evaluates trials, and owns the loop; and all that an author needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ..space import Space
from .checkpoints import Checkpoints
from .gradients import Differentiation
from .interrupts import CtrlC
from .objective import Objective
from .record import Outcome
from .trial import Channel, Trial
from .trial_output import OutputSink

__all__ = [
    "Channel",
    "ChecksObjective",
    "CtrlC",
    "Outcome",
    "OutputSink",
    "Runner",
    "Trial",
    "Work",
]


class Work(Protocol):
    """A study as a runner sees it. All calls come from one thread, the driver's."""

    objective: Objective
    """What to evaluate; every runner and every worker can load it."""
    stopping: bool
    """Set by Ctrl-C, by the end of the time budget, or by a plugin: ask no more."""
    waiting_for: str
    """Set by a runner: what it waits for, shown with the progress; empty for nothing."""

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of the study, to be passed to every ``Trial``.

        It can be pickled, and used by any thread and process that sees this machine's
        disks. A runner whose workers do not has them keep checkpoints on disks of theirs,
        carries each here with ``save``, and brings what ``load`` gives to where a trial
        is tried again. What trials that have ended leave here is the study's to remove.
        """
        ...

    def output(self, number: int) -> OutputSink:
        """The sink for what the running attempt at trial ``number`` prints.

        Its ``write`` may be called from any thread, until the attempt is finished or given back.
        """
        ...

    @property
    def differentiation(self) -> Differentiation:
        """The derivatives that are wanted, to be passed to every ``Trial``."""
        ...

    @property
    def pruner(self) -> object | None:
        """The study's pruner, if it has one: a runner may know one of its own kind.

        Its verdicts are :meth:`should_prune`'s in any case.
        """
        ...

    @property
    def sign(self) -> float:
        """Factor that makes a reported value a loss: 1, or -1 to maximize."""
        ...

    @property
    def space(self) -> Space:
        """The search space."""
        ...

    def next(self) -> Trial | None:
        """Return the next trial to run, already ``RUNNING`` in the log.

        Its way back to the study is the work itself. A runner that evaluates elsewhere makes a
        trial with the same number, parameters and seed there. ``None`` means "not now": the
        backend waits for running trials, or nothing is left to start (see ``exhausted``).
        """
        ...

    @property
    def exhausted(self) -> bool:
        """True if nothing is left to start, unless a running trial is given back."""
        ...

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time budget ends; ``None`` without one; never negative."""
        ...

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Commits an intermediate value of a running trial, and what was measured besides."""
        ...

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        """Commits other parameters of a running trial, from its last report on.

        Args:
            number: The trial.
            params: The active parameters; constants may be left out.
            source: The trial whose checkpoint it has taken over, if any.

        Raises:
            SpaceError: If they are no point of the space.
        """
        ...

    def should_prune(self, number: int) -> bool:
        """The pruner's word on a running trial."""
        ...

    def resumed(self, number: int) -> None:
        """Commits that a running trial has loaded a checkpoint (see :class:`Channel`)."""
        ...

    def finish(self, number: int, outcome: Outcome) -> None:
        """Ends an attempt: final, or back to the queue if it failed and may be retried."""
        ...

    def give_back(self, number: int, reason: str) -> None:
        """Ends an attempt without an outcome (cut by Ctrl-C, say): the trial waits again."""
        ...


class Runner(Protocol):
    """Built as ``factory(**options)``, used once."""

    def run(self, work: Work) -> None:
        """Evaluates trials until nothing is left or ``work.stopping`` is set.

        On the way out, also on an exception, no trial is running any more: each was
        finished or given back, and no process is left behind.
        """
        ...


@runtime_checkable
class ChecksObjective(Protocol):
    """A runner that can tell, before anything is created, that it has no room for an objective."""

    def check_objective(self, objective: Objective) -> None:
        """Compares what a trial needs with what the runner's options give it.

        Raises:
            InvalidOptions: If it is more; begins with the option's name.
        """
        ...

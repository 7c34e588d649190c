"""Several optimizers of which each proposes some of a study's trials, one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..contracts.directions import Objectives
from ..errors import SearchExhausted, counted
from ..store import Event
from ..store.event_types import Asked
from ..store.study_events import SessionStarted
from .checked_optimizer import IsTaken
from .handover import has_history, tell_history
from .logged_optimizer import Answer, LoggedOptimizer, Proposer
from .schedule_cursor import ScheduleCursor
from .stages import StageBuilder
from .study_log import StudyLog
from .tell_order import TellOrder

Wrap = Callable[[LoggedOptimizer], Proposer]
"""Put the study's wrappers around the optimizer of a stage."""


class ScheduledOptimizer:
    """The composite of a schedule's stages: one is at work, the next one is told its history.

    Args:
        first: The optimizer at work.
        wrap: Puts the study's wrappers around those that follow.
        stages: Builds these.
        cursor: The study's position in its schedule.
        log: The study's log.
        order: The order in which they are told.
        objectives: The study's objectives.
        seed: The study's seed.
        runner: The runner's name, for the log.
    """

    def __init__(
        self,
        first: LoggedOptimizer,
        wrap: Wrap,
        stages: StageBuilder,
        cursor: ScheduleCursor,
        log: StudyLog,
        order: TellOrder,
        objectives: Objectives,
        seed: int,
        runner: str,
    ) -> None:
        self._now = wrap(first)
        self._wrap, self._stages, self._cursor = wrap, stages, cursor
        self._log, self._order, self._objectives = log, order, objectives
        self._seed, self._runner = seed, runner
        self._ended: str | None = None
        log.followers.append(self._follow)

    @property
    def member(self) -> LoggedOptimizer:
        """The optimizer at work now, without its wrappers."""
        return self._now.member

    @property
    def exhausted(self) -> str | None:
        """The reason why nothing is left to propose, once that is so."""
        return self._ended or (self._now.exhausted if self._cursor.is_last else None)

    def snapshot(self) -> dict[str, Any] | None:
        """Return the state of the optimizer at work: the log has all of those before."""
        return self._now.snapshot()

    def ask(self, is_taken: IsTaken | None = None) -> Answer:
        """Return the next proposal of the stage at work, or of the one that takes over here."""
        while True:
            if self._cursor.is_due:
                self._end_stage()
                continue
            try:
                return self._now.ask(is_taken)
            except SearchExhausted:
                if self._cursor.is_last:
                    raise
                self._hand_over()

    def _end_stage(self) -> None:
        if not self._cursor.is_last:
            self._hand_over()
            return
        trials = counted(self._cursor.limit or 0, "trial")
        self._ended = f"it has proposed its {trials}, and nobody takes over"
        raise SearchExhausted(self._ended)

    def _hand_over(self) -> None:
        """Begin the next stage, which is told the history.

        Raises:
            WaitingForResults: With ``order: deterministic``, if a trial that it must know is not
                finished yet.
        """
        known, store, name = self._order.known_before(), self._log.store, self._log.name
        at = self._cursor.at + 1
        if has_history(store, name):
            self._stages.require_inject(at, "the trials before its own")
        seed = self._cursor.seed(self._seed, at, self._log.writer.seq)
        optimizer = self._stages.build(at, seed)
        tell_history(store, name, optimizer.checked, self._objectives, known)
        self._cursor.advance()
        identity = {**self._stages.identity(at), "seed": seed}
        session = SessionStarted(
            runner=self._runner, fresh=True, known=known, **identity,
            **self._cursor.session_data(),
        )  # fmt: skip
        self._log.untold.hand_over(known)
        member = LoggedOptimizer(optimizer, self._log, self._order, self._objectives, identity)
        self._now = self._wrap(member)
        self._log.write(session)
        member.begin()

    def _follow(self, event: Event) -> None:
        if isinstance(event, Asked):
            self._cursor.proposed += len(event.trials)

"""An optimizer in step with a study's log: told of finished trials, asked, and saved."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..contracts.directions import Objectives
from ..contracts.interrupts import call_backend
from ..contracts.optimizer import Capability, Observation, Snapshot
from ..contracts.record import TrialState
from ..errors import BackendError, SearchExhausted, WaitingForResults
from ..plugins import neutral_surroundings
from ..store import MemoryStore
from ..store.event_parts import ProposedPoint, TrialResult
from ..store.event_types import Asked, Resampled
from .checked_optimizer import IsTaken, Proposal
from .feasible_optimizer import ConstrainedOptimizer, FeasibleOptimizer
from .study_log import StudyLog
from .tell_order import TellOrder
from .untold import observations

log = logging.getLogger("hpo_bridge")


@dataclass(frozen=True, slots=True)
class Answer:
    """One ask of an optimizer, answered, with what the log keeps of it.

    Attributes:
        proposal: The proposal; ``None`` if there is none, which only the log is told.
        backend: The name of the backend that gave it.
        told: The trials that the backend was told of just before.
        rejected: The points that constraints forbade.
        lists_rejected: Whether the log lists these points, and not only their number.
        remarks: What the backend has to say.
        seconds: The time that the backend took for it, telling it included.
    """

    proposal: Proposal | None
    backend: str
    told: tuple[int, ...]
    rejected: Sequence[Observation] = ()
    lists_rejected: bool = False
    remarks: tuple[str, ...] = ()
    seconds: float | None = None

    def asked(self, now: float, number: int) -> Asked:
        """Return the event in which the proposal becomes trial ``number``."""
        point = None if self.proposal is None else self._point(self.proposal, number)
        return Asked(
            n=1, backend=self.backend, told=self.told, rejected=len(self.rejected),
            forbidden=self._forbidden(), remarks=self.remarks, seconds=self.seconds,
            trials=() if point is None else (point,), time=now,
        )  # fmt: skip

    def resampled(self, now: float, repeated: int, result: TrialResult | None) -> Resampled:
        """Return the event of a proposal that is not made a trial.

        Args:
            now: Seconds since the epoch.
            repeated: The trial that it repeats.
            result: The end of that trial, if the backend was told of it before.
        """
        assert self.proposal is not None
        return Resampled(
            n=1, backend=self.backend, told=self.told, rejected=len(self.rejected),
            forbidden=self._forbidden(), remarks=self.remarks, seconds=self.seconds,
            point=self._point(self.proposal), of=repeated, result=result, time=now,
        )  # fmt: skip

    def _forbidden(self) -> tuple[ProposedPoint, ...]:
        if not self.lists_rejected:
            return ()
        return tuple(ProposedPoint(o.params, token=o.token) for o in self.rejected)

    @staticmethod
    def _point(proposal: Proposal, number: int | None = None) -> ProposedPoint:
        return ProposedPoint(
            proposal.params, proposal.raw, proposal.token, number, proposal.member
        )


class Proposer(Protocol):
    """The source of new trials for a driver: an optimizer in step with the log, in its wrappers.

    It is told of results through the log, just before it is asked.
    """

    @property
    def member(self) -> LoggedOptimizer:
        """The optimizer at work now, without its wrappers."""
        ...

    @property
    def exhausted(self) -> str | None:
        """The reason why nothing is left to propose, once that is so."""
        ...

    def ask(self, is_taken: IsTaken | None = None) -> Answer:
        """Return the next proposal, which the caller has to log.

        Args:
            is_taken: Tells which points to avoid, where the study draws one itself.

        Raises:
            WaitingForResults: If a running trial must end first.
            SearchExhausted: If nothing is left.
            BackendError: If the backend breaks its contract.
        """
        ...

    def snapshot(self) -> dict[str, Any] | None:
        """Return the state of the optimizer at work, as plain data, if there is any now."""
        ...


class LoggedOptimizer:
    """A backend's optimizer that is told from the log, and whose asks are for the log.

    Args:
        optimizer: The optimizer, brought to where the log says.
        log: The study's log.
        order: The order in which it is told.
        objectives: The study's objectives.
        identity: The backend, its options, library and seed, and ``begin``: the position in the
            log where it took over, ``None`` if it has yet to.
    """

    def __init__(
        self,
        optimizer: ConstrainedOptimizer,
        log: StudyLog,
        order: TellOrder,
        objectives: Objectives,
        identity: Mapping[str, Any],
    ) -> None:
        self.optimizer, self.checked, self.identity = optimizer, optimizer.checked, identity
        self._log, self._order, self._objectives = log, order, objectives
        self.exhausted: str | None = None
        self._told: list[int] = []
        self._is_ahead = False
        self._asked_at = 0.0
        self._saves = self.lists_rejected = self._can_be_saved()
        if identity.get("begin") is not None:
            optimizer.checked.remarks()  # said before, and made again as the log was replayed

    @property
    def member(self) -> LoggedOptimizer:
        """This object: what wrappers around it ask."""
        return self

    def begin(self) -> None:
        """Take over at the session that was just logged."""
        self.identity = {**self.identity, "begin": self._log.writer.seq}

    def ask(self, is_taken: IsTaken | None = None) -> Answer:
        """See :class:`Proposer`."""
        if self.exhausted is not None:
            raise SearchExhausted(self.exhausted)
        self._asked_at = time.perf_counter()
        self._tell(self._order.due())
        while True:
            try:
                proposal, rejected = self.optimizer.ask(is_taken)
            except SearchExhausted as end:
                self.exhausted = str(end)
                if isinstance(self.optimizer, FeasibleOptimizer):
                    self._saves = False  # it may have been told what the log never has
                raise
            if proposal is not None:
                return self._answer(proposal, rejected)
            if rejected:  # the backend was told of them, which the log must know
                answer = self._answer(None, rejected)
                self._log.write(answer.asked(time.time(), self._log.created))
            numbers = self._order.next_in_order()
            if not numbers:
                raise self._waiting()
            self._tell(numbers)

    def _waiting(self) -> Exception:
        if self._log.counts[TrialState.RUNNING]:
            return WaitingForResults("the backend waits for running trials")
        return BackendError(
            f"backend {self.checked.name!r} waits for results, but no trial is running"
        )

    def _answer(self, proposal: Proposal | None, rejected: Sequence[Observation]) -> Answer:
        told, self._told, self._is_ahead = self._told, [], False
        begin, self._asked_at = self._asked_at, time.perf_counter()
        seconds = round(self._asked_at - begin, 6)
        remarks = self.checked.remarks()
        for remark in remarks:
            level = logging.WARNING if remark.is_fault else logging.INFO
            log.log(level, "study %s: %s: %s", self._log.name, self.checked.name, remark.text)
        return Answer(
            proposal, self.checked.name, tuple(told), rejected, self.lists_rejected,
            tuple(remark.text for remark in remarks), seconds,
        )  # fmt: skip

    def _tell(self, numbers: list[int]) -> None:
        if not numbers and not self._log.untold.due:
            return
        taken = self._log.untold.take(numbers)
        self._told += numbers
        self._is_ahead = True
        self.optimizer.tell(observations(taken, self.checked, self._objectives))

    # -- snapshots ----------------------------------------------------------------------

    def _can_be_saved(self) -> bool:
        # A snapshot's history is read from the log. That lists the points which constraints
        # forbid too, but for a backend that ends by itself: it may leave out millions, and
        # is replayed at no cost.
        finite = Capability.FINITE in self.checked.capabilities
        constrained = isinstance(self.optimizer, FeasibleOptimizer)
        return (
            isinstance(self.checked.built, Snapshot)
            and not isinstance(self._log.store, MemoryStore)
            and not (constrained and finite)
        )

    def snapshot(self) -> dict[str, Any] | None:
        """See :class:`Proposer`; ``None`` while it was told what the log has not yet."""
        if not self._saves or self._is_ahead:
            return None
        built = self.checked.built
        assert isinstance(built, Snapshot)
        try:
            with neutral_surroundings():
                state = call_backend(self.checked.name, built.state)
        except Exception:
            self._saves = False
            log.exception("backend %s gives no snapshot: replayed instead", self.checked.name)
            return None
        if state is None:
            return None
        return {**self.identity, "state": state, "untold": self._log.untold.to_plain()}

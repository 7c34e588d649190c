"""Replay of one segment of the log: every tell again, and every ask again and compared.

A segment begins where a backend takes a study over, and ends where another one does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.optimizer import Observation
from ..errors import BackendError, SearchExhausted
from ..store.event_parts import Event, ProposedPoint
from ..store.event_types import AskEvent
from ..store.study_events import SessionStarted
from .checked_optimizer import Proposal
from .feasible_optimizer import ConstrainedOptimizer
from .untold import UntoldTrials, observations

Step = tuple[list[Observation], AskEvent | None]
"""The observations told, and the ask after them, if there was one."""


class ReplayMismatch(Exception):
    """A replayed ask gave something else than the log has.

    Args:
        problem: The difference, in words.
        trial: The first trial that differs, if it is known.
        logged: Its parameters in the log.
        found: What is proposed now.
    """

    def __init__(
        self,
        problem: str,
        trial: int | None = None,
        logged: Mapping[str, Any] | None = None,
        found: Mapping[str, Any] | None = None,
    ) -> None:
        self.trial, self.logged, self.found = trial, logged, found
        super().__init__(problem)


class BackendSegment:
    """The asks and tells of one backend, as the log has them.

    Args:
        begin: Position of the session in which it took over.
        proposer: The backend, as it was there.
        untold: The trials that it was not told of, where the events begin.
        objectives: What is measured.

    Attributes:
        checked: How many trials were proposed again as the log has them.
    """

    def __init__(
        self,
        begin: int,
        proposer: ConstrainedOptimizer,
        untold: UntoldTrials,
        objectives: Objectives,
    ) -> None:
        self.begin, self.proposer, self.untold = begin, proposer, untold
        self.objectives = objectives
        self.checked = 0

    def steps(self, events: Iterable[Event]) -> Iterator[Step]:
        """Yield what was told, then what was asked, in the order of the log."""
        untold, optimizer = self.untold, self.proposer.checked
        for event in events:
            if event.seq == self.begin:
                known = event.known if isinstance(event, SessionStarted) else None
                former = untold.hand_over(known)
                yield observations(former, optimizer, self.objectives), None
            if event.seq > self.begin and isinstance(event, AskEvent):
                told = [n for n in event.told if n in untold.finished]
                yield observations(untold.take(told), optimizer, self.objectives), event
            untold.apply(event)

    def check(self, events: Iterable[Event]) -> None:
        """Tell and ask the optimizer all that the log has.

        Raises:
            ReplayMismatch: If it answers otherwise than the log has.
        """
        for told, asked in self.steps(events):
            if told:
                self.proposer.tell(told)
            if asked is not None:
                self._ask_again(asked)

    def _ask_again(self, asked: AskEvent) -> None:
        trials = asked.points
        number, params = (trials[0].number, trials[0].params) if trials else (None, None)
        try:
            proposal, rejected = self.proposer.ask()
        except (SearchExhausted, BackendError) as error:
            what = "it is exhausted: " if isinstance(error, SearchExhausted) else ""
            raise ReplayMismatch(f"{what}{error}", number, params) from None
        proposals = [] if proposal is None else [proposal]
        found = len(proposals), len(rejected)
        if found != (len(trials), asked.rejected):
            raise ReplayMismatch(
                f"it now gives {found[0]} suggestions and {found[1]} infeasible ones, "
                f"the log has {len(trials)} and {asked.rejected}",
                number, params, proposals[0].params if proposals else None,
            )  # fmt: skip
        for proposal, trial in zip(proposals, trials, strict=True):
            self._compare(proposal, trial, asked.backend)

    def _compare(self, proposal: Proposal, trial: ProposedPoint, backend: str) -> None:
        if trial.token is None and proposal.token is None:
            return  # the study drew it, among those that were not there
        if plain(proposal.params) != plain(trial.params):
            what = f"trial {trial.number}"
            if trial.number is None:
                what = "a suggestion that was there already"
            raise ReplayMismatch(
                f"it now proposes other parameters for {what} "
                f"than the log has, made by {backend}",
                trial.number, trial.params, proposal.params,
            )  # fmt: skip
        self.checked += trial.number is not None


def plain(value: Any) -> str:
    """Return plain data as text, to be compared."""
    return json.dumps(value, sort_keys=True, default=repr)

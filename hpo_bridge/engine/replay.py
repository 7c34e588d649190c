"""One streak of a backend in the log, gone through again: every tell, and every ask compared.

A *streak* begins where a backend takes a study over, and ends where another one does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.optimizer import Observation
from ..errors import BackendError, SearchExhausted
from ..store.event_types import AskEvent, Event, ProposedPoint, SessionStarted
from .checked_optimizer import CheckedOptimizer, Proposal
from .feasible_optimizer import ConstrainedOptimizer
from .untold import Ledger, Open, observation

Step = tuple[list[Observation], AskEvent | None]
"""What was told, and the ask after it, if there was one."""


class Diverged(Exception):
    """A replayed ask gave something else than the log has.

    Args:
        problem: What, in words.
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


class Streak:
    """The asks and tells of one backend, as the log has them.

    Args:
        begin: Position of the session in which it took over.
        proposer: The backend, as it was there.
        ledger: The trials that it was not told of, where the events begin.
        objectives: What is measured.

    Attributes:
        checked: How many trials were proposed again as the log has them.
    """

    def __init__(
        self, begin: int, proposer: ConstrainedOptimizer, ledger: Ledger, objectives: Objectives
    ) -> None:
        self.begin, self.proposer, self.ledger = begin, proposer, ledger
        self.objectives = objectives
        self.checked = 0

    def steps(self, events: Iterable[Event]) -> Iterator[Step]:
        """What was told, then what was asked, in the order of the log."""
        ledger, optimizer = self.ledger, self.proposer.checked
        for event in events:
            if event.seq == self.begin:
                known = event.known if isinstance(event, SessionStarted) else None
                former = ledger.hand_over(known)
                yield observations(former, optimizer, self.objectives), None
            if event.seq > self.begin and isinstance(event, AskEvent):
                told = [n for n in event.told if n in ledger.finished]
                yield observations(ledger.take(told), optimizer, self.objectives), event
            ledger.apply(event)

    def check(self, events: Iterable[Event]) -> None:
        """Tells and asks the proposer all that the log has.

        Raises:
            Diverged: If it answers otherwise than the log has.
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
            raise Diverged(f"{what}{error}", number, params) from None
        proposals = [] if proposal is None else [proposal]
        found = len(proposals), len(rejected)
        if found != (len(trials), asked.rejected):
            raise Diverged(
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
            raise Diverged(
                f"it now proposes other parameters for {what} "
                f"than the log has, made by {backend}",
                trial.number, trial.params, proposal.params,
            )  # fmt: skip
        self.checked += trial.number is not None


def observations(
    trials: Iterable[tuple[int, Open]], optimizer: CheckedOptimizer, objectives: Objectives
) -> list[Observation]:
    """What the backend is told of finished trials."""
    return [observation(trial, optimizer, objectives) for _, trial in trials]


def plain(value: Any) -> str:
    """Plain data as text, to be compared."""
    return json.dumps(value, sort_keys=True, default=repr)

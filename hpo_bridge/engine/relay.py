"""Which backend of a schedule is at work, and the seam where it hands over to the next.

The log has it all: the ``session`` event in which an entry takes over says which one it is
(``phase``), after how many proposed trials (``since``), and, with ``order: deterministic``, from
which trial on it does not know yet (``known``). So a study that is killed on either side of a
seam goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..contracts.gradients import Differentiation
from ..contracts.trial import trial_seed
from ..errors import SearchExhausted, counted
from ..store import Store
from ..store.event_types import Asked, SessionStarted
from .handover import has_history, tell_history
from .proposer import Proposer
from .replay import plain

if TYPE_CHECKING:
    from .driver import Driver


@dataclass(frozen=True)
class Phase:
    """One entry of a schedule, as a driver needs it.

    Attributes:
        backend: ``{"backend", "options", "library"}``, and ``handover`` if it is ``ignore``.
        build: Makes the backend's proposer for a seed.
        trials: How many trials it proposes; ``None`` for no limit.
        check: Raises :class:`UnsupportedProblem` if it would ignore, in silence, what is
            named.
    """

    backend: Mapping[str, Any]
    build: Callable[[int], Proposer]
    trials: int | None = None
    check: Callable[[str], None] = lambda what: None


class Relay:
    """Where a study is in its schedule.

    Args:
        phases: The schedule's entries.
        differentiation: What the study's trials are told, whichever entry is at work.
        at: The position of the one at work.
        since: How many trials had been proposed when it took over.
        proposed: How many have been now, by whichever backend.
        seen: The positions of the entries that have been at work.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        differentiation: Differentiation | None = None,
        at: int = 0,
        since: int = 0,
        proposed: int = 0,
        seen: frozenset[int] = frozenset(),
    ) -> None:
        self.phases, self.differentiation = tuple(phases), differentiation
        self.at, self.since, self.proposed, self.seen = at, since, proposed, seen

    @property
    def phase(self) -> Phase:
        """The entry at work."""
        return self.phases[self.at]

    @property
    def is_due(self) -> bool:
        """Whether the entry at work has proposed its trials."""
        most = self.phase.trials
        return most is not None and self.proposed - self.since >= most

    @property
    def is_last(self) -> bool:
        """Whether nobody takes over from the entry at work."""
        return self.at == len(self.phases) - 1

    def entry(self) -> dict[str, Any]:
        """Return the fields of ``SessionStarted`` for a schedule; none for a single backend."""
        if len(self.phases) == 1 and self.phase.trials is None:
            return {}
        return {"phase": self.at, "of": len(self.phases), "since": self.since}

    def seed(self, study_seed: int, at: int, seq: int) -> int:
        """The seed of an entry that takes over, the study's own for the first.

        One that has been at work before must not repeat itself.
        """
        if at in self.seen:
            return trial_seed(study_seed, -seq)
        return study_seed if at == 0 else phase_seed(study_seed, at)

    def turn(self, driver: Driver) -> None:
        """Hands over to the next entry, if it is time to.

        Raises:
            WaitingForResults: With ``order: deterministic``, if a trial that the next one must
                know is not finished yet.
            SearchExhausted: If there is no next one.
        """
        while self.is_due:
            if self.is_last:
                most = self.phase.trials
                end = f"it has proposed its {counted(most or 0, 'trial')}, and nobody takes over"
                driver.exhausted = end
                raise SearchExhausted(end)
            self.hand_over(driver)

    def hand_over(self, driver: Driver) -> None:
        """Begins the next entry, which is told the history."""
        known = driver.agreed()
        at = self.at + 1
        phase = self.phases[at]
        if has_history(driver.store, driver.name):
            phase.check("the trials before its own")
        seed = self.seed(driver.seed, at, driver.writer.seq)
        proposer = phase.build(seed)
        tell_history(driver.store, driver.name, proposer, driver.objectives, known)
        self.at, self.since, self.seen = at, self.proposed, self.seen | {at}
        event = SessionStarted(
            seed=seed, runner=driver.runner, fresh=True, known=known, **phase.backend,
            **self.entry(),
        )  # fmt: skip
        driver.take_on(proposer, {**phase.backend, "seed": seed}, event)


def located(
    store: Store, name: str, phases: Sequence[Phase], differentiation: Differentiation | None
) -> Relay:
    """Which entry of a schedule is at work in a stored study.

    The one that was at work last, if it is still the same at that place of the schedule.
    Otherwise by the number of trials that backends have proposed, whichever did: each entry
    has as many as its ``trials`` says, in turn.
    """
    relay = Relay(phases, differentiation)
    last: SessionStarted | None = None
    seen = set()
    for event in store.events_of(name, SessionStarted):
        last = event
        seen.add(event.phase or 0)
    relay.seen = frozenset(seen)
    if not relay.entry():
        return relay
    for asked in store.events_of(name, Asked):
        relay.proposed += len(asked.trials)
    if last is not None:
        at = last.phase or 0
        if at < len(phases) and identity(phases[at].backend) == identity(last.proposer):
            relay.at, relay.since = at, last.since or 0
            return relay
    while relay.is_due and not relay.is_last:
        relay.since += relay.phase.trials or 0
        relay.at += 1
    return relay


def identity(backend: Mapping[str, Any]) -> str:
    """What makes a backend another one than before: its name, its options, what it is told."""
    return plain([backend["backend"], backend["options"], backend.get("handover", "tell")])


def phase_seed(study_seed: int, at: int) -> int:
    """The seed of a schedule's entry: a hash of the study's seed and its position.

    >>> phase_seed(0, 1) == phase_seed(0, 1) != phase_seed(0, 2)
    True
    """
    digest = blake2b(f"{study_seed}/phase/{at}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33

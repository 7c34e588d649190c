"""The position of a study in its schedule of backends, as the log has it.

The ``session`` event in which a stage takes over says which one it is (``phase``), after how many
proposed trials (``since``), and, with ``order: deterministic``, from which trial on it does not
know yet (``known``). So a study that is killed on either side of a change of stages goes on as if
it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from ..contracts.trial import trial_seed
from ..errors import HpoBridgeError
from ..store import Store
from ..store.event_types import Asked
from ..store.study_events import SessionStarted
from .backend_segment import plain


class ScheduleCursor:
    """The position of a study in its schedule.

    Args:
        limits: For each stage the number of trials that it proposes; ``None`` for no limit.
        at: The position of the stage at work.
        since: Number of trials that had been proposed when it took over.
        proposed: Number of trials that have been proposed now, by whichever backend.
        seen: The positions of the stages that have been at work.
    """

    def __init__(
        self,
        limits: Sequence[int | None],
        at: int = 0,
        since: int = 0,
        proposed: int = 0,
        seen: frozenset[int] = frozenset(),
    ) -> None:
        self._limits = tuple(limits)
        self.at, self.since, self.proposed, self.seen = at, since, proposed, seen

    @property
    def limit(self) -> int | None:
        """The number of trials that the stage at work proposes."""
        return self._limits[self.at]

    @property
    def is_due(self) -> bool:
        """True if the stage at work has proposed its trials."""
        limit = self._limits[self.at]
        return limit is not None and self.proposed - self.since >= limit

    @property
    def is_last(self) -> bool:
        """True if no stage follows."""
        return self.at == len(self._limits) - 1

    @property
    def is_schedule(self) -> bool:
        """True if there is anything to follow: several stages, or one with a limit."""
        return self._limits != (None,)

    def advance(self) -> None:
        """Begin the next stage."""
        self.at, self.since = self.at + 1, self.proposed
        self.seen |= {self.at}

    def session_data(self) -> dict[str, Any]:
        """Return the fields of ``SessionStarted`` for a schedule; none for a single backend."""
        if not self.is_schedule:
            return {}
        return {"phase": self.at, "of": len(self._limits), "since": self.since}

    def seed(self, study_seed: int, at: int, seq: int) -> int:
        """Return the seed of a stage that takes over, the study's own for the first.

        One that has been at work before must not repeat itself.
        """
        if at in self.seen:
            return trial_seed(study_seed, -seq)
        return stage_seed(study_seed, at)


def locate(
    store: Store, name: str, stages: Sequence[tuple[Mapping[str, Any], int | None]]
) -> ScheduleCursor:
    """Return the position of a stored study in its schedule.

    It is the stage that was at work last, if it is still the same at that place. Otherwise it
    follows from the number of trials that backends have proposed, whichever did: each stage has
    as many as its limit says, in turn.

    Args:
        store: The study's store.
        name: Its name.
        stages: The identity and the limit of each stage.
    """
    cursor = ScheduleCursor([limit for _, limit in stages])
    last: SessionStarted | None = None
    for session in store.events_of(name, SessionStarted):
        last = session
        cursor.seen |= {session.phase or 0}
    if not cursor.is_schedule:
        return cursor
    for asked in store.events_of(name, Asked):
        cursor.proposed += len(asked.trials)
    if last is not None:
        at = last.phase or 0
        if at < len(stages) and backend_identity(stages[at][0]) == backend_identity(last.proposer):
            cursor.at, cursor.since = at, last.since or 0
            return cursor
    while cursor.is_due and not cursor.is_last:
        cursor.since += cursor.limit or 0
        cursor.at += 1
    return cursor


def last_session(store: Store, name: str) -> SessionStarted | None:
    """Return the event with which the last driver began; ``None`` before the first."""
    last: SessionStarted | None = None
    for session in store.events_of(name, SessionStarted):
        last = session
    return last


def check_last_stage(store: Store, name: str) -> None:
    """Refuse a stored study whose schedule is not at its last stage: the store has no others.

    Raises:
        HpoBridgeError: If it is not.
    """
    last = last_session(store, name)
    if last is not None and last.of is not None and (last.phase or 0) + 1 < last.of:
        raise HpoBridgeError(
            f"study {name!r} is at backend {(last.phase or 0) + 1} of {last.of} of its schedule, "
            "and the store does not keep those that follow",
            "backend",
            fix="declare the study to go on: hpo.Study(…, backend=[…]), or its study file",
        )


def backend_identity(backend: Mapping[str, Any]) -> str:
    """Return as text what tells a backend from another: its name, its options, what it is told."""
    return plain([backend["backend"], backend["options"], backend.get("handover", "tell")])


def stage_seed(study_seed: int, at: int) -> int:
    """Return the seed of a schedule's stage: a hash of the study's seed and the position.

    >>> stage_seed(0, 1) == stage_seed(0, 1) != stage_seed(0, 2)
    True
    """
    if at == 0:
        return study_seed
    digest = blake2b(f"{study_seed}/phase/{at}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33

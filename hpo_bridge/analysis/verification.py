"""The check that a study's backends propose again what its log says that they proposed.

Reads the log, builds each backend anew, and tells and asks it all that the log has. No objective
is run, nothing is written, and no lease is taken: a driver may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from ..contracts.directions import Objectives
from ..engine.backend_segment import BackendSegment, ReplayMismatch
from ..engine.checked_optimizer import CheckedOptimizer
from ..engine.feasible_optimizer import ConstrainedOptimizer, constrained
from ..engine.schedule_cursor import backend_identity
from ..engine.study_lookup import find_study
from ..engine.untold import UntoldTrials
from ..errors import HpoBridgeError, StoreError, counted
from ..history.space_change import versions
from ..plugins import PluginManager, library_of, located_error
from ..store import Event, Store
from ..store.event_types import Asked
from ..store.study_events import SessionStarted, SpaceChanged

Verdict = Literal["reproducible", "differs", "unchecked"]


@dataclass(frozen=True, slots=True)
class SegmentCheck:
    """The result for one streak: the trials from one change of backend to the next.

    Attributes:
        backend: The backend's name.
        options: Its options, as the log has them.
        seed: Its seed.
        logged: Library and version that proposed them; several if it was upgraded meanwhile.
        here: Library and version now; ``None`` if the backend is not here.
        trials: How many trials it proposed.
        checked: How many of these are proposed again.
        verdict: ``reproducible``, ``differs``, or ``unchecked`` where nothing can be said.
        trial: The first trial that differs.
        log: Its parameters in the log.
        now: What is proposed in its place, if anything is.
        reason: What differs, or why it cannot be checked; else empty.
    """

    backend: str
    options: Mapping[str, Any]
    seed: int
    logged: tuple[str, ...]
    here: str | None
    trials: int
    checked: int = 0
    verdict: Verdict = "reproducible"
    trial: int | None = None
    log: Mapping[str, Any] | None = None
    now: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result for a whole study.

    Attributes:
        study: Its name.
        streaks: One for each time that a backend took over, in order.
    """

    study: str
    streaks: tuple[SegmentCheck, ...]

    @property
    def reproducible(self) -> bool:
        """True if every streak is reproducible."""
        return all(streak.verdict == "reproducible" for streak in self.streaks)


@dataclass
class _Part:
    """A streak as the log has it; ``end`` is the position before which it ends."""

    begin: int
    session: SessionStarted
    libraries: list[str] = field(default_factory=list)
    end: int | None = None
    trials: int = 0


def verify(
    store: Store,
    name: str,
    plugins: PluginManager,
    watch: Callable[[str], None] = lambda text: None,
) -> Verification:
    """Replays every streak of a stored study against the log.

    Args:
        store: Where the study is.
        name: Its name.
        plugins: Where to find its backends.
        watch: Told what is checked next, for people who wait.

    Raises:
        StudyNotFound: If the store has no such study.
        StoreError: If it cannot be read.
    """
    row = find_study(store, name)
    checking = _Checking(store, name, plugins, row.definition)
    checks = []
    parts = segments_of(store, name)
    for number, part in enumerate(parts, 1):
        watch(f"{number}/{len(parts)} {part.session.backend}: {counted(part.trials, 'trial')}")
        checks.append(checking.check(part))
    return Verification(name, tuple(checks))


def segments_of(store: Store, name: str) -> list[_Part]:
    """The streaks of a log, in order."""
    parts: list[_Part] = []
    before = ""
    for event in store.events_of(name, SessionStarted, SpaceChanged, Asked):
        match event:
            case SpaceChanged():  # no streak goes on in another space
                before = ""
            case Asked():
                parts[-1].trials += len(event.trials)
            case SessionStarted():
                now = backend_identity(event.proposer)
                if event.fresh or now != before:
                    if parts:
                        parts[-1].end = event.seq
                    parts.append(_Part(event.seq, event))
                before = now
                if event.library not in parts[-1].libraries:
                    parts[-1].libraries.append(event.library)
    return parts


class _Checking:
    """The checks of a study's streaks against its log."""

    def __init__(
        self, store: Store, name: str, plugins: PluginManager, definition: Mapping[str, Any]
    ) -> None:
        self._store, self._name, self._plugins = store, name, plugins
        self._versions = versions(store, name, definition)
        self._objectives = Objectives(definition["directions"])

    def check(self, part: _Part) -> SegmentCheck:
        """Replays one streak."""
        session = part.session
        common: dict[str, Any] = {
            "backend": session.backend, "options": session.options, "seed": session.seed,
            "logged": tuple(part.libraries), "here": self._here(session.backend),
            "trials": part.trials,
        }  # fmt: skip
        streak: BackendSegment | None = None
        try:
            proposer = self._proposer(session, part.begin)
            streak = BackendSegment(part.begin, proposer, UntoldTrials(), self._objectives)
            streak.check(self._events(part.end))
        except StoreError:
            raise
        except ReplayMismatch as found:
            assert streak is not None
            return SegmentCheck(
                **common, checked=streak.checked, verdict="differs", trial=found.trial,
                log=found.logged, now=found.found, reason=str(found),
            )  # fmt: skip
        except Exception as error:  # whatever an adapter makes of what it is given
            reason = str(error) if isinstance(error, HpoBridgeError) else located_error(error)
            checked = 0 if streak is None else streak.checked
            return SegmentCheck(**common, checked=checked, verdict="unchecked", reason=reason)
        return SegmentCheck(**common, checked=streak.checked)

    def _proposer(self, session: SessionStarted, begin: int) -> ConstrainedOptimizer:
        then = [version for version in self._versions if version.begin < begin][-1]
        return constrained(CheckedOptimizer(
            self._plugins, session.backend, session.options, then.space,
            len(self._objectives), session.seed, defaults=then.defaults,
            ignoring=session.handover == "ignore",
        ))  # fmt: skip

    def _events(self, end: int | None) -> Iterator[Event]:
        events = self._store.events(self._name)
        return events if end is None else takewhile(lambda event: event.seq < end, events)

    def _here(self, backend: str) -> str | None:
        try:
            return " ".join(library_of(self._plugins.find("backend", backend)))
        except HpoBridgeError:
            return None

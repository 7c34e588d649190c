"""Events of a study as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .event_parts import AdoptedTrial, Event, Params


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A driver begins, or the next backend of a schedule.

    Attributes:
        backend: The backend's name.
        options: Its options.
        seed: Its seed.
        library: The library behind it with its version, in words.
        runner: The runner's name.
        fresh: ``True`` where the backend begins anew.
        handover: ``ignore`` if the backend is told of no trial but its own, else ``tell``.
        phase: With a schedule, the backend's position in it, from 0.
        of: With a schedule, the number of its backends.
        since: With a schedule, the number of trials that had been proposed before.
        known: At a seam in deterministic order, the first trial that the backend is not told of
            at its beginning.
    """

    kind = "session"
    backend: str
    options: Mapping[str, Any]
    seed: int = 0
    library: Any = None
    runner: str = ""
    fresh: bool = False
    handover: str = "tell"
    phase: int | None = None
    of: int | None = None
    since: int | None = None
    known: int | None = None

    @property
    def proposer(self) -> dict[str, Any]:
        """The backend, its options and its handover."""
        return {"backend": self.backend, "options": self.options, "handover": self.handover}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Event):
    """Trials of an earlier study, before the first session; they are no trials of this one.

    Attributes:
        place: The earlier study's position in the list of sources.
        source: The source: ``store study map values ignore``.
        trials: The trials, or some of them: a source may have several events.
        left: In the first event of a source, reason to the number of trials left out for it.
    """

    kind = "adopted"
    place: int
    source: Mapping[str, Any]
    trials: tuple[AdoptedTrial, ...]
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceChanged(Event):
    """Another space from here on.

    Attributes:
        version: The number of the new space, from 2.
        before: The ``space`` and ``constraints`` until here.
        definition: The study's definition from here on.
        defaults: New parameter to its value in the trials before.
    """

    kind = "space"
    version: int
    before: Mapping[str, Any]
    definition: Mapping[str, Any]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutScored(Event):
    """A configuration was scored on the test set, or on the test part of an outer split.

    Attributes:
        trial: The trial that has the configuration; it does not change.
        params: The configuration.
        values: Name to score; ``None`` for one that was no finite number.
        rule: The rule that chose the trial; ``None`` if somebody named it.
        scored: The scoring function, in words: ``test.py:score``.
        trials: The number of trials that had ended by then.
        seconds: The time that scoring took.
    """

    kind = "tested"
    trial: int
    params: Params
    values: Mapping[str, float | None]
    rule: str | None
    scored: str
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitAssigned(Event):
    """The study tunes on one split of an outer cross-validation.

    Attributes:
        split: The number of the split, from 1.
        of: The number of splits.
        identity: A description of the split's data, to be compared.
    """

    kind = "outer"
    split: int
    of: int
    identity: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonJoined(Event):
    """The study is one run of a comparison.

    Attributes:
        study: The name of the study whose variants are compared.
        variant: The label of the variant.
        block: The number of the run among those of the variant, from 1; runs of one number
            have one seed.
        settings: The settings of the variant, to be compared.
    """

    kind = "compared"
    study: str
    variant: str
    block: int
    settings: Any

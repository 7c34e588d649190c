"""A stored study as writers of files and views see it: plain data, and no store behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..space import Space
from .record import Direction, TrialRecord


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session of a study: a driver at work with one backend.

    Attributes:
        backend: The backend's name.
        started: Seconds since the epoch.
        options: The backend's options.
        library: The library behind it with its version, in words; empty if not known.
        runner: The runner's name; ``ask`` for a study that is asked by hand.
        startup: The number of trials before its model is in use, where its plugin says so.
        fresh: Whether the backend began anew, and was not brought to where it had been.
    """

    backend: str
    started: float
    options: Mapping[str, Any] = field(default_factory=dict)
    library: str = ""
    runner: str = ""
    fresh: bool = False
    startup: int | None = None


@dataclass(frozen=True, slots=True)
class StudyHistory:
    """A study and its trials; for a view also what else has happened in it.

    Attributes:
        name: Its name.
        space: Its space.
        directions: Objective to direction.
        seed: Its seed.
        definition: Space, constraints, directions and seed as plain data.
        trials: Every trial by number; may be gone through again.
        store: The URL of its store, without a password.
        created: Seconds since the epoch.
        seconds: The time that drivers have worked on it, in all.
        driver: Who drives it now, in words, or ``None``.
        sessions: Its sessions, in order; these and the following fields are for views.
        requeued: Cause (``failure``, ``cut``, ``lost``) to the number of attempts that ended
            without result, after which the trial waited again.
        space_version: The version of its space, from 1.
        study_file: The text of its study file, where it was opened by one.
    """

    name: str
    space: Space
    directions: Mapping[str, Direction]
    seed: int
    definition: Mapping[str, Any]
    trials: Iterable[TrialRecord]
    store: str = ""
    created: float = 0.0
    seconds: float = 0.0
    driver: str | None = None
    sessions: tuple[SessionRecord, ...] = ()
    requeued: Mapping[str, int] = field(default_factory=dict)
    space_version: int = 1
    study_file: str | None = None

"""Objectives for those who write a kind of them: what a plugin's factory gets, and gives.

A kind of objective is registered by ``hpo_register_objectives``; a study file then says
``objective: {name: {options}}``, and the spec's factory is called as
``factory(context, **options)``. What it gives is a function of a trial, or an :class:`Objective`:
something that can be pickled, checked, and loaded where the trials run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..space import Space
from .record import Direction
from .trial import Trial

__all__ = [
    "BindsToStudy",
    "Function",
    "Objective",
    "ObjectiveContext",
    "OuterLoop",
    "OuterSplit",
    "SupportsNestedCV",
    "SupportsTestScore",
    "UsesProcesses",
]


Function = Callable[[Trial], Any]
"""What an objective is in the end: called with a trial, it returns a number or numbers."""


@runtime_checkable
class Objective(Protocol):
    """Something to evaluate. Every objective can be pickled, and so sent to a worker."""

    def check(self) -> None:
        """Finds what can be found without importing the user's code.

        Raises:
            ObjectiveError: With one line that says what is wrong.
        """
        ...

    def load(self) -> Function:
        """The function itself; imports the user's code.

        Raises:
            ObjectiveError: If that fails: no trial could run.
        """
        ...

    def describe(self) -> str:
        """A short text for people and for the study's record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveContext:
    """The place where an objective was named.

    Attributes:
        folder: The study file's folder, absolute: what the paths in the options are relative to.
    """

    folder: str


@runtime_checkable
class BindsToStudy(Protocol):
    """An objective that looks at its study before anything runs."""

    def bind(self, space: Space, directions: Mapping[str, Direction]) -> Objective:
        """The objective for a study; may be itself.

        Called before the study's first trial, and, where a study file names it, before anything is
        created: it imports nothing of the user's.

        Args:
            space: What may vary, and the constants.
            directions: Objective name to direction, in order; a single objective without a
                name is ``value``.

        Raises:
            ObjectiveError: If it is not for this study; says why, and what to do.
        """
        ...


@runtime_checkable
class UsesProcesses(Protocol):
    """An objective that uses several processes at once for one trial."""

    @property
    def processes(self) -> int:
        """Number of CPUs that one trial keeps busy; a runner that assigns CPUs compares it."""
        ...


@dataclass(frozen=True)
class OuterSplit:
    """One split of an outer loop: what is tuned on its training part, and how that is scored.

    Attributes:
        objective: What a study of this split evaluates, on the training part alone.
        score: Called with a trial: fits its configuration on the training part, and gives the
            score on the test part.
        identity: Tells this split from every other one, of other data too: a study that was
            tuned on one is not continued on another.
    """

    objective: Objective
    score: Objective
    identity: str


@runtime_checkable
class OuterLoop(Protocol):
    """An outer loop, as a study file asks for it with ``selection: nested``."""

    def splits(self, seed: int) -> Sequence[OuterSplit]:
        """The splits, the same ones each time for the same seed; loads the user's data.

        Args:
            seed: The study's.

        Raises:
            ObjectiveError: If the data cannot be split so; says why.
        """
        ...


@runtime_checkable
class SupportsNestedCV(Protocol):
    """An objective whose data can be split once more, around it."""

    def outer_loop(self, nested: Any) -> OuterLoop:
        """The outer loop that ``nested`` asks for; imports nothing of the user's.

        Args:
            nested: What stands at ``selection.nested``: a number of splits, or a mapping.

        Raises:
            ObjectiveError: If it is wrong; begins with the key it is about, if it is one.
        """
        ...


@runtime_checkable
class SupportsTestScore(Protocol):
    """An objective that can score a configuration on test data by itself."""

    def test_scorer(self, options: Mapping[str, Any]) -> Objective:
        """Called with a trial, it fits on all data and scores on the test data.

        Args:
            options: What stands at ``selection.test``; says where the test data come from.

        Raises:
            ObjectiveError: If they are wrong, or what they name is not there; imports nothing
                of the user's.
        """
        ...

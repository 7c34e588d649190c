"""Objectives for those who write a kind of them: what a plugin's factory gets, and gives.

A kind of objective is registered by ``hpo_register_objectives``; a study file then says
``objective: {name: {options}}``, and the spec's factory is called as
``factory(context, **options)``. What it gives is a function of a trial, or an :class:`Objective`:
something that can be pickled, checked, and loaded where the trials run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..space import Space
from ..trial import Direction
from .objective import Function, Objective
from .parts import Nests, Outer, OuterSplit, ScoresTest
from .reference import Reference

__all__ = [
    "FitsStudy",
    "Function",
    "KeepsBusy",
    "Nests",
    "Objective",
    "ObjectiveContext",
    "Outer",
    "OuterSplit",
    "Reference",
    "ScoresTest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveContext:
    """Where an objective was named.

    Attributes:
        folder: The study file's folder, absolute: what the paths in the options are relative to.
    """

    folder: str


@runtime_checkable
class FitsStudy(Protocol):
    """An objective that looks at its study before anything runs."""

    def fitted(self, space: Space, directions: Mapping[str, Direction]) -> Objective:
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
class KeepsBusy(Protocol):
    """An objective that uses several processes at once for one trial."""

    @property
    def processes(self) -> int:
        """How many CPUs one trial keeps busy; a runner that gives out CPUs compares."""
        ...

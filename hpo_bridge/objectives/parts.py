"""What an objective may give besides its value, for an honest choice: test scores, outer splits.

Both are optional abilities of a kind of objective (see :mod:`hpo_bridge.objectives.base`): without
them a study is tested by a function of the user's, and cannot be nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from .objective import Objective


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
class Outer(Protocol):
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
class Nests(Protocol):
    """An objective whose data can be split once more, around it."""

    def outer(self, nested: Any) -> Outer:
        """The outer loop that ``nested`` asks for; imports nothing of the user's.

        Args:
            nested: What stands at ``selection.nested``: a number of splits, or a mapping.

        Raises:
            ObjectiveError: If it is wrong; begins with the key it is about, if it is one.
        """
        ...


@runtime_checkable
class ScoresTest(Protocol):
    """An objective that can score a configuration on test data by itself."""

    def tester(self, options: Mapping[str, Any]) -> Objective:
        """Called with a trial, it fits on all data and scores on the test data.

        Args:
            options: What stands at ``selection.test``; says where the test data come from.

        Raises:
            ObjectiveError: If they are wrong, or what they name is not there; imports nothing
                of the user's.
        """
        ...


__all__ = ["Nests", "Outer", "OuterSplit", "ScoresTest"]

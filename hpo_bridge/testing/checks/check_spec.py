"""The facts about a check that the kit knows before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc

from ..subject import Subject


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check of any backend.

    Attributes:
        name: Public and stable.
        check: Gives a word on what was seen; raises what :class:`~hpo_bridge.testing.Check`
            says.
        meaning: What must hold, in a sentence.
        catches: Real faults that it has caught, or is there to catch.
    """

    name: str
    check: Callable[[Subject], str]
    meaning: str
    catches: str


def check_spec(name: str, check: Callable[[Subject], str]) -> CheckSpec:
    """An entry from the check's docstring, whose last paragraph says what it catches."""
    meaning, _, catches = (getdoc(check) or "").rpartition("\n\n")
    catches = catches.removeprefix("Catches ")
    return CheckSpec(name, check, _join_lines(meaning), _join_lines(catches))


def _join_lines(text: str) -> str:
    return " ".join(text.split()).rstrip(".")

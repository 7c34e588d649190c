"""Lists of anything as lists of plain labels, and back to the very objects."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo_bridge import SpaceError
from hpo_bridge.errors import short
from hpo_bridge.space.values import choice_key, unboxed

LONGEST = 60
"""Most characters of a label."""


@dataclass(frozen=True)
class Choices:
    """The objects of a list, with the labels that the study has for them.

    Attributes:
        objects: What was given, in its order.
        labels: Plain values, one for each, all different. Where all objects are plain and
            different they are the labels; else a label is the position and what the object
            looks like, such as ``"1: SVC()"``.
    """

    objects: tuple[Any, ...]
    labels: tuple[Any, ...]

    def given(self, label: Any) -> Any:
        """The object that a label stands for."""
        wanted = choice_key(label)
        for own, given in zip(self.labels, self.objects, strict=True):
            if choice_key(own) == wanted:
                return given
        raise SpaceError(f"{short(label)} is not one of the choices {short(list(self.labels))}")

    def label(self, wanted: Any) -> Any:
        """The label of an object, or of what equals it; of a label, itself.

        Raises:
            SpaceError: If there is none.
        """
        pairs = list(zip(self.labels, self.objects, strict=True))
        for same in (operator.is_, _equal):
            for label, given in pairs:
                if same(given, wanted):
                    return label
        for label in self.labels:
            if _equal(label, wanted):
                return label
        raise SpaceError(f"{short(wanted)} is not one of the choices {short(list(self.labels))}")


def choices_of(values: Sequence[Any]) -> Choices:
    """The choices in a list or a one-dimensional array, whatever they are."""
    objects = tuple(values)
    plain = [unboxed(value) for value in objects]
    try:
        keys = [choice_key(value) for value in plain]
    except SpaceError:  # an object, a tuple, a NaN
        keys = []
    if keys and len(set(keys)) == len(keys):
        return Choices(objects, tuple(plain))
    return Choices(objects, tuple(f"{n}: {_looks(value)}" for n, value in enumerate(objects)))


def declared_when(
    name: str, when: Mapping[str, Any], choices: Mapping[str, Choices]
) -> dict[str, Any]:
    """A condition in terms of labels.

    Args:
        name: The parameter that has it.
        when: Parent to an allowed value, or a list of them; the values may be objects.
        choices: What parents were given as lists.

    Raises:
        SpaceError: If a value is none of its parent's.
    """
    found = {}
    for parent, allowed in when.items():
        if parent in choices:
            wanted = allowed if isinstance(allowed, list) else [allowed]
            try:
                allowed = [choices[parent].label(value) for value in wanted]
            except SpaceError as error:
                raise error.under(name, "when", parent) from None
        found[parent] = allowed
    return found


def _looks(value: Any) -> str:
    """Return the representation of an object, the same in every process."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # somebody else's __repr__
        text = type(value).__name__
    if " at 0x" in text:
        text = getattr(value, "__qualname__", type(value).__qualname__)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _equal(one: Any, other: Any) -> bool:
    """Return ``True`` if two objects are equal and of one type; ``False`` if they cannot say."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # arrays have no single answer
        return False


__all__ = ["Choices", "choices_of", "declared_when"]

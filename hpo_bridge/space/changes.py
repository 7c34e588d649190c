"""Differences between two spaces, and points of the one in the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..space import Space

LONGEST = 80
"""Most characters of a value in a message."""


def completed(
    space: Space, defaults: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """An earlier trial's parameters as a point of the space: what is new has its default."""
    point: dict[str, Any] = {}
    for name in space:
        if name in params:
            point[name] = params[name]
        elif name in defaults and space.is_active(name, point):
            point[name] = defaults[name]
    return {**point, **{name: params[name] for name in params if name not in point}}


def differences(stored: Space, given: Space) -> list[str]:
    """Return the differences in words, one per parameter.

    >>> old = Space(x=Float(0, 1), c=Categorical(["a"]))
    >>> differences(old, Space(x=Float(0, 2), c=Categorical(["a", "b"]), y=Int(0, 1)))
    ['x: high is 1.0 there, 2.0 here', 'c: choices are ["a"] there, ["a", "b"] here', 'y is new']
    """
    before, after = stored.to_plain(), given.to_plain()
    found = []
    for name in [*before["space"], *(n for n in after["space"] if n not in before["space"])]:
        if name not in after["space"]:
            found.append(f"{name} is gone")
        elif name not in before["space"]:
            found.append(f"{name} is new")
        elif (change := _difference(before["space"][name], after["space"][name])) is not None:
            found.append(f"{name}{change}")
    if before["constraints"] != after["constraints"]:
        there, here = _json(before["constraints"]), _json(after["constraints"])
        found.append(f"constraints are {there} there, {here} here")
    return found


def _difference(stored: Any, given: Any) -> str | None:
    """Describe the difference of two declarations, to follow the parameter's name."""
    if not isinstance(stored, Mapping) or not isinstance(given, Mapping):
        there, here = _json(stored), _json(given)
        return None if there == here else f" is {there} there, {here} here"
    parts = []
    for key in [*stored, *(key for key in given if key not in stored)]:
        there, here = _json(stored.get(key)), _json(given.get(key))
        if there != here:
            verb = "are" if key == "choices" else "is"
            parts.append(f"{key} {verb} {there} there, {here} here")
    return f": {', '.join(parts)}" if parts else None


def _json(value: Any) -> str:
    """A value in the words of a study file; a long one is cut."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

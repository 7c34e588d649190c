"""Conditions between parameters: their order, and whether they can ever hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import SpaceError, nearest, short
from .parameters import Float, Parameter, choice_key

Allowed = dict[str, None]
"""Keys (see :func:`choice_key`) of a parent's values, in order of declaration."""
Conditions = dict[str, dict[str, Allowed]]
"""Parameter to parent to the values at which the parameter is active; all must hold."""


def resolve(
    declared: Mapping[str, Parameter], constants: Mapping[str, Any]
) -> tuple[list[str], Conditions]:
    """Checks every ``when``, and orders the parameters, parents first.

    Raises:
        SpaceError: For an unknown parent, a value that a parent cannot take, a cycle, or a
            condition that can never hold.
    """
    conditions: Conditions = {}
    for name, parameter in declared.items():
        if parameter.when is not None:
            try:
                conditions[name] = _conditions(parameter.when, declared, constants)
            except SpaceError as error:
                raise error.under(name, "when") from None
    order = _sort_parents_first(declared, conditions)
    for name in conditions:
        _check_reachable(name, conditions)
    return order, conditions


def _conditions(
    when: Any, declared: Mapping[str, Parameter], constants: Mapping[str, Any]
) -> dict[str, Allowed]:
    if not isinstance(when, Mapping) or not when:
        raise SpaceError(f"found {short(when)}, expected a mapping {{parameter: value}}")
    result = {}
    for parent, value in when.items():
        if parent in constants:
            raise SpaceError("is a constant, expected a parameter", str(parent))
        if parent not in declared:
            hint = nearest(str(parent), list(declared))
            raise SpaceError(f"is no parameter of the space{hint}", str(parent))
        try:
            result[parent] = _allowed_values(declared[parent], value)
        except SpaceError as error:
            raise error.under(parent) from None
    return result


def _allowed_values(parent: Parameter, value: Any) -> Allowed:
    if isinstance(parent, Float) and parent.step is None:
        raise SpaceError("is continuous: a condition needs a parent with single values")
    try:
        return {choice_key(parent.check(value)): None}
    except SpaceError:
        if not isinstance(value, list) or not value:
            raise
    return {choice_key(parent.check(item)): None for item in value}


def _sort_parents_first(declared: Mapping[str, Parameter], conditions: Conditions) -> list[str]:
    """Declaration order, but parents first; finds cycles."""
    order: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in path:
            cycle = " -> ".join([*path[path.index(name) :], name])
            raise SpaceError(f"the conditions form a cycle: {cycle}", name, "when")
        path.append(name)
        for parent in conditions.get(name, {}):
            visit(parent)
        path.pop()
        order[name] = None

    for name in declared:
        visit(name)
    return list(order)


def _check_reachable(name: str, conditions: Conditions) -> None:
    """A parameter is active where its own and all its ancestors' conditions hold.

    Each condition is a set of values of one parent, so all can hold at once unless two of
    them leave no value for the same parent.
    """
    allowed: dict[str, set[str]] = {}
    queue = [name]
    seen: set[str] = set()
    while queue:
        current = queue.pop()
        if current in seen:
            continue
        seen.add(current)
        for parent, values in conditions.get(current, {}).items():
            allowed[parent] = allowed.get(parent, set(values)) & set(values)
            if not allowed[parent]:
                raise SpaceError(
                    f"can never be active: its conditions and those of the parameters it "
                    f"depends on leave no value for {parent!r}",
                    name,
                    "when",
                )
            queue.append(parent)

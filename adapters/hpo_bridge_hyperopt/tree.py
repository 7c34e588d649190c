"""A conditional space as Hyperopt's tree, whatever its conditions.

A user of Hyperopt nests parameters in the options of an ``hp.choice``, which is a ``switch``
over a drawn number. Where that can express the space it is done here, and the sequence of
points is the same. But it cannot say "where ``kind`` is a or b", "where both … and …" or
"where the integer is above 3": a parameter would be needed in two places, and its label may be
there once. Such a parameter sits in a ``switch`` of its own, between nothing and itself, over
a number 0 or 1 that is computed from the parent. So a parameter is drawn where it is active
only, and Hyperopt learns about it from those trials only, as with an ``hp.choice``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hyperopt import Domain
from hyperopt.pyll import scope

from .translation import Encoding, Table

Needed = dict[str, tuple[int, ...]]
"""Ancestors to the indices of their values at which a parameter is active."""


def domain(table: Table) -> Any:
    """Hyperopt's ``Domain`` of a table, without an objective."""
    return Domain(None, Tree(table).root or [None])  # Hyperopt cannot sort an empty graph


class Tree:
    """The nodes of a table's parameters, and the switches over them.

    Args:
        table: The space.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._nodes = {name: found.node(name) for name, found in table.encodings.items()}
        self.root = self._under({name: needed(table, name) for name in table.encodings})

    def _under(self, group: dict[str, Needed]) -> list[Any]:
        """The nodes of parameters that need what they are given with, and their switches."""
        found = []
        options: dict[str, dict[int, dict[str, Needed]]] = {}
        others: dict[tuple[str, tuple[int, ...]], dict[str, Needed]] = {}
        for name, conditions in group.items():
            if not conditions:
                found.append(self._nodes[name])
                continue
            parent, indices = next(iter(conditions.items()))
            rest = {key: conditions[key] for key in conditions if key != parent}
            if len(indices) == 1 and self._table.encodings[parent].distribution == "randint":
                options.setdefault(parent, {}).setdefault(indices[0], {})[name] = rest
            else:
                others.setdefault((parent, indices), {})[name] = rest
        for parent, chosen in options.items():
            size = self._table.space[parent].size or 0
            nested = [self._under(chosen[i]) if i in chosen else None for i in range(size)]
            found.append(scope.switch(self._nodes[parent], *nested))
        for (parent, indices), inner in others.items():
            selector = is_among(self._nodes[parent], self._table.encodings[parent], indices)
            found.append(scope.switch(selector, None, self._under(inner)))
        return found


def needed(table: Table, name: str) -> Needed:
    """Return the conditions of ``name`` and of its ancestors.

    Ancestors come in the space's order, so that no switch is above one of its ancestors;
    those of a single value, and conditions that always hold, are left out.
    """
    space = table.space
    allowed: dict[str, set[int]] = {}
    queue = [name]
    while queue:
        for parent, keys in space.conditions.get(queue.pop(), {}).items():
            queue.append(parent)
            if parent in table.encodings:
                values = (space[parent].check(json.loads(key)) for key in keys)
                indices = {table.encodings[parent].index(value) for value in values}
                allowed[parent] = allowed.get(parent, indices) & indices
    return {
        parent: tuple(sorted(allowed[parent]))
        for parent in space
        if parent in allowed and len(allowed[parent]) != space[parent].size
    }


def is_among(node: Any, encoding: Encoding, indices: Iterable[int]) -> Any:
    """1 where what was drawn stands for one of ascending ``indices``, else 0, as a node."""
    last = (encoding.parameter.size or 1) - 1
    total: Any = None
    for start, end in runs(indices):
        # Open towards the ends, so that a rounding error there changes nothing.
        sides = []
        if start > 0:
            sides.append(scope.gt(node, encoding.between(start)))
        if end < last:
            sides.append(scope.lt(node, encoding.between(end + 1)))
        inside = scope.int(sides[0] if len(sides) == 1 else scope.mul(*sides))
        total = inside if total is None else scope.add(total, inside)
    return total


def runs(indices: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending indices as runs from first to last.

    >>> runs([0, 1, 2, 5, 7, 8])
    [(0, 2), (5, 5), (7, 8)]
    """
    found: list[tuple[int, int]] = []
    for index in indices:
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found

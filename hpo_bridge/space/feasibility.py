"""Constraints of a space: reading them, applying them, and whether any point is left."""

from __future__ import annotations

import random
from collections.abc import ItemsView, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..errors import SpaceError, short
from .expressions import Expression
from .parameters import Float

SAMPLES = 20_000
"""How many random points are tried before a space's constraints count as unsatisfiable."""
TRIED = 200
"""At how many random points every constraint is tried out at least."""
ENUMERATED = 100_000
"""Up to how many points a finite space is searched exhaustively for a feasible one."""


class SearchedSpace(Protocol):
    """The part of a :class:`hpo_bridge.Space` that a search for an allowed point uses."""

    constraints: tuple[Expression, ...]

    @property
    def dimension(self) -> int:
        """Number of coordinates of the unit cube."""
        ...

    @property
    def cardinality(self) -> int | None:
        """Number of points, or ``None`` if there is no end of them."""
        ...

    def decode(self, unit: Sequence[float]) -> dict[str, Any]:
        """Return the point at a place in the unit cube."""
        ...

    def violated(self, point: Mapping[str, Any]) -> Expression | None:
        """Return the first constraint that forbids a point, or ``None``."""
        ...

    def points(self) -> Iterator[dict[str, Any]]:
        """Yield every point that the constraints allow."""
        ...

    def items(self) -> ItemsView[str, Any]:
        """Return the parameters with their names."""
        ...


def parse_constraints(texts: Any, names: Sequence[str]) -> tuple[Expression, ...]:
    """The expressions, each over ``names`` only."""
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise SpaceError(f"found {short(texts)}, expected a list of expressions", "constraints")
    expressions = []
    for position, text in enumerate(texts):
        try:
            expression = Expression(text)
            expression.check_names(names)
        except SpaceError as error:
            raise error.under("constraints", str(position)) from None
        expressions.append(expression)
    return tuple(expressions)


def first_violated(
    constraints: Sequence[Expression], point: Mapping[str, Any]
) -> Expression | None:
    """The first constraint that forbids ``point``, or ``None``.

    Raises:
        SpaceError: If a constraint makes no sense there: it compares a number with a text,
            say, or is neither true nor false.
    """
    for position, constraint in enumerate(constraints):
        if not all(name in point for name in constraint.names):
            continue
        try:
            holds = constraint(point)
        except (ArithmeticError, ValueError):
            return constraint
        except TypeError as error:
            problem = f"{constraint.text!r} cannot be computed at {short(dict(point))}: {error}"
            raise SpaceError(problem, "constraints", str(position)) from None
        if holds is False:
            return constraint
        if holds is not True:
            problem = f"{constraint.text!r} gives {short(holds)}, expected true or false"
            raise SpaceError(problem, "constraints", str(position))
    return None


def check_satisfiable(space: SearchedSpace) -> None:
    """Tries the constraints out on random points, and on all of them where that can be done.

    Raises:
        SpaceError: If a constraint makes no sense, or no point is found that all allow.
    """
    rng = random.Random(0)
    found = False
    for drawn in range(SAMPLES):
        point = space.decode([rng.random() for _ in range(space.dimension)])
        found = space.violated(point) is None or found
        if found and drawn >= TRIED:
            return
    size = space.cardinality
    few = size is not None and size <= ENUMERATED
    if few and next(space.points(), None) is not None:
        return
    _check_equalities(space)
    seen = "no point is left" if few else f"none of {SAMPLES} random points satisfies them all"
    raise SpaceError(f"unsatisfiable: {seen}", "constraints")


def _check_equalities(space: SearchedSpace) -> None:
    """Look for what leaves no point: floats that are to be equal.

    Raises:
        SpaceError: Naming the constraint, and what to write instead.
    """
    floats = {name for name, parameter in space.items() if isinstance(parameter, Float)}
    rng = random.Random(0)
    drawn = [space.decode([rng.random() for _ in range(space.dimension)]) for _ in range(TRIED)]
    for position, constraint in enumerate(space.constraints):
        if not any(floats & names for names in constraint.equalities):
            continue
        if all(first_violated([constraint], point) is not None for point in drawn):
            problem = (
                f"{constraint.text!r} is almost never true: two floats are hardly ever equal; "
                "allow a difference, as in 'abs(a - b) < 0.01', or leave one parameter out and "
                "compute it in the objective"
            )
            raise SpaceError(problem, "constraints", str(position))


def draw(space: SearchedSpace, rng: random.Random) -> dict[str, Any]:
    """Return a random point that the constraints allow; see :meth:`hpo_bridge.Space.sample`."""
    for _ in range(SAMPLES):
        point = space.decode([rng.random() for _ in range(space.dimension)])
        if space.violated(point) is None:
            return point
    raise SpaceError(
        f"no point in {SAMPLES} random ones satisfies the constraints: they are too tight to "
        "sample; narrow the parameters' ranges instead"
    )

"""A search space: named parameters in a fixed order, constants, conditions, constraints."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..errors import SpaceError, short
from .conditions import resolve
from .coordinates import bundled, check_scalars, flat, is_vector, width
from .expressions import Expression
from .feasibility import check_satisfiable, draw, first_violated, parse_constraints
from .parameters import Categorical, Float, Parameter, choice_key
from .values import copied
from .views import (
    check_rest,
    declared_in,
    digest,
    every_point,
    indexed_parameters,
    plain_space,
    split_constants,
)


class Space(Mapping[str, Parameter]):
    """A search space: a read-only mapping of names to parameters.

    The order is as declared, but for parents, which come before the parameters that depend
    on them. A plain value (a string, a number, a boolean, ``None``) is a constant: it is part of
    every point and never varies; see :attr:`constants`. A list is one, too, with a warning, as
    it may be meant for choices; :class:`Constant` says that it is not.

    Args:
        parameters: Name to parameter or constant; any string is a name.
        constraints: Expressions over parameters and constants that must be true (see
            :class:`Expression`). One that names a parameter that is inactive at a point does
            not apply there; one that cannot be computed there (a division by zero) is
            violated.
        named: More parameters, by keyword.

    Raises:
        SpaceError: With the key path of what is wrong. Also where no point can satisfy the
            constraints, or none is found among 20,000 random ones.

    Example:
        >>> space = Space(
        ...     lr=Float(1e-4, 1e-1, log=True),
        ...     optimizer=Categorical(["adam", "sgd"]),
        ...     momentum=Float(0.0, 0.99, when={"optimizer": "sgd"}),
        ...     pooling="max",
        ... )
        >>> space.decode([0.0, 0.2, 0.5])
        {'lr': 0.0001, 'optimizer': 'adam', 'pooling': 'max'}
    """

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        constraints: Sequence[str] = (),
        **named: Any,
    ) -> None:
        if parameters is not None and not isinstance(parameters, Mapping):
            expected = "expected a mapping of names to parameters"
            raise SpaceError(f"parameters: found {short(parameters)}, {expected}")
        declared, self.constants = split_constants({**(parameters or {}), **named})
        if not declared:
            raise SpaceError("the space is empty: expected at least one parameter")
        order, self.conditions = resolve(declared, self.constants)
        self._parameters: dict[str, Parameter] = {name: declared[name] for name in order}
        self.constraints = parse_constraints(constraints, (*order, *self.constants))
        if self.constraints:
            check_scalars(self.constraints, self.vectors)
            check_satisfiable(self)

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Space({self._parameters | self.constants!r})"

    @property
    def is_conditional(self) -> bool:
        """True if any parameter has a condition."""
        return bool(self.conditions)

    @cached_property
    def dimension(self) -> int:
        """Number of coordinates in the unit cube: one per parameter, more for a vector."""
        return sum(map(width, self._parameters.values()))

    @cached_property
    def indices(self) -> dict[str, Categorical | Float]:
        """The parameters of which an adapter sees the index of a value: see :meth:`indexed`."""
        return {
            name: parameter
            for name, parameter in self._parameters.items()
            if isinstance(parameter, Categorical)
            or (isinstance(parameter, Float) and parameter.is_even)
        }

    @cached_property
    def vectors(self) -> tuple[str, ...]:
        """Names of the parameters whose values are lists of numbers."""
        return tuple(name for name, p in self._parameters.items() if is_vector(p))

    @cached_property
    def cardinality(self) -> int | None:
        """Upper bound of the number of points: the product of all sizes; ``None`` if infinite.

        Conditions and constraints can make it fewer.
        """
        product = 1
        for parameter in self._parameters.values():
            if parameter.size is None:
                return None
            product *= parameter.size
        return product

    # -- points -----------------------------------------------------------------------

    def is_active(self, name: str, params: Mapping[str, Any]) -> bool:
        """Return True if ``name`` is active at a point whose earlier parameters are ``params``."""
        for parent, allowed in self.conditions.get(name, {}).items():
            if parent not in params or choice_key(params[parent]) not in allowed:
                return False
        return True

    def decode(self, unit: Sequence[float]) -> dict[str, Any]:
        """The point at ``unit``: active parameters and constants, in the space's order.

        Args:
            unit: One number in ``[0, 1]`` per parameter, or as many as a vector is long; those
                of inactive ones are ignored.

        Raises:
            SpaceError: If the length is wrong.
        """
        if not hasattr(unit, "__len__"):
            raise SpaceError(f"unit: found {short(unit)}, expected a list of numbers")
        if len(unit) != self.dimension:
            raise SpaceError(f"found {len(unit)} coordinates, expected {self.dimension}")
        if self.vectors:
            unit = bundled(self._parameters.values(), unit)
        params: dict[str, Any] = {}
        for (name, parameter), u in zip(self._parameters.items(), unit, strict=True):
            if name not in self.conditions or self.is_active(name, params):
                params[name] = parameter.decode(u)
        params.update(self.fixed())
        return params

    def encode(self, params: Mapping[str, Any], inactive: float = 0.5) -> list[float]:
        """The point's coordinates in the unit cube; ``decode`` takes them back.

        Args:
            params: A point of the space.
            inactive: The coordinate of parameters that are not there.

        Raises:
            SpaceError: If ``params`` is not a point of the space.
        """
        point = self.check(params, feasible=False)
        return flat(self._parameters, point, inactive)

    def check(self, params: Mapping[str, Any], *, feasible: bool = True) -> dict[str, Any]:
        """Return ``params`` as a point of the space: declared values in the space's order.

        Constants may be left out; a rounding error at a bound or a grid point is mended.

        Args:
            params: The active parameters.
            feasible: Whether the constraints must hold too.

        Raises:
            SpaceError: Naming the parameter that is missing, unknown, inactive, of the wrong
                type, out of range or off the grid, or the constraint that is violated.
        """
        if not isinstance(params, Mapping):
            expected = "expected a mapping of parameters to values"
            raise SpaceError(f"params: found {short(params)}, {expected}")
        point: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            if name not in self.conditions or self.is_active(name, point):
                if name not in params:
                    raise SpaceError("is missing", name, kind="a parameter is missing")
                try:
                    point[name] = parameter.check(params[name])
                except SpaceError as error:
                    raise error.under(name) from None
        if len(params) != len(point) or self.constants:
            check_rest(params, point, self._parameters, self.constants)
        point.update(self.fixed())
        if feasible and self.constraints:
            violated = self.violated(point)
            if violated is not None:
                raise SpaceError(
                    f"violates the constraint {violated.text!r}", kind="a constraint forbids it"
                )
        return point

    def violated(self, point: Mapping[str, Any]) -> Expression | None:
        """The first constraint that forbids ``point``, or ``None``.

        Raises:
            SpaceError: If a constraint compares a number with a text there, or the like.
        """
        return first_violated(self.constraints, point)

    def fixed(self) -> dict[str, Any]:
        """The constants, as a new point may have them: lists are new lists."""
        if not self.constants:
            return {}
        return {name: copied(value) for name, value in self.constants.items()}

    def __contains__(self, item: object) -> bool:
        """Return True for the name of a parameter, and for a mapping that is a point."""
        if isinstance(item, Mapping):
            try:
                self.check(item)
            except SpaceError:
                return False
            return True
        return item in self._parameters

    def sample(self, rng: random.Random) -> dict[str, Any]:
        """A random point: uniform in the unit cube among those that the constraints allow.

        Raises:
            SpaceError: If none is found in 20,000 draws.
        """
        return draw(self, rng)

    def points(self) -> Iterator[dict[str, Any]]:
        """Every point of a finite space once, the last parameter varying fastest.

        Raises:
            SpaceError: If a parameter is continuous.
        """
        for name, parameter in self._parameters.items():
            if parameter.size is None:
                raise SpaceError("is continuous", name, fix="give it a step to enumerate it")
        for point in every_point(self):
            full = {**point, **self.fixed()}
            if self.violated(full) is None:
                yield full

    # -- views and plain data ---------------------------------------------------------

    def indexed(self, *, flat: bool = False) -> Space:
        """The space as an adapter sees it: indices for choices, no constants or constraints.

        A float whose values are spread evenly (see :class:`Float`) is an integer, the index: no
        library has a grid for it that ends at both bounds.

        Args:
            flat: Whether conditions are dropped too, so that every parameter is active.
        """
        return Space(indexed_parameters(self, flat=flat))

    def to_plain(self) -> dict[str, Any]:
        """Return ``space`` and ``constraints`` as plain data, as in a study file."""
        return plain_space(self)

    @classmethod
    def from_plain(cls, space: Any, constraints: Any = ()) -> Space:
        """The space that plain data describe, such as the keys of a study file.

        Raises:
            SpaceError: With the key path below ``space`` of what is wrong.
        """
        return cls(declared_in(space), constraints=constraints)

    def same_in_any_order(self, other: Space) -> bool:
        """Return True if another space differs at most in the order of its parts."""
        return digest(self, in_order=False) == digest(other, in_order=False)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the space's meaning: equal spaces in the same order have the same.

        How a condition is spelled does not matter, nor an integer's step of 1.
        """
        return digest(self, in_order=True)

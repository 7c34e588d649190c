"""A space in other forms: indices for choices, plain data, a digest, a list of its points."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

from ..errors import SpaceError, SpaceWarning, nearest, short, warn
from .conditions import Conditions
from .constants import Constant, constant_of, list_warning
from .expressions import Expression
from .parameters import Categorical, Float, Int, Parameter, choice_key
from .plain import parameter_from_plain
from .values import copied, plain_value


class SpaceView(Protocol):
    """The part of a space that its other forms are made of."""

    conditions: Conditions
    constraints: tuple[Expression, ...]
    constants: dict[str, Any]

    @property
    def indices(self) -> Mapping[str, Categorical | Float]:
        """The parameters of which an adapter sees the index of a value."""
        ...

    def items(self) -> Iterable[tuple[str, Parameter]]:
        """The names and parameters, in order."""
        ...

    def is_active(self, name: str, params: Mapping[str, Any]) -> bool:
        """Return True if ``name`` is active at a point."""
        ...


def indexed_parameters(space: SpaceView, *, flat: bool) -> dict[str, Parameter]:
    """Return the parameters as an adapter sees them; see :meth:`Space.indexed`."""
    view: dict[str, Parameter] = {}
    for name, parameter in space.items():
        when = None if flat else _indexed_when(space, name)
        if isinstance(parameter, Categorical):
            indices = list(range(len(parameter.choices)))
            view[name] = Categorical(indices, ordered=parameter.ordered, when=when)
        elif name in space.indices and parameter.size is not None:
            view[name] = Int(0, parameter.size - 1, when=when)
        else:
            view[name] = replace(parameter, when=when)
    return view


def _indexed_when(space: SpaceView, name: str) -> dict[str, list[Any]] | None:
    conditions = space.conditions.get(name)
    if conditions is None:
        return None
    when: dict[str, list[Any]] = {}
    for parent, allowed in conditions.items():
        values = [json.loads(key) for key in allowed]
        if parent in space.indices:
            values = [space.indices[parent].index(value) for value in values]
        when[parent] = values
    return when


def every_point(space: SpaceView) -> Iterator[dict[str, Any]]:
    """Yield every assignment of a finite space's active parameters, the last varying fastest."""
    return _extend(space, {}, list(space.items()))


def _extend(
    space: SpaceView, point: dict[str, Any], rest: Sequence[tuple[str, Parameter]]
) -> Iterator[dict[str, Any]]:
    if not rest:
        yield dict(point)
        return
    (name, parameter), *rest = rest
    if not space.is_active(name, point):
        yield from _extend(space, point, rest)
        return
    for index in range(parameter.size or 0):
        yield from _extend(space, {**point, name: parameter.grid(index)}, rest)


def plain_space(space: SpaceView) -> dict[str, Any]:
    """Return ``space`` and ``constraints`` as plain data, as in a study file."""
    plain: dict[str, Any] = {}
    for name, parameter in space.items():
        plain[name] = parameter.to_plain()
        if name in space.conditions:
            plain[name]["when"] = {
                parent: _single([json.loads(key) for key in allowed])
                for parent, allowed in space.conditions[name].items()
            }
    plain.update({name: copied(value) for name, value in space.constants.items()})
    return {"space": plain, "constraints": [c.text for c in space.constraints]}


def _single(values: list[Any]) -> Any:
    """Return the values of a condition; one by itself, as ``[v]`` may be a choice too."""
    return values[0] if len(values) == 1 else values


def digest(space: SpaceView, *, in_order: bool) -> str:
    """Return a hash of a space's meaning, with or without the order of its parts."""
    plain = plain_space(space)
    for name, conditions in space.conditions.items():
        plain["space"][name]["when"] = sorted([p, sorted(v)] for p, v in conditions.items())
    for name, parameter in space.items():
        if isinstance(parameter, Int) and parameter.step == 1:
            del plain["space"][name]["step"]
    if not in_order:
        plain["constraints"].sort()
    text = json.dumps(plain, separators=(",", ":"), sort_keys=not in_order)
    return sha256(text.encode()).hexdigest()[:16]


def declared_in(plain: Any) -> dict[str, Any]:
    """Return the parameters and constants that plain data describe.

    Raises:
        SpaceError: With the key path of what is wrong.
    """
    if not isinstance(plain, Mapping):
        raise SpaceError(f"found {short(plain)}, expected a mapping of parameters")
    declared = {}
    for name, each in plain.items():
        if not isinstance(name, str):
            raise SpaceError(f"found the name {name!r}, expected a string")
        try:
            parameter = parameter_from_plain(each)
        except SpaceError as error:
            raise error.under(name) from None
        # Where a list was written by a person, the reader of the file has warned.
        declared[name] = Constant(parameter) if isinstance(parameter, list) else parameter
    return declared


def split_constants(declared: Mapping[str, Any]) -> tuple[dict[str, Parameter], dict[str, Any]]:
    """Separate parameters and constants."""
    parameters: dict[str, Parameter] = {}
    constants: dict[str, Any] = {}
    for name, value in declared.items():
        if not isinstance(name, str) or not name:
            raise SpaceError(f"found the name {name!r}, expected a string")
        if isinstance(value, (Float, Int, Categorical)):
            parameters[name] = value
        elif isinstance(value, Constant):
            constants[name] = copied(value.value)
        else:
            try:
                constants[name] = constant_of(value)
            except SpaceError as error:
                raise error.under(name) from None
            warning = list_warning(value)
            if warning is not None:
                warn(f"{name}: {warning}", SpaceWarning)
    return parameters, constants


def check_rest(
    params: Mapping[str, Any],
    point: Mapping[str, Any],
    parameters: Mapping[str, Parameter],
    constants: Mapping[str, Any],
) -> None:
    """Check what is in ``params`` beside the active parameters.

    Raises:
        SpaceError: If a constant has another value, or a name is inactive or unknown.
    """
    for name, value in params.items():
        if name in constants:
            if not _same(value, constants[name]):
                raise SpaceError(
                    f"is the constant {short(constants[name])}",
                    name,
                    kind="not the value of the constant",
                )
        elif name in parameters and name not in point:
            raise SpaceError(
                "is not active here: its condition does not hold",
                name,
                kind="not active at that point",
            )
        elif name not in point:
            hint = nearest(name, list(parameters))
            raise SpaceError(f"is no parameter of the space{hint}", str(name))


def _same(value: Any, constant: Any) -> bool:
    """Return True if ``value`` is the constant, in type and value."""
    try:
        return choice_key(plain_value(value)) == choice_key(constant)
    except SpaceError:
        return False

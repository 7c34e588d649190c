"""The three kinds of parameter, each one dimension of a search space.

Every kind maps to and from the unit interval: ``decode(u)`` takes ``u`` in ``[0, 1]`` to a
value of the parameter (a ``u`` outside is moved to the nearer end), ``encode(value)`` goes
back. ``decode(encode(v)) == v`` exactly for every discrete value and for the bounds; other
floats come back up to rounding (within 1e-15 of the range, or of the range of logarithms).
Under ``decode`` a uniform ``u`` gives the distribution that the declaration means: uniform,
uniform in the logarithm, or the same probability for every grid point.
"""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..errors import SpaceError, nearest, short
from ..habits import DECLARATIONS, hinted_class
from .floats import Float
from .integers import Int
from .values import (
    NOT_A_CHOICE,
    When,
    choice_key,
    copied,
    declared_flag,
    elements,
    own_when,
    part_of,
    plain_value,
    set_fields,
    with_optional,
)


@hinted_class(DECLARATIONS)
@dataclass(frozen=True)
class Categorical:
    """One of a list of choices.

    Args:
        choices: JSON scalars (strings, numbers, booleans, ``None``) or lists of them, each
            once, in a list, an array, a column of a data frame or any other iterable with an
            order. ``True``, ``1`` and ``1.0`` are three different choices.
        ordered: Whether the choices have an order that an optimizer may use.
        when: Condition, see :class:`Float`.

    Raises:
        SpaceError: With the path of the argument that is wrong.

    Example:
        >>> Categorical(["adam", "sgd"]).decode(0.9)
        'sgd'
    """

    choices: Sequence[Any] = field(compare=False)
    ordered: bool = field(default=False, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    _keys: tuple[str, ...] = field(init=False, repr=False, default=())
    _positions: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        choices = [plain_value(choice) for choice in _as_list(self.choices)]
        if not choices:
            raise SpaceError("found an empty list, expected at least one choice", "choices")
        set_fields(self, ordered=declared_flag(self.ordered, "ordered"))
        positions: dict[str, int] = {}
        for index, choice in enumerate(choices):
            key = choice_key(choice, ["choices", str(index)])
            if key in positions:
                raise SpaceError(f"{choice!r} is there twice", "choices", str(index))
            positions[key] = index
        set_fields(self, choices=tuple(choices), when=own_when(self.when))
        set_fields(self, _keys=tuple(positions), _positions=positions)

    @property
    def size(self) -> int:
        """Number of choices."""
        return len(self.choices)

    def grid(self, index: int) -> Any:
        """Choice ``index``; a list comes as a new list, so that nobody changes the space."""
        choice = self.choices[index]
        return copied(choice) if type(choice) is list else choice

    def index(self, value: Any) -> int:
        """The position of a choice; a NumPy scalar counts as the plain value that it holds.

        Raises:
            SpaceError: If it is not one of the choices.
        """
        position: int | None = None
        with suppress(SpaceError):
            position = self._positions.get(choice_key(plain_value(value)))
        if position is None:
            hint = nearest(value, [c for c in self.choices if isinstance(c, str)])
            shown = short(list(self.choices))
            raise SpaceError(
                f"{short(value)} is not one of the choices {shown}{hint}",
                kind=NOT_A_CHOICE,
            )
        return position

    def decode(self, u: float) -> Any:
        """The choice at ``u`` in ``[0, 1]``."""
        return self.grid(part_of(float(u), len(self.choices)))

    def encode(self, value: Any) -> float:
        """The middle of what decodes to ``value``: in ``(0, 1)``."""
        return (self.index(value) + 0.5) / len(self.choices)

    def check(self, value: Any) -> Any:
        """The declared choice that ``value`` equals in type and value."""
        return self.grid(self.index(value))

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain data, as in a study file."""
        plain: dict[str, Any] = {"type": "categorical", "choices": copied(list(self.choices))}
        return with_optional({**plain, "ordered": self.ordered}, when=self.when)


def _as_list(choices: Any) -> list[Any]:
    """The choices in a list of their own.

    Raises:
        SpaceError: If they are no list, or have no order.
    """
    if isinstance(choices, type) and issubclass(choices, Enum):
        hint = f"names: [each.name for each in {choices.__name__}]"
    elif isinstance(choices, Mapping):
        hint = "choices (use its keys, and look the values up in the objective)"
    elif isinstance(choices, Set) and not isinstance(choices, (KeysView, ItemsView)):
        hint = "choices, as a set has no order: sorted(…) makes one"
    elif isinstance(choices, (str, bytes)):
        hint = "choices"
    else:
        try:
            return elements(choices)
        except TypeError:  # cannot be iterated over
            hint = "choices"
    raise SpaceError(f"found {short(choices)}, expected a list of {hint}", "choices")


Parameter = Float | Int | Categorical

__all__ = ["Categorical", "Float", "Int", "Parameter", "choice_key"]
